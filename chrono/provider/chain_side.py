"""The chain as the duty sees it: nodes, contracts, history and reward epochs, kept true by parts that run for ever."""

from collections.abc import Callable, Collection, Iterator
from typing import Final, TypeVar

import structlog

from chrono.chain.heads import HeadStream
from chrono.chain.indexer import Indexer
from chrono.chain.pool import Pool
from chrono.chain.registry import Contracts, Registry, check_calendar, relay_state
from chrono.chain.time import ChainClock
from chrono.clock import SECOND_NS
from chrono.errors import CONTRACT_MISSING, NO_HEALTHY_NODE, VOTER_AWAY, WRONG_CALENDAR, ChronoError
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
        """Why `open` has not returned yet, when it failed."""
        self.network = setup.network
        self.clock = ChainClock(setup.clock, [node.name for node in setup.nodes], setup.rules.time)
        self.pool = Pool(setup.nodes, self.clock, setup.rules.pool, on_head=self.clock.told)
        self._registry = Registry(self.pool, setup.registry, setup.known)
        self._sockets = dict(setup.sockets)
        self._rules = setup.rules
        self._on_change = on_change
        self._history = setup.history
        self._contracts: Contracts | None = None
        self._indexer: Indexer | None = None
        self._book: EpochBook | None = None
        self._told: tuple[int, int] | None = None
        self._initialised: tuple[int, int | None] = (0, None)
        self._resolved_for: int | None = None

    @property
    def contracts(self) -> Contracts:
        """Where the contracts are now. Raises: ChronoError(VOTER_AWAY) before `open`."""
        return _there(self._contracts)

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
        return () if self._contracts is None else self._contracts.addresses((name,))

    def parts(self) -> Iterator[tuple[str, Run]]:
        """What is to run before `open`: the nodes' heads, asked for and, where a node has a socket, heard."""
        yield "nodes", self.pool.run
        for name, url in self._sockets.items():
            yield f"heads_{name}", HeadStream(name, url, self.network.chain_id, self.pool, self.clock).run

    async def open(self) -> None:
        """Return when the nodes told where everything is. Nodes that are away are waited for.

        Raises: ChronoError(WRONG_CALENDAR, CONTRACT_MISSING): that does not pass by waiting.
        """
        while True:
            try:
                await self._find()
            except ChronoError as error:
                before, self.hindered = self.hindered, error
                if error.reason in _FATAL:
                    raise
                if before is None or error.reason is not before.reason:  # once for each cause
                    log.warning("chain_waits", cause=str(error))
                await self.clock.sleep(RETRY_S)
            else:
                return

    async def _find(self) -> None:
        if self.pool.head is None:
            await self.pool.poll()
            if self.pool.head is None:
                raise ChronoError(NO_HEALTHY_NODE)
        contracts = await self._registry.resolve()
        state = await relay_state(self.pool, contracts.address("Relay"))
        check_calendar(state, self.network.timing)
        self._contracts = contracts
        self._book = EpochBook(self.network, threshold_increase_bips=state.threshold_increase_bips)
        self._indexer = Indexer(
            self.pool,
            contracts,
            self.network.timing,
            self.clock,
            self._rules.index,
            on_change=self._on_change,
            file=self._history,
        )

    async def keep_resolved(self) -> None:
        """Ask the registry at each new reward epoch, and now and then, for ever. A supervised part."""
        asked_ns = self.clock.monotonic_ns()
        while True:
            await self.clock.sleep(self._rules.look_s)
            newest = self.book.last_initialised
            late = self.clock.monotonic_ns() - asked_ns > RESOLVE_S * SECOND_NS
            if newest == self._resolved_for and not late:
                continue
            asked_ns = self.clock.monotonic_ns()
            try:
                self._contracts = await self._registry.resolve()
            except ChronoError as error:
                log.warning("registry_waits", cause=str(error))
                continue
            self._resolved_for = newest
            self.indexer.contracts = self._contracts

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
