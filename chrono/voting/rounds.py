"""One round of ours as a state machine: what is due now, by the chain's clock and the journal. No I/O but the journal.

Ask `due`, do what it says, tell `answered`, and ask again: when an answer came, when the view changed, at `next_ns`.
Made anew after a crash, it goes on from the journal: a reveal needs nothing else.
"""

from collections.abc import Callable, Iterable, Sequence

from chrono.errors import EPOCH_UNKNOWN, HISTORY_BEHIND, NO_REVEALS, Reason
from chrono.flare.address import Address
from chrono.flare.commit import new_random
from chrono.flare.frames import FTSO, SubmissionFunction
from chrono.flare.round.outcome import Outcome
from chrono.flare.round.transactions import Transaction
from chrono.voting import gates
from chrono.voting.actions import (
    Action,
    Answer,
    ChainView,
    End,
    Fetched,
    FetchFrame,
    Finalise,
    Settle,
    Settled,
    Signed,
    SignResult,
    Submit,
    Submitted,
    TakeValues,
    Values,
)
from chrono.voting.co_duties import CoDuties
from chrono.voting.committing import Committing
from chrono.voting.courses import course_of
from chrono.voting.finalising import Finaliser
from chrono.voting.joining import Joining
from chrono.voting.journal import Journal
from chrono.voting.judging import Owed, Standing, judge, owed_in
from chrono.voting.membership import Membership, RewardEpochFacts
from chrono.voting.misses import Misses
from chrono.voting.plan import RoundPlan
from chrono.voting.ports import Epochs
from chrono.voting.signing import Signing

_SUBMIT1 = SubmissionFunction.SUBMIT1
_SUBMIT2 = SubmissionFunction.SUBMIT2
_SIGNATURES = SubmissionFunction.SUBMIT_SIGNATURES


