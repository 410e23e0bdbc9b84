"""Reads what a vote needs from the nodes into a Ledger: backwards at the start, then block by block behind the head.

Every block and every range of logs counts only when two nodes tell the very same, transactions included: a root made
from a block with something left out would be wrong for ever. Submission emits no events, so whole blocks are read.
Whatever fails is tried again from where it stands.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import structlog
from msgspec import Struct

from chrono.chain.answers import Block, Head, Log
from chrono.chain.history import History, HistoryFile, Kept, key_of
from chrono.chain.ledger import Ledger, Unlinked
from chrono.chain.log_reader import LogReader, together
from chrono.chain.pool import Pool
from chrono.chain.registry import Contracts
from chrono.clock import SECOND_NS, Clock
from chrono.errors import NODES_DISAGREE, ChronoError
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

OLD_TOPICS: Final = tuple(topic for topic, name in TOPICS.items() if name not in ROUND_EVENTS)

AT_ONCE: Final = 16
"""Blocks that are asked for together, unless the nodes cannot bear it."""

_DEEPEST: Final = 64
_REST_S: Final = 0.5

log = structlog.get_logger()


class IndexRules(Struct, frozen=True, kw_only=True):
    """How history is read."""

    log_blocks: int = 1000
    """Blocks whose logs are asked for at once, unless a node refuses so many."""
    quiet_s: float = 5.0
    """A head that does not move for so long past a deadline counts as the last before it."""
    follow_s: float = 0.25
    """How often the pool's head is looked at."""
    keep_s: float = 600.0
    """How often the events are written to disk; more often while the history is being read."""
    tell_s: float = 10.0
    """How often the log tells how far that is."""


