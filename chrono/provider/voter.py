"""The voter as the process sees it: a provider on a thread of its own, begun by whoever knows how, asked from the API.

What crosses between the two loops: snapshots of the market in, reports out, and questions through `ask`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from decimal import Decimal
from functools import partial
from typing import Final, TypeAlias, TypeVar

from msgspec import Struct

from chrono.clock import SECOND_NS, Clock
from chrono.errors import VOTER_AWAY, ChronoError
from chrono.flare.address import Address
from chrono.flare.feeds import FeedId
from chrono.flare.frames import SubmissionFunction
from chrono.flare.networks import Network
from chrono.pricing.rounds import RoundValues, market_of
from chrono.provider.alerting import Alerting
from chrono.provider.handed_rounds import Handed
from chrono.provider.provider import LONGEST_BACKOFF_S, Provider
from chrono.provider.setup import ProviderSetup, ValuesOf
from chrono.provider.snapshots import Snapshots
from chrono.provider.thread import DutyThread
from chrono.supervisor import PartState, Supervisor
from chrono.voting.budget import HitTally
from chrono.voting.judging import Owed
from chrono.voting.reports import Reports

AWAY_S: Final = 5.0
"""How long a stop waits for a duty that is away: longer than its supervisor takes to start it again."""

AWAY_LOOK_S: Final = 0.1

_Answer = TypeVar("_Answer")


class Crossing(Struct, frozen=True, kw_only=True):
    """What crosses between the two loops: values in, reports out, and a count that outlives the thread."""

    values: ValuesOf
    """To vote with: the same for a round as its askers are given."""
    market: ValuesOf
    """What the market says now."""
    reports: Reports
    tally: HitTally


Begin: TypeAlias = Callable[[Crossing], AbstractAsyncContextManager[ProviderSetup]]
"""Makes everything that belongs to the duty's loop, entered in it. Fits: from_settings.FromSettings."""


