"""Candles made from raw quotes by a job: per market, venue and minute, and from those the longer ones.

`rolled_to` is a minute, kept in the database: every quote before it is in the candles, none from it on is, so a
reader adds the candles and the raw quotes from `rolled_to` on, and misses nothing and counts nothing twice.
A quote that comes for a minute before it is noted in rollup_due in the transaction that stores the quote, and its
minute is made anew.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import pairwise

import structlog

from chrono.clock import SECOND_NS, Clock
from chrono.errors import ChronoError
from chrono.store.database import Connection, Database, Row
from chrono.store.rows import MINUTE_NS, stamp
from chrono.store.writer import LATE_S

INTERVALS = {
    "1m": MINUTE_NS,
    "5m": 5 * MINUTE_NS,
    "15m": 15 * MINUTE_NS,
    "1h": 60 * MINUTE_NS,
    "4h": 240 * MINUTE_NS,
    "1d": 1440 * MINUTE_NS,
}
"""Each interval's length; each is made from the one before it."""

MOST_MINUTES = 60
DUE_PER_PASS = 200
PASS_S = 1.0
JOB_DEADLINE_S = 30.0
ROLLED_TO = "rolled_to"

_COLUMNS = "symbol, bucket, source, open, high, low, close, volume, num_feeds, opened_at, closed_at"
_REPLACE = (
    " ON CONFLICT (symbol, bucket, source) DO UPDATE SET open = EXCLUDED.open, high = EXCLUDED.high,"
    " low = EXCLUDED.low, close = EXCLUDED.close, volume = EXCLUDED.volume, num_feeds = EXCLUDED.num_feeds,"
    " opened_at = EXCLUDED.opened_at, closed_at = EXCLUDED.closed_at"
)
_FROM_QUOTES = (
    "SELECT symbol, date_bin('1 minute', \"timestamp\", TIMESTAMPTZ 'epoch') AS bucket, source,"
    ' (array_agg(price ORDER BY "timestamp"))[1], max(price), min(price),'
    ' (array_agg(price ORDER BY "timestamp" DESC))[1], sum(volume), count(*)::integer,'
    ' min("timestamp"), max("timestamp") FROM price_feeds'
)
_NAMES = """
WITH RECURSIVE names AS (
  (SELECT symbol FROM price_feeds WHERE "timestamp" >= %(day)s AND "timestamp" < %(day_end)s ORDER BY symbol LIMIT 1)
  UNION ALL
  SELECT (SELECT symbol FROM price_feeds WHERE symbol > names.symbol
          AND "timestamp" >= %(day)s AND "timestamp" < %(day_end)s ORDER BY symbol LIMIT 1)
  FROM names WHERE names.symbol IS NOT NULL
)
"""
"""The markets quoted on some days, one index look-up each: their partitions hold millions of rows."""

_ROLL_SPAN = (
    f"{_NAMES} INSERT INTO candles_1m ({_COLUMNS}) SELECT made.* FROM names CROSS JOIN LATERAL ({_FROM_QUOTES}"  # noqa: S608
    ' WHERE symbol = names.symbol AND "timestamp" >= %(start)s AND "timestamp" < %(end)s GROUP BY 1, 2, 3) AS made'
    f" WHERE names.symbol IS NOT NULL {_REPLACE} RETURNING symbol, bucket"
)
_TAKE_DUE = (
    "DELETE FROM rollup_due USING (SELECT symbol, minute FROM rollup_due WHERE minute < %s AND"
    " (%s::text IS NULL OR symbol = %s) ORDER BY symbol, minute LIMIT %s FOR UPDATE {how}) AS taken"
    " WHERE rollup_due.symbol = taken.symbol AND rollup_due.minute = taken.minute"
    " RETURNING rollup_due.symbol, rollup_due.minute"
)
_ROLL_DUE = (
    f"INSERT INTO candles_1m ({_COLUMNS}) SELECT made.*"  # noqa: S608 - our own names
    " FROM unnest(%s::text[], %s::timestamptz[]) AS due (symbol, minute)"
    f' CROSS JOIN LATERAL ({_FROM_QUOTES} WHERE symbol = due.symbol AND "timestamp" >= due.minute'
    f" AND \"timestamp\" < due.minute + interval '1 minute' GROUP BY 1, 2, 3) AS made {_REPLACE}"
)
_ROLL_LONGER = (
    f"INSERT INTO candles_{{longer}} ({_COLUMNS}) SELECT made.* FROM"  # noqa: S608
    " unnest(%(symbols)s::text[], %(buckets)s::timestamptz[]) AS due (symbol, bucket) CROSS JOIN LATERAL ("
    "SELECT symbol, due.bucket, source, (array_agg(open ORDER BY opened_at))[1], max(high), min(low),"
    " (array_agg(close ORDER BY closed_at DESC))[1], sum(volume), sum(num_feeds)::integer, min(opened_at),"
    " max(closed_at) FROM candles_{shorter} AS shorter WHERE symbol = due.symbol AND shorter.bucket >= due.bucket"
    f" AND shorter.bucket < due.bucket + %(length)s::interval GROUP BY symbol, source) AS made {_REPLACE}"
)

log = structlog.get_logger()


