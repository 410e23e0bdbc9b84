"""The functions that providers, finalisers and claimers call, by selector.

Source: fsp.md sections 2, 6, 7 and 8. Names of contracts are those of the FlareContractRegistry.
"""

from typing import Any, Final

from msgspec import Struct

from chrono.flare.contracts.shapes import SELECTOR_BYTES, FunctionShape

_SIGNATURE = "(uint8 v, bytes32 r, bytes32 s) signature"
_COUNTS = "(uint256 rewardManagerId, uint256 noOfWeightBasedClaims)[] noOfWeightBasedClaims"
_CLAIM = "(uint24 rewardEpochId, bytes20 beneficiary, uint120 amount, uint8 claimType) body"
_PROOFS = f"(bytes32[] merkleProof, {_CLAIM})[] proofs"
_UPDATES = (
    "(uint256 sortitionBlock, (uint256 replicate, (uint256 x, uint256 y) gamma, uint256 c, uint256 s) credential,"
    f" bytes deltas, {_SIGNATURE}) updates"
)

FUNCTIONS: Final = tuple(
    FunctionShape(contract, text)
    for contract, texts in {
        "Submission": ("submit1()", "submit2()", "submit3()", "submitSignatures()", "submitAndPass(bytes data)"),
        "Relay": (
            "relay()",
            "isFinalized(uint256 protocolId, uint256 votingRoundId)",
            "getRandomNumber()",
            "stateData()",
            "toSigningPolicyHash(uint256 rewardEpochId)",
            "startingVotingRoundIds(uint256 rewardEpochId)",
        ),
        "VoterRegistry": (
            f"registerVoter(address voter, {_SIGNATURE})",
            "isVoterRegistered(address voter, uint256 rewardEpochId)",
        ),
        "VoterPreRegistry": (f"preRegisterVoter(address voter, {_SIGNATURE})",),
        "FlareSystemsManager": (
            f"signNewSigningPolicy(uint24 rewardEpochId, bytes32 newSigningPolicyHash, {_SIGNATURE})",
            f"signUptimeVote(uint24 rewardEpochId, bytes32 uptimeVoteHash, {_SIGNATURE})",
            f"signRewards(uint24 rewardEpochId, {_COUNTS}, bytes32 rewardsHash, {_SIGNATURE})",
            "getSeed(uint256 rewardEpochId)",
            "getCurrentRewardEpochId()",
        ),
        "RewardManager": (
            f"claim(address rewardOwner, address recipient, uint24 rewardEpochId, bool wrap, {_PROOFS})",
            f"autoClaim(address[] rewardOwners, uint24 rewardEpochId, {_PROOFS})",
            "getStateOfRewardsAt(address rewardOwner, uint24 rewardEpochId)",
            "getNextClaimableRewardEpochId(address rewardOwner)",
        ),
        "FastUpdater": (
            f"submitUpdates({_UPDATES})",
            "blockScoreCutoff(uint256 blockNumber)",
            "currentSortitionWeight(address signingPolicyAddress)",
            "fetchCurrentFeeds(uint256[] indices)",
        ),
        "FlareContractRegistry": ("getContractAddressByName(string name)", "getAllContracts()"),
        "FastUpdateIncentiveManager": (
            "offerIncentive((uint256 rangeIncrease, uint256 rangeLimit) offer)",
            "getScale()",
            "getExpectedSampleSize()",
        ),
        "EntityManager": (
            "proposeSubmitAddress(address submitAddress)",
            "confirmSubmitAddressRegistration(address voter)",
            "registerPublicKey(bytes32 x, bytes32 y, bytes verificationData)",
            "registerNodeId(bytes20 nodeId, bytes certificate, bytes signature)",
            "proposeSubmitSignaturesAddress(address submitSignaturesAddress)",
            "proposeSigningPolicyAddress(address signingPolicyAddress)",
            "proposeDelegationAddress(address delegationAddress)",
        ),
    }.items()
    for text in texts
)

FUNCTION_BY_SELECTOR: Final = {shape.selector: shape for shape in FUNCTIONS}
FUNCTION_BY_NAME: Final = {shape.name: shape for shape in FUNCTIONS}


class Call(Struct, frozen=True):
    """A decoded call: the function, and its arguments by name (addresses as 20 bytes, tuples as tuples)."""

    contract: str
    name: str
    arguments: dict[str, Any]


def function_of(calldata: bytes) -> FunctionShape | None:
    """The function that the selector names; None for an unknown one."""
    return FUNCTION_BY_SELECTOR.get(calldata[:SELECTOR_BYTES])


def decode_call(calldata: bytes) -> Call | None:
    """The call with its ABI arguments; None for an unknown selector.

    submit1, submit2, submit3, submitSignatures and relay have no ABI arguments: what follows their selector is read
    by `frames`, `signature_payload` and `relay`. Raises: Malformed, in time bounded by the length.
    """
    shape = function_of(calldata)
    return None if shape is None else Call(shape.contract, shape.name, shape.decode(calldata))