class RoundDuty:
    """One round from its values to its finalisation."""

    def __init__(
        self,
        plan: RoundPlan,
        *,
        network: str,
        identity: Address,
        epochs: Epochs,
        journal: Journal,
        protocols: Sequence[int] = (),
        random: Callable[[], bytes] = new_random,
    ) -> None:
        """`protocols`: the sub-protocols that travel with us, such as 200. `random` hides the values of a commit."""
        self.plan = plan
        self.facts: RewardEpochFacts | None = None
        """All of the round's reward epoch; None while it is not known."""
        self.membership: Membership | None = None
        """Our place in it; None while unknown, or when we have none."""
        self.outcome: Outcome | None = None
        """The outcome of the round, once it was computed."""
        self.misses = Misses()
        """What was missed so far."""
        self.over = False
        """Whether End was given."""
        self._network = network
        self._identity = identity
        self._epochs = epochs
        self._journal = journal
        self._protocols = tuple(protocols)
        self._committing = Committing(plan, journal, random)
        self._joinings: dict[SubmissionFunction, Joining] = {}
        self._beside = CoDuties(plan, protocols)
        self._signings = {each: Signing(each, plan) for each in (FTSO, *protocols)}
        self._finalisers: dict[int, Finaliser] = {}
        self._settling = False
        self._settle_again_ns = 0
        self._settle_reason: Reason | None = None
        self._seen_in_time = False
        self._silence: Reason | None = None

    @property
    def why(self) -> Reason | None:
        """The gravest of what was missed; None while nothing was."""
        return self.misses.gravest

    @property
    def owed(self) -> tuple[Owed, ...]:
        """What must not be left undone, whatever its time."""
        return owed_in(self._standing())

    def next_ns(self, now_ns: int) -> int:
        """When `due` is to be asked again, if nothing happens before."""
        if now_ns < self.plan.values_at_ns:
            return self.plan.values_at_ns
        following = (at_ns for at_ns in self.plan.moments if at_ns > now_ns)
        return min([now_ns + self.plan.margins.poll_ns, *following])

    def heard(self, transactions: Iterable[Transaction]) -> None:
        """Transactions to the Submission contract: the signatures in them are gathered. The same again is harmless."""
        transactions = tuple(transactions)
        for finaliser in self._finalisers.values():
            finaliser.gathering.heard(transactions)

    def due(self, now_ns: int, view: ChainView) -> list[Action]:
        """What is to be done now; each action once."""
        if self.over:
            return []
        self._recognise()
        self._silence = gates.silence(self.plan.id, view)
        self._seen_in_time = self._seen_in_time or now_ns <= self.plan.commit_stop_ns
        actions: list[Action] = [
            *self._commit(now_ns, view),
            *self._reveal(now_ns, view),
            *self._settle(now_ns, view),
            *self._sign(now_ns),
            *self._finalise(now_ns),
        ]
        judge(self._standing(), self.misses, now_ns)
        if now_ns >= self.plan.over_ns or self._is_none_of_ours(now_ns):
            self.over = True
            return [End(self.plan.id, self.why)]
        return actions

    def answered(self, action: Action, answer: Answer, now_ns: int) -> None:
        """What came of an action. Raises: TypeError for an answer to something else."""
        match action, answer:
            case TakeValues(), Values():
                self._committing.answered(answer, now_ns)
            case FetchFrame(), Fetched():
                self._beside.answered(action, answer, now_ns)
            case Submit(), Submitted():
                self._joinings[action.function].submitted(action.intent_id, answer, now_ns)
            case Settle(), Settled():
                self._settled(answer, now_ns)
            case SignResult(), Signed():
                self._signings[action.message.protocol_id].answered(answer, self._joinings.get(_SIGNATURES), now_ns)
            case Finalise(), Submitted():
                self._finalisers[action.message.protocol_id].answered(answer, self._journal, now_ns)
            case _:
                raise TypeError(f"{type(answer).__name__} is no answer to {type(action).__name__}")

    def _recognise(self) -> None:
        """Look up the round's reward epoch: until the commit is made it may turn out to be another one."""
        facts = self._epochs.of_round(self.plan.id)
        if facts is None or facts is self.facts:
            return
        same = self.facts is not None and (facts.policy, facts.voters) == (self.facts.policy, self.facts.voters)
        self.facts = facts
        if same:
            return
        self.membership = membership = facts.membership(self._identity)
        # Who sends may be another now; what was sent keeps its sender.
        said = {function for function in self._joinings if self._journal.calls(self.plan.id, function)}
        self._joinings = {function: each for function, each in self._joinings.items() if function in said}
        self._beside.forget_but(said)
        self._finalisers = {
            each: Finaliser(each, self.plan, network=self._network, facts=facts, membership=membership)
            for each in self._signings
            if membership is not None
        }

    def _is_none_of_ours(self, now_ns: int) -> bool:
        known = self.facts is not None and self.membership is None and self._committing.commit is None
        return known and now_ns > self.plan.commit_stop_ns

    def _commit(self, now_ns: int, view: ChainView) -> list[Action]:
        """Values, and the commit that fixes them, as long as nothing stands against it."""
        refusal = self._commit_refusal(now_ns, view)
        taking = self._committing.due(now_ns, refusal, self.facts, self.membership)
        joining = self._joining(_SUBMIT1)
        if joining is None or now_ns < self.plan.values_at_ns:
            return [*taking]
        if (commit := self._committing.commit) is not None:
            joining.give(FTSO, commit.commit_hash)
        asking = self._beside.ask(_SUBMIT1, joining, now_ns) if refusal is None else []
        awaited = [FTSO, *self._beside.awaited(_SUBMIT1)]
        held = () if refusal is None else tuple(self._signings)
        return [*taking, *asking, *joining.due(now_ns, awaited=awaited, held=held)]

    def _commit_refusal(self, now_ns: int, view: ChainView) -> Reason | None:
        refusal = gates.commit_refusal(
            self.plan.id, now_ns, view, epochs=self._epochs, journal=self._journal, margins=self.plan.margins
        ) or gates.membership_refusal(self.facts, self.membership)
        commit = self._committing.commit
        if refusal is None and commit is not None and self.facts is not None and self.membership is not None:
            refusal = gates.stale_commit(commit, self.facts, self.membership)
        decided = refusal is not None or commit is not None
        if decided and self.plan.values_at_ns <= now_ns <= self.plan.commit_stop_ns:
            self._committing.reason = refusal
        return refusal

    def _reveal(self, now_ns: int, view: ChainView) -> list[Action]:
        """What was committed, once any attempt of that may have left; and the sub-protocols' votes."""
        joining = self._joining(_SUBMIT2)
        if joining is None or now_ns < self.plan.reveal_from_ns:
            return []
        entered = gates.in_reveal_window(view, self.plan.commit_deadline_ns)
        if entered or now_ns >= self.plan.bit_votes_at_ns:
            # A clock that was wrong may have asked too early, and a commit may have left since: each time anew.
            left = self._journal.left(self.plan.id, _SUBMIT1, FTSO)
            joining.give(FTSO, self._journal.payload(_SUBMIT2, FTSO, self.plan.id) if left else None)
        quiet = view.stopping or self._silence is not None
        asking = [] if quiet else self._beside.ask(_SUBMIT2, joining, now_ns)
        awaited = [] if quiet else self._beside.awaited(_SUBMIT2)
        return [*asking, *joining.due(now_ns, awaited=awaited, owed=(FTSO,))]

    def _settle(self, now_ns: int, view: ChainView) -> list[Action]:
        """The outcome, from nothing less than all transactions up to the deadline."""
        known = self.facts is not None and self.outcome is None and not self._settling
        if not known or now_ns < max(self.plan.sign_from_ns, self._settle_again_ns) or not view.reveals_read:
            return []
        self._settling = True
        return [Settle(self.plan.id)]

    def _settled(self, settled: Settled, now_ns: int) -> None:
        self._settling, self._settle_again_ns = False, now_ns + self.plan.margins.poll_ns
        self.outcome, self._settle_reason = settled.outcome, settled.reason
        if settled.outcome is not None and settled.outcome.result is not None:
            self._signings[FTSO].know(settled.outcome.result.message)
        elif settled.outcome is not None:
            self._settle_reason = NO_REVEALS

    def _sign(self, now_ns: int) -> list[Action]:
        """Our result's signature, and those of the sub-protocols' results."""
        joining = self._joining(_SIGNATURES)
        if joining is None or now_ns < self.plan.sign_from_ns:
            return []
        if self.outcome is not None and self.outcome.result is None:
            joining.give(FTSO, None)
        if self._silence is not None:
            return []
        owed = [each for each in self._protocols if self._journal.left(self.plan.id, _SUBMIT2, each)]
        actions: list[Action] = [*self._beside.ask(_SIGNATURES, joining, now_ns, self._signings)]
        for each, signing in self._signings.items():
            finalised = self._epochs.finalised(each, self.plan.id)
            actions += signing.due(now_ns, joining, finalised, owed=each in owed)
        awaited = [FTSO, *self._beside.awaited(_SIGNATURES)]
        return [*actions, *joining.due(now_ns, awaited=awaited, owed=owed)]

    def _finalise(self, now_ns: int) -> list[Action]:
        """The relay, when it is ours to send and nobody has."""
        ruling = self._epochs.ruling(self.plan.round)
        actions: list[Action] = []
        for each, finaliser in self._finalisers.items():
            if self._epochs.finalised(each, self.plan.id) is None:
                actions += finaliser.due(now_ns, self._signings[each].message, ruling, self._journal)
        return actions

    def _joining(self, function: SubmissionFunction) -> Joining | None:
        """The calls of a function; None while it is not known who sends them. A commit in the journal says it too."""
        commit, membership = self._committing.commit, self.membership
        if function not in self._joinings:
            if function is _SIGNATURES:
                sender = None if membership is None else membership.submit_signatures
            elif commit is not None:
                sender = Address(commit.submit)
            else:
                sender = None if membership is None else membership.submit
            if sender is not None:
                self._joinings[function] = Joining(
                    course_of(function, self.plan),
                    network=self._network,
                    round_id=self.plan.id,
                    sender=sender,
                    journal=self._journal,
                    poll_ns=self.plan.margins.poll_ns,
                )
        return self._joinings.get(function)

    def _standing(self) -> Standing:
        return Standing(
            plan=self.plan,
            journal=self._journal,
            membership=self.membership,
            outcome=self.outcome,
            finalised=self._epochs.finalised(FTSO, self.plan.id),
            joinings=self._joinings,
            askings=self._beside.askings,
            signing=self._signings[FTSO],
            protocols=self._protocols,
            not_committed=self._committing.reason,
            seen_in_time=self._seen_in_time,
            not_settled=self._settle_reason or (EPOCH_UNKNOWN if self.facts is None else HISTORY_BEHIND),
            silence=self._silence,
        )
