"""What a sub-protocol such as the data connector adds to our calls: asked for until it is there, and looked at.

It is another program's: it may be slow, dead, or answer nonsense, and nothing of that may reach our own part.
"""

from typing import Final

from chrono.errors import SUB_PROTOCOL_AWAY, SUB_PROTOCOL_WRONG, ChronoError, Reason
from chrono.flare.abi import Malformed
from chrono.flare.frames import SubmissionFunction, decode_frames
from chrono.flare.protocol_message import MESSAGE_BYTES, ProtocolMessage
from chrono.voting.actions import Fetched, FetchFrame

MOST_PAYLOAD: Final = 2048
"""Bytes of a frame that is not ours: the node refunds calldata up to 4500 bytes, and ours must fit in too."""


class Asking:
    """One function's part of one protocol in one round, asked for from `from_ns` on until it is told."""

    def __init__(self, question: FetchFrame, from_ns: int, until_ns: int, poll_ns: int) -> None:
        self.question = question
        self.told: Fetched | None = None
        self.alive: bool | None = None
        """Whether it answered when it was last asked; None before."""
        self.reason: Reason | None = None
        """Why it has told nothing so far."""
        self._until_ns = until_ns
        self._poll_ns = poll_ns
        self._next_ns = from_ns
        self._asked = False

    def due(self, now_ns: int) -> list[FetchFrame]:
        """The question, when it is time to ask it."""
        if self._asked or self.told is not None or not self._next_ns <= now_ns < self._until_ns:
            return []
        self._asked = True
        return [self.question]

    def answered(self, fetched: Fetched, now_ns: int) -> None:
        """It answered, or did not."""
        self._asked, self._next_ns = False, now_ns + self._poll_ns
        self.alive, self.reason = fetched.reason is None, fetched.reason
        if fetched.reason is not None or not fetched.ready:
            self.reason = fetched.reason or SUB_PROTOCOL_AWAY
            return
        try:
            check(self.question, fetched)
        except ChronoError as wrong:
            self.reason = wrong.reason
        else:
            self.told = fetched


def check(question: FetchFrame, fetched: Fetched) -> None:
    """See that the answer is what was asked for. Raises: ChronoError(SUB_PROTOCOL_WRONG)."""
    if question.function is SubmissionFunction.SUBMIT_SIGNATURES:
        message_of(question, fetched)
    else:
        payload_of(question, fetched)


def payload_of(question: FetchFrame, fetched: Fetched) -> bytes | None:
    """The payload of its frame; None when it has nothing to send. Raises: ChronoError(SUB_PROTOCOL_WRONG)."""
    if not fetched.data:
        return None
    try:
        frames = decode_frames(fetched.data)
    except Malformed as fault:
        raise _wrong(question, str(fault)) from fault
    asked = (question.protocol_id, question.round_id)
    if len(frames) != 1 or (frames[0].protocol_id, frames[0].voting_round_id) != asked:
        raise _wrong(question, "not one frame of its own and of this round")
    if len(frames[0].payload) > MOST_PAYLOAD:
        raise _wrong(question, f"a payload of {len(frames[0].payload)} bytes")
    return frames[0].payload


def message_of(question: FetchFrame, fetched: Fetched) -> ProtocolMessage | None:
    """The message to sign; None when it has none. Raises: ChronoError(SUB_PROTOCOL_WRONG)."""
    if not fetched.data:
        return None
    try:
        message = ProtocolMessage.decode(fetched.data)
    except Malformed as fault:
        raise _wrong(question, str(fault)) from fault
    own = (message.protocol_id, message.voting_round_id) == (question.protocol_id, question.round_id)
    if not own or len(fetched.data) != MESSAGE_BYTES:
        raise _wrong(question, "no message of its own and of this round")
    if len(fetched.additional) > MOST_PAYLOAD:
        raise _wrong(question, f"an unsigned message of {len(fetched.additional)} bytes")
    return message


def _wrong(question: FetchFrame, why: str) -> ChronoError:
    return ChronoError(SUB_PROTOCOL_WRONG, protocol=question.protocol_id, round=question.round_id, why=why)