class Indexer:
    """Fills `ledger`. `run` is a supervised part; `contracts` may be replaced when an epoch moves them."""

    def __init__(
        self,
        pool: Pool,
        contracts: Contracts,
        timing: Timing,
        clock: Clock,
        rules: IndexRules | None = None,
        on_change: Callable[[], None] | None = None,
        file: HistoryFile | None = None,
    ) -> None:
        """`on_change` is called when the ledger has grown, or shrunk; it returns at once. `file` keeps events."""
        self.contracts = contracts
        self.ledger = Ledger(timing)
        self.forks = 0
        """How often blocks that had been read were taken back."""
        self.waits_for = ""
        """The code of what reading failed for last; empty while it goes on."""
        self._on_change = on_change
        self._read_from_s: int | None = None
        self._pool = pool
        self._clock = clock
        self._rules = rules or IndexRules()
        self._reader = LogReader(pool, self._rules.log_blocks)
        self._file = file
        self._history = History()
        self._history_from_s = 0
        self._next_old: int | None = None
        self._old_end: int | None = None
        self._tip_since_ns = 0
        self._at_once = AT_ONCE
        self._kept_ns = self._told_ns = clock.monotonic_ns()

    @property
    def ready(self) -> bool:
        """Whether all history that is needed has been read."""
        return self._old_end is not None and self._next_old == self._old_end

    @property
    def left(self) -> int | None:
        """Blocks whose events are still to be read; None before it is known from where on."""
        return None if self._next_old is None or self._old_end is None else self._old_end - self._next_old

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

    def reads_from(self, time_s: int) -> bool:
        """Whether every transaction since `time_s` that counts is here, up to the newest block that was read."""
        tip, first_s = self.ledger.tip, self._read_from_s
        if tip is None or first_s is None:
            return False
        return max(first_s, self.ledger.first_needed_s(tip.time_s)) <= time_s

    async def run(self) -> None:
        """Read what is missing, and follow the head, for ever."""
        while True:
            try:
                await self.catch_up()
                self.waits_for = ""
            except ChronoError as error:
                self._tell_wait(error)
                await self._clock.sleep(_REST_S)
            await self._clock.sleep(self._rules.follow_s)

    def _tell_wait(self, error: ChronoError) -> None:
        """Once for each reason: it is tried again twice a second."""
        if self.waits_for != error.reason.code:
            self.waits_for = error.reason.code
            log.warning("index_waits", cause=str(error))

    async def catch_up(self) -> None:
        """Read as far as two nodes are, and the history behind it. Raises: ChronoError; what was read stays."""
        head, last = self._pool.head, self._pool.standings.reached_by(self._pool.witnesses)
        if head is None or last is None:
            return
        if self.ledger.tip is None:
            since_s = self.ledger.first_needed_s(head.time_s)
            first = await self._reader.first_at(since_s, head)
            self._read_from_s = await self._reader.whole_since(first, since_s)
            await self._extend(first, last)
        else:
            await self._follow()
        if not self.ready:
            await self._read_old(head)
        self._keep()

    async def _follow(self) -> None:
        standings, witnesses, tip = self._pool.standings, self._pool.witnesses, self.ledger.tip
        last = standings.reached_by(witnesses)
        if last is None or tip is None or last < tip.number:
            return
        first = tip.number + 1
        if last == tip.number and standings.beside(tip) >= witnesses:
            self._take_back(1)  # a fork of the same length: nothing else shows it until its next block comes
            first = last
        await self._extend(first, last)

    async def _extend(self, first: int, end: int) -> None:
        taken_back = 0
        while first <= end:
            last = min(first + self._at_once - 1, end)
            blocks, logs = await self._whole(first, last)
            for block in blocks:
                own = [each for each in logs if each.block_number == block.head.number]
                try:
                    self.ledger.extend(block, own)
                except Unlinked:
                    taken_back += 1
                    self._take_back(taken_back)
                    break
                self._history.add(_lasting(own), {block.head.number: block.head.time_s})
                self._tip_since_ns = self._clock.now_ns()
            tip = self.ledger.tip
            first = tip.number + 1 if tip is not None else max(first - 1, 0)
            self._changed()
            INDEX_BLOCK.labels("newest").set(first - 1)

    async def _whole(self, first: int, last: int) -> tuple[list[Block], list[Log]]:
        """Blocks and their logs. Fewer at once after a failure: nodes may limit the questions in a second."""
        try:
            blocks, logs = await asyncio.gather(
                together([self._block(number) for number in range(first, last + 1)]),
                self._reader.read(first, last, self.contracts.addresses(HEARD), tuple(TOPICS)),
            )
        except ChronoError:
            self._at_once = max(self._at_once // 2, 1)
            raise
        self._at_once = min(self._at_once + 1, AT_ONCE)
        return blocks, logs

    def _take_back(self, depth: int) -> None:
        """The chain forked below our newest block, or the logs are of another fork than the block."""
        if depth > _DEEPEST or self.ledger.tip is None:
            raise ChronoError(NODES_DISAGREE, what="no common block", depth=depth)
        log.warning("block_taken_back", number=self.ledger.tip.number)
        INDEX_ROLLBACKS.inc()
        self.forks += 1
        self._history.take_back(self.ledger.tip.number)
        self.ledger.take_back()

    def _changed(self) -> None:
        if self._on_change is not None:
            self._on_change()

    async def _block(self, number: int) -> Block:
        wanted = frozenset(self.contracts.addresses(CALLED))
        return await self._pool.agreed(lambda node: node.block(number, wanted))

    async def _read_old(self, head: Head) -> None:
        """Events of the reward epochs before the oldest block that is read whole. The head is followed meanwhile."""
        oldest = self.ledger.from_block
        if oldest is None:
            return
        if self._next_old is None:
            await self._begin_old(head, oldest)
        while self._next_old is not None and self._old_end is not None and self._next_old < self._old_end:
            last = min(self._next_old + self._reader.batch, self._old_end) - 1
            logs = await self._reader.read(self._next_old, last, self.contracts.addresses(HEARD), OLD_TOPICS)
            times_s = await self._reader.times(logs)
            self.ledger.add_logs(logs, times_s)
            self._history.add(logs, times_s)
            self._next_old = last + 1
            self._changed()
            await self._tell_progress()
            await self._follow()

    async def _begin_old(self, head: Head, oldest: Head) -> None:
        """Find out from where on events are needed that are not on disk."""
        from_s = self.ledger.first_event_s(head.time_s)
        kept = await self._restored(from_s, head)
        first = await self._reader.first_at(from_s, head) if kept is None else kept.last_block + 1
        self._history_from_s = from_s if kept is None else kept.from_s
        self._next_old, self._old_end = first, max(oldest.number, first)
        log.info("history_begun", blocks=self._old_end - first, kept=0 if kept is None else len(kept.logs))

    async def _restored(self, from_s: int, head: Head) -> Kept | None:
        """The events on disk, if they are of this chain and reach far enough back."""
        kept = None if self._file is None else self._file.load(self._key)
        if kept is None or kept.from_s > from_s or kept.last_block > head.number:
            return None
        last = await self._reader.known_header(kept.last_block)
        if last is None or last.hash != kept.last_hash:
            cause = "it is of another chain" if last else "it ends before what the nodes still have"
            log.warning("history_unread", cause=cause)
            return None
        logs = [each.log for each in kept.logs]
        self.ledger.add_logs(logs, {each.block_number: each.block_time_s for each in kept.logs})
        self._history.restore(kept)
        self._changed()
        return kept

    async def _tell_progress(self) -> None:
        INDEX_BLOCK.labels("history_left").set(self.left or 0)
        now_ns = self._clock.monotonic_ns()
        if self.left and now_ns - self._told_ns < self._rules.tell_s * SECOND_NS:
            return
        self._told_ns = now_ns
        log.info("history_read", left=self.left)
        if self._next_old is not None and self._file is not None:
            last = self._next_old - 1
            self._write(last, (await self._reader.header(last)).hash)

    def _keep(self) -> None:
        """Write the events to disk, now and then, as far as no fork reaches."""
        now_ns, tip = self._clock.monotonic_ns(), self.ledger.tip
        if not self.ready or tip is None or now_ns - self._kept_ns < self._rules.keep_s * SECOND_NS:
            return
        deep = self.ledger.head_at(tip.number - _DEEPEST)
        if deep is not None:
            self._write(deep.number, deep.hash)

    def _write(self, last: int, last_hash: bytes) -> None:
        self._kept_ns = self._clock.monotonic_ns()
        if self._file is not None and self.ledger.tip is not None:
            self._history_from_s = max(self._history_from_s, self.ledger.first_event_s(self.ledger.tip.time_s))
            self._file.save(self._key, self._history.kept(self._history_from_s, last, last_hash))

    @property
    def _key(self) -> bytes:
        return key_of(self.contracts.addresses(HEARD), OLD_TOPICS)


def _lasting(logs: Iterable[Log]) -> Iterator[Log]:
    """Those that are not told each round."""
    return (each for each in logs if each.topics and TOPICS.get(each.topics[0]) not in ROUND_EVENTS)