class Rollups:
    """The job, and what it knows: `rolled_to_ns`, as far as the candles reach."""

    def __init__(self, database: Database, clock: Clock, *, raw_retention_days: int) -> None:
        self._database = database
        self._clock = clock
        self._kept_ns = raw_retention_days * 86_400 * SECOND_NS
        self._woken = asyncio.Event()
        self._minutes = 5
        self.rolled_to_ns = 0

    @property
    def grace_ns(self) -> int:
        """How long after its end a minute is rolled: any write that did not call it late is over by then.

        A write looks at the clock (LATE_S), then has the deadline to commit; after that its connection is cut.
        """
        return int((LATE_S + self._database.deadline_s + 5) * SECOND_NS)

    def wake(self) -> None:
        """There are late rows: begin the next pass now."""
        self._woken.set()

    async def start(self) -> None:
        """Learn how far the candles reach; in a new database, to now."""
        async with self._job() as connection:
            await connection.execute(
                "INSERT INTO system_metadata (key, value) VALUES (%s, to_jsonb(%s::bigint)) ON CONFLICT DO NOTHING",
                (ROLLED_TO, self._due_to_ns() // SECOND_NS),
            )
            self.rolled_to_ns = await _lock_rolled_to(connection)

    async def run(self) -> None:
        """A pass every second, sooner when woken, until cancelled."""
        while True:
            self._woken.clear()
            try:
                await self.keep()
            except ChronoError as error:
                self._minutes = max(1, self._minutes // 2)
                log.warning("rollups_wait", cause=str(error)[:200])
                await asyncio.sleep(PASS_S)  # whoever wakes us meanwhile cannot help
                continue
            try:
                async with asyncio.timeout(PASS_S):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def keep(self) -> None:
        """Roll up all that is due now. Raises: ChronoError(DATABASE_AWAY)."""
        while self.rolled_to_ns < self._due_to_ns():
            await self._advance()
        while await self._roll_due(None, how="SKIP LOCKED"):
            continue

    async def settle(self, market: str) -> None:
        """Bring one market's candles up to its late quotes, for a reader who asks now."""
        noted = "SELECT 1 FROM rollup_due WHERE symbol = %s LIMIT 1"
        if not await self._database.fetch("rollup_due", noted, (market,)):
            return
        while await self._roll_due(market, how=""):
            continue

    async def _advance(self) -> None:
        started_ns = self._clock.monotonic_ns()
        async with self._job() as connection:
            start_ns = await _lock_rolled_to(connection)
            end_ns = max(start_ns, min(start_ns + self._minutes * MINUTE_NS, self._due_to_ns()))
            rows = await _rows(connection, _ROLL_SPAN, _span(start_ns, end_ns))
            await _roll_longer(connection, rows)
            await connection.execute(
                "UPDATE system_metadata SET value = to_jsonb(%s::bigint), updated_at = now() WHERE key = %s",
                (end_ns // SECOND_NS, ROLLED_TO),
            )
        self.rolled_to_ns = end_ns
        if self._clock.monotonic_ns() - started_ns < SECOND_NS:
            self._minutes = min(MOST_MINUTES, self._minutes * 2)

    async def _roll_due(self, market: str | None, how: str) -> bool:
        async with self._job() as connection:
            rolled_to_ns = await _lock_rolled_to(connection)
            parameters = (stamp(rolled_to_ns), market, market, DUE_PER_PASS)
            taken = await _rows(connection, _TAKE_DUE.format(how=how), parameters)
            # A minute whose raw quotes were dropped already would lose by being made anew from the late one alone.
            kept_from_ns = self._clock.now_ns() - self._kept_ns
            minutes = [row for row in taken if row[1] >= kept_from_ns]
            await connection.execute(_ROLL_DUE, ([m for m, _ in minutes], [stamp(at_ns) for _, at_ns in minutes]))
            await _roll_longer(connection, minutes)
        return len(taken) == DUE_PER_PASS

    def _due_to_ns(self) -> int:
        return (self._clock.now_ns() - self.grace_ns) // MINUTE_NS * MINUTE_NS

    def _job(self) -> AbstractAsyncContextManager[Connection]:
        return self._database.transaction(JOB_DEADLINE_S)


async def _roll_longer(connection: Connection, minutes: Iterable[Row]) -> None:
    """Make anew the longer candles that hold these minutes, each length from the one before it."""
    touched = {(market, at_ns) for market, at_ns in minutes}
    if not touched:
        return
    for (shorter, _), (longer, length_ns) in pairwise(INTERVALS.items()):
        touched = {(market, at_ns // length_ns * length_ns) for market, at_ns in touched}
        ordered = sorted(touched)
        await connection.execute(
            _ROLL_LONGER.format(longer=longer, shorter=shorter),
            {
                "symbols": [market for market, _ in ordered],
                "buckets": [stamp(at_ns) for _, at_ns in ordered],
                "length": f"{length_ns // SECOND_NS} seconds",
            },
        )


async def _lock_rolled_to(connection: Connection) -> int:
    """The minute that the candles reach to, nanoseconds; nobody else moves it until our transaction ends."""
    cursor = await connection.execute(
        "SELECT (value #>> '{}')::bigint FROM system_metadata WHERE key = %s FOR UPDATE", (ROLLED_TO,)
    )
    row = await cursor.fetchone()
    return int(row[0]) * SECOND_NS if row else 0


async def _rows(connection: Connection, query: str, parameters: Sequence[object] | Mapping[str, object]) -> list[Row]:
    cursor = await connection.execute(query, parameters, binary=True)
    rows: list[Row] = await cursor.fetchall()
    return rows


def _span(start_ns: int, end_ns: int) -> dict[str, str]:
    day_ns = 1440 * MINUTE_NS
    return {
        "start": stamp(start_ns),
        "end": stamp(end_ns),
        "day": stamp(start_ns // day_ns * day_ns),
        "day_end": stamp((end_ns // day_ns + 1) * day_ns),
    }
