"""Voting rounds, what we sent in them and how our values stood: written behind the duty, read back whole.

The duty never waits for it. With PostgreSQL away the newest MOST_WAITING rounds are kept in memory and written later;
older ones are dropped and counted. A round is told many times, each time whole; only its newest telling is written,
and what an earlier one knew (before a restart, say) is not forgotten by one that knows less.
"""

from collections.abc import Iterable
from typing import Final

import psycopg
import structlog
from msgspec import Struct, structs

from chrono.clock import SECOND_NS, Clock
from chrono.flare.epochs import Timing
from chrono.store.behind import Behind
from chrono.store.database import Connection, Database, Line, Row, deadline
from chrono.store.round_rows import (
    ROUND_COLUMNS,
    SENT_COLUMNS,
    VALUE_COLUMNS,
    StoredRound,
    round_row,
    sent_rows,
    stored_round,
    value_rows,
    with_feeds,
)
from chrono.store.times import as_datetime
from chrono.telemetry import ROUNDS_DROPPED
from chrono.voting.reports import FeedOutcome, RoundReport

MOST_WAITING: Final = 1_000
"""A day of rounds, without everybody's votes: some 20 MB."""

PRUNE_EVERY_NS: Final = 6 * 3_600 * SECOND_NS
_PRUNED: Final = ("ftso_rounds", "ftso_submissions", "ftso_submission_values")
_KEPT: Final = frozenset(
    {
        *("reward_epoch", "submit_address", "secure_random", "random", "merkle_root"),
        *("feeds", "omitted", "in_iqr", "in_band", "hits"),
    }
)
"""What one telling knows and a later one may not, after a restart."""


class CountedRound(Struct, frozen=True):
    """How many of a round's values hit, as the anchor condition counts."""

    reward_epoch_id: int
    round_id: int
    hits: int
    values: int


Key = tuple[str, int]
"""The network and the number of a round."""

log = structlog.get_logger()


