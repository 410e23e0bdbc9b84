"""One function of one round: our frame and those of sub-protocols, joined in one call when they are there in time.

Each protocol says its part once, in one call; a late part goes in a call of its own. Every call is in the journal
before it is given out, so after a restart the same bytes go again.
"""

from collections.abc import Collection, Iterable
from enum import Enum
from typing import Final

from msgspec import Struct

from chrono.clock import SECOND_NS
from chrono.errors import SIGNER_REFUSED, TOO_LATE, ChronoError, Reason
from chrono.flare.address import Address
from chrono.flare.epochs import Span
from chrono.flare.frames import FTSO, HEADER_BYTES, SELECTOR_BYTES, Frame, SubmissionFunction, calldata
from chrono.voting.actions import Submit, Submitted
from chrono.voting.journal import Journal
from chrono.voting.records import Call, Ended, Included

MOST_CALLDATA: Final = 4500
"""Bytes that the node still refunds; the signers take no more. Source: fsp.md section 2."""

NAMES: Final = {
    SubmissionFunction.SUBMIT1: "submit1",
    SubmissionFunction.SUBMIT2: "submit2",
    SubmissionFunction.SUBMIT_SIGNATURES: "submitSignatures",
}


class Course(Struct, frozen=True, kw_only=True):
    """The times of one function of one round, in nanoseconds."""

    function: SubmissionFunction
    join_by_ns: int
    """Whatever is there goes."""
    send_until_ns: int
    expires_ns: int
    counts: Span
    """The block times at which it counts."""


class _Way(Enum):
    """How far a call is."""

    IDLE = "idle"
    GIVEN = "given"
    DONE = "done"
    OVER = "over"
    """It is too late for it, by the clock as it is now."""
    PARTED = "parted"
    """Each of its parts goes alone."""


