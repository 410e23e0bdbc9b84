"""The store as the rest of Chrono sees it: opened once, its parts supervised by the root, closed last."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import psycopg
import structlog

from chrono.clock import Clock
from chrono.errors import DATABASE_AWAY, ChronoError
from chrono.settings import Settings
from chrono.store.candles import Candles
from chrono.store.consensus import Consensus
from chrono.store.database import AWAY, Database
from chrono.store.partitions import Kept, Partitions
from chrono.store.postgres import EmbeddedPostgres
from chrono.store.quotes import Quotes, Trades
from chrono.store.rollups import INTERVALS, Rollups
from chrono.store.spool import Spool
from chrono.store.submissions import Submissions
from chrono.store.upgrade import Upgrade
from chrono.store.writer import GroupWriter

Part = tuple[str, Callable[[], Awaitable[None]]]

MEGABYTE = 1024 * 1024
OPENING_DRAIN_S = 5.0
"""How long a start waits for what an earlier run left in the spool, so that the window is warmed with it too."""

FLUSH_S = 1.0

log = structlog.get_logger()


class Store:
    """PostgreSQL (embedded, or by URL) with the spool before it. Made by `Store.open`."""

    def __init__(self, settings: Settings, clock: Clock, server: EmbeddedPostgres | None, conninfo: str) -> None:
        rules = settings.store
        self._server = server
        self._writers = rules.writers
        self._prepared = asyncio.Event()
        self._preparing = asyncio.Lock()
        self.database = Database(conninfo, clock, pool_size=rules.pool_size, deadline_s=rules.deadline_s)
        self._rollups = Rollups(self.database, clock, raw_retention_days=rules.raw_retention_days)
        self._partitions = Partitions(self.database, clock, _kept(rules.raw_retention_days, rules.retention_days))
        spool = Spool(Path(settings.data_dir) / "spool.sqlite3", max_bytes=settings.ingest.spool_max_mb * MEGABYTE)
        self._writer = GroupWriter(self.database, spool, clock, rolled_to_ns=lambda: self._rollups.rolled_to_ns)
        self._writer.on_late = self._rollups.wake
        self._clock = clock
        self.quotes = Quotes(self.database, self._writer)
        self.trades = Trades(self.database, self._writer)
        self.candles = Candles(self.database, self._rollups)
        self.consensus = Consensus(self.database, clock)
        self.submissions = Submissions(self.database, clock, retention_days=rules.retention_days)

    @classmethod
    async def open(cls, settings: Settings, clock: Clock) -> "Store":
        """Start the embedded PostgreSQL if no URL is given, bring the schema up to date, drain an old spool.

        A PostgreSQL given by URL may be away: then writes go into the spool and the parts prepare it later.
        Raises: ChronoError(DATA_DIR_BUSY, DATA_DIR_UNREACHABLE, POSTGRES_FAILED, DATABASE_TOO_OLD, SCHEMA_UNKNOWN).
        """
        url = settings.store.database_url
        async with AsyncExitStack() as undo:
            server = EmbeddedPostgres(Path(settings.data_dir), clock) if url is None else None
            upgrade = None
            if server is not None and not server.made:
                upgrade = await Upgrade.begin()
                undo.push_async_callback(upgrade.abandon)
            if server is not None:
                undo.push_async_callback(server.stop)
                await server.start()
            conninfo = server.conninfo if server is not None else url.reveal() if url else ""
            store = cls(settings, clock, server, conninfo)
            undo.push_async_callback(store.close)
            await store._begin(upgrade)
            undo.pop_all()
        return store

    @property
    def postgres_pid(self) -> int | None:
        """The embedded PostgreSQL's first process, the parent of its others; None without one."""
        return None if self._server is None else self._server.pid

    @property
    def spooling(self) -> bool:
        """Whether writes go into the spool now, PostgreSQL being away or not yet caught up with."""
        return self._writer.spooling

    @property
    def refusing(self) -> bool:
        """Whether the last write was refused, PostgreSQL and the spool being both away or full."""
        return self._writer.refusing

    def parts(self) -> list[Part]:
        """What must run as long as the store is open: each to be restarted when it fails, cancelled at the end."""
        writers: list[Part] = [(f"store_writer_{n}", self._writer.run) for n in range(1, self._writers + 1)]
        parts: list[Part] = [
            *writers,
            ("store_drain", lambda: self._writer.drain(self._prepare)),
            ("store_partitions", lambda: self._once_prepared(self._partitions.run)),
            ("store_rollups", lambda: self._once_prepared(self._rollups.run)),
            ("store_consensus", lambda: self._once_prepared(self.consensus.run)),
            ("store_submissions", lambda: self._once_prepared(self.submissions.run)),
        ]
        return parts if self._server is None else [("store_postgres", self._server.watch), *parts]

    async def ping(self) -> None:
        """Raises: ChronoError(DATABASE_AWAY)."""
        await self.database.ping()

    async def pids(self) -> list[int]:
        """Every process of the embedded PostgreSQL, so that its memory can be told from ours.

        Raises: ChronoError(DATABASE_AWAY).
        """
        if self._server is None or self._server.pid is None:
            return []
        rows = await self.database.fetch("pids", "SELECT pid FROM pg_stat_activity")
        return [self._server.pid, *(pid for (pid,) in rows)]

    async def close(self) -> None:
        """Store what is queued of rounds and consensus if that is quick, and stop. The parts are cancelled before."""
        try:
            async with asyncio.timeout(FLUSH_S):
                await self.submissions.flush()
                await self.consensus.flush()
        except (ChronoError, psycopg.Error, *AWAY) as error:
            log.warning("store_not_flushed", cause=str(error)[:200])
        await self._writer.close()
        await self.database.close()
        if self._server is not None:
            await self._server.stop()

    async def _begin(self, upgrade: Upgrade | None) -> None:
        try:
            await self._prepare(upgrade)
        except ChronoError as error:
            if self._server is not None or error.reason is not DATABASE_AWAY:
                raise
            log.warning("database_away_at_start", cause=str(error))
            self._writer.spool_first()
            return
        if self._writer.spooling:
            await self._drain_first()

    async def _drain_first(self) -> None:
        draining = asyncio.ensure_future(self._writer.drain(self._prepare))
        try:
            async with asyncio.timeout(OPENING_DRAIN_S):
                await self._writer.drained()
        except TimeoutError:
            log.warning("spool_drains_on")
        finally:
            draining.cancel()
            await asyncio.wait([draining])

    async def _prepare(self, upgrade: Upgrade | None = None) -> None:
        """Schema, partitions and rollups as we need them; once. Raises: ChronoError."""
        async with self._preparing:
            if self._prepared.is_set():
                return
            await self._fit_schema(upgrade)
            await self._partitions.make()
            await self._rollups.start()
            self._prepared.set()

    async def _once_prepared(self, part: Callable[[], Awaitable[None]]) -> None:
        await self._prepared.wait()
        await part()

    async def _fit_schema(self, upgrade: Upgrade | None) -> None:
        state = await self.database.schema()
        if not state.fits:
            upgrade = upgrade or await Upgrade.begin()
            state = await upgrade.finish(self.database.conninfo)
            log.info("schema_upgraded", version=state.version)


def _kept(raw_days: int, days: int) -> list[Kept]:
    return [
        Kept("price_feeds", '"timestamp"', monthly=False, retention_days=raw_days),
        Kept("trades", '"timestamp"', monthly=False, retention_days=raw_days),
        Kept("consensus_derivations", '"timestamp"', monthly=False, retention_days=raw_days),
        Kept("aggregated_prices", '"timestamp"', monthly=True, retention_days=days),
        *(Kept(f"candles_{interval}", "bucket", monthly=True, retention_days=days) for interval in INTERVALS),
    ]
