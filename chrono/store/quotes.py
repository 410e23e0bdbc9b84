"""Raw quotes: written by group commit, read back whole."""

from collections.abc import Sequence
from datetime import datetime

from chrono.market.names import Market, Venue
from chrono.market.quote import Quote, Trade
from chrono.store.copying import Repeats
from chrono.store.database import Database, Row
from chrono.store.rows import quote_batch, trade_batch
from chrono.store.times import After, as_datetime
from chrono.store.writer import GroupWriter

_QUOTE = (
    'source, symbol, price, volume, "timestamp", ingested_at, worker_id,'
    # A string is the text of JSON that jsonb could not hold; see chrono.store.rows.
    " CASE jsonb_typeof(metadata) WHEN 'string' THEN metadata #>> '{}' ELSE metadata::text END"
)
_TRADE = 'source, symbol, price, amount, side, "timestamp", received_at, sequence'

_SINCE = """
WITH RECURSIVE names AS (
  (SELECT symbol FROM {table} WHERE "timestamp" >= %(day)s ORDER BY symbol LIMIT 1)
  UNION ALL
  SELECT (SELECT symbol FROM {table} WHERE symbol > names.symbol AND "timestamp" >= %(day)s ORDER BY symbol LIMIT 1)
  FROM names WHERE names.symbol IS NOT NULL
)
SELECT found.* FROM names CROSS JOIN LATERAL (
  SELECT {columns} FROM {table} WHERE symbol = names.symbol AND "timestamp" >= %(since)s
) AS found WHERE names.symbol IS NOT NULL ORDER BY "timestamp"
"""
"""All rows since a time. The key leads with the symbol, so each market is looked up by itself."""


class Quotes:
    """The table price_feeds."""

    def __init__(self, database: Database, writer: GroupWriter) -> None:
        self._database = database
        self._writer = writer

    async def write(self, quotes: Sequence[Quote]) -> Repeats:
        """Return when the quotes are durable, in PostgreSQL or in the spool; of one identity the first stays.

        Gives how many of each venue were there already, as far as PostgreSQL was asked.
        Raises: ChronoError(SPOOL_FULL, ROW_REFUSED); then nothing of them is claimed.
        """
        return await self._writer.write(quote_batch(quotes)) if quotes else {}

    async def recent(self, since_ns: int) -> list[Quote]:
        """Every quote from `since_ns` on, oldest first: what warms the window after a start.

        Raises: ChronoError(DATABASE_AWAY).
        """
        query = _SINCE.format(table="price_feeds", columns=_QUOTE)
        return [_quote(row) for row in await self._database.fetch("recent", query, _since(since_ns))]

    async def books(self, start_ns: int, end_ns: int) -> set[Market]:
        """The markets that were quoted in [start, end]. Raises: ChronoError(DATABASE_AWAY)."""
        query = 'SELECT DISTINCT symbol FROM price_feeds WHERE "timestamp" BETWEEN %s AND %s'
        rows = await self._database.fetch("books", query, (as_datetime(start_ns), as_datetime(end_ns)))
        return {Market(symbol) for (symbol,) in rows}

    async def range(
        self,
        market: Market,
        start_ns: int,
        end_ns: int,
        *,
        venue: Venue | None = None,
        limit: int = 1000,
        after: After | None = None,
        newest_first: bool = True,
    ) -> list[Quote]:
        """At most `limit` quotes of [start, end), by time and then venue, behind `after`.

        The page after this one begins behind `(page[-1].quoted_at_ns, page[-1].venue)`.
        Raises: ChronoError(DATABASE_AWAY).
        """
        beyond, way = ("<", "DESC") if newest_first else (">", "ASC")
        clauses = ["symbol = %s", '"timestamp" >= %s', '"timestamp" < %s']
        values: list[object] = [market, as_datetime(start_ns), as_datetime(end_ns)]
        if venue is not None:
            clauses.append("source = %s")
            values.append(venue)
        if after is not None:
            clauses.append(f'("timestamp", source) {beyond} (%s, %s)')
            values += [as_datetime(after[0]), after[1]]
        query = (
            f"SELECT {_QUOTE} FROM price_feeds WHERE {' AND '.join(clauses)}"  # noqa: S608 - our own words
            f' ORDER BY "timestamp" {way}, source {way} LIMIT %s'
        )
        return [_quote(row) for row in await self._database.fetch("range", query, (*values, limit))]

    async def newest(self, market: Market, *, venue: Venue | None = None) -> Quote | None:
        """The newest stored quote of the market, of one venue if given. Raises: ChronoError(DATABASE_AWAY)."""
        of_venue = "" if venue is None else " AND source = %s"
        query = f'SELECT {_QUOTE} FROM price_feeds WHERE symbol = %s{of_venue} ORDER BY "timestamp" DESC LIMIT 1'  # noqa: S608
        values = (market,) if venue is None else (market, venue)
        rows = await self._database.fetch("newest", query, values)
        return _quote(rows[0]) if rows else None


class Trades:
    """The table trades."""

    def __init__(self, database: Database, writer: GroupWriter) -> None:
        self._database = database
        self._writer = writer

    async def write(self, trades: Sequence[Trade]) -> None:
        """Return when the trades are durable. Raises: ChronoError(SPOOL_FULL, ROW_REFUSED)."""
        if trades:
            await self._writer.write(trade_batch(trades))

    async def recent(self, since_ns: int) -> list[Trade]:
        """Every trade from `since_ns` on, oldest first. Raises: ChronoError(DATABASE_AWAY)."""
        query = _SINCE.format(table="trades", columns=_TRADE)
        rows = await self._database.fetch("recent", query, _since(since_ns))
        return [Trade(Venue(r[0]), Market(r[1]), *r[2:]) for r in rows]


def _quote(row: Row) -> Quote:
    metadata = None if row[7] is None else row[7].encode()
    return Quote(Venue(row[0]), Market(row[1]), row[2], row[3], row[4], row[5], row[6], metadata)


def _since(since_ns: int) -> dict[str, datetime]:
    since = as_datetime(since_ns)
    return {"since": since, "day": since.replace(hour=0, minute=0, second=0, microsecond=0)}
