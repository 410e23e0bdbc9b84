"""Consensus: written behind, read back as it was, its derivation byte for byte."""

import asyncio

import pytest
from msgspec import structs

from chrono.clock import SECOND_NS
from chrono.errors import TOO_FEW_SOURCES
from chrono.market.names import Market
from chrono.settings import Secret
from chrono.settings import Store as StoreSettings
from chrono.store.bus import Elsewhere
from chrono.telemetry import CONSENSUS_DROPPED
from tests.fakes.estimating import Told, estimate
from tests.fakes.servers import open_store, postgres_server

BTC, ETH = Market("BTC/USD"), Market("ETH/USD")
DAY_NS = 86_400 * SECOND_NS


async def until_written(store):
    async with asyncio.timeout(60):
        while store.consensus._waiting:
            await asyncio.sleep(0.01)


async def written(store, *estimates):
    store.consensus.write_later(estimates)
    await until_written(store)


async def test_a_consensus_comes_back_as_it_was(store, now_ns):
    said = estimate(now_ns)
    await written(store, said)
    found = (await store.consensus.at([BTC], now_ns, SECOND_NS))[BTC]
    for name in structs.asdict(found).keys() - {"calculated_at_ns"}:
        assert getattr(found, name) == getattr(said, name), name
    assert str(found.price) == "67234.5600"


async def test_the_newest_at_or_before_the_time_is_found_and_none_older_than_allowed(store, now_ns):
    await written(store, *(estimate(now_ns + n * SECOND_NS, price=f"{n + 1}") for n in range(5)))
    found = await store.consensus.at([BTC, ETH], now_ns + 2 * SECOND_NS + 1, 10 * SECOND_NS)
    assert {market: c.price for market, c in found.items()} == {BTC: 3}
    assert await store.consensus.at([BTC], now_ns + 60 * SECOND_NS, 10 * SECOND_NS) == {}


@pytest.mark.parametrize(
    "text",
    [
        b'{"b":1.10,"a":1e3,"b2":"\\u0041\\\\ \\"x\\"","n":[1,  2]}',
        b'{"z":{"y":0.100000000000000000000000000001},"dup":1,"dup":2}',
        '{"name":"žluť"}'.encode(),
        b'{"text":"a\\tb\\nc"}',
        b"{}",
    ],
)
async def test_a_derivation_comes_back_byte_for_byte(store, now_ns, text):
    await written(store, estimate(now_ns, evidence=Told(text)))
    assert await store.consensus.derivation(BTC, now_ns + 5) == text
    assert await store.consensus.derivation(BTC, now_ns - 5) is None


async def test_a_large_derivation_comes_back_byte_for_byte(store, now_ns):
    text = b'{"quotes":[' + b",".join(b'{"price":"%d.10"}' % n for n in range(20_000)) + b"]}"
    await written(store, estimate(now_ns, evidence=Told(text)))
    assert await store.consensus.derivation(BTC, now_ns) == text


async def test_of_two_values_for_one_time_the_first_stays(store, now_ns):
    await written(store, estimate(now_ns, price="1"), estimate(now_ns, price="2"), estimate(now_ns + 1000, price="3"))
    assert (await store.consensus.at([BTC], now_ns, 1))[BTC].price == 1
    assert (await store.consensus.at([BTC], now_ns + 1000, 1))[BTC].price == 3


async def test_a_day_ago_is_a_day_ago_or_a_little_more_but_not_less(store, now_ns):
    await written(
        store,
        estimate(now_ns - DAY_NS - 60 * SECOND_NS, price="1"),
        estimate(now_ns - DAY_NS + 60 * SECOND_NS, price="2"),
        estimate(now_ns - DAY_NS - 7200 * SECOND_NS, market=ETH),
    )
    assert await store.consensus.day_ago([BTC, ETH], now_ns) == {BTC: 1}


async def test_a_value_that_cannot_be_stored_does_not_hold_up_the_others(store, now_ns):
    before = CONSENSUS_DROPPED._value.get()
    await written(
        store,
        estimate(now_ns, evidence=Elsewhere("another instance")),
        estimate(now_ns + 1000, price="2", reason=TOO_FEW_SOURCES),
    )
    assert CONSENSUS_DROPPED._value.get() == before + 1
    assert (await store.consensus.at([BTC], now_ns + 1000, SECOND_NS))[BTC].price == 2


async def test_a_derivation_that_is_no_json_is_dropped_and_counted(store, now_ns):
    before = CONSENSUS_DROPPED._value.get()
    await written(store, estimate(now_ns, evidence=Told(b"no json")))
    await written(store, estimate(now_ns + 1000))
    assert CONSENSUS_DROPPED._value.get() == before + 1
    assert len(await store.consensus.at([BTC], now_ns + 1000, 10)) == 1


async def test_values_wait_in_memory_while_postgres_is_away_the_oldest_dropped_beyond_a_bound(
    bare_folder, now_ns, monkeypatch
):
    monkeypatch.setattr("chrono.store.consensus.MOST_WAITING", 30)
    before = CONSENSUS_DROPPED._value.get()
    with postgres_server() as postgres:
        settings = StoreSettings(database_url=Secret(postgres.migrated()))
        async with open_store(bare_folder, store=settings) as store:
            postgres.stop()
            store.consensus.write_later([estimate(now_ns + n * 1000, price=f"{n + 1}") for n in range(50)])
            assert CONSENSUS_DROPPED._value.get() == before + 20
            await asyncio.to_thread(postgres.start)
            await until_written(store)
            assert await store.consensus.at([BTC], now_ns + 19_000, 10**9) == {}
            assert (await store.consensus.at([BTC], now_ns + 20_000, 10**9))[BTC].price == 21


async def test_what_is_queued_at_the_end_is_still_written(url, bare_folder, now_ns):
    settings = StoreSettings(database_url=Secret(url))
    async with open_store(bare_folder, store=settings) as store:
        store.consensus.write_later([estimate(now_ns)])
    async with open_store(bare_folder, store=settings) as store:
        assert len(await store.consensus.at([BTC], now_ns, 10)) == 1
