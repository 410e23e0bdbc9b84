"""Raw quotes by page, by venue, by time; and what warms the window."""

import random

import pytest

from chrono.clock import SECOND_NS
from chrono.errors import DATABASE_AWAY, ChronoError
from chrono.market.names import Market, Venue
from chrono.settings import Secret
from chrono.settings import Store as StoreSettings
from tests.fakes.quoting import numbered, quote
from tests.fakes.servers import open_store

BTC = Market("BTC/USD")


async def pages(store, now_ns, limit, **how):
    found, after = [], None
    while page := await store.quotes.range(BTC, 0, now_ns + SECOND_NS, limit=limit, after=after, **how):
        assert len(page) <= limit
        found += page
        after = (page[-1].quoted_at_ns, page[-1].venue)
    return found


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("limit", [1, 7, 1000])
async def test_pages_joined_are_the_whole_list_also_where_venues_share_a_microsecond(
    store, now_ns, limit, newest_first
):
    rng = random.Random(limit)
    rows = {
        (at_ns, venue): quote(at_ns, venue=venue)
        for at_ns in (now_ns - rng.randrange(20) * SECOND_NS for _ in range(30))
        for venue in ("binance", "kraken", "okx")
    }
    await store.quotes.write(list(rows.values()))
    whole = [rows[key] for key in sorted(rows, reverse=newest_first)]
    assert await pages(store, now_ns, limit, newest_first=newest_first) == whole


async def test_rows_added_between_two_pages_neither_repeat_nor_skip_others(store, now_ns):
    await store.quotes.write(numbered(now_ns - SECOND_NS, range(10)))
    first = await store.quotes.range(BTC, 0, now_ns, limit=4)
    await store.quotes.write([quote(now_ns - 1000), quote(now_ns - SECOND_NS - 1000)])
    second = await store.quotes.range(BTC, 0, now_ns, limit=20, after=(first[-1].quoted_at_ns, first[-1].venue))
    assert [q.price for q in first + second] == [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, quote(0).price]


async def test_a_range_holds_its_start_and_not_its_end(store, now_ns):
    await store.quotes.write([quote(now_ns), quote(now_ns + 1000)])
    assert await store.quotes.range(BTC, now_ns, now_ns + 1000) == [quote(now_ns)]


async def test_a_range_of_all_times_that_a_number_can_say_is_answered(store, now_ns):
    await store.quotes.write([quote(now_ns)])
    assert len(await store.quotes.range(BTC, -(10**30), 10**30)) == 1


async def test_one_venue_only(store, now_ns):
    await store.quotes.write([quote(now_ns, venue="okx"), quote(now_ns + 1000, venue="kraken")])
    found = await store.quotes.range(BTC, 0, now_ns + SECOND_NS, venue=Venue("okx"))
    assert [q.venue for q in found] == ["okx"]


async def test_the_newest_of_a_market_and_of_one_venue(store, now_ns):
    await store.quotes.write([quote(now_ns, venue="okx"), quote(now_ns + 1000, venue="kraken")])
    assert (await store.quotes.newest(BTC)).venue == "kraken"
    assert (await store.quotes.newest(BTC, venue=Venue("okx"))).quoted_at_ns == now_ns
    assert await store.quotes.newest(Market("XRP/USD")) is None


async def test_recent_is_every_market_since_a_time_oldest_first(store, now_ns):
    markets = [f"M{n}/USD" for n in range(40)]
    rows = [
        quote(now_ns - age * SECOND_NS + n * 1000, market=market)
        for n, market in enumerate(markets)
        for age in (400_000, 200, 100, 10)
    ]
    await store.quotes.write(rows)
    found = await store.quotes.recent(now_ns - 150 * SECOND_NS)
    assert found == sorted(
        (q for q in rows if q.quoted_at_ns >= now_ns - 150 * SECOND_NS), key=lambda q: q.quoted_at_ns
    )


async def test_recent_of_an_empty_store_is_empty(store, now_ns):
    assert await store.quotes.recent(now_ns) == []
    assert await store.trades.recent(now_ns) == []


async def test_reads_without_a_database_end_with_a_name(bare_folder, now_ns):
    nowhere = Secret("host=127.0.0.1 port=1 dbname=x user=x")
    async with open_store(bare_folder, store=StoreSettings(database_url=nowhere)) as store:
        for read in (store.ping(), store.quotes.recent(now_ns), store.quotes.range(BTC, 0, 1)):
            with pytest.raises(ChronoError) as away:
                await read
            assert away.value.reason is DATABASE_AWAY


async def test_without_an_embedded_server_there_are_no_processes_to_tell(store):
    assert store.postgres_pid is None
    assert await store.pids() == []


async def test_the_processes_of_the_embedded_server_are_told(folder):
    async with open_store(folder) as store:
        pids = await store.pids()
        assert pids[0] == store.postgres_pid
        assert len(pids) > 3
