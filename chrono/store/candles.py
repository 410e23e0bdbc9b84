"""Candles: those rolled up already, and what the raw quotes since then add to them."""

from chrono.errors import BAD_TIME, ChronoError
from chrono.market.names import Market, Venue
from chrono.market.quote import Candle
from chrono.store.database import Database, Row
from chrono.store.rollups import INTERVALS, ROLLED_TO, Rollups
from chrono.store.times import After, as_datetime

_PARTS = """
WITH bounds AS MATERIALIZED (
  SELECT to_timestamp((value #>> '{{}}')::bigint) AS rolled_to FROM system_metadata WHERE key = %(rolled_to)s
)
(SELECT bucket, min(opened_at), max(closed_at), (array_agg(open ORDER BY opened_at, source))[1], max(high), min(low),
   (array_agg(close ORDER BY closed_at DESC, source DESC))[1], sum(volume), sum(num_feeds)::integer
 FROM candles_{interval} WHERE symbol = %(market)s AND bucket >= %(start)s AND bucket < %(end)s {of_venue}
 GROUP BY bucket ORDER BY bucket {way} LIMIT %(limit)s)
UNION ALL
(SELECT date_bin(%(length)s::interval, "timestamp", TIMESTAMPTZ 'epoch') AS bucket, min("timestamp"), max("timestamp"),
   (array_agg(price ORDER BY "timestamp", source))[1], max(price), min(price),
   (array_agg(price ORDER BY "timestamp" DESC, source DESC))[1], sum(volume), count(*)::integer
 FROM price_feeds WHERE symbol = %(market)s AND "timestamp" >= (SELECT rolled_to FROM bounds)
   AND "timestamp" >= %(start)s AND "timestamp" < %(raw_end)s {of_venue}
 GROUP BY 1 ORDER BY 1 {way} LIMIT %(limit)s)
"""
"""One statement, so that both halves see the same `rolled_to`: nothing missed, nothing counted twice."""


class Candles:
    """The tables candles_1m to candles_1d."""

    def __init__(self, database: Database, rollups: Rollups) -> None:
        self._database = database
        self._rollups = rollups

    async def range(
        self,
        market: Market,
        interval: str,
        start_ns: int,
        end_ns: int,
        *,
        venue: Venue | None = None,
        limit: int = 1000,
        after: After | None = None,
        newest_first: bool = True,
    ) -> list[Candle]:
        """At most `limit` candles that open in [start, end), behind `after`; of one venue, or of all together.

        A candle holds all quotes of its interval stored by now, the newest included; intervals without a quote have
        none. The page after this one begins behind `(page[-1].opened_at_ns, "")`.
        Raises: ChronoError(BAD_TIME) for an unknown interval, ChronoError(DATABASE_AWAY).
        """
        if interval not in INTERVALS:
            raise ChronoError(BAD_TIME, field="interval", received=interval, expected="|".join(INTERVALS))
        length_ns = INTERVALS[interval]
        start_ns = -(-start_ns // length_ns) * length_ns
        if after is not None and newest_first:
            end_ns = min(end_ns, after[0])
        elif after is not None:
            start_ns = max(start_ns, after[0] + length_ns)
        if start_ns >= end_ns:
            return []
        await self._rollups.settle(market)
        query = _PARTS.format(
            interval=interval,
            way="DESC" if newest_first else "ASC",
            of_venue="" if venue is None else "AND source = %(venue)s",
        )
        parameters = {
            "rolled_to": ROLLED_TO,
            "market": market,
            "venue": venue,
            "start": as_datetime(start_ns),
            "end": as_datetime(end_ns),
            "raw_end": as_datetime(-(-end_ns // length_ns) * length_ns),
            "length": f"{length_ns // 1_000_000_000} seconds",
            "limit": limit,
        }
        rows = await self._database.fetch("candles", query, parameters)
        return _joined(rows, newest_first=newest_first)[:limit]


def _joined(rows: list[Row], *, newest_first: bool) -> list[Candle]:
    """The rows as candles in order; where both halves have the same bucket, the two as one."""
    whole: dict[int, Row] = {}
    for row in rows:
        whole[row[0]] = _merged(whole[row[0]], row) if row[0] in whole else row
    ordered = sorted(whole, reverse=newest_first)
    return [Candle(at_ns, *whole[at_ns][3:]) for at_ns in ordered]


def _merged(rolled: Row, raw: Row) -> Row:
    """A rolled part and the raw rest, which is never earlier than it."""
    at_ns, opened, _, open_, high, low, _, volume, feeds = rolled
    volumes = [told for told in (volume, raw[7]) if told is not None]
    total = sum(volumes[1:], volumes[0]) if volumes else None
    return (at_ns, opened, raw[2], open_, max(high, raw[4]), min(low, raw[5]), raw[6], total, feeds + raw[8])
