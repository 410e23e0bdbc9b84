"""Reads what a vote needs from the nodes into a Ledger: backwards at the start, then block by block behind the head.

Every block and every range of logs counts only when two nodes tell the very same, transactions included: a root made
from a block with something left out would be wrong for ever. Submission emits no events, so whole blocks are read.
Whatever fails is tried again from where it stands.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from typing import Final

import structlog
from msgspec import Struct

from chrono.chain.answers import Block, Head, Log
from chrono.chain.ledger import Ledger, Unlinked
from chrono.chain.pool import Pool
from chrono.chain.ports import LogQuery
from chrono.chain.registry import Contracts
from chrono.clock import SECOND_NS, Clock
from chrono.errors import HISTORY_CUT, NODE_REFUSED, NODES_DISAGREE, NOT_CONFIRMED, ChronoError
from chrono.flare.contracts.event_table import EVENTS
from chrono.flare.epochs import Timing
from chrono.telemetry import INDEX_BLOCK, INDEX_ROLLBACKS

CALLED: Final = ("Submission", "Relay")
"""Whose transactions are read; reverted relays count as well. Source: fsp.md section 2."""

HEARD: Final = ("Relay", "FlareSystemsManager", "VoterRegistry", "FlareSystemsCalculator", "FtsoRewardOffersManager")
"""Whose events are read."""

ROUND_EVENTS: Final = frozenset({"ProtocolMessageRelayed"})
"""Told each round: read with the blocks, not for the reward epochs before."""

TOPICS: Final = {shape.topic: shape.name for shape in EVENTS if shape.contract in HEARD}

AT_ONCE: Final = 8
_DEEPEST: Final = 64
_REST_S: Final = 0.5

log = structlog.get_logger()


class IndexRules(Struct, frozen=True, kw_only=True):
    """How history is read."""

    log_blocks: int = 1000
    """Blocks that are asked for at once; half as many after each refusal."""
    quiet_s: float = 5.0
    """A head that does not move for so long past a deadline counts as the last before it."""
    follow_s: float = 0.25
    """How often the pool's head is looked at."""