class Voter:
    """One provider on its thread, supervised."""

    def __init__(
        self,
        begin: Begin,
        network: Network,
        clock: Clock,
        *,
        snapshots: Snapshots,
        reports: Reports,
        alerting: Alerting | None = None,
    ) -> None:
        self._begin = begin
        self._network = network
        self._clock = clock
        self._snapshots = snapshots
        self._answers: RoundValues | None = None
        self._supervisor = Supervisor(clock, longest_backoff_s=LONGEST_BACKOFF_S)
        self._main: asyncio.AbstractEventLoop | None = None
        self._reports = reports
        self._alerting = alerting
        self.tally = HitTally()
        """What is counted of the reward epoch, whatever becomes of the thread; it may be told what is recorded."""
        self._thread = DutyThread(self._work)
        self._provider: Provider | None = None

    @property
    def states(self) -> Mapping[str, PartState]:
        """The thread, and every part of the duty by name, as it is now."""
        provider = self._provider
        inside = {} if provider is None else provider.states
        return {**self._supervisor.states, **{f"voter_{name}": state for name, state in inside.items()}}

    @property
    def chain_state(self) -> str:
        """How the chain does: `healthy` with as many nodes alive as must agree, `unhealthy` with none."""
        provider = self._provider
        return "unhealthy" if provider is None else provider.chain_state

    @asynccontextmanager
    async def started(self) -> AsyncIterator[None]:
        """Vote as long as this is entered; a thread that crashes is started again.

        It is entered before anything else of the process: what is owed from before a crash waits for no database.
        """
        self._main = asyncio.get_running_loop()
        if self._alerting is not None:
            for name, run in self._alerting.parts(self._why_away):
                self._supervisor.start(name, run)
        self._supervisor.start("voter", self._thread.run)
        try:
            yield
        finally:
            await self._supervisor.stop()

    def agree_with(self, answers: RoundValues) -> None:
        """From now on, vote with what the value provider answers, and let it answer what was voted with."""
        self._answers = answers

    async def ask(self, question: Callable[[Provider], Awaitable[_Answer]]) -> _Answer:
        """What the provider answers, asked in its own loop. Raises: ChronoError(VOTER_AWAY) while there is none."""

        async def asked() -> _Answer:
            if self._provider is None:
                raise ChronoError(VOTER_AWAY)
            return await question(self._provider)

        return await self._thread.ask(asked)

    async def hand(self, function: SubmissionFunction, round_id: int, sender: Address) -> Handed:
        """What the system client is to send for a round. Raises: ChronoError, as `Provider.hand`."""
        return await self.ask(lambda provider: provider.hand(function, round_id, sender))

    async def drain(self, within_s: float) -> list[Owed]:
        """Begin nothing new, and return when nothing is owed any more, or after so long: what is owed still.

        A duty that has just crashed is waited for: it is started again, and does what its journal owes.
        """
        end_ns = self._clock.monotonic_ns() + int(within_s * SECOND_NS)
        away_s = 0.0
        while True:
            left_s = max(end_ns - self._clock.monotonic_ns(), 0) / SECOND_NS
            try:
                return await self.ask(partial(_drained, within_s=left_s))
            except ChronoError as error:
                if error.reason is not VOTER_AWAY:
                    raise
            if away_s >= min(AWAY_S, left_s):
                return []
            await self._clock.sleep(AWAY_LOOK_S)
            away_s += AWAY_LOOK_S

    async def owed(self) -> list[Owed]:
        """What would be lost if the process ended now."""

        async def owed(provider: Provider) -> list[Owed]:
            return provider.owed

        try:
            return await self.ask(owed)
        except ChronoError:
            return []

    async def _work(self) -> None:
        """The duty's thread: everything that belongs to its loop is made in it, and closed there."""
        crossing = Crossing(values=self._values, market=self._snapshots.values, reports=self._reports, tally=self.tally)
        hear = None if self._alerting is None else self._alerting.hear
        async with self._begin(crossing) as setup:
            self._provider = Provider(setup, hear)
            try:
                await self._provider.run()
            finally:
                self._provider = None

    def _why_away(self) -> str:
        """Why nothing is heard of the duty."""
        if self._provider is not None:
            return "its loop stands still"
        return self._supervisor.states["voter"].failure or "it has not begun yet"

    def _values(self, feeds: Sequence[FeedId]) -> list[Decimal | None]:
        """Our values for the round that runs: those that its askers were given, else the market's now, which they get.

        Called in the duty's thread; it waits for nobody.
        """
        provider = self._provider
        now_ns = self._clock.now_ns() if provider is None else provider.now_ns  # a wall clock may be seconds ahead
        round_id = self._network.timing.round_at(now_ns).id
        answers, newest = self._answers, self._snapshots.newest
        pinned = None if answers is None else answers.pinned(round_id)
        if pinned is not None:
            return [None if (market := market_of(feed)) is None else pinned.values.get(market) for feed in feeds]
        if newest is None:
            return [None] * len(feeds)
        if self._main is not None and answers is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody asks any more
                estimates = list(newest.estimates.values())
                self._main.call_soon_threadsafe(answers.adopt, round_id, newest.at_ns, estimates)
        return [newest.value(feed) for feed in feeds]


async def _drained(provider: Provider, *, within_s: float) -> list[Owed]:
    return await provider.drain(within_s)


class Voting(Struct, frozen=True, kw_only=True):
    """The chain that this process is about, and what crosses between the market and the voter, if there is one."""

    network: Network
    snapshots: Snapshots
    reports: Reports
    voter: Voter | None = None

    @classmethod
    def with_voter(cls, begin: Begin, network: Network, clock: Clock, alerting: Alerting | None = None) -> "Voting":
        """With a voter that `begin` begins."""
        snapshots, reports = Snapshots(clock), Reports()
        voter = Voter(begin, network, clock, snapshots=snapshots, reports=reports, alerting=alerting)
        return cls(network=network, snapshots=snapshots, reports=reports, voter=voter)

    @classmethod
    def alone(cls, network: Network, clock: Clock) -> "Voting":
        """Without a voter."""
        return cls(network=network, snapshots=Snapshots(clock), reports=Reports())

    @asynccontextmanager
    async def started(self) -> AsyncIterator[None]:
        """The voter at work, as long as this is entered."""
        if self.voter is None:
            yield
            return
        async with self.voter.started():
            yield
