"""The chain as the duty sees it: nodes, contracts, history and reward epochs, kept true by parts that run for ever."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from typing import Final, TypeVar

import structlog

from chrono.chain.contracts_file import Found
from chrono.chain.heads import HeadStream
from chrono.chain.indexer import Indexer
from chrono.chain.pool import Pool
from chrono.chain.registry import Contracts, Registry, check_calendar, relay_state
from chrono.chain.time import ChainClock
from chrono.clock import SECOND_NS
from chrono.errors import CONTRACT_MISSING, CONTRACTS_MOVED, NO_HEALTHY_NODE, VOTER_AWAY, WRONG_CALENDAR, ChronoError
from chrono.flare.address import Address
from chrono.flare.epochs import VotingRound
from chrono.flare.frames import FTSO
from chrono.flare.round.outcome import Outcome, round_from_transactions
from chrono.provider.setup import ProviderSetup
from chrono.supervisor import Run
from chrono.voting.epochs import EpochBook

RETRY_S: Final = 1.0
"""How soon the start is tried again when the nodes do not answer."""

RESOLVE_S: Final = 600.0
"""How often the registry is asked anew between reward epochs."""

_FATAL: Final = frozenset({WRONG_CALENDAR, CONTRACT_MISSING})
_Part = TypeVar("_Part")

log = structlog.get_logger()


class ChainSide:
    """One chain. After `open`, `parts` are to be run; `sync` takes what they read into the book."""

    def __init__(self, setup: ProviderSetup, on_change: Callable[[], None]) -> None:
        self.on_book: Callable[[], None] = lambda: None
        """Called when the book of reward epochs has changed."""
        self.hindered: ChronoError | None = None
        """Why the nodes have not told yet where everything is, when they were asked."""
        self.network = setup.network
        self.clock = ChainClock(setup.clock, [node.name for node in setup.nodes], setup.rules.time)
        self.pool = Pool(setup.nodes, self.clock, setup.rules.pool, on_head=self.clock.told)
        self._registry = Registry(self.pool, setup.registry, setup.known)
        self._sockets = dict(setup.sockets)
        self._rules = setup.rules
        self._file = setup.contracts
        self._confirmed = asyncio.Event()
        self._on_change = on_change
        self._history = setup.history
        self._found: Found | None = None
        self._indexer: Indexer | None = None
        self._book: EpochBook | None = None
        self._told: tuple[int, int] | None = None
        self._initialised: tuple[int, int | None] = (0, None)
        self._resolved_for: int | None = None

    @property
    def contracts(self) -> Contracts:
        """Where the contracts are now. Raises: ChronoError(VOTER_AWAY) before `open`."""
        return _there(self._found).contracts

    @property
    def indexer(self) -> Indexer:
        """What reads the history. Raises: ChronoError(VOTER_AWAY) before `open`."""
        return _there(self._indexer)

    @property
    def book(self) -> EpochBook:
        """The reward epochs. Raises: ChronoError(VOTER_AWAY) before `open`."""
        return _there(self._book)

    @property
    def submission(self) -> Address:
        """Where commits, reveals and signatures go."""
        return self.contracts.address("Submission")

    def addresses(self, name: str) -> Collection[Address]:
        """Every address that a contract's name stands for. Fits: keys.ports.Contracts."""
        return () if self._found is None else self._found.contracts.addresses((name,))

    def parts(self) -> Iterator[tuple[str, Run]]:
        """What is to run before `open`: the nodes' heads, asked for and, where a node has a socket, heard."""
        yield "nodes", self.pool.run
        for name, url in self._sockets.items():
            yield f"heads_{name}", HeadStream(name, url, self.network.chain_id, self.pool, self.clock).run

    async def open(self) -> None:
        """Return when the nodes told where everything is. Nodes that are away are waited for.

        Where a node answers, and no second one agrees, it begins with what was found last: what is owed goes out, and
        nothing is read and nothing new begun before `confirm` returns.
        Raises: ChronoError(WRONG_CALENDAR, CONTRACT_MISSING): that does not pass by waiting.
        """
        while (found := await self._asked()) is None:
            if self.pool.head is not None and (kept := self._kept()) is not None:
                log.warning("chain_reopened", cause="too few nodes agree: what is owed is sent, and nothing new begun")
                self._begin(kept)
                return
            await self.clock.sleep(RETRY_S)
        self._begin(found)
        self._confirm(found)

    async def confirm(self) -> None:
        """Return when two nodes agree on what `open` began with.

        Raises: ChronoError(CONTRACTS_MOVED) when they say something else, and those of `open`.
        """
        while not self._confirmed.is_set():
            await self.clock.sleep(RETRY_S)
            found = await self._asked()
            if found is None:
                continue
            moved = found.contracts.now != self.contracts.now
            self._confirm(found)
            if moved:
                raise ChronoError(CONTRACTS_MOVED)

    async def read_history(self) -> None:
        """Read the history and follow the head, for ever, once it is sure where everything is. A supervised part."""
        await self._confirmed.wait()
        await self.indexer.run()

    async def _asked(self) -> Found | None:
        """What two nodes agree on; None when they do not, which `hindered` then tells. Raises: as `open`."""
        try:
            return await self._find()
        except ChronoError as error:
            before, self.hindered = self.hindered, error
            if error.reason in _FATAL:
                raise
            if before is None or error.reason is not before.reason:  # once for each cause
                log.warning("chain_waits", cause=str(error))
            return None

    async def _find(self) -> Found:
        if self.pool.head is None:
            await self.pool.poll()
            if self.pool.head is None:
                raise ChronoError(NO_HEALTHY_NODE)
        contracts = await self._registry.resolve()
        state = await relay_state(self.pool, contracts.address("Relay"))
        check_calendar(state, self.network.timing)
        return Found(contracts, state)

    def _kept(self) -> Found | None:
        """What was found last, if it is of our calendar."""
        kept = None if self._file is None else self._file.load()
        if kept is not None:
            check_calendar(kept.state, self.network.timing)
        return kept

    def _confirm(self, found: Found) -> None:
        self.hindered = None
        self._confirmed.set()
        self._keep(found)

    def _keep(self, found: Found) -> None:
        if self._file is not None:
            self._file.save(found)

    def _begin(self, found: Found) -> None:
        self._found = found
        self._book = EpochBook(self.network, threshold_increase_bips=found.state.threshold_increase_bips)
        self._indexer = Indexer(
            self.pool,
            found.contracts,
            self.network.timing,
            self.clock,
            self._rules.index,
            on_change=self._on_change,
            file=self._history,
        )

    async def keep_resolved(self) -> None:
        """Ask the registry at each new reward epoch, and now and then, for ever. A supervised part."""
        await self._confirmed.wait()
        asked_ns = self.clock.monotonic_ns()
        while True:
            await self.clock.sleep(self._rules.look_s)
            newest = self.book.last_initialised
            late = self.clock.monotonic_ns() - asked_ns > RESOLVE_S * SECOND_NS
            if newest == self._resolved_for and not late:
                continue
            asked_ns = self.clock.monotonic_ns()
            try:
                found = Found(await self._registry.resolve(), _there(self._found).state)
            except ChronoError as error:
                log.warning("registry_waits", cause=str(error))
                continue
            self._resolved_for, self._found = newest, found
            self.indexer.contracts = found.contracts
            self._keep(found)

    def sync(self) -> bool:
        """Take what was read since into the book. Whether anything in it changed."""
        indexer = self.indexer
        tip = indexer.ledger.tip
        if not indexer.ready or tip is None:
            return False
        before, self._told = self._told, (indexer.forks, tip.number)
        if before is None or before[0] != indexer.forks:
            changed = self.book.tell(indexer.ledger.events)
        else:
            fresh = [told for told in indexer.ledger.events if told.block_number > before[1]]
            changed = bool(fresh) and self.book.tell(fresh, from_block=before[1] + 1)
        if changed:
            self.on_book()
        return changed

    async def ask_initialised(self) -> None:
        """Ask two nodes for the last reward epoch that has a signing policy; `initialised` then tells it."""
        asked_ns = self.clock.monotonic_ns()
        try:
            state = await relay_state(self.pool, self.contracts.address("Relay"))
        except ChronoError as error:
            if self._initialised[1] is not None:  # once: it is asked again each second
                log.warning("initialised_unknown", cause=error.reason.code)
            self._initialised = asked_ns, None
        else:
            self._initialised = asked_ns, state.last_initialised_reward_epoch

    def initialised(self, within_ns: int) -> int | None:
        """What was found when that was asked last, if that is not longer ago."""
        asked_ns, found = self._initialised
        return found if self.clock.monotonic_ns() - asked_ns <= within_ns else None

    def reveals_read(self, voting_round: VotingRound) -> bool:
        """Whether everything is here that decides the outcome of the round."""
        past = VotingRound(voting_round.id - self.network.benching_rounds, voting_round.timing)
        deadline_s = voting_round.reveal_window.end_ns // SECOND_NS
        return self.indexer.reads_from(past.epoch.start_s) and self.indexer.covers(deadline_s)

    def outcome(self, voting_round: VotingRound) -> Outcome:
        """What became of the round, from the transactions of everybody. Raises: LookupError without an electorate."""
        return round_from_transactions(
            voting_round,
            self.indexer.ledger.transactions,
            self.submission,
            self.book.electorate_of,
            self.network.benching_rounds,
        )

    def is_finalised(self, round_id: int, protocol_id: int = FTSO) -> bool:
        """Whether the Relay holds a result of the round."""
        return self._book is not None and self._book.finalised(protocol_id, round_id) is not None


def _there(part: _Part | None) -> _Part:
    if part is None:
        raise ChronoError(VOTER_AWAY)
    return part
