"""What stands in the journal: one record for each thing that a restart must not forget. The words on disk.

A record is a tagged msgpack array; fields are only ever added at the end, with a default. What cannot be read was
written by a newer Chrono, and is never guessed.
"""

from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from chrono.errors import JOURNAL_FOREIGN, ChronoError
from chrono.flare.frames import SubmissionFunction

VERSION: Final = 1


class Header(Struct, frozen=True, array_like=True, tag="journal"):
    """Whose journal this is."""

    version: int
    network: str
    chain_id: int
    identity: bytes


class Pin(Struct, frozen=True, array_like=True, tag="pin"):
    """What the value provider answered for a round; the words are the asker's."""

    round_id: int
    answer: bytes


class Commit(Struct, frozen=True, array_like=True, tag="commit"):
    """What a commit of ours fixes, and when its reveal is too late."""

    round_id: int
    reward_epoch_id: int
    """Whose addresses, keys, policy and feed order the round uses to its end."""
    submit: bytes
    random: bytes
    encoded_values: bytes
    feed_count: int
    commit_hash: bytes
    reveal_deadline_ns: int
    at_ns: int
    """When it was made."""


class Call(Struct, frozen=True, array_like=True, tag="call"):
    """A call of the Submission contract that is to be sent, protocol by protocol."""

    intent_id: str
    round_id: int
    selector: bytes
    frames: tuple[tuple[int, bytes], ...]
    """Protocol id and payload of each frame, in the order in which they are sent."""
    sender: bytes
    until_ns: int
    """When it is too late for it."""
    at_ns: int

    @property
    def function(self) -> SubmissionFunction:
        """Which function it calls."""
        return SubmissionFunction(self.selector)

    @property
    def protocols(self) -> tuple[int, ...]:
        """Whose frames it carries."""
        return tuple(protocol_id for protocol_id, _ in self.frames)

    def payload(self, protocol_id: int) -> bytes | None:
        """The payload of a protocol's frame; None when it has none here."""
        return next((payload for each, payload in self.frames if each == protocol_id), None)


class Attempt(Struct, frozen=True, array_like=True, tag="attempt"):
    """One signed transaction of an intent, kept before it leaves."""

    intent_id: str
    number: int
    chain_id: int
    account: bytes
    nonce: int
    raw: bytes
    tx_hash: bytes
    made_at_ns: int


class HandedOut(Struct, frozen=True, array_like=True, tag="handed_out"):
    """An intent's frames were given to another program, which may have sent them."""

    intent_id: str
    at_ns: int


class Included(Struct, frozen=True, array_like=True, tag="included"):
    """An intent stands in a block, confirmed. It may have failed there: its calldata counts all the same."""

    intent_id: str
    tx_hash: bytes
    block_number: int
    block_time_s: int


class Ended(Struct, frozen=True, array_like=True, tag="ended"):
    """An intent is given up. `code` is that of the reason."""

    intent_id: str
    code: str
    at_ns: int


class Bound(Struct, frozen=True, array_like=True, tag="bound"):
    """The result that is signed for a round of a protocol, for ever."""

    protocol_id: int
    round_id: int
    message_hash: bytes


class Settled(Struct, frozen=True, array_like=True, tag="settled"):
    """Nonces below this are used, and it is known by what."""

    account: bytes
    next_nonce: int


class Mark(Struct, frozen=True, array_like=True, tag="mark"):
    """Up to and with this round, nothing new is committed or signed."""

    round_id: int


Record: TypeAlias = Header | Pin | Commit | Call | Attempt | HandedOut | Included | Ended | Bound | Settled | Mark

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final[msgspec.msgpack.Decoder[Record]] = msgspec.msgpack.Decoder(Record)


def encode(record: Record) -> bytes:
    """The record's bytes."""
    return _ENCODER.encode(record)


def decode(data: bytes) -> Record:
    """The record in `data`. Raises: ChronoError(JOURNAL_FOREIGN)."""
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, ValueError) as error:
        raise ChronoError(JOURNAL_FOREIGN, cause=str(error)) from error
