"""Payload messages: how several protocols share one transaction to the Submission contract. Source: fsp.md section 2.

A frame is `protocolId(1) || votingRoundId(4) || length(2) || payload`; frames follow one another behind the selector
of the called function. One frame that cannot be read makes the whole transaction void.
"""

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Final

from msgspec import Struct

from chrono.flare.refusal import Fault, Refused

FTSO: Final = 100
"""Protocol id of the anchor feeds."""

FDC: Final = 200
"""Protocol id of the data connector."""

SELECTOR_BYTES: Final = 4
HEADER_BYTES: Final = 7
MOST_PROTOCOL: Final = 2**8 - 1
MOST_ROUND: Final = 2**32 - 1
MOST_PAYLOAD: Final = 2**16 - 1


class SubmissionFunction(Enum):
    """A function of the Submission contract that takes frames, by its selector. None of them has arguments."""

    SUBMIT1 = bytes.fromhex("6c532fae")
    SUBMIT2 = bytes.fromhex("9d00c9fd")
    SUBMIT3 = bytes.fromhex("e1b157e7")
    SUBMIT_SIGNATURES = bytes.fromhex("57eed580")


class Frame(Struct, frozen=True):
    """What one protocol says about one voting round."""

    protocol_id: int
    voting_round_id: int
    payload: bytes

    def __bytes__(self) -> bytes:
        """The frame on the wire. Raises: Refused for an id or a payload that does not fit."""
        if not 0 <= self.protocol_id <= MOST_PROTOCOL:
            raise Refused(Fault.PROTOCOL_RANGE, f"a protocol id is one byte, not {self.protocol_id}")
        if not 0 <= self.voting_round_id <= MOST_ROUND:
            raise Refused(Fault.ROUND_RANGE, f"a voting round id is four bytes, not {self.voting_round_id}")
        if len(self.payload) > MOST_PAYLOAD:
            raise Refused(Fault.PAYLOAD_LENGTH, f"a payload has at most {MOST_PAYLOAD} bytes, not {len(self.payload)}")
        head = self.protocol_id << 48 | self.voting_round_id << 16 | len(self.payload)
        return head.to_bytes(HEADER_BYTES, "big") + self.payload


def encode_frames(frames: Iterable[Frame]) -> bytes:
    """The frames, one behind the other, in the order given. Raises: Refused."""
    return b"".join(map(bytes, frames))


def decode_frames(data: bytes) -> list[Frame]:
    """All frames in `data`; none in no bytes at all. Raises: Refused, when the last one is cut off."""
    return list(_walk(data, None))


def frames_of(data: bytes, protocol_id: int) -> list[Frame]:
    """The frames of one protocol; the others are stepped over, but must be whole. Raises: Refused, as decode_frames."""
    return list(_walk(data, protocol_id))


def calldata(function: SubmissionFunction, frames: Iterable[Frame]) -> bytes:
    """What to send to the Submission contract.

    Raises: Refused, also when one protocol is there twice: the reference implementations do not agree which counts.
    """
    frames = list(frames)
    seen: set[int] = set()
    for frame in frames:
        if frame.protocol_id in seen:
            raise Refused(Fault.PROTOCOL_TWICE, f"protocol {frame.protocol_id} is there twice")
        seen.add(frame.protocol_id)
    return function.value + encode_frames(frames)


def function_of(data: bytes) -> SubmissionFunction:
    """Which function this calldata calls. Raises: Refused, when it is none that takes frames."""
    selector = bytes(data[:SELECTOR_BYTES])
    if len(selector) < SELECTOR_BYTES:
        raise Refused(
            Fault.NO_SELECTOR, f"calldata begins with {SELECTOR_BYTES} bytes of selector, not {len(selector)}"
        )
    try:
        return SubmissionFunction(selector)
    except ValueError:
        raise Refused(Fault.UNKNOWN_FUNCTION, f"0x{selector.hex()} is no function that takes frames") from None


def decode_calldata(data: bytes) -> tuple[SubmissionFunction, list[Frame]]:
    """The called function and its frames. Raises: Refused."""
    return function_of(data), decode_frames(data[SELECTOR_BYTES:])


def _walk(data: bytes, wanted: int | None) -> Iterator[Frame]:
    at, end = 0, len(data)
    while at < end:
        if end - at < HEADER_BYTES:
            raise Refused(Fault.HEADER_CUT, f"a frame begins with {HEADER_BYTES} bytes, {end - at} are left", at)
        protocol_id = data[at]
        payload_at = at + HEADER_BYTES
        following = payload_at + int.from_bytes(data[at + 5 : payload_at], "big")
        if following > end:
            what = f"the payload has {following - payload_at} bytes, {end - payload_at} are left"
            raise Refused(Fault.PAYLOAD_CUT, what, at)
        if wanted is None or protocol_id == wanted:
            round_id = int.from_bytes(data[at + 1 : at + 5], "big")
            yield Frame(protocol_id, round_id, data[payload_at:following])
        at = following
