"""The Merkle tree of an epoch's claims, whose root the voters sign and whose proofs the RewardManager asks for.

Source: fsp.md section 7, "Claiming"; FTSO-Scaling RewardClaim.ts and reward-merkle-tree.ts.
"""

from collections.abc import Iterable

from chrono.flare.abi import WORD_BYTES, word
from chrono.flare.address import ADDRESS_BYTES
from chrono.flare.merkle import MerkleTree
from chrono.flare.rewards.claims import RewardClaim
from chrono_core import keccak256

MOST_WEI = 2**120 - 1
"""A claim's amount is a uint120."""

MOST_EPOCH = 2**24 - 1
"""A reward epoch's number is a uint24."""

EMPTY_ROOT = keccak256(bytes(WORD_BYTES))
"""What the reference publishes as the root of an epoch without claims."""


class Unclaimable(ValueError):  # noqa: N818 - said of a claim, not of a mistake of ours
    """The contract could not read such a claim: a number does not fit its type, or the beneficiary is not 20 bytes."""


def leaf(claim: RewardClaim) -> bytes:
    """The 32 bytes that stand for `claim`: keccak256(abi.encode(uint24, bytes20, uint120, uint8)).

    Raises: Unclaimable.
    """
    if not 0 <= claim.amount <= MOST_WEI:
        raise Unclaimable(f"the amount {claim.amount} is no uint120")
    if not 0 <= claim.reward_epoch_id <= MOST_EPOCH:
        raise Unclaimable(f"the reward epoch {claim.reward_epoch_id} is no uint24")
    if len(claim.beneficiary) != ADDRESS_BYTES:
        raise Unclaimable(f"a beneficiary has 20 bytes, not {len(claim.beneficiary)}")
    # A bytes20 stands at the left of its word, an address would stand at the right.
    beneficiary = claim.beneficiary.ljust(WORD_BYTES, b"\0")
    return keccak256(word(claim.reward_epoch_id) + beneficiary + word(claim.amount) + word(claim.claim_type))


def reward_tree(claims: Iterable[RewardClaim]) -> MerkleTree:
    """The tree over the leaves of `claims`. Raises: Unclaimable."""
    return MerkleTree([leaf(claim) for claim in claims])


def reward_root(tree: MerkleTree) -> bytes:
    """The root as it is published: also an epoch without claims has one."""
    return tree.root or EMPTY_ROOT


def weight_based_claims(claims: Iterable[RewardClaim]) -> int:
    """How many of `claims` open pools; the voters sign this number together with the root."""
    return sum(claim.claim_type.is_weight_based for claim in claims)
