"""What a voter signs once per reward epoch: the next policy, the uptime vote, the rewards.

Each function gives the 32-byte message hash, which is then eth-signed with the signing-policy key.
Source: fsp.md section 6; the transactions' refusals are in `reverts`.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from chrono.flare.abi import encode, word
from chrono_core import keccak256

UPTIME_VOTE_HASH: Final = keccak256(bytes(32))
"""The uptime vote of every client today: a constant, because nodes are not counted yet."""


class WeightBasedClaims(Struct, frozen=True):
    """How many claims of a reward manager (its id is the chain id) are shared out by weight."""

    reward_manager_id: int
    count: int


def policy_message(policy_hash: bytes) -> bytes:
    """For signNewSigningPolicy: the hash of the policy itself."""
    return policy_hash


def uptime_message(reward_epoch_id: int, vote_hash: bytes = UPTIME_VOTE_HASH) -> bytes:
    """For signUptimeVote: the reward epoch that is over and the hash of the vote (32 bytes)."""
    return keccak256(word(reward_epoch_id) + vote_hash)


def rewards_message(reward_epoch_id: int, claims: Sequence[WeightBasedClaims], rewards_hash: bytes) -> bytes:
    """For signRewards: the epoch, the numbers of weight-based claims, and the Merkle root of all claims."""
    numbers = [(each.reward_manager_id, each.count) for each in claims]
    return keccak256(word(reward_epoch_id) + keccak256(encode(["(uint256,uint256)[]"], [numbers])) + rewards_hash)
