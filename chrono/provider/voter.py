"""The voter as the process sees it: a provider on a thread of its own, started from the settings, asked from the API.

What crosses between the two loops: snapshots of the market in, reports out, and questions through `ask`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Final, TypeVar

import structlog
from msgspec import Struct

from chrono.alerts.desk import AlertDesk
from chrono.alerts.sink import AlertQueue, HttpSink
from chrono.chain.history import HistoryFile
from chrono.clock import Clock
from chrono.errors import VOTER_AWAY, ChronoError
from chrono.flare.address import ADDRESS_BYTES, Address, checksummed
from chrono.flare.feeds import FeedId
from chrono.flare.frames import SubmissionFunction
from chrono.flare.networks import Network
from chrono.pricing.rounds import RoundValues, market_of
from chrono.provider.handed_rounds import Handed
from chrono.provider.hot_keys import HotKeys
from chrono.provider.memory_log import MemoryLog
from chrono.provider.opening import (
    identity_of,
    known_of,
    mode_of,
    nodes_of,
    protocols_of,
    registry_of,
    rules_of,
)
from chrono.provider.provider import Provider
from chrono.provider.setup import ProviderSetup, Seat
from chrono.provider.snapshots import Snapshots
from chrono.provider.thread import DutyThread, LoopFactory
from chrono.settings import Settings
from chrono.store.journal_file import JournalFile
from chrono.supervisor import PartState, Supervisor
from chrono.voting.budget import HitTally
from chrono.voting.journal import Journal
from chrono.voting.judging import Owed
from chrono.voting.ports import ByteLog
from chrono.voting.provider_report import Mode
from chrono.voting.reports import Reports

FOLDER: Final = "voter"
"""Below the data folder: the journals lie in it."""

_Answer = TypeVar("_Answer")

log = structlog.get_logger()


class Voter:
    """One provider on its thread. `run` is a supervised part of the main loop."""

    def __init__(
        self,
        settings: Settings,
        network: Network,
        keys: HotKeys | None,
        *,
        clock: Clock,
        snapshots: Snapshots,
        reports: Reports,
        loop_factory: LoopFactory | None = None,
    ) -> None:
        """Raises: ChronoError(BAD_SETTINGS, BAD_DEPLOYMENT)."""
        flare = settings.flare
        self._settings = settings
        self._network = network
        self._keys = keys
        self._clock = clock
        self._snapshots = snapshots
        self._answers: RoundValues | None = None
        self._supervisor = Supervisor(clock)
        self._main: asyncio.AbstractEventLoop | None = None
        self._reports = reports
        self.tally = HitTally()
        """What is counted of the reward epoch, whatever becomes of the thread; it may be told what is recorded."""
        self._identity = identity_of(flare)
        self._registry = registry_of(flare, network)
        self._known = known_of(flare, network)
        self._thread = DutyThread(self._work, loop_factory=loop_factory)
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
        """Begin nothing new, and return when nothing is owed any more, or after so long: what is owed still."""
        try:
            return await self.ask(lambda provider: provider.drain(within_s))
        except ChronoError as error:
            if error.reason is not VOTER_AWAY:
                raise
            return []

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
        flare, network = self._settings.flare, self._network
        nodes = nodes_of(flare, network.chain_id, self._clock)
        protocols = protocols_of(flare)
        alerts = self._settings.alerts
        queue = None if alerts.url is None else AlertQueue(HttpSink(alerts), self._clock)
        setup = ProviderSetup(
            network=network,
            identity=self._identity,
            registry=self._registry,
            known=self._known,
            nodes=nodes,
            sockets={node.name: url for node, url in zip(nodes, flare.node_sockets, strict=False)},
            clock=self._clock,
            log=self._log(),
            history=HistoryFile(history_path(self._settings.data_dir, network), network.chain_id),
            values=self._values,
            keys=self._keys,
            seat=Seat(flare.seat),
            mode=mode_of(flare),
            protocols=protocols,
            reports=self._reports,
            tally=self.tally,
            reward_data=flare.reward_data,
            besides=() if queue is None else (("alerts", queue.run),),
            rules=rules_of(flare, network),
        )
        self._provider = Provider(setup, AlertDesk(queue).look)
        try:
            await self._provider.run()
        finally:
            self._provider = None
            for node in nodes:
                await node.close()
            for protocol in protocols:
                await protocol.close()

    def _values(self, feeds: Sequence[FeedId]) -> list[Decimal | None]:
        """Our values for the round that runs: those that its askers were given, else the market's now, which they get.

        Called in the duty's thread; it waits for nobody.
        """
        round_id = self._network.timing.round_at(self._clock.now_ns()).id
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

    def _log(self) -> ByteLog:
        """The journal's file. A dry run keeps its own in memory: it must never stand in the way of the real one."""
        if mode_of(self._settings.flare) is Mode.DRY_RUN:
            return MemoryLog()
        path = journal_path(self._settings.data_dir, self._network, checksummed(self._identity))
        return JournalFile(path, self._clock)


class Voting(Struct, frozen=True, kw_only=True):
    """The chain that this process is about, and what crosses between the market and the voter, if there is one."""

    network: Network
    snapshots: Snapshots
    reports: Reports
    voter: Voter | None = None

    @classmethod
    def begin(
        cls, settings: Settings, network: Network, clock: Clock, keys: HotKeys | None, loop_factory: LoopFactory | None
    ) -> "Voting":
        """With a voter, when it has a seat. Raises: ChronoError(BAD_SETTINGS, BAD_DEPLOYMENT)."""
        plain = cls.alone(network, clock)
        if settings.flare.seat == "none":
            return plain
        snapshots, reports = plain.snapshots, plain.reports
        voter = Voter(
            settings, network, keys, clock=clock, snapshots=snapshots, reports=reports, loop_factory=loop_factory
        )
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


def open_pins(data_dir: str, network: Network, clock: Clock) -> Journal | None:
    """Where the value provider keeps what it answered; None, said loudly, where the disk does not allow it."""
    path = journal_path(data_dir, network, "values")
    nobody = Address(bytes(ADDRESS_BYTES))
    try:
        log_ = JournalFile(path, clock)
        return Journal(log_, network=network.name, chain_id=network.chain_id, identity=nobody)
    except ChronoError as error:
        log.error("answers_not_kept", cause=str(error))  # noqa: TRY400 - says it all
        return None


def journal_path(data_dir: str, network: Network, whose: str) -> Path:
    """Where a journal lies: one for each network and identity."""
    return Path(data_dir) / FOLDER / f"{network.name}-{whose}.journal"


def history_path(data_dir: str, network: Network) -> Path:
    """Where the events of a chain lie; the folder is made by the journal, and without it nothing is kept."""
    return Path(data_dir) / FOLDER / f"{network.name}.events"