class _Sending:
    """A call under way."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.way = _Way.IDLE
        self.again_ns = 0
        self.reason: Reason | None = None


class Joining:
    """What one sender says with one function in one round."""

    def __init__(
        self, course: Course, *, network: str, round_id: int, sender: Address, journal: Journal, poll_ns: int
    ) -> None:
        self.course = course
        self.sender = sender
        self._base = f"{network}/{round_id}/{NAMES[course.function]}"
        self._round_id = round_id
        self._journal = journal
        self._poll_ns = poll_ns
        self._given: dict[int, bytes | None] = {}
        self._alone: set[int] = set()
        self._sendings = {call.intent_id: self._restored(call) for call in journal.calls(round_id, course.function)}

    def give(self, protocol_id: int, payload: bytes | None) -> None:
        """A protocol's part is ready; None: it has none so far. Of two parts, the first counts."""
        if self._given.get(protocol_id) is None:
            self._given[protocol_id] = payload

    def knows(self, protocol_id: int) -> bool:
        """Whether the part of a protocol is settled: ready, absent, or in a call."""
        return protocol_id in self._given or self._sending_of(protocol_id) is not None

    def due(
        self, now_ns: int, *, awaited: Collection[int] = (), held: Collection[int] = (), owed: Collection[int] = ()
    ) -> list[Submit]:
        """The calls that are to be sent now.

        `awaited`: protocols whose part is worth waiting for until `join_by_ns`. `held`: those whose part must not
        leave now. `owed`: those whose part must not be missed.
        """
        ready = [each for each in sorted(self._given) if self._is_ready(each) and each not in held]
        missing = any(not self.knows(each) for each in awaited)
        if ready and now_ns <= self.course.send_until_ns and (not missing or now_ns >= self.course.join_by_ns):
            self._compose(ready, now_ns, owed)
        self._expire(now_ns)
        sendings = [each for each in self._sendings.values() if self._may_go(each, now_ns, held)]
        return [self._give_out(each, owed) for each in sendings]

    def submitted(self, intent_id: str, told: Submitted, now_ns: int) -> None:
        """How a call ended."""
        sending = self._sendings[intent_id]
        sending.reason = told.reason
        inclusion = told.inclusion
        if inclusion is not None and inclusion.block_time_s * SECOND_NS in self.course.counts:
            sending.way = _Way.DONE
            self._journal.included(
                Included(intent_id, inclusion.tx_hash, inclusion.block_number, inclusion.block_time_s)
            )
            return
        if inclusion is not None and sending.reason is None:
            sending.reason = TOO_LATE
        sending.way, sending.again_ns = _Way.IDLE, now_ns + self._poll_ns
        if told.reason is SIGNER_REFUSED and not self._journal.attempts_of(intent_id):
            self._part(sending, now_ns)

    def done(self, protocol_id: int) -> bool:
        """Whether a protocol's part stands in a block that counts."""
        sending = self._sending_of(protocol_id)
        return sending is not None and sending.way is _Way.DONE

    def under_way(self, protocol_id: int) -> bool:
        """Whether a protocol's part is being sent just now: nobody can call it back."""
        sending = self._sending_of(protocol_id)
        return sending is not None and sending.way is _Way.GIVEN

    def reason(self, protocol_id: int) -> Reason | None:
        """Why a protocol's part did not get into a block so far; None when it did, or has no trouble."""
        sending = self._sending_of(protocol_id)
        return None if sending is None or sending.way is _Way.DONE else sending.reason

    def _restored(self, call: Call) -> _Sending:
        sending = _Sending(call)
        if self._journal.inclusion(call.intent_id) is not None:
            sending.way = _Way.DONE
        elif len(call.frames) > 1 and self._was_refused(call):
            self._leave_alone(sending)
        return sending

    def _was_refused(self, call: Call) -> bool:
        ending = self._journal.ending(call.intent_id)
        return ending is not None and ending.code == SIGNER_REFUSED.code

    def _is_ready(self, protocol_id: int) -> bool:
        return self._given[protocol_id] is not None and self._sending_of(protocol_id) is None

    def _sending_of(self, protocol_id: int) -> _Sending | None:
        """The call that carries a protocol's part; one that was parted carries nothing any more."""
        whole = (each for each in self._sendings.values() if each.way is not _Way.PARTED)
        carrying = [each for each in whole if protocol_id in each.call.protocols]
        live = [each for each in carrying if each.way is not _Way.OVER]
        return next(iter(live or carrying), None)

    def _compose(self, ready: list[int], now_ns: int, owed: Collection[int]) -> None:
        """Our part takes the others along; without it each goes alone."""
        joined = [each for each in ready if each not in self._alone] if FTSO in ready else []
        joined = self._fitting(joined) if FTSO in joined else []
        if joined and self._keep(self._base, joined, now_ns) is None and set(joined) & set(owed):
            self._keep(self._base, [FTSO], now_ns, unkept=True)
        for each in ready:
            if self._sending_of(each) is None:
                self._keep(f"{self._base}/{each}", [each], now_ns, unkept=each in owed)

    def _fitting(self, protocols: list[int]) -> list[int]:
        """As many as fit in a call, ours first."""
        kept: list[int] = []
        left = MOST_CALLDATA - SELECTOR_BYTES
        for each in sorted(protocols, key=lambda each: (each != FTSO, each)):
            left -= HEADER_BYTES + len(self._given[each] or b"")
            if left >= 0:
                kept.append(each)
        return sorted(kept)

    def _keep(self, intent_id: str, protocols: Iterable[int], now_ns: int, *, unkept: bool = False) -> _Sending | None:
        """Put a call into the journal; what is owed goes even when the journal fails, for its bytes are known there."""
        call = Call(
            intent_id,
            self._round_id,
            self.course.function.value,
            tuple((each, self._given[each] or b"") for each in protocols),
            self.sender,
            self.course.expires_ns,
            now_ns,
        )
        try:
            call = self._journal.call(call)
        except ChronoError:
            if not unkept:
                return None
        sending = self._sendings[intent_id] = self._sendings.get(intent_id) or _Sending(call)
        return sending

    def _part(self, sending: _Sending, now_ns: int) -> None:
        """The signer refuses a joined call: each part goes alone, so that another's fault does not stop ours."""
        if len(sending.call.frames) > 1:
            self._over(sending, now_ns)
            self._leave_alone(sending)

    def _leave_alone(self, sending: _Sending) -> None:
        sending.way = _Way.PARTED
        self._alone |= set(sending.call.protocols)
        self._given |= dict(sending.call.frames)

    def _expire(self, now_ns: int) -> None:
        """What is too late is over; what was only so by a clock that ran ahead is not."""
        for sending in self._sendings.values():
            left = bool(self._journal.attempts_of(sending.call.intent_id))
            late = now_ns >= self.course.expires_ns or (now_ns > self.course.send_until_ns and not left)
            if sending.way is _Way.IDLE and late:
                sending.reason = sending.reason or TOO_LATE
                self._over(sending, now_ns)
            elif sending.way is _Way.OVER and not late:
                sending.way, sending.again_ns = _Way.IDLE, now_ns

    def _over(self, sending: _Sending, now_ns: int) -> None:
        sending.way = _Way.OVER
        self._journal.ended(Ended(sending.call.intent_id, (sending.reason or TOO_LATE).code, now_ns))

    def _may_go(self, sending: _Sending, now_ns: int, held: Collection[int]) -> bool:
        # A wait that is longer than any began when a clock ran ahead.
        rested = not now_ns < sending.again_ns <= now_ns + self._poll_ns
        return sending.way is _Way.IDLE and rested and not set(sending.call.protocols) & set(held)

    def _give_out(self, sending: _Sending, owed: Collection[int]) -> Submit:
        sending.way = _Way.GIVEN
        frames = [Frame(protocol_id, self._round_id, payload) for protocol_id, payload in sending.call.frames]
        return Submit(
            intent_id=sending.call.intent_id,
            function=self.course.function,
            protocols=sending.call.protocols,
            sender=self.sender,
            data=calldata(self.course.function, frames),
            owed=bool(set(sending.call.protocols) & set(owed)),
            send_until_ns=self.course.send_until_ns,
            expires_ns=self.course.expires_ns,
        )
