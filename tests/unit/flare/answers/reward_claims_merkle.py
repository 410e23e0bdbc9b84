"""reward_claims_merkle.json: leaves, root and proofs of an epoch's claims, and what the voters sign about them."""

from typing import Any

from chrono.flare.rewards.claims import ClaimType, RewardClaim
from chrono.flare.rewards.tree import leaf, reward_root, reward_tree, weight_based_claims
from chrono.flare.system_messages import WeightBasedClaims, rewards_message


def answer(case: dict[str, Any]) -> object:
    if "claims" not in case:
        return {"signRewardsMessageHash": _hex(_message(case, case["noOfWeightBasedClaims"], case["rewardsHash"]))}
    claims = [
        RewardClaim(
            fields["rewardEpochId"],
            bytes.fromhex(fields["beneficiary"][2:]),
            int(fields["amount"]),
            ClaimType(fields["claimType"]),
        )
        for fields in case["claims"]
    ]
    tree = reward_tree(claims)
    root, pools = reward_root(tree), weight_based_claims(claims)
    case["rewardEpochId"] = claims[0].reward_epoch_id
    return {
        "leafHashes": [_hex(leaf(claim)) for claim in claims],
        "merkleRoot": _hex(root),
        "firstProof": [_hex(node) for node in tree.proof(leaf(claims[0]))],
        "lastProof": [_hex(node) for node in tree.proof(leaf(claims[-1]))],
        "noOfWeightBasedClaims": pools,
        "signRewardsMessageHash": _hex(_message(case, pools, _hex(root))),
    }


def _message(case: dict[str, Any], pools: int, root: str) -> bytes:
    numbers = [WeightBasedClaims(case["rewardManagerId"], pools)]
    return rewards_message(case["rewardEpochId"], numbers, bytes.fromhex(root[2:]))


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
