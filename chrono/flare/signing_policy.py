"""The signing policy: who may sign in a reward epoch, with which weight, and how much weight is enough.

Source: fsp.md section 4; flare-smart-contracts-v2 Relay.sol (layout, hash, the rule of the raised threshold).
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from chrono.flare.abi import Malformed
from chrono.flare.address import ADDRESS_BYTES, Address
from chrono.flare.epochs import VotingRound
from chrono.flare.units import BIPS
from chrono_core import keccak256

HEAD_BYTES: Final = 43
VOTER_BYTES: Final = ADDRESS_BYTES + 2
CHUNK_BYTES: Final = 32
RAISED_THRESHOLD_BIPS: Final = 12_000


class SigningPolicy(Struct, frozen=True):
    """The voters of a reward epoch in the policy's own order, with their normalised 16-bit weights.

    Shapes: `voters` and `weights` (n,). `voters` are signing-policy addresses; `seed` is the uint256 of the epoch.
    """

    reward_epoch_id: int
    start_voting_round_id: int
    threshold: int
    seed: int
    voters: tuple[Address, ...]
    weights: tuple[int, ...]

    @property
    def total_weight(self) -> int:
        """The sum of the weights; at most 65535 in a policy that the Relay took."""
        return sum(self.weights)

    def encode(self) -> bytes:
        """The 43 + 22 n bytes that relay calldata starts with. Raises: OverflowError, ValueError for misfits."""
        head = (
            len(self.voters).to_bytes(2, "big")
            + self.reward_epoch_id.to_bytes(3, "big")
            + self.start_voting_round_id.to_bytes(4, "big")
            + self.threshold.to_bytes(2, "big")
            + self.seed.to_bytes(32, "big")
        )
        members = zip(self.voters, self.weights, strict=True)
        return head + b"".join(voter + weight.to_bytes(2, "big") for voter, weight in members)

    def hash(self) -> bytes:
        """What the voters of the epoch before sign, and what the Relay keeps."""
        return policy_hash(self.encode())

    def weight_of(self, voter: bytes) -> int | None:
        """The weight of a signing-policy address; None for one outside."""
        return self.weights[self.voters.index(Address(voter))] if voter in self.voters else None

    @classmethod
    def decode(cls, data: bytes, *, exact: bool = True) -> "SigningPolicy":
        """The policy at the start of `data`; with `exact`, nothing may follow it.

        Raises: Malformed for missing or surplus bytes, or a total weight above 65535.
        """
        size = int.from_bytes(data[:2], "big")
        length = HEAD_BYTES + size * VOTER_BYTES
        if len(data) < max(length, HEAD_BYTES):
            raise Malformed(f"a signing policy of {size} voters has {length} bytes, {len(data)} are there", len(data))
        if exact and len(data) > length:
            raise Malformed(f"{len(data) - length} bytes stand behind the signing policy", length)
        starts = range(HEAD_BYTES, length, VOTER_BYTES)
        policy = cls(
            reward_epoch_id=int.from_bytes(data[2:5], "big"),
            start_voting_round_id=int.from_bytes(data[5:9], "big"),
            threshold=int.from_bytes(data[9:11], "big"),
            seed=int.from_bytes(data[11:HEAD_BYTES], "big"),
            voters=tuple(Address(data[at : at + ADDRESS_BYTES]) for at in starts),
            weights=tuple(int.from_bytes(data[at + ADDRESS_BYTES : at + VOTER_BYTES], "big") for at in starts),
        )
        if policy.total_weight >= 1 << 16:
            raise Malformed(f"the weights sum up to {policy.total_weight}, more than 65535", HEAD_BYTES)
        return policy


class Ruling(Struct, frozen=True):
    """The policy that a round is finalised with; the weight of its signatures must be above `threshold`."""

    policy: SigningPolicy
    threshold: int


def policy_hash(encoded: bytes) -> bytes:
    """The hash of encoded policy bytes: padded with zeros to whole chunks of 32, then folded from the first on."""
    padded = encoded + bytes(-len(encoded) % CHUNK_BYTES)
    folded = padded[:CHUNK_BYTES]
    for at in range(CHUNK_BYTES, len(padded), CHUNK_BYTES):
        folded = keccak256(folded + padded[at : at + CHUNK_BYTES])
    return folded


def raised(threshold: int, increase_bips: int = RAISED_THRESHOLD_BIPS) -> int:
    """The threshold while an old policy stands in for one that is late: the contract's floor, not Go's 60 %."""
    return threshold * increase_bips // BIPS


def ruling(
    policies: Iterable[SigningPolicy], voting_round: VotingRound, increase_bips: int = RAISED_THRESHOLD_BIPS
) -> Ruling | None:
    """Which of all initialised policies applies to a round, and its threshold; None before the first one.

    The newest policy that starts at or before the round applies. When the calendar expects a later reward epoch and
    nothing newer is initialised, the threshold is raised.
    """
    known = sorted(policies, key=lambda policy: policy.reward_epoch_id)
    started = [policy for policy in known if policy.start_voting_round_id <= voting_round.id]
    if not started:
        return None
    policy = started[-1]
    stands_in = voting_round.expected_reward_epoch > policy.reward_epoch_id and policy is known[-1]
    return Ruling(policy, raised(policy.threshold, increase_bips) if stands_in else policy.threshold)
