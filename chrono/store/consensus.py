"""Our consensus as it was at each minute and voting-epoch end, with the derivation that proves it.

A derivation holds the quotes that were used, some 8 to 40 kB; so it lies in a table of its own, which is kept as long
as raw quotes are, while the values are kept for years.

Written behind: the vote and the streams never wait for it. With PostgreSQL away the newest MOST_WAITING values are
kept in memory and written later; older ones are dropped and counted.
"""

from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from itertools import islice

import structlog
from msgspec import Struct, json

from chrono.clock import SECOND_NS, Clock
from chrono.errors import ChronoError
from chrono.market.names import Market, Venue
from chrono.pricing.estimate import Estimate, Exclusion
from chrono.store.behind import Behind
from chrono.store.copying import store_group
from chrono.store.database import Database, Line, Row, deadline
from chrono.store.rows import Batch, Target, escape, stamp
from chrono.store.times import as_datetime
from chrono.telemetry import CONSENSUS_DROPPED

MOST_WAITING = 2_000
"""Some 20 minutes of 63 markets, recorded each minute and each voting-epoch end; with their quotes, some 50 MB."""

CHUNK = 5
"""Rows of one write: encoding a derivation takes up to a millisecond of the event loop."""

DAY_NS = 86_400 * SECOND_NS
DAY_AGO_SLACK_NS = 3_600 * SECOND_NS
"""How much older than a day the value of a day ago may be."""

_VALUES = Target(
    table="aggregated_prices",
    columns=(
        "symbol", "timestamp", "consensus_price", "vwap", "twap", "weighted_median", "median", "mean", "std_dev",
        "confidence", "sources_used", "excluded", "algorithm", "calculated_at",
    ),
    key=("symbol", "timestamp"),
    rolled_up=False,
)  # fmt: skip
_DERIVATIONS = Target(
    table="consensus_derivations",
    columns=("symbol", "timestamp", "derivation"),
    key=("symbol", "timestamp"),
    rolled_up=False,
)
_STORED = (
    'symbol, "timestamp", consensus_price, vwap, twap, weighted_median, median, mean, std_dev, confidence,'
    " sources_used, excluded::text, algorithm, calculated_at"
)

log = structlog.get_logger()


class StoredConsensus(Struct, frozen=True):
    """One recorded consensus; see chrono.pricing.estimate.Estimate for what the numbers are."""

    market: Market
    at_ns: int
    price: Decimal
    vwap: Decimal | None
    twap: Decimal
    weighted_median: Decimal
    median: Decimal
    mean: Decimal
    std_dev: Decimal
    confidence: Decimal
    sources: tuple[Venue, ...]
    excluded: tuple[Exclusion, ...]
    algorithm: str
    calculated_at_ns: int


