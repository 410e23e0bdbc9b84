"""What an explanation needs to know besides the bytes, and how bytes, addresses and times are spelled in it."""

import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from chrono.cli.decoding.feeds import NamedFeed
from chrono.clock import SECOND_NS, to_rfc3339
from chrono.flare.abi import Malformed
from chrono.flare.address import Address, checksummed
from chrono.flare.contracts.shapes import Parameter
from chrono.flare.epochs import VotingRound
from chrono.flare.frames import FDC, FTSO
from chrono.flare.networks import Network
from chrono.flare.protocol_message import ProtocolMessage

Document = dict[str, Any]

PROTOCOLS: Final = {FTSO: "FTSO", FDC: "FDC"}
MOST_BYTES: Final = 1 << 20
"""Longer calldata than any node takes is not looked at."""
_YEAR_10000_S: Final = 253_402_300_800
_FOREIGN: Final = re.compile(r"[^0-9a-fA-F]")


class Terms(Struct, frozen=True):
    """How to explain: on which network, with which feeds (in voting order; empty when not known), by which messages.

    `messages` are the signed messages of type 1 signatures, by protocol and round.
    """

    network: Network
    feeds: tuple[NamedFeed, ...] = ()
    messages: Mapping[tuple[int, int], ProtocolMessage] = {}
    fip16_from: Mapping[str, int] = {}
    """First reward epochs of FIP.16 by network name, for transactions that name another network."""
    time_s: int | None = None
    """The block time of the transaction at hand."""
    sender: Address | None = None


def from_hex(text: str) -> bytes:
    """The bytes that a hex text spells, with or without 0x.

    Raises: Malformed, which says at which byte the first wrong digit stands.
    """
    digits = text[2:] if text[:2] in {"0x", "0X"} else text
    if len(digits) > 2 * MOST_BYTES:
        raise Malformed(f"{len(digits) // 2:,} bytes are more than any transaction has")
    wrong = _FOREIGN.search(digits)
    if wrong is not None:
        raise Malformed(f"{wrong.group()!r} is no hex digit", wrong.start() // 2)
    if len(digits) % 2:
        raise Malformed("half a byte at the end: the number of hex digits is odd", len(digits) // 2)
    return bytes.fromhex(digits)


def hexed(data: bytes) -> str:
    """0x and lower-case digits."""
    return "0x" + data.hex()


def time_text(at_s: int) -> str | None:
    """Whole seconds as RFC 3339 UTC; None for a time that no calendar has."""
    return to_rfc3339(at_s * SECOND_NS).replace(".000Z", "Z") if 0 <= at_s < _YEAR_10000_S else None


def round_document(voting_round: VotingRound) -> Document:
    """When a round happens: its voting epoch, and the deadlines behind it."""

    def at(time_ns: int) -> str | None:
        return time_text(time_ns // SECOND_NS)

    return {
        "voting_round_id": voting_round.id,
        "expected_reward_epoch_id": voting_round.expected_reward_epoch,
        "commit_from": at(voting_round.commit_window.start_ns),
        "reveal_from": at(voting_round.reveal_window.start_ns),
        "sign_from": at(voting_round.signature_window.start_ns),
        "sign_until": at(voting_round.signature_window.end_ns),
    }


def told(parameter: Parameter, value: Any) -> Any:
    """An ABI value for JSON: addresses with checksum, bytes as hex, wide integers as text, tuples by their names."""
    if parameter.is_array:
        return [_told_one(parameter, each) for each in value]
    return _told_one(parameter, value)


def _told_one(parameter: Parameter, value: Any) -> Any:
    if parameter.parts:
        return {part.name: told(part, each) for part, each in zip(parameter.parts, value, strict=True)}
    if isinstance(value, bytes):
        return checksummed(value) if parameter.base == "address" else hexed(value)
    return str(value) if isinstance(value, int) and abs(value) > 2**53 else value
