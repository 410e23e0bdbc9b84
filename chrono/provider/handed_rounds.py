"""A round whose transactions another program sends: we make the commit, give the reveal, and say what the result is.

The commit is on disk, and noted as handed out, before the answer leaves; the first result that is given of a round is
the only one ever. Source: fsp.md section 5(b).
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final

from msgspec import Struct

from chrono.errors import DRY_RUN, HISTORY_BEHIND, NO_REVEALS, NOT_MINED, REVEAL_MISSED, ChronoError, Reason
from chrono.flare.address import Address
from chrono.flare.commit import new_random
from chrono.flare.frames import FTSO, Frame, SubmissionFunction, encode_frames
from chrono.flare.round.outcome import Outcome
from chrono.flare.round.transactions import Transaction
from chrono.voting import gates
from chrono.voting.actions import Action, Answer, ChainView, End, Settle, Settled, TakeValues, Values
from chrono.voting.committing import Committing
from chrono.voting.journal import Journal
from chrono.voting.judging import Owed
from chrono.voting.membership import Membership
from chrono.voting.misses import Misses, Part
from chrono.voting.plan import RoundPlan
from chrono.voting.ports import Epochs
from chrono.voting.records import Call

_SUBMIT1: Final = SubmissionFunction.SUBMIT1
_SUBMIT2: Final = SubmissionFunction.SUBMIT2
_SIGNATURES: Final = SubmissionFunction.SUBMIT_SIGNATURES


class Status(StrEnum):
    """What the system client is to make of an answer."""

    OK = "OK"
    EMPTY = "EMPTY"
    """There is nothing to send, and there will not be."""
    RETRY = "RETRY"
    """Not yet: ask again."""


class Handed(Struct, frozen=True):
    """What another program is given. `reason` says why there is nothing."""

    status: Status
    data: bytes = b""
    reason: Reason | None = None


class HandedRound:
    """One round. Driven like a RoundDuty, which it stands in for; asked by the data provider's door."""

    def __init__(
        self,
        plan: RoundPlan,
        *,
        network: str,
        identity: Address,
        epochs: Epochs,
        journal: Journal,
        take: Callable[[TakeValues], Values],
        live: bool,
        random: Callable[[], bytes] = new_random,
    ) -> None:
        """`take` takes our values at once. Unless `live`, everything is computed and nothing is given out."""
        self.plan = plan
        self.membership: Membership | None = None
        self.outcome: Outcome | None = None
        self.misses = Misses()
        self.over = False
        self._network = network
        self._identity = identity
        self._epochs = epochs
        self._journal = journal
        self._take = take
        self._live = live
        self._committing = Committing(plan, journal, random)
        self._settling = False
        self._settle_again_ns = 0
        self._given: set[SubmissionFunction] = set()

    @property
    def why(self) -> Reason | None:
        """The gravest of what was missed; None while nothing was."""
        return self.misses.gravest

    @property
    def owed(self) -> tuple[Owed, ...]:
        """What the other program will still ask for: a stop waits for it."""
        if not self._journal.left(self.plan.id, _SUBMIT1, FTSO):
            return ()
        owed = []
        if _SUBMIT2 not in self._given:
            owed.append(Owed(self.plan.id, _SUBMIT2, FTSO, self.plan.reveal_deadline_ns))
        if _SIGNATURES not in self._given:
            owed.append(Owed(self.plan.id, _SIGNATURES, FTSO, self.plan.sign_by_ns))
        return tuple(owed)

    def next_ns(self, now_ns: int) -> int:
        """When `due` is to be asked again."""
        return now_ns + self.plan.margins.poll_ns

    def heard(self, transactions: Iterable[Transaction]) -> None:
        """Others' signatures are the other program's to gather."""

    def due(self, now_ns: int, view: ChainView) -> list[Action]:
        """The outcome, when everything is there that decides it; the end, when the round is over."""
        facts = self._epochs.of_round(self.plan.id)
        self.membership = None if facts is None else facts.membership(self._identity)
        self._judge()
        if now_ns >= self.plan.over_ns:
            self.over = True
            return [End(self.plan.id, self.why)]
        ready = facts is not None and view.reveals_read and now_ns >= max(self.plan.sign_from_ns, self._settle_again_ns)
        if self.outcome is None and not self._settling and ready:
            self._settling = True
            return [Settle(self.plan.id)]
        return []

    def answered(self, action: Action, answer: Answer, now_ns: int) -> None:
        """What came of it."""
        if isinstance(action, Settle) and isinstance(answer, Settled):
            self._settling, self._settle_again_ns = False, now_ns + self.plan.margins.poll_ns
            self.outcome = answer.outcome

    def commit(self, now_ns: int, view: ChainView) -> Handed:
        """The frame of submit1: made when it is first asked for, the same ever after."""
        facts = self._epochs.of_round(self.plan.id)
        member = None if facts is None else facts.membership(self._identity)
        refusal = gates.commit_refusal(
            self.plan.id, now_ns, view, epochs=self._epochs, journal=self._journal, margins=self.plan.margins
        ) or gates.membership_refusal(facts, member)
        if refusal is None:
            for question in self._committing.due(now_ns, refusal, facts, member):
                self._committing.answered(self._take(question), now_ns)
            refusal = self._committing.reason
        commit = self._committing.commit
        given = self._journal.left(self.plan.id, _SUBMIT1, FTSO)
        if commit is None or (not given and (refusal is not None or now_ns > self.plan.commit_stop_ns)):
            # What was given before is given again; for the first time only as a commit of our own would leave.
            return self._refused(refusal or self._committing.reason, now_ns)
        if not self._live:
            return Handed(Status.EMPTY, reason=DRY_RUN)
        self._hand_out(commit.commit_hash, Address(commit.submit), now_ns)
        return self._framed(commit.commit_hash)

    def reveal(self, now_ns: int) -> Handed:
        """The frame of submit2: what the commit fixed, once it may have left and its voting epoch is over."""
        if not self._journal.left(self.plan.id, _SUBMIT1, FTSO):
            return Handed(Status.EMPTY, reason=self.misses.of(Part.COMMIT))
        if now_ns < self.plan.commit_deadline_ns:
            return Handed(Status.RETRY)
        payload = self._journal.payload(_SUBMIT2, FTSO, self.plan.id)
        if payload is None or now_ns >= self.plan.reveal_deadline_ns:
            return Handed(Status.EMPTY)
        self._given.add(_SUBMIT2)
        return self._framed(payload)

    def result(self, now_ns: int, view: ChainView) -> Handed:
        """The message to sign, bound to the round for ever before it is given."""
        silence = gates.silence(self.plan.id, view)
        if silence is not None or self.outcome is None:
            late = now_ns >= self.plan.sign_over_ns
            return Handed(Status.EMPTY if late else Status.RETRY, reason=silence or HISTORY_BEHIND)
        if self.outcome.result is None:
            return Handed(Status.EMPTY, reason=NO_REVEALS)
        if not self._live:
            return Handed(Status.EMPTY, reason=DRY_RUN)
        message = self.outcome.result.message
        try:
            bound = self._journal.bind(FTSO, self.plan.id, message.hash())
        except ChronoError as error:
            return Handed(Status.RETRY, reason=error.reason)
        if bound != message.hash():
            return Handed(Status.EMPTY)
        self._given.add(_SIGNATURES)
        return Handed(Status.OK, message.encode())

    def _refused(self, refusal: Reason | None, now_ns: int) -> Handed:
        self.misses.note(Part.COMMIT, refusal)
        late = now_ns > self.plan.commit_stop_ns
        return Handed(Status.EMPTY if late else Status.RETRY, reason=refusal)

    def _hand_out(self, payload: bytes, sender: Address, now_ns: int) -> None:
        """On disk: from here on the reveal is owed. Raises: ChronoError(JOURNAL_BROKEN); then nothing is given."""
        call = self._journal.call(
            Call(
                intent_id=f"{self._network}/{self.plan.id}/submit1",
                round_id=self.plan.id,
                selector=_SUBMIT1.value,
                frames=((FTSO, payload),),
                sender=sender,
                until_ns=self.plan.commit_deadline_ns,
                at_ns=now_ns,
            )
        )
        self._journal.hand_out(call.intent_id, now_ns)

    def _framed(self, payload: bytes) -> Handed:
        return Handed(Status.OK, encode_frames([Frame(FTSO, self.plan.id, payload)]))

    def _judge(self) -> None:
        """What was missed, by what the chain shows: the transactions are not ours to follow."""
        if self.outcome is None or self.membership is None:
            return
        committed = self._journal.left(self.plan.id, _SUBMIT1, FTSO)
        submit = self.membership.submit
        self.misses.note(Part.REVEAL, REVEAL_MISSED if submit in self.outcome.offenders else None)
        revealed = submit in self.outcome.valid
        if revealed or committed:
            self.misses.note(Part.COMMIT, None if revealed else NOT_MINED)
        self.misses.note(Part.RESULT, NO_REVEALS if self.outcome.result is None else None)
