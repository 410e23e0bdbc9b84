"""How fast quotes become durable: `python -m tests.load.store_write`, about 20 seconds.

Path: Quote objects -> group commit -> COPY -> commit with fsync, on the embedded PostgreSQL in a folder of its own.
Beside it a bare COPY of the same bytes over one connection, without a queue and without encoding: the ceiling here.
Ratios mean something, absolute figures only on the machine that they were taken on.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from itertools import count

import psycopg
import uvloop

from chrono.clock import SystemClock
from chrono.market.names import Market, Venue
from chrono.market.quote import Quote
from chrono.settings import Settings
from chrono.store.door import Store
from chrono.store.rows import QUOTES, quote_batch
from tests.fakes.servers import chrono_folder

SECONDS = 2.0
BATCH = 100
METADATA = b'{"bid":"67230.00","ask":"67235.00","exchange_timestamp":1728480896123,"api_latency_ms":41}'

_number = count()


def quotes(rows: int = BATCH) -> list[Quote]:
    """Fresh quotes of 63 markets at 7 venues, each with a key of its own."""
    now_ns = time.time_ns() // 1000 * 1000
    return [
        Quote(
            Venue(f"venue{n % 7}"), Market(f"S{n % 63}/USD"), Decimal(67_000_000 + n % 9973).scaleb(-3),
            Decimal("1234.567890"), now_ns - n % 997 * 1000, now_ns, "binance-worker-001", METADATA,
        )
        for n in (next(_number) for _ in range(rows))
    ]  # fmt: skip


async def timed(name: str, callers: int, call: Callable[[list[Quote]], Awaitable[object]], rate: float = 0) -> None:
    """Let `callers` call one after another (or all together at `rate` batches/s) and print what came out."""
    taken: list[float] = []
    until = time.perf_counter() + SECONDS

    async def one(batch: list[Quote]) -> None:
        started = time.perf_counter()
        await call(batch)
        taken.append(time.perf_counter() - started)

    async def caller() -> None:
        while time.perf_counter() < until:
            await one(quotes())

    started = time.perf_counter()
    if rate:
        async with asyncio.TaskGroup() as group:
            for n in range(int(rate * SECONDS)):
                group.create_task(one(quotes()))
                await asyncio.sleep(max(0.0, started + n / rate - time.perf_counter()))
    else:
        await asyncio.gather(*(caller() for _ in range(callers)))
    spent = time.perf_counter() - started
    taken.sort()
    p50, p95 = (taken[int(len(taken) * share)] * 1000 for share in (0.5, 0.95))
    print(f"{name:<34} {len(taken) * BATCH / spent:>9,.0f} rows/s   P50 {p50:6.2f} ms   P95 {p95:6.2f} ms")


async def bare_copy(connection: psycopg.AsyncConnection, body: bytes) -> None:
    """The ceiling: one COPY, nothing else."""
    async with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY price_feeds ({QUOTES.column_list}) FROM STDIN") as copy,
    ):
        await copy.write(body)


async def main() -> None:
    """Print the table."""
    with chrono_folder() as folder:
        store = await Store.open(Settings(data_dir=str(folder)), SystemClock())
        parts = [asyncio.create_task(part()) for _, part in store.parts()]  # type: ignore[arg-type]
        try:
            connection = await store.database.connect()
            await timed("warm-up", 4, store.quotes.write)
            await timed("bare COPY, one connection", 1, lambda batch: bare_copy(connection, quote_batch(batch).body))
            for callers in (1, 4, 16, 64):
                await timed(f"store.quotes.write, {callers} callers", callers, store.quotes.write)
            await timed("store.quotes.write at 50,000 rows/s", 0, store.quotes.write, rate=500)
            await connection.close()
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            await store.close()


if __name__ == "__main__":
    uvloop.run(main())
