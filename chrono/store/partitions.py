"""Partitions: made before their time comes, dropped when their time is over.

A row for which no partition was made is never refused: it lands in the default partition, and the next pass makes
a partition of its own for it. Attaching takes a weak lock on the parent, so writers go on.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import psycopg
import structlog
from msgspec import Struct

from chrono.clock import SECOND_NS, Clock
from chrono.errors import ChronoError
from chrono.store.database import Connection, Database

PASS_S = 600.0
_MOST_PER_PASS = 100
_LOCK_ID = 0x706172746974  # "partit": one instance at a time

log = structlog.get_logger()


class Period(Struct, frozen=True, order=True):
    """The days that one partition holds: `first` belongs to it, `end` does not."""

    first: date
    end: date

    @classmethod
    def day(cls, day: date) -> "Period":
        """That day."""
        return cls(day, day + timedelta(days=1))

    @classmethod
    def month(cls, day: date) -> "Period":
        """The month of that day."""
        first = day.replace(day=1)
        return cls(first, (first + timedelta(days=32)).replace(day=1))


class Kept(Struct, frozen=True):
    """One partitioned table: by which column, in days or months, and for how many days it is kept."""

    table: str
    column: str
    monthly: bool
    retention_days: int

    def period(self, day: date) -> Period:
        """The partition that holds the day."""
        return Period.month(day) if self.monthly else Period.day(day)

    def wanted(self, today: date) -> set[Period]:
        """Yesterday's, today's, and those of the next two days, or the next month: so long may passes fail."""
        days = {today + timedelta(days=days) for days in (-1, 0, 1, 2)}
        if self.monthly:
            days.add(self.period(today).end)
        return {self.period(day) for day in days}

    def partition(self, period: Period) -> str:
        """The partition's name."""
        return f"{self.table}_p{period.first:%Y%m}" if self.monthly else f"{self.table}_p{period.first:%Y%m%d}"

    def period_of(self, partition: str) -> Period | None:
        """The period that a partition's name tells; None for the default one."""
        digits = partition.removeprefix(f"{self.table}_p")
        if not digits.isdigit():
            return None
        return self.period(datetime.strptime(digits, "%Y%m" if self.monthly else "%Y%m%d").replace(tzinfo=UTC).date())


class Partitions:
    """Keeps the partitions of all tables."""

    def __init__(self, database: Database, clock: Clock, kept: Iterable[Kept]) -> None:
        self._database = database
        self._clock = clock
        self._kept = tuple(kept)

    async def run(self) -> None:
        """A pass every ten minutes, until cancelled."""
        while True:
            try:
                await self.keep()
            except (ChronoError, psycopg.Error) as error:
                log.warning("partitions_wait", cause=str(error)[:200])
            await self._clock.sleep(PASS_S)

    async def keep(self) -> None:
        """Make what is missing, move what lies in the default partitions, drop what is too old.

        Raises: ChronoError(DATABASE_AWAY), also when a lock is not to be had now.
        """
        today = await self.make()
        for kept in self._kept:
            await self._empty_default(kept, today - timedelta(days=kept.retention_days))
            await self._drop_old(kept, today - timedelta(days=kept.retention_days))

    async def make(self) -> date:
        """Make the partitions of these days where they are missing, and return today's date."""
        today = datetime.fromtimestamp(self._clock.now_ns() // SECOND_NS, UTC).date()
        if not any(missing for _, missing in await self._missing(today)):
            return today
        async with self._database.transaction() as connection:
            await _alone(connection)
            for kept, missing in await self._missing(today, connection):
                for period in sorted(missing):
                    await _attach(connection, kept, period)
        return today

    async def _missing(self, today: date, connection: Connection | None = None) -> list[tuple[Kept, set[Period]]]:
        query = (
            "SELECT parent.relname, child.relname FROM pg_inherits"
            " JOIN pg_class parent ON parent.oid = inhparent JOIN pg_class child ON child.oid = inhrelid"
            " WHERE parent.relname = ANY(%s) AND parent.relnamespace = current_schema()::regnamespace"
        )
        tables = [kept.table for kept in self._kept]
        if connection is None:
            rows = await self._database.fetch("partitions", query, (tables,))
        else:
            rows = await (await connection.execute(query, (tables,))).fetchall()
        present = {child for _, child in rows}
        return [(kept, {p for p in kept.wanted(today) if kept.partition(p) not in present}) for kept in self._kept]

    async def _empty_default(self, kept: Kept, oldest: date) -> None:
        query = (
            f"SELECT DISTINCT ({kept.column} AT TIME ZONE 'UTC')::date FROM {kept.table}_default"  # noqa: S608
            f" WHERE {kept.column} >= %s"
        )
        days = await self._database.fetch("partitions", query, (oldest,))
        for period in sorted({kept.period(day) for (day,) in days})[:_MOST_PER_PASS]:
            async with self._database.transaction() as connection:
                await _alone(connection)
                await _attach(connection, kept, period)
            log.info("partition_made", table=kept.table, first=period.first.isoformat())

    async def _drop_old(self, kept: Kept, oldest: date) -> None:
        query = "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = %s::regclass"
        names = [name for (name,) in await self._database.fetch("partitions", query, (kept.table,))]
        for name in sorted(names):
            period = kept.period_of(name)
            if period is not None and period.end <= oldest:
                async with self._database.transaction() as connection:
                    await _alone(connection)
                    await connection.execute(f"DROP TABLE IF EXISTS {name}")
                log.info("partition_dropped", table=kept.table, partition=name)
        async with self._database.transaction() as connection:
            await connection.execute(
                f"DELETE FROM {kept.table}_default WHERE {kept.column} < %s",  # noqa: S608 - our own names
                (oldest,),
            )


async def _alone(connection: Connection) -> None:
    # Whoever cannot have a lock soon stands in the way of all who come after: give up and try again later.
    await connection.execute("SET LOCAL lock_timeout = '2s'")
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK_ID,))


async def _attach(connection: Connection, kept: Kept, period: Period) -> None:
    """Make the partition, move its rows out of the default one, and attach it, in the running transaction."""
    name, default = kept.partition(period), f"{kept.table}_default"
    bounds = f"'{period.first} 00:00:00+00'", f"'{period.end} 00:00:00+00'"
    await connection.execute(
        f"LOCK TABLE {default} IN ACCESS EXCLUSIVE MODE;"  # noqa: S608 - our own names and dates
        f" CREATE TABLE {name} (LIKE {kept.table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES);"
        f" WITH moved AS (DELETE FROM {default} WHERE {kept.column} >= {bounds[0]} AND {kept.column} < {bounds[1]}"
        f" RETURNING *) INSERT INTO {name} SELECT * FROM moved;"
        f" ALTER TABLE {kept.table} ATTACH PARTITION {name} FOR VALUES FROM ({bounds[0]}) TO ({bounds[1]})"
    )