class Consensus:
    """The table aggregated_prices; `run` is the part that writes it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._waiting: deque[tuple[Estimate, int]] = deque()
        self._behind = Behind(database, self._waiting, "consensus_waits")

    def write_later(self, estimates: Sequence[Estimate]) -> None:
        """Queue the estimates with their derivations and return at once."""
        calculated_at_ns = self._clock.now_ns()
        self._waiting.extend((estimate, calculated_at_ns) for estimate in estimates)
        dropped = max(0, len(self._waiting) - MOST_WAITING)
        for _ in range(dropped):
            self._waiting.popleft()
        if dropped:
            CONSENSUS_DROPPED.inc(dropped)
            log.warning("consensus_dropped", dropped=dropped)
        if self._waiting:
            self._behind.filled()

    async def run(self) -> None:
        """Write what is queued, a few at a time so that the loop stays free. Until cancelled."""
        await self._behind.run(self._write_some)

    async def flush(self) -> None:
        """Write all that is queued now. Raises: psycopg.Error and what chrono.store.database.AWAY lists."""
        await self._behind.flush(self._write_some)

    async def at(self, markets: Sequence[Market], at_ns: int, within_ns: int) -> dict[Market, StoredConsensus]:
        """Of each market the newest consensus of (at - within, at]; markets without one are absent.

        Raises: ChronoError(DATABASE_AWAY).
        """
        rows = await self._newest(_STORED, markets, at_ns - within_ns, at_ns)
        return {Market(row[0]): _stored(row) for row in rows}

    async def derivation(self, market: Market, at_ns: int) -> bytes | None:
        """The newest derivation recorded at or before `at_ns`, byte for byte. Raises: ChronoError(DATABASE_AWAY)."""
        query = (
            'SELECT derivation::text FROM consensus_derivations WHERE symbol = %s AND "timestamp" <= %s'
            ' ORDER BY "timestamp" DESC LIMIT 1'
        )
        rows = await self._database.fetch("derivation", query, (market, as_datetime(at_ns)))
        return rows[0][0].encode() if rows else None

    async def day_ago(self, markets: Sequence[Market], at_ns: int) -> dict[Market, Decimal]:
        """Each market's consensus 24 h before `at_ns` (at most an hour older); absent when there is none.

        Raises: ChronoError(DATABASE_AWAY).
        """
        end_ns = at_ns - DAY_NS
        rows = await self._newest("symbol, consensus_price", markets, end_ns - DAY_AGO_SLACK_NS, end_ns)
        return {Market(market): price for market, price in rows}

    async def _newest(self, columns: str, markets: Sequence[Market], start_ns: int, end_ns: int) -> list[Row]:
        query = (
            "SELECT found.* FROM unnest(%s::text[]) AS asked (market) CROSS JOIN LATERAL ("  # noqa: S608 - our words
            f"SELECT {columns} FROM aggregated_prices WHERE symbol = asked.market"
            ' AND "timestamp" > %s AND "timestamp" <= %s ORDER BY "timestamp" DESC LIMIT 1) AS found'
        )
        values = (list(markets), as_datetime(start_ns), as_datetime(end_ns))
        return await self._database.fetch("consensus", query, values)

    async def _write_some(self, line: Line) -> None:
        some = list(islice(self._waiting, CHUNK))
        rows = [row for waiting in some if (row := _rows_or_none(*waiting)) is not None]
        if rows:
            oldest_ns = min(estimate.at_ns for estimate, _ in some)
            batches = [
                Batch(target, "".join(lines).encode(), len(lines), oldest_ns)
                for target, lines in zip((_VALUES, _DERIVATIONS), zip(*rows, strict=True), strict=True)
            ]
            connection = await line.connection()
            with deadline(connection, self._database.deadline_s):
                refused, _ = await store_group(connection, batches, late_before_ns=0)
            CONSENSUS_DROPPED.inc(sum(batch.rows for batch in refused))
        self._forget(some)

    def _forget(self, done: list[tuple[Estimate, int]]) -> None:
        # While we wrote, the oldest may have been dropped: forget by identity, never by count.
        for item in done:
            if self._waiting and self._waiting[0] is item:
                self._waiting.popleft()


def _rows_or_none(estimate: Estimate, calculated_at_ns: int) -> tuple[str, str] | None:
    """The row of each table; None when the value cannot be stored, which must not hold up the others."""
    try:
        return _value_row(estimate, calculated_at_ns), _derivation_row(estimate)
    except ChronoError as error:
        CONSENSUS_DROPPED.inc()
        log.warning("consensus_dropped", market=estimate.market, cause=str(error))
        return None


def _value_row(e: Estimate, calculated_at_ns: int) -> str:
    vwap = "\\N" if e.vwap is None else e.vwap
    venues = escape("{" + ",".join(f'"{venue}"' for venue in e.sources) + "}")
    excluded = escape(json.encode(e.excluded).decode())
    return (
        f"{escape(e.market)}\t{stamp(e.at_ns)}\t{e.price}\t{vwap}\t{e.twap}\t{e.weighted_median}\t{e.median}\t{e.mean}"
        f"\t{e.std_dev}\t{e.confidence}\t{venues}\t{excluded}\t{escape(e.algorithm)}\t{stamp(calculated_at_ns)}\n"
    )


def _derivation_row(e: Estimate) -> str:
    return f"{escape(e.market)}\t{stamp(e.at_ns)}\t{escape(e.evidence.derivation().decode())}\n"


def _stored(row: Row) -> StoredConsensus:
    values = dict(zip(StoredConsensus.__struct_fields__, row, strict=True))
    values["sources"] = tuple(row[10])
    values["excluded"] = json.decode(row[11], type=tuple[Exclusion, ...])
    return StoredConsensus(**values)
