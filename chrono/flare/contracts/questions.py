"""View functions that are asked and never sent, by name, beside those of `functions`.

Sources: fsp.md sections 6 and 9; flare-smart-contracts-v2: IEntityManager.sol d2b248a, IVoterPreRegistry.sol and
VoterRegistry.sol 094660f, IIFlareSystemsManager.sol b998518.
"""

from typing import Final

from chrono.flare.contracts.functions import FUNCTION_BY_NAME
from chrono.flare.contracts.shapes import FunctionShape

QUESTIONS: Final = tuple(
    FunctionShape(contract, text)
    for contract, texts in {
        "VoterRegistry": (
            "chilledUntilRewardEpochId(bytes20 beneficiary)",
            "getVoterNormalisedWeight(address voter, uint256 rewardEpochId)",
            "getWeightsSums(uint256 rewardEpochId)",
        ),
        "VoterPreRegistry": ("isVoterPreRegistered(uint256 rewardEpochId, address voter)",),
        "FlareSystemsManager": (
            "getRandomAcquisitionInfo(uint24 rewardEpochId)",
            "getRewardEpochStartInfo(uint24 rewardEpochId)",
            "rewardExpiryOffsetSeconds()",
            "rewardsHash(uint256 rewardEpochId)",
        ),
        "RewardManager": ("getRewardEpochIdToExpireNext()",),
        "EntityManager": (
            "getVoterAddresses(address voter)",
            "getVoterAddressesAt(address voter, uint256 blockNumber)",
            "getDelegationAddressOf(address voter)",
            "getNodeIdsOf(address voter)",
            "getPublicKeyOf(address voter)",
            "getVoterForSubmitAddress(address submitAddress, uint256 blockNumber)",
            "getVoterForSubmitSignaturesAddress(address submitSignaturesAddress, uint256 blockNumber)",
            "getVoterForSigningPolicyAddress(address signingPolicyAddress, uint256 blockNumber)",
            "getVoterForDelegationAddress(address delegationAddress, uint256 blockNumber)",
        ),
    }.items()
    for text in texts
)

QUESTION_BY_NAME: Final = FUNCTION_BY_NAME | {shape.name: shape for shape in QUESTIONS}
"""Everything that may be asked, the functions that change something included."""
