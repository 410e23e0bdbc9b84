"""What is written is read back whole, once, and of two rows with one key the first stays."""

import asyncio
from decimal import Decimal

import psycopg
import pytest

from chrono.clock import SECOND_NS
from chrono.errors import ROW_REFUSED, ChronoError
from chrono.market.names import Market, Venue
from chrono.market.quote import Trade
from chrono.settings import Secret
from chrono.settings import Store as StoreSettings
from chrono.store.rows import QUOTES, quote_batch
from tests.fakes.quoting import numbered, quote
from tests.fakes.servers import open_store

BTC = Market("BTC/USD")
DAY_NS = 86_400 * SECOND_NS


async def stored(store, now_ns, **how):
    return await store.quotes.range(BTC, 0, now_ns + 1000 * DAY_NS, limit=100_000, newest_first=False, **how)


async def test_a_quote_comes_back_as_it_was_said(store, now_ns):
    metadata = b'{"bid": "67230.00"}'
    said = quote(now_ns + 123_456_000, price="67234.560", volume="1.234567890", worker_id="w_1-a", metadata=metadata)
    await store.quotes.write([said])
    assert await stored(store, now_ns) == [said]
    assert str((await stored(store, now_ns))[0].price) == "67234.560"


async def test_a_write_tells_how_many_quotes_of_each_venue_were_there_already(store, now_ns):
    first = [quote(now_ns, venue="ash"), quote(now_ns, venue="birch")]
    assert await store.quotes.write(first) == {}
    again = [*first, quote(now_ns, venue="ash", price="1"), quote(now_ns + 1000, venue="ash")]
    assert await store.quotes.write(again) == {"ash": 2, "birch": 1}
    both = await asyncio.gather(*(store.quotes.write([quote(now_ns + 2000, venue="cedar")]) for _ in range(5)))
    assert sorted(told.get("cedar", 0) for told in both) == [0, 1, 1, 1, 1]
    assert len(await stored(store, now_ns)) == 4


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        b'{"text": "a tab\\t, a line\\n, a backslash \\\\ and a quote \\""}',
        '{"text": "žluťoučký 🐎"}'.encode(),
        b'{"text": "\\\\N"}',
        b'{"text": "\\\\."}',
    ],
)
async def test_metadata_comes_back_as_the_same_json(store, now_ns, metadata):
    await store.quotes.write([quote(now_ns, metadata=metadata)])
    [found] = await stored(store, now_ns)
    assert found.metadata == metadata


@pytest.mark.parametrize(
    "metadata",
    [
        b'{"text": "\\u0000"}',
        b'{"text": "\\ud800"}',
        b'{"number": 1e999999}',
        b'{"a":' + b"[" * 90_000 + b"]" * 90_000 + b"}",
    ],
    ids=["a NUL", "a lone surrogate", "a number beyond numeric", "nesting beyond the stack"],
)
async def test_json_that_jsonb_cannot_hold_is_kept_as_its_text_and_costs_nobody_else(store, now_ns, metadata):
    odd, usual = quote(now_ns, metadata=metadata), quote(now_ns + 1000)
    await asyncio.gather(store.quotes.write([odd, usual]), store.quotes.write(numbered(now_ns + SECOND_NS, range(50))))
    found = await stored(store, now_ns)
    assert len(found) == 52
    assert found[0].metadata == metadata
    assert found[1] == usual


async def test_a_row_that_no_database_could_take_is_refused_before_anything_is_claimed(store, now_ns):
    with pytest.raises(ChronoError) as refused:
        await store.quotes.write([quote(now_ns), quote(now_ns + 1000, worker_id="a\0b")])
    assert refused.value.reason is ROW_REFUSED
    assert await stored(store, now_ns) == []


async def test_a_batch_that_postgres_refuses_costs_no_other_batch_of_its_group(store, now_ns):
    poisoned = quote_batch([quote(now_ns)])
    broken = type(poisoned)(QUOTES, poisoned.body.replace(b"67234.56", b"dear"), 1, poisoned.oldest_ns)
    others = [store.quotes.write(numbered(now_ns + SECOND_NS * n, range(10))) for n in range(1, 5)]
    refused, *fine = await asyncio.gather(store._writer.write(broken), *others, return_exceptions=True)
    assert isinstance(refused, ChronoError)
    assert refused.reason is ROW_REFUSED
    assert fine == [{}] * 4
    assert len(await stored(store, now_ns)) == 40


