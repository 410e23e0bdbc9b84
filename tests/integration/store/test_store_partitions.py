"""Partitions are there before they are needed, go when their time is over, and never cost a row."""

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from chrono.clock import SECOND_NS, ManualClock
from chrono.errors import ChronoError
from chrono.market.names import Market
from chrono.settings import Secret
from chrono.settings import Store as StoreSettings
from tests.fakes.estimating import estimate
from tests.fakes.quoting import quote
from tests.fakes.servers import open_store

BTC = Market("BTC/USD")
DAY_NS = 86_400 * SECOND_NS
START_NS = 1_760_011_200 * SECOND_NS  # 2025-10-09 12:00 UTC


@pytest.fixture
def clock():
    return ManualClock(START_NS)


@pytest.fixture
def settings(url):
    return StoreSettings(database_url=Secret(url), raw_retention_days=10, retention_days=60)


@pytest.fixture
async def store(bare_folder, clock, settings):
    # The passes are the tests' to take: one of the store's own, late on a busy machine, would come between two steps.
    parts = ("store_partitions", "store_rollups")
    async with open_store(bare_folder, clock=clock, without=parts, store=settings) as opened:
        yield opened


def partitions(url, table="price_feeds"):
    with psycopg.connect(url) as connection:
        query = "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = %s::regclass"
        return {name.removeprefix(f"{table}_") for (name,) in connection.execute(query, (table,))}


def where(url, table="price_feeds"):
    with psycopg.connect(url) as connection:
        return {name for (name,) in connection.execute(f"SELECT DISTINCT tableoid::regclass::text FROM {table}")}


async def test_the_days_around_now_have_partitions_from_the_start(store, url):
    assert partitions(url) == {"default", "p20251008", "p20251009", "p20251010", "p20251011"}
    assert partitions(url, "candles_1m") == {"default", "p202510", "p202511"}
    assert partitions(url, "aggregated_prices") == {"default", "p202510", "p202511"}


async def test_derivations_go_with_the_quotes_they_hold_and_values_stay(store, clock):
    store.consensus.write_later([estimate(START_NS)])
    await store.consensus.flush()
    assert await store.consensus.derivation(BTC, START_NS) == b"{}"
    clock.advance(30 * DAY_NS)
    await store._partitions.keep()
    assert await store.consensus.derivation(BTC, START_NS) is None
    assert BTC in await store.consensus.at([BTC], START_NS, 1000)


async def test_each_quote_lies_in_the_partition_of_its_day(store, url):
    await store.quotes.write([quote(START_NS), quote(START_NS + DAY_NS)])
    assert where(url) == {"price_feeds_p20251009", "price_feeds_p20251010"}


async def test_rows_outside_all_partitions_move_into_their_own_and_none_is_lost(store, url):
    rows = [quote(START_NS + n * DAY_NS) for n in (-5, 0, 8, 9)]
    await store.quotes.write(rows)
    assert "price_feeds_default" in where(url)
    await store._partitions.keep()
    assert "price_feeds_default" not in where(url)
    assert await store.quotes.range(BTC, 0, START_NS + 100 * DAY_NS, newest_first=False) == rows


async def test_writes_go_on_while_rows_move_out_of_the_default_partition(store, url, clock):
    written = []

    async def write():
        for n in range(80):
            row = quote(START_NS + (n % 20 - 8) * DAY_NS + n * SECOND_NS)
            await store.quotes.write([row])
            written.append(row)

    async def keep():
        for _ in range(15):
            try:
                await store._partitions.keep()
            except ChronoError:
                continue  # a lock that was not to be had; the next pass tries again

    await asyncio.gather(write(), keep())
    await store._partitions.keep()
    found = await store.quotes.range(BTC, 0, START_NS + 100 * DAY_NS, newest_first=False)
    assert found == sorted(written, key=lambda q: q.quoted_at_ns)
    assert "price_feeds_default" not in where(url)


async def test_days_go_by_and_partitions_come_and_go(store, url, clock):
    for _ in range(15):
        await store.quotes.write([quote(clock.now_ns())])
        await store._partitions.keep()
        clock.advance(DAY_NS)
    await store._partitions.keep()
    today = datetime.fromtimestamp(clock.now_ns() // SECOND_NS, UTC).date()
    kept = {f"p{today + timedelta(days=days):%Y%m%d}" for days in range(-10, 3)}
    assert partitions(url) == kept | {"default"}
    found = await store.quotes.range(BTC, 0, clock.now_ns() + DAY_NS)
    assert min(q.quoted_at_ns for q in found) >= clock.now_ns() - 11 * DAY_NS


async def test_rows_that_are_too_old_are_accepted_and_then_dropped_by_retention(store, url):
    await store.quotes.write([quote(START_NS - 400 * DAY_NS), quote(START_NS)])
    assert len(await store.quotes.range(BTC, 0, START_NS + DAY_NS)) == 2
    await store._partitions.keep()
    assert len(await store.quotes.range(BTC, 0, START_NS + DAY_NS)) == 1


async def test_the_passes_come_by_themselves(bare_folder, clock, settings):
    async with open_store(bare_folder, clock=clock, store=settings) as store:
        for days in (-400, -300):  # the first of them may still be found by the pass of the start
            await store.quotes.write([quote(START_NS + days * DAY_NS)])
            async with asyncio.timeout(60):
                while await store.quotes.range(BTC, 0, START_NS):
                    clock.advance(600 * SECOND_NS)
                    await asyncio.sleep(0.05)


async def test_candles_outlive_the_raw_quotes_they_were_made_from(store, url, clock):
    await store.quotes.write([quote(START_NS, price="5")])
    await store._rollups.keep()
    clock.advance(30 * DAY_NS)
    await store._rollups.keep()
    await store._partitions.keep()
    assert await store.quotes.range(BTC, 0, clock.now_ns()) == []
    assert [c.close for c in await store.candles.range(BTC, "1d", 0, clock.now_ns())] == [5]
    clock.advance(90 * DAY_NS)
    await store._partitions.keep()
    assert await store.candles.range(BTC, "1d", 0, clock.now_ns()) == []


async def test_a_reader_in_the_way_only_postpones_the_work(store, url, clock):
    with psycopg.connect(url) as reader:
        reader.execute("SELECT count(*) FROM price_feeds")  # holds a lock on every partition
        clock.advance(20 * DAY_NS)
        with pytest.raises(ChronoError):
            await store._partitions.keep()
        await store.quotes.write([quote(clock.now_ns())])
    await store._partitions.keep()
    assert "p20251008" not in partitions(url)


async def test_two_instances_that_start_together_do_not_trip_over_each_other(url, bare_folder, clock, tmp_path):
    settings = StoreSettings(database_url=Secret(url))

    async def start(folder):
        folder.mkdir()
        async with open_store(folder, clock=clock, store=settings) as store:
            await store.quotes.write([quote(START_NS)])

    await asyncio.gather(*(start(tmp_path / f"{n}") for n in range(4)))
    assert len(where(url)) == 1
