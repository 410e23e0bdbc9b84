"""How a round stands: what is owed in it, and what was missed. Read-only looks at its parts."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from chrono.errors import (
    GRACE_OVER,
    NO_REVEALS,
    NOT_FINALISED,
    NOT_MINED,
    NOT_READY,
    RESULT_DIFFERS,
    REVEAL_MISSED,
    SUB_PROTOCOL_AWAY,
    TOO_LATE,
    VALUES_LATE,
    Reason,
)
from chrono.flare.frames import FTSO, SubmissionFunction
from chrono.flare.round.outcome import Outcome
from chrono.voting.joining import NAMES, Joining
from chrono.voting.journal import Journal
from chrono.voting.membership import Finalised, Membership
from chrono.voting.misses import Misses, Part
from chrono.voting.plan import RoundPlan
from chrono.voting.signing import FOR_EVER, Signing
from chrono.voting.sub_protocols import Asking

GIVEN_UP: Final = FOR_EVER | {GRACE_OVER, RESULT_DIFFERS}
"""For these reasons a result is not signed any more."""

_SUBMIT1 = SubmissionFunction.SUBMIT1
_SUBMIT2 = SubmissionFunction.SUBMIT2
_SIGNATURES = SubmissionFunction.SUBMIT_SIGNATURES


class Owed(Struct, frozen=True):
    """What must not be left undone; for as long a stop waits."""

    round_id: int
    function: SubmissionFunction
    protocol_id: int
    until_ns: int

    @property
    def what(self) -> str:
        """In words: "submit2 of protocol 100"."""
        return f"{NAMES[self.function]} of protocol {self.protocol_id}"


class Standing(Struct, frozen=True, kw_only=True):
    """The parts of a round as they are now."""

    plan: RoundPlan
    journal: Journal
    membership: Membership | None
    outcome: Outcome | None
    finalised: Finalised | None
    joinings: Mapping[SubmissionFunction, Joining]
    askings: Mapping[tuple[SubmissionFunction, int], Asking]
    signing: Signing
    """Of our own result."""
    protocols: tuple[int, ...]
    not_committed: Reason | None
    """What stood in the commit's way last, before it was sent."""
    seen_in_time: bool
    """Whether the round was looked after when its commit had to leave."""
    not_settled: Reason
    """Why there is no outcome, if there is none."""
    silence: Reason | None

    @property
    def committed(self) -> bool:
        """Whether a commit of ours may have left."""
        return self.journal.left(self.plan.id, _SUBMIT1, FTSO)

    def reason(self, function: SubmissionFunction, protocol_id: int) -> Reason | None:
        """Why a part is in no block so far, as its transaction tells it."""
        joining = self.joinings.get(function)
        return None if joining is None else joining.reason(protocol_id)

    def done(self, function: SubmissionFunction, protocol_id: int) -> bool:
        """Whether a part stands in a block that counts."""
        joining = self.joinings.get(function)
        # A call that the disk did not take is known to its joining alone.
        sent = joining is not None and joining.done(protocol_id)
        return sent or self.journal.done(self.plan.id, function, protocol_id)

    @property
    def committing(self) -> bool:
        """Whether a commit of ours is about to leave."""
        joining = self.joinings.get(_SUBMIT1)
        return joining is not None and joining.under_way(FTSO)

    @property
    def promised(self) -> list[int]:
        """The sub-protocols whose bit vote may have left: their signature is owed."""
        return [each for each in self.protocols if self.journal.left(self.plan.id, _SUBMIT2, each)]


def owed_in(at: Standing) -> tuple[Owed, ...]:
    """What must not be left undone in a round: reveal, signature, and the signatures that bit votes promised.

    A commit that was given out to be sent may leave at any moment, so its reveal is as good as owed.
    """
    owed: list[Owed] = []
    if (at.committed or at.committing) and not at.done(_SUBMIT2, FTSO):
        owed.append(Owed(at.plan.id, _SUBMIT2, FTSO, at.plan.reveal_deadline_ns))
    void = at.outcome is not None and at.outcome.result is None
    given_up = void or at.signing.reason in GIVEN_UP
    if at.committed and not given_up and not at.done(_SIGNATURES, FTSO):
        owed.append(Owed(at.plan.id, _SIGNATURES, FTSO, at.plan.sign_by_ns))
    owed += [
        Owed(at.plan.id, _SIGNATURES, each, at.plan.sign_over_ns)
        for each in at.promised
        if not at.done(_SIGNATURES, each)
    ]
    return tuple(owed)


