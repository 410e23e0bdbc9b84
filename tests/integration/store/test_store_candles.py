"""Candles equal what the raw quotes say, whatever came late, went through the spool, or has just arrived."""

import asyncio
import random
from collections import defaultdict

import psycopg
import pytest

from chrono.clock import SECOND_NS, ManualClock
from chrono.errors import BAD_TIME, ChronoError
from chrono.market.names import Market, Venue
from chrono.market.quote import Candle
from chrono.settings import Secret, Settings
from chrono.settings import Store as StoreSettings
from chrono.store.copying import store_group
from chrono.store.door import Store
from chrono.store.rollups import INTERVALS
from chrono.store.rows import quote_batch
from tests.fakes.quoting import quote
from tests.fakes.servers import open_store

BTC, ETH = Market("BTC/USD"), Market("ETH/USD")
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS
START_NS = 1_760_000_040 * SECOND_NS  # 2025-10-09 08:54:00 UTC: a minute, and no longer interval, begins


def candles_of(quotes, interval, venue=None):
    """The obvious twin: the candles, newest first, computed from all quotes in memory."""
    length_ns = INTERVALS[interval]
    first = {}
    for q in quotes:
        first.setdefault((q.venue, q.market, q.quoted_at_ns), q)
    buckets = defaultdict(list)
    for q in first.values():
        if venue in {None, q.venue}:
            buckets[q.quoted_at_ns // length_ns * length_ns].append(q)
    made = []
    for opened_ns, inside in sorted(buckets.items(), reverse=True):
        inside.sort(key=lambda q: (q.quoted_at_ns, q.venue))
        prices = [q.price for q in inside]
        volumes = [q.volume for q in inside if q.volume is not None]
        total = sum(volumes[1:], volumes[0]) if volumes else None
        made.append(Candle(opened_ns, prices[0], max(prices), min(prices), prices[-1], total, len(inside)))
    return made


@pytest.fixture
def clock():
    return ManualClock(START_NS)


@pytest.fixture
async def store(url, bare_folder, clock):
    async with open_store(bare_folder, clock=clock, store=StoreSettings(database_url=Secret(url))) as opened:
        yield opened


async def all_candles(store, interval, market=BTC, **how):
    return await store.candles.range(
        market, interval, START_NS - 30 * DAY_NS, START_NS + 30 * DAY_NS, limit=5000, **how
    )


async def check(store, quotes, venue=None):
    for interval in INTERVALS:
        assert await all_candles(store, interval, venue=venue) == candles_of(quotes, interval, venue), interval


def some_quotes(rng, at_ns, count, span_ns):
    return [
        quote(
            at_ns - rng.randrange(span_ns),
            price=f"{rng.randrange(1, 99_999)}.{rng.randrange(100):02}",
            volume=rng.choice([None, "1", "0.25", "7.125"]),
            venue=rng.choice(["binance", "kraken", "okx"]),
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("seed", range(6))
async def test_candles_equal_a_recomputation_from_the_raw_quotes(store, clock, seed):
    rng = random.Random(seed)
    written = []
    for _ in range(12):
        clock.advance(rng.choice([1, 20, 61, 600, 4000]) * SECOND_NS)
        span_ns = rng.choice([SECOND_NS, MINUTE_NS, 3 * HOUR_NS, 2 * DAY_NS])
        batch = some_quotes(rng, clock.now_ns(), rng.randrange(1, 40), span_ns)
        if rng.random() < 0.3 and written:
            batch += rng.sample(written, min(5, len(written)))
        await store.quotes.write(batch)
        written += batch
        if rng.random() < 0.6:
            await store._rollups.keep()
        await check(store, written, venue=rng.choice([None, Venue("kraken")]))
    clock.advance(DAY_NS)
    await store._rollups.keep()
    await check(store, written)


async def test_a_quote_just_written_shows_in_every_interval(store, clock):
    for n in range(5):
        clock.advance(30 * SECOND_NS)
        await store.quotes.write([quote(clock.now_ns(), price=f"{n + 1}")])
        for interval in INTERVALS:
            assert (await all_candles(store, interval))[0].close == n + 1


async def test_a_quote_that_comes_a_day_late_shows_in_every_interval(store, clock):
    clock.advance(DAY_NS)
    await store._rollups.keep()
    late = quote(clock.now_ns() - DAY_NS + SECOND_NS, price="5")
    await store.quotes.write([late])
    await check(store, [late])
    assert await store.database.fetch("due", "SELECT 1 FROM rollup_due") == []


async def test_what_went_through_the_spool_is_in_the_candles(store, clock):
    clock.advance(HOUR_NS)
    await store._rollups.keep()
    store._writer.spool_first()
    spooled = [quote(clock.now_ns() - n * MINUTE_NS, price=f"{n + 1}") for n in range(30)]
    await store.quotes.write(spooled)
    await store._writer.drained()
    await check(store, spooled)


async def test_quotes_written_while_the_job_runs_are_neither_missed_nor_counted_twice(store, clock):
    rng = random.Random(7)
    written = []

    async def keep_rolling():
        while True:
            await store._rollups.keep()
            await asyncio.sleep(0)

    rolling = asyncio.create_task(keep_rolling())
    for _ in range(60):
        clock.advance(rng.choice([3, 20]) * SECOND_NS)
        batches = [some_quotes(rng, clock.now_ns(), 10, 5 * MINUTE_NS) for _ in range(3)]
        await asyncio.gather(*(store.quotes.write(batch) for batch in batches))
        written += [q for batch in batches for q in batch]
    rolling.cancel()
    clock.advance(DAY_NS)
    await store._rollups.keep()
    found = await all_candles(store, "1m")
    assert [c.num_feeds for c in found] == [c.num_feeds for c in candles_of(written, "1m")]


async def test_a_note_is_not_taken_while_the_quotes_behind_it_are_not_committed(url, bare_folder, clock):
    settings = Settings(data_dir=str(bare_folder), store=StoreSettings(database_url=Secret(url)))
    store = await Store.open(settings, clock)  # without its parts: we take the steps ourselves
    first, second = (quote(START_NS - 10 * MINUTE_NS + n * 1000, price=f"{n + 1}") for n in range(2))
    one, other = await store.database.connect(), await store.database.connect()
    await store_group(one, [quote_batch([first])], START_NS)
    async with other.transaction():
        await store_group(other, [quote_batch([second])], START_NS)
        await store._rollups.keep()
    await store._rollups.keep()
    await check(store, [first, second])
    await one.close()
    await other.close()
    await store.close()


async def test_a_clock_that_was_set_back_makes_no_candle_miss_a_quote(url, bare_folder):
    ahead = ManualClock(START_NS + HOUR_NS)
    settings = StoreSettings(database_url=Secret(url))
    async with open_store(bare_folder, clock=ahead, store=settings) as store:
        await store._rollups.keep()
    async with open_store(bare_folder, clock=ManualClock(START_NS), store=settings) as store:
        said = quote(START_NS)
        await store.quotes.write([said])
        await check(store, [said])


async def test_markets_do_not_mix(store, clock):
    await store.quotes.write([quote(clock.now_ns(), price="1"), quote(clock.now_ns(), price="2", market="ETH/USD")])
    clock.advance(HOUR_NS)
    await store._rollups.keep()
    assert [c.close for c in await all_candles(store, "1h", ETH)] == [2]
    assert await all_candles(store, "1h", Market("XRP/USD")) == []


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("interval", ["1m", "15m"])
async def test_pages_of_candles_joined_are_the_whole_list(store, clock, interval, newest_first):
    rng = random.Random(3)
    written = some_quotes(rng, START_NS, 300, 6 * HOUR_NS)
    await store.quotes.write(written)
    clock.advance(50 * SECOND_NS)
    await store._rollups.keep()
    recent = some_quotes(rng, clock.now_ns(), 20, 100 * SECOND_NS)
    await store.quotes.write(recent)
    paged, after = [], None
    while page := await store.candles.range(
        BTC, interval, 0, clock.now_ns() + 1, limit=7, after=after, newest_first=newest_first
    ):
        assert len(page) <= 7
        paged += page
        after = (page[-1].opened_at_ns, "")
    whole = candles_of(written + recent, interval)
    assert paged == (whole if newest_first else whole[::-1])


async def test_a_range_holds_the_candles_that_open_in_it_whole(store, clock):
    quotes = [quote(START_NS + n * 20 * SECOND_NS, price=f"{n + 1}") for n in range(9)]
    await store.quotes.write(quotes)
    found = await store.candles.range(BTC, "1m", START_NS + 1, START_NS + 2 * MINUTE_NS + 1)
    assert [(c.opened_at_ns, c.num_feeds) for c in found] == [
        (START_NS + 2 * MINUTE_NS, 3),
        (START_NS + MINUTE_NS, 3),
    ]
    assert await store.candles.range(BTC, "1m", START_NS + 1, START_NS + 2) == []


async def test_an_unknown_interval_is_named(store):
    with pytest.raises(ChronoError) as refused:
        await store.candles.range(BTC, "2m", 0, START_NS)
    assert refused.value.reason is BAD_TIME
    assert "15m" in str(refused.value.facts["expected"])


async def test_a_minute_whose_raw_quotes_are_gone_is_not_made_anew_from_a_late_one(store, clock, url):
    await store.quotes.write([quote(START_NS, price="1"), quote(START_NS + SECOND_NS, price="2")])
    clock.advance(HOUR_NS)
    await store._rollups.keep()  # before the quotes are beyond the retention, and the partitions' pass takes them
    clock.advance(100 * DAY_NS)
    await store._rollups.keep()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DELETE FROM price_feeds")
    await store.quotes.write([quote(START_NS + 2 * SECOND_NS, price="3")])
    await store._rollups.keep()
    [candle] = await all_candles(store, "1m")
    assert (candle.open, candle.close, candle.num_feeds) == (1, 2, 2)