class Indexer:
    """Fills `ledger`. `run` is a supervised part; `contracts` may be replaced when an epoch moves them."""

    def __init__(
        self, pool: Pool, contracts: Contracts, timing: Timing, clock: Clock, rules: IndexRules | None = None
    ) -> None:
        self.contracts = contracts
        self.ledger = Ledger(timing)
        self._pool = pool
        self._clock = clock
        self._rules = rules or IndexRules()
        self._most_blocks = self._rules.log_blocks
        self._log_blocks = self._rules.log_blocks
        self._next_old: int | None = None
        self._old_end: int | None = None
        self._tip_since_ns = 0

    @property
    def ready(self) -> bool:
        """Whether all history that is needed has been read."""
        return self._old_end is not None and self._next_old == self._old_end

    def covers(self, deadline_s: int) -> bool:
        """Whether every block before `deadline_s` is here for sure.

        Either a block at or past it is, or two nodes stand at our newest one and nothing moved for `quiet_s` past it.
        """
        tip = self.ledger.tip
        if tip is None or not self.ready:
            return False
        if tip.time_s >= deadline_s:
            return True
        now_ns, quiet_ns = self._clock.now_ns(), int(self._rules.quiet_s * SECOND_NS)
        still = now_ns >= max(self._tip_since_ns, deadline_s * SECOND_NS) + quiet_ns
        return still and self._pool.standings.at_head(tip.hash, now_ns - quiet_ns // 2) >= self._pool.witnesses

    async def run(self) -> None:
        """Read what is missing, and follow the head, for ever."""
        while True:
            try:
                await self.catch_up()
            except ChronoError as error:
                log.warning("index_waits", cause=str(error))
                await self._clock.sleep(_REST_S)
            await self._clock.sleep(self._rules.follow_s)

    async def catch_up(self) -> None:
        """Read as far as two nodes are, and the history behind it. Raises: ChronoError; what was read stays."""
        head, last = self._pool.head, self._pool.standings.reached_by(self._pool.witnesses)
        if head is None or last is None:
            return
        if self.ledger.tip is None:
            await self._extend(await self._first_block_at(self.ledger.first_needed_s(head.time_s), head), last)
        elif last > self.ledger.tip.number:
            await self._extend(self.ledger.tip.number + 1, last)
        if not self.ready:
            await self._read_old(head)

    async def _extend(self, first: int, end: int) -> None:
        taken_back = 0
        while first <= end:
            last = min(first + AT_ONCE - 1, end)
            blocks = await asyncio.gather(*(self._block(number) for number in range(first, last + 1)))
            logs = await self._logs(first, last)
            for block in blocks:
                try:
                    self.ledger.extend(block, (each for each in logs if each.block_number == block.head.number))
                except Unlinked:
                    taken_back += 1
                    self._take_back(taken_back)
                    break
                self._tip_since_ns = self._clock.now_ns()
            tip = self.ledger.tip
            first = tip.number + 1 if tip is not None else max(first - 1, 0)
            INDEX_BLOCK.labels("newest").set(first - 1)

    def _take_back(self, depth: int) -> None:
        """The chain forked below our newest block, or the logs are of another fork than the block."""
        if depth > _DEEPEST or self.ledger.tip is None:
            raise ChronoError(NODES_DISAGREE, what="no common block", depth=depth)
        log.warning("block_taken_back", number=self.ledger.tip.number)
        INDEX_ROLLBACKS.inc()
        self.ledger.take_back()

    async def _block(self, number: int) -> Block:
        wanted = frozenset(self.contracts.addresses(CALLED))
        block = await self._pool.agreed(lambda node: node.block(number, wanted))
        assert block is not None  # noqa: S101 - `agreed` takes None for no answer
        return block

    async def _read_old(self, head: Head) -> None:
        """Events of the reward epochs before the oldest block that is read whole."""
        oldest = self.ledger.from_block
        if oldest is None:
            return
        if self._next_old is None:
            self._next_old = await self._first_block_at(self.ledger.first_event_s(head.time_s), head)
            self._old_end = max(oldest.number, self._next_old)
        assert self._old_end is not None  # noqa: S101 - set with the other
        while self._next_old < self._old_end:
            last = min(self._next_old + self._log_blocks, self._old_end) - 1
            logs = await self._logs(self._next_old, last, old=True)
            self.ledger.add_logs(logs, await self._times(logs))
            self._next_old = last + 1
            log.info("history_read", block=last, left=self._old_end - self._next_old)

    async def _logs(self, first: int, last: int, *, old: bool = False) -> list[Log]:
        """The logs of a range, asked for in pieces that the nodes answer."""
        topics = tuple(topic for topic, name in TOPICS.items() if not (old and name in ROUND_EVENTS))
        addresses = self.contracts.addresses(HEARD)
        found: list[Log] = []
        while first <= last:
            piece = min(first + self._log_blocks - 1, last)
            try:
                found += await self._piece(LogQuery(first, piece, addresses, topics))
            except ChronoError as error:
                if error.reason not in (NODE_REFUSED, NOT_CONFIRMED):
                    raise
                await self._smaller(piece - first + 1, error)
                continue
            first = piece + 1
            self._log_blocks = min(2 * self._log_blocks, self._most_blocks)
        return found

    async def _smaller(self, asked: int, error: ChronoError) -> None:
        """Ask for half as much from now on. A refusal is for ever; one that is busy may give more later."""
        if asked <= 1:
            raise ChronoError(HISTORY_CUT, cause=str(error)) from error
        self._log_blocks = asked // 2
        if error.reason is NODE_REFUSED:
            self._most_blocks = min(self._most_blocks, asked - 1)
        else:
            await self._clock.sleep(_REST_S)

    async def _piece(self, query: LogQuery) -> tuple[Log, ...]:
        """The logs on which two nodes agree. Raises: NODE_REFUSED when fewer answer because they refuse."""
        told = await self._pool.answers(lambda node: _tuple_of(node.logs(query)), self._pool.witnesses)
        counted = Counter(told.values()).most_common(1)
        if counted and counted[0][1] >= self._pool.witnesses:
            return counted[0][0]
        if len(told) >= self._pool.witnesses:
            raise ChronoError(NODES_DISAGREE, what="logs", first=query.first_block, last=query.last_block)
        await self._pool.ask(lambda node: node.logs(query))  # says why, if they refuse
        raise ChronoError(NOT_CONFIRMED, what="logs", answered=",".join(told), needed=self._pool.witnesses)

    async def _times(self, logs: list[Log]) -> dict[int, int]:
        """Block times by number."""
        numbers = sorted({each.block_number for each in logs})
        times: dict[int, int] = {}
        for start in range(0, len(numbers), AT_ONCE):
            heads = await asyncio.gather(*(self._header(number) for number in numbers[start : start + AT_ONCE]))
            times |= {head.number: head.time_s for head in heads}
        return times

    async def _header(self, number: int) -> Head:
        head = await self._pool.agreed(lambda node: node.header(number))
        assert head is not None  # noqa: S101 - `agreed` takes None for no answer
        return head

    async def _first_block_at(self, time_s: int, head: Head) -> int:
        """The first block whose time is `time_s` or later. Block times never go back, so they can be bisected."""
        low, high = 0, head.number
        while low < high:
            middle = (low + high) // 2
            found = await self._pool.ask(lambda node, number=middle: node.header(number))  # type: ignore[misc]
            if found is not None and found.time_s >= time_s:
                high = middle
            else:
                low = middle + 1
        return low


async def _tuple_of(logs: Awaitable[list[Log]]) -> tuple[Log, ...]:
    return tuple(await logs)
