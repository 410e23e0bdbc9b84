"""What providers send to the Submission contract: frames behind the selector."""

from dataclasses import dataclass

from tests.judge.words import selector

SUBMIT1 = selector("submit1()")
SUBMIT2 = selector("submit2()")
SUBMIT_SIGNATURES = selector("submitSignatures()")
FTSO = 100
HEAD = 7


@dataclass(frozen=True)
class Frame:
    protocol: int
    round_id: int
    payload: bytes


def frames(data: bytes) -> list[Frame]:
    """Every frame; none at all when the last one is not whole."""
    found = []
    while data:
        length = int.from_bytes(data[5:HEAD], "big")
        if len(data) < HEAD + length:
            return []
        found.append(Frame(data[0], int.from_bytes(data[1:5], "big"), data[HEAD : HEAD + length]))
        data = data[HEAD + length :]
    return found


def frame(protocol: int, round_id: int, payload: bytes) -> bytes:
    return bytes([protocol]) + round_id.to_bytes(4, "big") + len(payload).to_bytes(2, "big") + payload
