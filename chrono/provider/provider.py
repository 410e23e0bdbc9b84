"""The voter: everything that a provider does on one chain, as one coroutine for whatever loop it is given.

`run` opens the chain, reads the journal and the history, and then drives the rounds and the duties of the reward
epochs until it is cancelled. `drain` begins nothing new and returns when nothing is owed any more.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from chrono.alerts.watched import Watched
from chrono.clock import SECOND_NS
from chrono.errors import NO_DATA_PROVIDER, VOTER_AWAY, ChronoError
from chrono.flare.address import Address
from chrono.flare.frames import FTSO, SubmissionFunction
from chrono.provider.chain_side import ChainSide
from chrono.provider.handed_rounds import Handed
from chrono.provider.setup import ProviderSetup, Seat
from chrono.provider.standing import count_round
from chrono.provider.waiting import report_away, report_before, watched_before
from chrono.provider.work import Work
from chrono.supervisor import PartState, Supervisor
from chrono.telemetry import create_duty_labels
from chrono.voting.journal import Journal
from chrono.voting.judging import Owed, owed_by
from chrono.voting.provider_report import Mode

WATCH_S: Final = 1.0
DRAIN_LOOK_S: Final = 0.1
LONGEST_BACKOFF_S: Final = 2.0
"""A part of the duty that crashes again and again still gets many tries within a reveal window."""

log = structlog.get_logger()


class Provider:
    """One voter. `on_watched` hears once a second what alarms are made of; it returns at once."""

    def __init__(self, setup: ProviderSetup, on_watched: Callable[[Watched], object] | None = None) -> None:
        """A live submitter has `setup.keys`. Raises: ValueError."""
        if setup.seat is Seat.SUBMITTER and setup.mode is Mode.LIVE and setup.keys is None:
            raise ValueError("nothing is signed without keys")
        self._setup = setup
        self._on_watched = on_watched
        self._work: Work | None = None
        self._journal: Journal | None = None
        self._supervisor: Supervisor | None = None
        self._stopping = False
        roles = () if setup.keys is None else sorted({each.role.value for each in setup.keys.keys})
        protocols = [FTSO, *(each.protocol_id for each in setup.protocols)]
        create_duty_labels([node.name for node in setup.nodes], roles, map(str, protocols))

    @property
    def states(self) -> Mapping[str, PartState]:
        """Every part by name, as it is now. May be read from any thread."""
        supervisor = self._supervisor
        return {} if supervisor is None else dict(supervisor.states)  # whole at once: parts are added meanwhile

    @property
    def now_ns(self) -> int:
        """Chain time; before the chain is open, the machine's."""
        clock = self._setup.clock if self._work is None else self._work.chain.clock
        return clock.now_ns()

    @property
    def owed(self) -> list[Owed]:
        """What must not be left undone, as long as it can still be done; before the chain is open, by the journal."""
        now_ns, work = self.now_ns, self._work
        if work is None:
            return [] if self._journal is None else owed_by(self._journal, now_ns)
        return [each for each in work.rounds.owed if now_ns < each.until_ns]

    @property
    def chain_state(self) -> str:
        """`healthy` with as many nodes alive as must agree, `unhealthy` with none. May be read from any thread."""
        work = self._work
        if work is None:
            return "degraded"  # it is being opened
        alive = len(work.chain.pool.standings.alive)
        return "healthy" if alive >= work.chain.pool.witnesses else "degraded" if alive else "unhealthy"

    async def run(self) -> None:
        """Vote, for ever.

        Raises: ChronoError(WRONG_CALENDAR, CONTRACT_MISSING) for another chain than we think, and JOURNAL_FOREIGN,
        JOURNAL_BROKEN for a journal that is not ours or cannot be read; CONTRACTS_MOVED: it is to begin anew.
        """
        chain = ChainSide(self._setup, self._wake)
        uncount = self._setup.reports.on_round(lambda report: count_round(self._setup.tally, report))
        supervisor = self._supervisor = Supervisor(self._setup.clock, longest_backoff_s=LONGEST_BACKOFF_S)
        try:
            journal = self._opened_journal()
            for name, run in (*chain.parts(), *self._setup.besides):
                supervisor.start(name, run)
            supervisor.start("watch", lambda: self._watch(chain))
            await chain.open()
            work = self._work = Work(self._setup, chain, journal, self._setup.tally)
            work.rounds.stopping = self._stopping
            for name, run in work.parts():
                supervisor.start(name, run)
            await chain.confirm()
            await asyncio.Event().wait()
        except ChronoError as error:
            self._setup.reports.tell_provider(report_away(self._setup, chain, error))
            raise
        finally:
            self._work = self._journal = None
            uncount()
            await supervisor.stop()

    async def drain(self, within_s: float) -> list[Owed]:
        """Begin nothing new, and return when nothing is owed any more, or after so long: what is owed still."""
        self._stopping = True
        until_ns = self._setup.clock.monotonic_ns() + int(within_s * SECOND_NS)
        while True:
            if self._work is not None:
                self._work.rounds.stopping = True
                self._work.rounds.wake()
            if not self.owed or self._setup.clock.monotonic_ns() >= until_ns:
                return self.owed
            await self._setup.clock.sleep(DRAIN_LOOK_S)

    async def hand(self, function: SubmissionFunction, round_id: int, sender: Address) -> Handed:
        """What the system client is to send for a round.

        Raises: ChronoError(NO_DATA_PROVIDER) in another seat, VOTER_AWAY before the chain is open, and those of
        `DataProvider.answer`.
        """
        if self._setup.seat is not Seat.DATA_PROVIDER:
            raise ChronoError(NO_DATA_PROVIDER)
        if self._work is None or self._work.data_provider is None:
            raise ChronoError(VOTER_AWAY)
        return await self._work.data_provider.answer(function, round_id, sender)

    def _opened_journal(self) -> Journal:
        """Read before the chain is open: what is owed must be known also where no node answers."""
        setup, network = self._setup, self._setup.network
        self._journal = Journal(setup.log, network=network.name, chain_id=network.chain_id, identity=setup.identity)
        return self._journal

    def _wake(self) -> None:
        if self._work is not None:
            self._work.rounds.wake()

    async def _watch(self, chain: ChainSide) -> None:
        """Tell how things stand, once a second, also before the chain is open."""
        began_ns = self._setup.clock.monotonic_ns()
        while True:
            work = self._work
            if self._on_watched is not None:
                self._on_watched(watched_before(self._setup, chain) if work is None else work.watch.watched())
            waited_ns = self._setup.clock.monotonic_ns() - began_ns
            report = report_before(self._setup, chain, waited_ns) if work is None else work.watch.report()
            self._setup.reports.tell_provider(report)
            if work is not None and work.senders is not None:
                work.senders.forget_settled(work.journal)
            await self._setup.clock.sleep(WATCH_S)