async def test_of_one_key_in_one_batch_the_first_stays(store, now_ns):
    await store.quotes.write([quote(now_ns, price="1"), quote(now_ns, price="2"), quote(now_ns + 1000, price="3")])
    assert [q.price for q in await stored(store, now_ns)] == [1, 3]


async def test_of_one_key_in_two_batches_the_first_stays_and_the_rest_of_the_second_is_kept(store, now_ns):
    await store.quotes.write([quote(now_ns, price="1")])
    await store.quotes.write([quote(now_ns, price="2"), quote(now_ns + 1000, price="3")])
    assert [q.price for q in await stored(store, now_ns)] == [1, 3]


async def test_of_one_key_in_one_group_the_first_accepted_stays(store, now_ns):
    # All are waiting before a writer runs, so that they become one group.
    first, second, third = (store._writer.write(quote_batch([quote(now_ns, price=p)])) for p in ("1", "2", "3"))
    await asyncio.gather(first, second, third)
    assert [q.price for q in await stored(store, now_ns)] == [1]


async def test_repeated_batches_from_many_senders_are_stored_once(store, now_ns):
    batches = [numbered(now_ns + n * SECOND_NS, range(100)) for n in range(20)]
    await asyncio.gather(*(store.quotes.write(batch) for batch in batches * 5))
    found = await stored(store, now_ns)
    assert len(found) == 2000
    assert {q.quoted_at_ns for q in found} == {q.quoted_at_ns for batch in batches for q in batch}


async def test_senders_that_repeat_each_other_in_opposite_order_all_succeed(store, now_ns):
    rows = numbered(now_ns, range(500))
    await asyncio.gather(*(store.quotes.write(rows[::step]) for step in (1, -1) * 20))
    assert len(await stored(store, now_ns)) == 500


@pytest.mark.parametrize("days", [-3650, -30, 30, 300])
async def test_a_row_for_which_no_partition_was_made_is_stored(url, bare_folder, now_ns, days):
    # The pass of the start drops what is beyond the retention, and may come after the write.
    settings = StoreSettings(database_url=Secret(url))
    async with open_store(bare_folder, without=("store_partitions",), store=settings) as store:
        far = quote(now_ns + days * DAY_NS)
        await store.quotes.write([far, quote(now_ns)])
        assert far in await stored(store, now_ns)


async def test_nothing_to_write_is_written_at_once(store):
    await store.quotes.write([])
    await store.trades.write([])


async def test_trades_of_one_microsecond_are_told_apart_by_their_sequence(store, now_ns):
    def trade(sequence, price="5"):
        return Trade(Venue("kraken"), BTC, Decimal(price), Decimal("0.1"), "buy", now_ns, now_ns, sequence)

    await store.trades.write([trade(1), trade(2)])
    await asyncio.gather(store.trades.write([trade(2, "6"), trade(3)]), store.quotes.write([quote(now_ns)]))
    assert await store.trades.recent(now_ns - SECOND_NS) == [trade(1), trade(2), trade(3)]


async def test_a_caller_who_gives_up_does_not_stop_the_writer(store, now_ns):
    impatient = asyncio.create_task(store.quotes.write([quote(now_ns)]))
    await asyncio.sleep(0)
    impatient.cancel()
    await store.quotes.write([quote(now_ns + 1000)])
    assert quote(now_ns + 1000) in await stored(store, now_ns)


async def test_one_index_serves_the_key_and_the_reads_by_market_and_time(store, url):
    with psycopg.connect(url) as connection:
        indexes = connection.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'price_feeds'").fetchall()
        connection.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        plan = connection.execute(
            "EXPLAIN SELECT price FROM price_feeds WHERE symbol = 'BTC/USD'"
            " AND \"timestamp\" >= now() - interval '3 min'"
            ' ORDER BY "timestamp" DESC LIMIT 10'
        ).fetchall()
    assert len(indexes) == 1
    assert not any("->  Sort" in line for (line,) in plan), plan
