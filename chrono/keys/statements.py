"""What the signing-policy key says beside transactions. A signer takes these and makes the digest itself.

Nobody can hand it a bare digest, so it never signs what it cannot read. Source: fsp.md sections 4, 6 and 8.
"""

from typing import TypeAlias

from msgspec import Struct

from chrono.flare.address import Address
from chrono.flare.contracts.addresses import Generation
from chrono.flare.fast_updates.submission import FastUpdate
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.registration import registration_message
from chrono.flare.signatures import eth_signed
from chrono.flare.system_messages import (
    UPTIME_VOTE_HASH,
    WeightBasedClaims,
    policy_message,
    rewards_message,
    uptime_message,
)


class VoterRegistration(Struct, frozen=True):
    """An entity becomes a voter of a reward epoch; said to VoterRegistry and VoterPreRegistry."""

    generation: Generation
    chain_id: int
    reward_epoch_id: int
    identity: Address

    def message_hash(self) -> bytes:
        """The 32 bytes that are then eth-signed."""
        return registration_message(self.generation, self.chain_id, self.reward_epoch_id, self.identity)


class NewPolicy(Struct, frozen=True):
    """The signing policy of a reward epoch, by its hash (32 bytes)."""

    reward_epoch_id: int
    policy_hash: bytes

    def message_hash(self) -> bytes:
        """The 32 bytes that are then eth-signed."""
        return policy_message(self.policy_hash)


class UptimeVote(Struct, frozen=True):
    """The uptime vote of a reward epoch that is over: a constant today."""

    reward_epoch_id: int
    vote_hash: bytes = UPTIME_VOTE_HASH

    def message_hash(self) -> bytes:
        """The 32 bytes that are then eth-signed."""
        return uptime_message(self.reward_epoch_id, self.vote_hash)


class RewardsVote(Struct, frozen=True):
    """The rewards of a reward epoch: the root of its claims, and the numbers of those shared out by weight."""

    reward_epoch_id: int
    claims: tuple[WeightBasedClaims, ...]
    rewards_hash: bytes

    def message_hash(self) -> bytes:
        """The 32 bytes that are then eth-signed."""
        return rewards_message(self.reward_epoch_id, self.claims, self.rewards_hash)


Statement: TypeAlias = ProtocolMessage | FastUpdate | VoterRegistration | NewPolicy | UptimeVote | RewardsVote

KINDS: dict[type, str] = {
    ProtocolMessage: "result",
    FastUpdate: "fast_update",
    VoterRegistration: "registration",
    NewPolicy: "policy",
    UptimeVote: "uptime",
    RewardsVote: "rewards",
}
"""What a statement is called in metrics and refusals."""


def digest_of(statement: Statement) -> bytes:
    """What is signed: the eth-signed message hash."""
    message_hash = statement.hash() if isinstance(statement, ProtocolMessage) else statement.message_hash()
    return eth_signed(message_hash)
