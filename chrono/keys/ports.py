"""What stands in front of the keys needs from the rest of the house. Everything answers at once, from memory or disk.

The signer is asked on the duty's own loop, so nothing here is awaited; a record's write is one fsync.
"""

from collections.abc import Collection
from typing import Protocol

from chrono.flare.address import Address
from chrono.flare.frames import SubmissionFunction


class SigningRecord(Protocol):
    """Which result was signed for each round, for ever."""

    def bind(self, protocol_id: int, voting_round_id: int, message_hash: bytes) -> bytes:
        """Bind a hash of 32 bytes to the round, durably before it returns; the hash that is bound.

        That is the given one, or an earlier one, which then stays. Raises: whatever the disk does; nothing is signed.
        """
        ...

    def bound(self, protocol_id: int, voting_round_id: int) -> bytes | None:
        """The hash that is bound to the round; None while there is none."""
        ...


class Journalled(Protocol):
    """What the journal holds on disk: only that may leave."""

    def payload(self, function: SubmissionFunction, protocol_id: int, voting_round_id: int) -> bytes | None:
        """The payload of the frame that a protocol sends in a round with this function; None when there is none."""
        ...


class Contracts(Protocol):
    """Where the contracts are. Fits: the registry of the chain's door, known.KnownContracts."""

    def addresses(self, name: str) -> Collection[Address]:
        """Every address that a contract's name stands for now; empty for an unknown name."""
        ...


class Policies(Protocol):
    """The signing policies that the chain's events have told."""

    def policy_hash(self, reward_epoch_id: int) -> bytes | None:
        """The hash of a reward epoch's signing policy; None while it is not known."""
        ...