class Submissions:
    """The tables ftso_rounds, ftso_submissions and ftso_submission_values; `run` is the part that writes them."""

    def __init__(self, database: Database, clock: Clock, *, retention_days: int) -> None:
        self._database = database
        self._clock = clock
        self._retention_ns = retention_days * 86_400 * SECOND_NS
        self._waiting: dict[Key, RoundReport] = {}
        self._feeds_written: dict[Key, tuple[FeedOutcome, ...]] = {}
        self._behind = Behind(database, self._waiting, "rounds_wait")
        self._pruned_at_ns: int | None = None

    def write_later(self, report: RoundReport) -> None:
        """Queue a round as it is now and return at once. On the loop of the store only."""
        key = (report.network, report.id)
        # Everybody's votes are for memory alone.
        self._waiting[key] = structs.replace(report, outcome=None, electorate=None)
        if len(self._waiting) > MOST_WAITING:
            self._drop(_oldest(self._waiting), "more rounds wait than are kept")
        self._behind.filled()

    async def run(self) -> None:
        """Write what is queued, a round at a time, and drop what is too old. Until cancelled."""
        await self._behind.run(self._write_and_prune)

    async def flush(self) -> None:
        """Write all that is queued now. Raises: psycopg.Error and what chrono.store.database.AWAY lists."""
        await self._behind.flush(self._write_one)

    async def round(self, network: str, round_id: int, timing: Timing) -> RoundReport | None:
        """A recorded round with its feeds; None when nothing is recorded. Raises: ChronoError(DATABASE_AWAY)."""
        found = await self._rounds("round", network, timing, "AND round = %s", (round_id,))
        if not found:
            return None
        query = f"SELECT {', '.join(VALUE_COLUMNS)} FROM ftso_submission_values WHERE network = %s AND round = %s"  # noqa: S608 - our words
        rows = await self._database.fetch("round_values", query + " ORDER BY place", (network, round_id))
        return with_feeds(found[0], rows)

    async def rounds(self, network: str, timing: Timing, limit: int, before: int | None = None) -> list[StoredRound]:
        """At most `limit` recorded rounds, the newest first, without feeds; only those before `before`, if given.

        Raises: ChronoError(DATABASE_AWAY).
        """
        clause, values = ("", ()) if before is None else ("AND round < %s", (before,))
        return await self._rounds("rounds", network, timing, clause + " ORDER BY round DESC LIMIT %s", (*values, limit))

    async def counted(self, network: str) -> list[CountedRound]:
        """The rounds of the newest recorded reward epoch whose hits are known, oldest first.

        Raises: ChronoError(DATABASE_AWAY).
        """
        query = (
            "SELECT reward_epoch, round, hits, feeds FROM ftso_rounds WHERE network = %s AND hits IS NOT NULL"
            " AND reward_epoch = (SELECT max(reward_epoch) FROM ftso_rounds WHERE network = %s) ORDER BY round"
        )
        return [CountedRound(*row) for row in await self._database.fetch("counted", query, (network, network))]

    async def _rounds(
        self, op: str, network: str, timing: Timing, clause: str, values: tuple[object, ...]
    ) -> list[StoredRound]:
        query = f"SELECT {', '.join(ROUND_COLUMNS)} FROM ftso_rounds WHERE network = %s {clause}"  # noqa: S608 - our words
        rows = await self._database.fetch(op, query, (network, *values))
        if not rows:
            return []
        query = f"SELECT {', '.join(SENT_COLUMNS)} FROM ftso_submissions WHERE network = %s AND round = ANY(%s)"  # noqa: S608
        sent: dict[int, list[Row]] = {row[1]: [] for row in rows}
        for one in await self._database.fetch(op, query + " ORDER BY submitted_at, intent", (network, [*sent])):
            sent[one[1]].append(one)
        return [stored_round(row, sent[row[1]], timing) for row in rows]

    async def _write_and_prune(self, line: Line) -> None:
        if self._waiting:
            await self._write_one(line)
        await self._prune(line)

    async def _write_one(self, line: Line) -> None:
        key = _oldest(self._waiting)
        report = self._waiting[key]
        try:
            await self._write(await line.connection(), key, report)
        except psycopg.DataError as error:
            # Trying again gives the same; the other rounds must not wait behind it.
            self._drop(key, str(error).splitlines()[0])
            return
        self._feeds_written[key] = report.feeds
        while len(self._feeds_written) > MOST_WAITING:
            del self._feeds_written[_oldest(self._feeds_written)]
        # It may have been told anew while we wrote.
        if self._waiting.get(key) is report:
            del self._waiting[key]

    async def _write(self, connection: Connection, key: Key, report: RoundReport) -> None:
        with deadline(connection, self._database.deadline_s):
            async with connection.transaction():
                row = round_row(report, as_datetime(self._clock.now_ns()))
                await connection.execute(_upsert("ftso_rounds", ROUND_COLUMNS, 2, _KEPT), row)
                for row in sent_rows(report):
                    await connection.execute(_OTHER_HASHES, (*row[:2], row[4], row[3]))
                    await connection.execute(_upsert("ftso_submissions", SENT_COLUMNS, 4), row)
                if report.feeds and self._feeds_written.get(key) != report.feeds:
                    await connection.execute(_OTHER_FEEDS, (*key, [outcome.feed.id.hex for outcome in report.feeds]))
                    async with connection.cursor() as cursor:
                        await cursor.executemany(_VALUES, value_rows(report))

    async def _prune(self, line: Line) -> None:
        """Drop what is older than the retention, from time to time."""
        now_ns = self._clock.now_ns()
        if self._pruned_at_ns is not None and now_ns - self._pruned_at_ns < PRUNE_EVERY_NS:
            return
        connection = await line.connection()
        oldest = as_datetime(now_ns - self._retention_ns)
        with deadline(connection, self._database.deadline_s):
            async with connection.transaction():
                for table in reversed(_PRUNED):
                    await connection.execute(
                        f"DELETE FROM {table} AS old USING ftso_rounds AS told WHERE told.updated_at < %s"  # noqa: S608
                        " AND old.network = told.network AND old.round = told.round",
                        (oldest,),
                    )
        self._pruned_at_ns = now_ns

    def _drop(self, key: Key, cause: str) -> None:
        self._waiting.pop(key, None)
        ROUNDS_DROPPED.inc()
        log.warning("round_dropped", network=key[0], round=key[1], cause=cause[:200])


def _oldest(rounds: Iterable[Key]) -> Key:
    return min(rounds, key=lambda key: key[1])


def _upsert(table: str, columns: tuple[str, ...], keys: int, kept: frozenset[str] = frozenset()) -> str:
    """INSERT, or bring the row of the same key up to date; of the `kept` columns a null changes nothing."""
    names = [f'"{name}"' for name in columns]
    changes = [
        f'"{name}" = ' + (f'COALESCE(EXCLUDED."{name}", {table}."{name}")' if name in kept else f'EXCLUDED."{name}"')
        for name in columns[keys:]
    ]
    return (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))})"  # noqa: S608 - our words
        f" ON CONFLICT ({', '.join(names[:keys])}) DO UPDATE SET {', '.join(changes)}"
    )


_VALUES: Final = _upsert("ftso_submission_values", VALUE_COLUMNS, 3, frozenset(VALUE_COLUMNS[5:]))
_OTHER_HASHES: Final = (
    "DELETE FROM ftso_submissions WHERE network = %s AND round = %s AND intent = %s AND tx_hash <> %s"
)
_OTHER_FEEDS: Final = "DELETE FROM ftso_submission_values WHERE network = %s AND round = %s AND feed_id <> ALL(%s)"
