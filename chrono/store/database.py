"""Connections to PostgreSQL, each use of them with a deadline on our side.

A server-side timeout runs in the server, and a frozen server keeps none. So when a deadline passes, the socket
itself is shut: whatever waits on it ends at once, with an error.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format

from chrono.clock import SECOND_NS, US_NS, Clock
from chrono.errors import DATABASE_AWAY, DATABASE_TOO_OLD, ChronoError
from chrono.store.migrate import HEAD, IS_VERSIONED, VERSION, SchemaState
from chrono.telemetry import DB_POOL_IN_USE, DB_SECONDS

Connection = psycopg.AsyncConnection[Any]
Row = tuple[Any, ...]

AWAY = (psycopg.OperationalError, psycopg.InterfaceError, OSError, TimeoutError)
"""What psycopg raises when the server, rather than the statement, is at fault."""

OLDEST_SERVER = 150_000

_POSTGRES_EPOCH_NS = 946_684_800 * SECOND_NS  # 2000-01-01, the zero of its binary timestamps
_SESSION = "SET timezone = 'UTC'; SET synchronous_commit = on; SET idle_in_transaction_session_timeout = '60s'; "


class _Nanoseconds(Loader):
    """A timestamptz as nanoseconds since 1970, exact to the microsecond that PostgreSQL keeps."""

    format = Format.BINARY

    def load(self, data: Buffer) -> int:
        return int.from_bytes(data, "big", signed=True) * US_NS + _POSTGRES_EPOCH_NS


class Database:
    """One database: a small pool for reads, opened as needed, and lines of their own for writers.

    There is nothing to repair after an outage: broken connections are dropped, the next use opens new ones.
    """

    def __init__(self, conninfo: str, clock: Clock, *, pool_size: int = 6, deadline_s: float = 5.0) -> None:
        self.conninfo = conninfo
        self.deadline_s = deadline_s
        self._clock = clock
        self._slots = asyncio.Semaphore(pool_size)
        self._idle: list[Connection] = []
        self._away_until_ns = 0

    async def connect(self) -> Connection:
        """A new connection, autocommit, UTC. Raises: one of AWAY, or ChronoError(DATABASE_TOO_OLD)."""
        async with asyncio.timeout(self.deadline_s):
            connection = await psycopg.AsyncConnection.connect(
                self.conninfo,
                autocommit=True,
                application_name="chrono",
                client_encoding="utf8",
                tcp_user_timeout=int(self.deadline_s * 1000),
                keepalives_idle=10,
                keepalives_interval=5,
                keepalives_count=3,
            )
        version = connection.info.server_version
        if version < OLDEST_SERVER:
            await connection.close()
            raise ChronoError(DATABASE_TOO_OLD, found=version // 10_000, needed=OLDEST_SERVER // 10_000)
        connection.adapters.register_loader("timestamptz", _Nanoseconds)
        with deadline(connection, self.deadline_s):
            # The server's own limit comes a little later than ours: it frees what a shut socket leaves behind.
            await connection.execute(_SESSION + f"SET statement_timeout = {int(self.deadline_s * 2000)}")
        return connection

    async def fetch(self, op: str, query: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> list[Row]:
        """The rows of one reading query; it is tried again when a pooled connection proves broken.

        Raises: ChronoError(DATABASE_AWAY) within the deadline, sooner while the database is known to be away.
        """
        started_ns = self._clock.monotonic_ns()
        try:
            async with self._slot():
                return await self._fetch(query, parameters)
        except AWAY as error:
            raise self._away(error) from error
        finally:
            DB_SECONDS.labels(op).observe((self._clock.monotonic_ns() - started_ns) / SECOND_NS)

    @asynccontextmanager
    async def transaction(self, deadline_s: float | None = None) -> AsyncIterator[Connection]:
        """A connection inside a transaction, for the jobs. Raises: ChronoError(DATABASE_AWAY)."""
        seconds = deadline_s or self.deadline_s
        try:
            async with self._slot(), self._borrowed(seconds) as connection, connection.transaction():
                await connection.execute(f"SET LOCAL statement_timeout = {int(seconds * 2000)}")
                yield connection
        except AWAY as error:
            raise self._away(error) from error

    async def ping(self) -> None:
        """Ask the database for a sign of life. Raises: ChronoError(DATABASE_AWAY)."""
        await self.fetch("ping", "SELECT 1")

    async def schema(self) -> SchemaState:
        """The schema's state. Raises: ChronoError(DATABASE_AWAY)."""
        versioned = await self.fetch("schema", IS_VERSIONED)
        rows = await self.fetch("schema", VERSION) if versioned[0][0] else []
        return SchemaState(rows[0][0] if rows else None, HEAD)

    async def close(self) -> None:
        """Close the pooled connections."""
        self._drop_idle()

    async def _fetch(self, query: str, parameters: Sequence[object] | Mapping[str, object]) -> list[Row]:
        pooled = bool(self._idle)
        try:
            return await self._fetch_once(query, parameters)
        except AWAY:
            if not pooled or self._known_away():
                raise
        self._drop_idle()
        return await self._fetch_once(query, parameters)

    async def _fetch_once(self, query: str, parameters: Sequence[object] | Mapping[str, object]) -> list[Row]:
        async with self._borrowed() as connection:
            cursor = await connection.execute(query, parameters, binary=True)
            rows: list[Row] = await cursor.fetchall()
            return rows

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        if self._known_away():
            raise ChronoError(DATABASE_AWAY, cause="it did not answer a moment ago")
        async with asyncio.timeout(self.deadline_s):
            await self._slots.acquire()
        DB_POOL_IN_USE.inc()
        try:
            yield
        finally:
            DB_POOL_IN_USE.dec()
            self._slots.release()

    @asynccontextmanager
    async def _borrowed(self, deadline_s: float | None = None) -> AsyncIterator[Connection]:
        connection = self._idle.pop() if self._idle else await self._timed_connect()
        try:
            with deadline(connection, deadline_s or self.deadline_s) as late:
                yield connection
        except BaseException:
            if late.is_set():
                self._note_away()
            raise
        finally:
            if connection.closed or connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                drop(connection)
            else:
                self._idle.append(connection)

    async def _timed_connect(self) -> Connection:
        try:
            return await self.connect()
        except TimeoutError:
            self._note_away()
            raise

    def answered(self) -> None:
        """A writer's own connection was answered: it is there, whatever we thought."""
        self._away_until_ns = 0

    def _note_away(self) -> None:
        # One caller waited the whole deadline; for a second, nobody else needs to.
        self._away_until_ns = self._clock.monotonic_ns() + SECOND_NS

    def _known_away(self) -> bool:
        return self._clock.monotonic_ns() < self._away_until_ns

    def _away(self, error: BaseException) -> ChronoError:
        return ChronoError(DATABASE_AWAY, cause=_short(error))

    def _drop_idle(self) -> None:
        while self._idle:
            drop(self._idle.pop())


class Line:
    """One connection that its owner keeps, opened when needed and again after a failure."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None

    async def connection(self) -> Connection:
        """The open connection. Raises: one of AWAY."""
        if self._connection is None or self._connection.closed:
            self._connection = await self._database.connect()
        return self._connection

    def drop(self) -> None:
        """Close it without a word to the server."""
        if self._connection is not None:
            drop(self._connection)
            self._connection = None


@contextmanager
def deadline(connection: Connection, seconds: float) -> Iterator[asyncio.Event]:
    """Shut the connection's socket when the body takes longer; the event then says that it was this."""
    late = asyncio.Event()

    def expire() -> None:
        late.set()
        cut(connection)

    timer = asyncio.get_running_loop().call_later(seconds, expire)
    try:
        yield late
    finally:
        timer.cancel()


def cut(connection: Connection) -> None:
    """Shut the socket below the connection: all who wait on it get an error now."""
    if connection.closed:
        return
    with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)


def drop(connection: Connection) -> None:
    """Close the connection without asking anything of the server or the loop."""
    connection.pgconn.finish()


def _short(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return (text[0] if text else type(error).__name__)[:200]
