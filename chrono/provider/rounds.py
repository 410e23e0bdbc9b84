"""Drives the rounds: opens each when its time comes, has done what it asks for, and tells it how that went.

A round asks when its time comes, when an answer came, and when the history has grown. Each action runs by itself, so a
slow one holds up nothing. After a crash every round that is not over is opened anew from the journal.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from msgspec import structs

from chrono.clock import SECOND_NS
from chrono.errors import JOURNAL_BROKEN, STEP_FAILED, UNKNOWN_SUBMISSION, ChronoError
from chrono.flare.epochs import VotingRound
from chrono.flare.frames import FTSO, SubmissionFunction
from chrono.flare.round.transactions import Transaction
from chrono.provider.chain_side import ChainSide
from chrono.provider.counting import Counts
from chrono.provider.hands import Hands
from chrono.provider.running import Duty, Ended, Running
from chrono.provider.setup import ProviderSetup, Seat
from chrono.provider.telling import Teller
from chrono.voting.actions import Action, ChainView, End
from chrono.voting.journal import Journal
from chrono.voting.judging import Owed, owed_by
from chrono.voting.margins import Margins
from chrono.voting.misses import Part
from chrono.voting.plan import RoundPlan
from chrono.voting.provider_report import Mode
from chrono.voting.reports import RoundReport
from chrono.voting.strangers import OwnAddresses, Strangers

KEPT_ROUNDS: Final = 64
"""Rounds that the journal keeps; what is older is closed for ever."""

ENDED_KEPT: Final = 3
MEND_NS: Final = 5 * SECOND_NS
"""How soon a journal that could not be written is tried again."""

log = structlog.get_logger()


class Rounds:
    """The rounds of one provider. `run` is a supervised part; `stopping` lets it begin nothing new."""

    def __init__(
        self,
        setup: ProviderSetup,
        chain: ChainSide,
        journal: Journal,
        hands: Hands,
        teller: Teller,
        own: Callable[[], OwnAddresses],
        make: Callable[[RoundPlan], Duty],
    ) -> None:
        """`own` names our addresses, `make` begins the duty of a round."""
        self.stopping = False
        self.ended: list[Ended] = []
        """The last rounds that ended, the newest last."""
        self.strangers = 0
        """How many transactions of our addresses were found that the journal does not know."""
        self._setup = setup
        self._chain = chain
        self._journal = journal
        self._hands = hands
        self._teller = teller
        self._own = own
        self._make = make
        self._counts = Counts(journal)
        self._strangers = Strangers(journal, setup.network.timing, setup.protocols_sent)
        self._margins = _margins(setup)
        self._running: dict[int, Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._asking: asyncio.Task[None] | None = None
        self._seen: tuple[int, bytes] | None = None
        self._mend_again_ns = 0

    @property
    def running(self) -> Sequence[Running]:
        """The rounds under way, the oldest first."""
        return [self._running[round_id] for round_id in sorted(self._running)]

    @property
    def owed(self) -> list[Owed]:
        """What must not be left undone; of a round that is not under way just now, what the journal knows of it."""
        by_journal = owed_by(self._journal, self._chain.clock.now_ns())
        beside = (each for each in by_journal if each.round_id not in self._running)
        return [*(owed for running in self.running for owed in running.duty.owed), *beside]

    def wake(self) -> None:
        """Something happened: look at once."""
        self._wake.set()

    async def run(self) -> None:
        """Drive the rounds, for ever."""
        self._running.clear()
        try:
            while True:
                self._wake.clear()
                next_ns = self._once()
                await self._rest(next_ns)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _once(self) -> int:
        """One look at everything; when the next is due. A round that fails is opened anew, and costs no other."""
        now_ns = self._chain.clock.now_ns()
        self._mend(now_ns)
        self._read(now_ns)
        self._open(now_ns)
        for running in self.running:
            try:
                self._look_at(running, now_ns)
            except Exception:  # a fault of ours in one round may cost no reveal of another
                log.exception("round_failed", round=running.plan.id, reason=STEP_FAILED.code)
                self._running.pop(running.plan.id, None)
        self._ask_initialised(now_ns)
        times = [running.duty.next_ns(now_ns) for running in self._running.values()]
        return min([*times, now_ns + int(self._setup.rules.look_s * SECOND_NS)])

    def _look_at(self, running: Running, now_ns: int) -> None:
        self._drive(running, now_ns)
        report = self._teller.round(running.plan, running.duty, now_ns)
        if running.duty.over:
            del self._running[running.plan.id]
            self._over(running, report)

    def _read(self, now_ns: int) -> None:
        """Take in what was read of the chain."""
        try:
            self._chain.sync()
            if self._grown():
                self._scan(now_ns)
        except Exception:  # what cannot be read today may be read tomorrow; what is owed goes on
            log.exception("history_not_taken_in", reason=STEP_FAILED.code)

    def _grown(self) -> bool:
        tip = self._chain.indexer.ledger.tip
        seen = None if tip is None or not self._chain.indexer.ready else (tip.number, tip.hash)
        before, self._seen = self._seen, seen
        return seen is not None and seen != before

    def _scan(self, now_ns: int) -> None:
        """Look for transactions of ours that the journal does not know, and let the rounds hear the others'."""
        transactions = self._chain.indexer.ledger.transactions
        for running in self.running:
            self._hear(running, transactions)
        try:
            unknown = self._strangers.scan(transactions, self._own(), now_ns)
        except ChronoError as error:  # its mark is not on disk: nothing new is said, and what is owed goes on
            log.error(UNKNOWN_SUBMISSION.code, cause=str(error))  # noqa: TRY400 - says it all
            return
        self.strangers += len(unknown)
        for each in unknown:
            log.error(
                UNKNOWN_SUBMISSION.code, round=each.round_id, function=each.function.name, block=each.block_number
            )

    def _hear(self, running: Running, transactions: Sequence[Transaction]) -> None:
        since_s = running.plan.commit_deadline_ns // SECOND_NS
        running.duty.heard(each for each in transactions if each.block_time_s >= since_s)

    def _open(self, now_ns: int) -> None:
        """Open the round whose voting epoch runs, and the one before it, whose reveals and signatures are due."""
        current = self._chain.network.timing.round_at(now_ns)
        for round_id in (current.id - 1, current.id):
            plan = RoundPlan.of(VotingRound(round_id, current.timing), self._margins)
            if round_id in self._running or now_ns >= plan.over_ns or self._is_ended(round_id):
                continue
            self._running[round_id] = Running(plan, self._make(plan))
            self._hear(self._running[round_id], self._chain.indexer.ledger.transactions)
            self._compact(now_ns)

    def _is_ended(self, round_id: int) -> bool:
        """Whether it ended for good. One with a commit of ours, ended by a clock that ran ahead, begins anew."""
        committed = self._journal.left(round_id, SubmissionFunction.SUBMIT1, FTSO)
        return not committed and any(each.round_id == round_id for each in self.ended)

    def _drive(self, running: Running, now_ns: int) -> None:
        for action in running.duty.due(now_ns, self.view(running.plan, now_ns)):
            if isinstance(action, End):
                continue
            task = asyncio.create_task(self._do(running, action), name=f"{type(action).__name__}-{running.plan.id}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _do(self, running: Running, action: Action) -> None:
        answer = await self._hands.do(action, running.duty.membership)
        try:
            if answer is not None:
                running.duty.answered(action, answer, self._chain.clock.now_ns())
        except Exception:  # a fault of ours in one round may cost no reveal of another: this one is opened anew
            log.exception("round_failed", round=running.plan.id, reason=STEP_FAILED.code)
            if self._running.get(running.plan.id) is running:
                del self._running[running.plan.id]
        self._wake.set()

    def _over(self, running: Running, report: RoundReport | None) -> None:
        why, ours = running.duty.why, running.duty.membership is not None
        uncommitted = running.duty.misses.of(Part.COMMIT)
        ended = Ended(running.plan.id, why, uncommitted, ours, self._is_missed(running))
        self.ended = [*self.ended, ended][-ENDED_KEPT:]
        if ours and report is not None and self._setup.mode is Mode.LIVE:
            self._counts.over(running.duty, report)
        code = None if why is None else why.code
        (log.info if why is None or not ours else log.warning)("round_over", round=running.plan.id, reason=code)

    def _is_missed(self, running: Running) -> bool:
        """Whether nothing of ours counts in the round; the outcome says more than our own transactions."""
        outcome, member = running.duty.outcome, running.duty.membership
        if outcome is not None and member is not None:
            return member.submit not in outcome.valid
        functions = (SubmissionFunction.SUBMIT1, SubmissionFunction.SUBMIT2)
        return not all(self._journal.done(running.plan.id, each, FTSO) for each in functions)

    def view(self, plan: RoundPlan, now_ns: int) -> ChainView:
        """What is known of the chain now, for a round."""
        head, clock = self._chain.pool.head, self._chain.clock
        return ChainView(
            head_time_ns=None if head is None else head.time_s * SECOND_NS,
            skew_ns=clock.skew_ns,
            late_ns=clock.late_ns,
            initialised=self._chain.initialised(self._fresh_ns),
            scanned=self._strangers.scanned,
            silent_through=self._strangers.silent_through,
            reveals_read=now_ns >= plan.reveal_deadline_ns and self._chain.reveals_read(plan.round),
            stopping=self.stopping,
        )

    @property
    def _fresh_ns(self) -> int:
        """How old the last word on reward epochs may be before a commit."""
        return max(self._margins.poll_ns * 5, SECOND_NS)

    def _ask_initialised(self, now_ns: int) -> None:
        """Before and while a commit is decided, keep asking for the last reward epoch that has a policy."""
        if self._asking is not None and not self._asking.done():
            return
        if any(self._decides(running.plan, now_ns) for running in self._running.values()):
            if self._chain.initialised(self._margins.poll_ns * 2) is not None:
                return
            self._asking = asyncio.create_task(self._asked(), name="initialised")
            self._tasks.add(self._asking)
            self._asking.add_done_callback(self._tasks.discard)

    def _decides(self, plan: RoundPlan, now_ns: int) -> bool:
        return plan.values_at_ns - 3 * self._margins.poll_ns <= now_ns <= plan.commit_stop_ns

    async def _asked(self) -> None:
        await self._chain.ask_initialised()
        self._wake.set()

    def _mend(self, now_ns: int) -> None:
        """After a fault of the disk: try again every few seconds to write the journal anew."""
        if self._journal.fault is None or now_ns < self._mend_again_ns:
            return
        self._mend_again_ns = now_ns + MEND_NS
        try:
            self._journal.mend()
        except ChronoError as error:
            log.error(JOURNAL_BROKEN.code, cause=str(error))  # noqa: TRY400 - says it all
        else:
            log.info("journal_mended")

    def _compact(self, now_ns: int) -> None:
        """Once a round: let go of what is old. A clock of ours that runs ahead of the chain may close nothing."""
        head = self._chain.pool.head
        if head is None:
            return
        by_ns = min(now_ns, head.time_s * SECOND_NS)
        try:
            self._journal.compact(self._chain.network.timing.round_at(by_ns).id - KEPT_ROUNDS, by_ns)
        except ChronoError as error:
            log.error(JOURNAL_BROKEN.code, cause=str(error))  # noqa: TRY400 - says it all

    async def _rest(self, until_ns: int) -> None:
        """Until then, or until something happened."""
        clock = self._chain.clock
        left_s = max(until_ns - clock.now_ns(), 0) / SECOND_NS  # no longer, if the chain's time is set back meanwhile
        waits = (self._wake.wait(), clock.sleep_until(until_ns), clock.sleep(left_s))
        waiting = [asyncio.ensure_future(each) for each in waits]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()


def _margins(setup: ProviderSetup) -> Margins:
    """The moments of a round; where another program sends, it also says when values are taken."""
    margins = setup.rules.margins or Margins.of(setup.network.timing)
    return margins if setup.seat is Seat.SUBMITTER else structs.replace(margins, values_after_ns=0)