def owed_by(journal: Journal, now_ns: int) -> list[Owed]:
    """The reveals that a journal alone shows to be owed, whoever looks after their rounds."""
    return [Owed(each.round_id, _SUBMIT2, FTSO, each.reveal_deadline_ns) for each in journal.owed(now_ns)]


def judge(at: Standing, misses: Misses, now_ns: int) -> None:
    """Note what was missed by now."""
    misses.note(Part.COMMIT, _commit(at, now_ns))
    misses.note(Part.REVEAL, _reveal(at, now_ns))
    misses.note(Part.RESULT, _result(at, now_ns))
    misses.note(Part.SIGNATURE, _signature(at, now_ns))
    misses.note(Part.OWED_SIGNATURE, _owed_signature(at, now_ns))
    misses.note(Part.FINALISATION, _finalisation(at, now_ns))
    misses.note(Part.SUB_PROTOCOL, _sub_protocol(at, now_ns))


def _revealed(at: Standing) -> bool:
    """Whether the network counted our vote: it says more than our own transactions tell."""
    return at.outcome is not None and at.membership is not None and at.membership.submit in at.outcome.valid


def _commit(at: Standing, now_ns: int) -> Reason | None:
    if now_ns <= at.plan.commit_stop_ns or _revealed(at) or at.done(_SUBMIT1, FTSO):
        return None
    if not at.committed:
        made = at.journal.committed(at.plan.id) is not None
        late = (TOO_LATE if made else VALUES_LATE) if at.seen_in_time else NOT_READY
        return at.not_committed or at.reason(_SUBMIT1, FTSO) or late
    return at.reason(_SUBMIT1, FTSO) if now_ns >= at.plan.commit_deadline_ns else None


def _reveal(at: Standing, now_ns: int) -> Reason | None:
    """Only the outcome says for sure; without one, a reveal that is in no block by the end is a missed one."""
    if at.outcome is not None and at.membership is not None:
        return REVEAL_MISSED if at.membership.submit in at.outcome.offenders else None
    late = at.committed and not at.done(_SUBMIT2, FTSO) and now_ns >= at.plan.sign_over_ns
    return REVEAL_MISSED if late else None


def _result(at: Standing, now_ns: int) -> Reason | None:
    message = at.signing.message
    if at.finalised is not None and message is not None and at.finalised.message != message:
        return RESULT_DIFFERS
    if at.outcome is None:
        return at.not_settled if now_ns >= at.plan.sign_over_ns else None
    return NO_REVEALS if at.outcome.result is None else None


def _signature(at: Standing, now_ns: int) -> Reason | None:
    if at.signing.message is None or at.done(_SIGNATURES, FTSO):
        return None
    if at.signing.reason in GIVEN_UP:
        return at.signing.reason
    if now_ns < at.plan.sign_over_ns:
        return None
    return at.reason(_SIGNATURES, FTSO) or at.signing.reason or at.silence or NOT_MINED


def _owed_signature(at: Standing, now_ns: int) -> Reason | None:
    missing = [each for each in at.promised if not at.done(_SIGNATURES, each)]
    if not missing or now_ns < at.plan.sign_over_ns:
        return None
    asking = at.askings.get((_SIGNATURES, missing[0]))
    return at.reason(_SIGNATURES, missing[0]) or (asking and asking.reason) or at.silence or SUB_PROTOCOL_AWAY


def _finalisation(at: Standing, now_ns: int) -> Reason | None:
    open_still = at.signing.message is not None and at.finalised is None
    return NOT_FINALISED if open_still and now_ns >= at.plan.over_ns else None


def _sub_protocol(at: Standing, now_ns: int) -> Reason | None:
    if now_ns < at.plan.reveal_deadline_ns:
        return None
    asked = (at.askings.get((_SUBMIT2, each)) for each in at.protocols)
    return next((each.reason for each in asked if each is not None and each.told is None and each.reason), None)
