"""Group commit: batches that wait together are stored together, and each is answered when it is durable.

While PostgreSQL is well, writers take the waiting batches in groups and COPY them. When it fails or does not answer
in time, the same group goes into the spool, and from then on all groups go there, behind it, until the spool is
drained: of two rows with one key the first to be accepted wins, whichever way it took.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import psycopg
import structlog

from chrono.clock import SECOND_NS, Clock
from chrono.errors import ROW_REFUSED, ChronoError
from chrono.store.copying import Repeats, Stored, store_group
from chrono.store.database import AWAY, Database, Line, deadline
from chrono.store.rows import MINUTE_NS, Batch
from chrono.store.spool import Spool, Spooled
from chrono.telemetry import DB_SECONDS

GROUP_ROWS = 2_000
"""Rows of one live group: a COPY of them takes some 8 ms."""

DRAIN_ROWS = 10_000
LAST_LAP_ROWS = 20_000
"""With so few rows left in the spool, live writes wait for the rest of it: about a fifth of a second."""

LATE_S = 30
"""A row of a minute that ended longer ago is noted as late. See chrono.store.rollups.grace_ns."""

_NONE: Mapping[Any, Any] = MappingProxyType({})
_FAILED = (psycopg.Error, *AWAY)
_Result = TypeVar("_Result")

log = structlog.get_logger()


class _Waiting(NamedTuple):
    batch: Batch
    durable: asyncio.Future[Repeats]


class GroupWriter:
    """The one way into price_feeds and trades. `write` waits; `run` (several) and `drain` (one) are the parts."""

    def __init__(self, database: Database, spool: Spool, clock: Clock, *, rolled_to_ns: Callable[[], int]) -> None:
        self._database = database
        self._spool = spool
        self._clock = clock
        self._rolled_to_ns = rolled_to_ns
        self._waiting: deque[_Waiting] = deque()
        self._filled = asyncio.Event()
        self._to_drain = asyncio.Event()
        self._drained = asyncio.Event()
        self._spooling = False
        self._set_spooling(spool.rows_waiting > 0)
        self._turn = asyncio.Lock()  # who puts into the spool, or empties the last of it
        # SQLite blocks; one thread also keeps its calls in order.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="chrono-spool")
        self.on_late: Callable[[], None] = lambda: None
        self.refusing = False
        """Whether the last write was refused: neither PostgreSQL nor the spool could keep it."""

    async def write(self, batch: Batch) -> Repeats:
        """Return when the batch is durable, with what of it was there already; of the spool's nobody knows yet.

        Raises: ChronoError(SPOOL_FULL, ROW_REFUSED); then nothing is claimed.
        """
        durable: asyncio.Future[Repeats] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(batch, durable))
        self._filled.set()
        return await durable

    @property
    def spooling(self) -> bool:
        """Whether writes go into the spool now."""
        return self._spooling

    def spool_first(self) -> None:
        """Begin with the spool, as PostgreSQL is known to be away."""
        self._set_spooling(True)

    async def drained(self) -> None:
        """Return when writes go to PostgreSQL."""
        await self._drained.wait()

    def _set_spooling(self, spooling: bool) -> None:
        self._spooling = spooling
        raised, lowered = (self._to_drain, self._drained) if spooling else (self._drained, self._to_drain)
        raised.set()
        lowered.clear()

    async def run(self) -> None:
        """Store groups until cancelled."""
        line = Line(self._database)
        try:
            while True:
                await self._filled.wait()
                if group := self._take():
                    await self._settle(line, group)
        finally:
            line.drop()

    async def drain(self, ready: Callable[[], Awaitable[None]]) -> None:
        """Bring what was spooled into PostgreSQL whenever that is possible, in order. Until cancelled.

        `ready` is awaited before each attempt and fails while PostgreSQL is away or not prepared.
        """
        line = Line(self._database)
        pause_s = 0.1
        try:
            while True:
                await self._to_drain.wait()
                try:
                    await ready()
                    await self._drain_once(line)
                    pause_s = 0.1
                except (*_FAILED, ChronoError) as error:
                    line.drop()
                    log.warning("spool_waits", rows=self._spool.rows_waiting, cause=str(error)[:200])
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 2, 1.0)
        finally:
            line.drop()

    async def close(self) -> None:
        """Give up what nobody waits for any more, and close the spool."""
        while self._waiting:
            self._waiting.popleft().durable.cancel()
        await self._in_thread(self._spool.close)
        self._thread.shutdown()

    def _take(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        rows = 0
        while self._waiting and rows < GROUP_ROWS:
            group.append(self._waiting.popleft())
            rows += group[-1].batch.rows
        if not self._waiting:
            self._filled.clear()
        return group

    async def _settle(self, line: Line, group: Sequence[_Waiting]) -> None:
        """Store the group somewhere and tell everyone who waits for it."""
        batches = [waiting.batch for waiting in group]
        try:
            stored = await self._store(line, batches)
        except ChronoError as error:
            self.refusing = True
            _tell(group, error)
        except Exception as error:
            _tell(group, error)
            raise
        except asyncio.CancelledError:
            for waiting in group:
                waiting.durable.cancel()
            raise
        else:
            self.refusing = False
            _tell([w for w in group if w.batch in stored.refused], ChronoError(ROW_REFUSED, cause="see the log"))
            _tell(group, None, stored.repeats)

    async def _store(self, line: Line, batches: Sequence[Batch]) -> Stored:
        failed = False
        if not self._spooling:
            try:
                return await self._copy(line, batches, late_before_ns=self._late_before_ns())
            except _FAILED as error:
                failed = True
                line.drop()
                log.warning("spooling", rows=sum(batch.rows for batch in batches), cause=str(error)[:200])
        async with self._turn:
            if failed or self._spooling:
                await self._put_by(batches)
                return Stored([], {})
        return await self._store(line, batches)  # drained while we waited for our turn

    async def _put_by(self, batches: Sequence[Batch]) -> None:
        self._spooling = True
        try:
            await self._in_thread(self._spool.append, batches)
        finally:
            # Refused by the spool with nothing in it: the next group may try PostgreSQL again.
            self._set_spooling(self._spool.rows_waiting > 0)

    async def _copy(self, line: Line, batches: Sequence[Batch], late_before_ns: int | None) -> Stored:
        started_ns = self._clock.monotonic_ns()
        connection = await line.connection()
        with deadline(connection, self._database.deadline_s):
            stored = await store_group(connection, batches, late_before_ns)
        self._database.answered()
        DB_SECONDS.labels("write").observe((self._clock.monotonic_ns() - started_ns) / SECOND_NS)
        if late_before_ns is None or any(batch.oldest_ns < late_before_ns for batch in batches):
            self.on_late()
        return stored

    def _late_before_ns(self) -> int:
        ended = (self._clock.now_ns() - LATE_S * SECOND_NS) // MINUTE_NS * MINUTE_NS
        return max(ended, self._rolled_to_ns())

    async def _drain_once(self, line: Line) -> None:
        while self._spool.rows_waiting > LAST_LAP_ROWS:
            await self._drain_some(line)
        async with self._turn:
            while self._spool.rows_waiting:
                await self._drain_some(line)
            self._set_spooling(False)
        log.info("spool_drained")

    async def _drain_some(self, line: Line) -> None:
        spooled: Spooled = await self._in_thread(self._spool.oldest, DRAIN_ROWS)
        if spooled.batches:
            refused, _ = await self._copy(line, spooled.batches, late_before_ns=None)
            if refused:
                await self._in_thread(self._spool.set_aside, refused)
        await self._in_thread(self._spool.remove, spooled)

    async def _in_thread(self, call: Callable[..., _Result], *arguments: object) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)


def _tell(group: Sequence[_Waiting], error: Exception | None, repeats: Mapping[int, Repeats] = _NONE) -> None:
    for waiting in group:
        if waiting.durable.done():
            continue
        if error is None:
            waiting.durable.set_result(repeats.get(id(waiting.batch), _NONE))
        else:
            waiting.durable.set_exception(error)
