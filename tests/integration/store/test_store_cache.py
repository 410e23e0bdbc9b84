"""The shared cache on a real Redis: never older over newer, no echo, exact limits, and quick when it is gone."""

import asyncio
from decimal import Decimal

import pytest
import redis.asyncio as redis
from msgspec import json

from chrono.clock import SECOND_NS, SystemClock
from chrono.errors import CACHE_AWAY, NO_DERIVATION, TOO_FEW_SOURCES, ChronoError
from chrono.market.names import Market
from chrono.settings import Redis, Secret
from chrono.store import redis_link
from chrono.store.bus import consensus_key, latest_key, price_key, range_key
from chrono.store.cache import Cache
from tests.fakes.estimating import estimate
from tests.fakes.servers import redis_server, running

BTC, ETH, KRW = Market("BTC/USD"), Market("ETH/USD"), Market("BTC/KRW")


@pytest.fixture(scope="module")
def server():
    with redis_server() as running_server:
        yield running_server


@pytest.fixture
def fragile():
    with redis_server() as running_server:
        yield running_server


@pytest.fixture
async def opened(server):
    """A way to open caches on one Redis, each as an instance of its own."""
    caches = []

    def open_one(url=server.url, **settings):
        caches.append(Cache.open(Redis(url=Secret(url), **settings), SystemClock()))
        return caches[-1]

    yield open_one
    for cache in caches:
        await cache.close()


@pytest.fixture
async def raw(server):
    client = redis.Redis.from_url(server.url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
async def cache(opened, raw):
    return opened()


async def test_a_value_comes_back_as_it_was_and_its_evidence_is_elsewhere(cache, now_ns):
    said = estimate(now_ns, reason=TOO_FEW_SOURCES)
    assert await cache.put_latest([said, estimate(now_ns, market=ETH)]) == 2
    found = await cache.get_latest(BTC)
    assert found is not None
    for name in set(said.__struct_fields__) - {"evidence"}:
        assert getattr(found, name) == getattr(said, name), name
    with pytest.raises(ChronoError) as elsewhere:
        found.evidence.derivation()
    assert elsewhere.value.reason is NO_DERIVATION
    assert await cache.get_latest(KRW) is None


async def test_keys_and_their_lives_are_those_of_the_contract(cache, raw, now_ns):
    await cache.put_latest([estimate(now_ns), estimate(now_ns, market=KRW)])
    assert await raw.ttl("chrono:latest:BTC/USD") in range(55, 61)
    assert await raw.ttl("chrono:price:BTC:latest") in range(295, 301)
    assert sorted(await raw.keys("*")) == [
        b"chrono:latest:BTC/KRW",
        b"chrono:latest:BTC/USD",
        b"chrono:price:BTC:latest",
    ]
    told = json.decode(await raw.get("chrono:price:BTC:latest"))
    assert (told["symbol"], told["price"], told["source"]) == ("BTC/USD", "67234.5600", "aggregated")
    assert latest_key(BTC) == "latest:BTC/USD"
    assert (price_key(BTC), price_key(KRW)) == ("price:BTC:latest", None)
    assert range_key(BTC, 0, SECOND_NS, "1m") == "range:BTC/USD:1970-01-01T00:00:00.000Z:1970-01-01T00:00:01.000Z:1m"
    assert consensus_key(BTC, 0) == "consensus:BTC/USD:1970-01-01T00:00:00.000Z"


async def test_an_older_value_never_overwrites_a_newer_one(opened, raw, now_ns):
    first, second = opened(), opened()
    values = [estimate(now_ns + n * 1000, price=f"{n + 1}") for n in range(60)]
    await asyncio.gather(*((first, second)[n % 2].put_latest([value]) for n, value in enumerate(reversed(values))))
    assert (await first.get_latest(BTC)).price == 60
    assert await second.put_latest([values[0]]) == 0
    assert json.decode(await raw.get("chrono:price:BTC:latest"))["price"] == "60"


async def test_rubbish_under_our_key_is_no_value_and_is_replaced(cache, raw, now_ns):
    await raw.set("chrono:latest:BTC/USD", "rubbish")
    assert await cache.get_latest(BTC) is None
    await cache.put_latest([estimate(now_ns)])
    assert await cache.get_latest(BTC) is not None


async def test_two_installations_on_one_redis_do_not_meet(opened, raw, now_ns):
    ours, theirs = opened(prefix="a:"), opened(prefix="b:")
    await ours.put_latest([estimate(now_ns)])
    assert await theirs.get_latest(BTC) is None
    assert await ours.claim_nonce("n", 30)
    assert await theirs.claim_nonce("n", 30)


async def test_updates_reach_the_other_instances_and_never_come_back(opened, raw, now_ns):
    first, second, third = opened(), opened(), opened()
    heard = {cache: asyncio.Queue() for cache in (first, second, third)}
    for cache, queue in heard.items():
        cache.on_estimates(lambda values, queue=queue: [queue.put_nowait(value) for value in values])
    async with running([part for cache in heard for part in cache.parts()]):
        await until_listening(raw, 3)
        first.put_later([estimate(now_ns, price="1")])
        first.put_later([estimate(now_ns + 1000, price="2"), estimate(now_ns, market=ETH)])
        async with asyncio.timeout(60):
            got = [await heard[second].get() for _ in range(2)]
            [await heard[third].get() for _ in range(2)]
        assert {(e.market, e.price) for e in got} == {(BTC, 2), (ETH, Decimal("67234.56"))}
        assert heard[first].empty()


async def until_listening(raw, count):
    async with asyncio.timeout(60):
        while (await raw.pubsub_numsub("chrono:price_updates:all"))[0][1] < count:
            await asyncio.sleep(0.01)


async def test_an_outdated_value_is_not_announced(opened, raw, now_ns):
    first, second = opened(), opened()
    heard = asyncio.Queue()
    second.on_estimates(lambda values: [heard.put_nowait(value) for value in values])
    async with running(second.parts()):
        await until_listening(raw, 1)
        await first.put_latest([estimate(now_ns, price="2")])
        await first.put_latest([estimate(now_ns - SECOND_NS, price="1")])
        await first.put_latest([estimate(now_ns + SECOND_NS, price="3")])
        async with asyncio.timeout(60):
            assert [(await heard.get()).price for _ in range(2)] == [2, 3]


async def test_each_market_has_a_channel_of_its_own(cache, raw, now_ns):
    async with raw.pubsub() as channel:
        await channel.subscribe("chrono:price_updates:ETH/USD")
        await channel.get_message(timeout=5)
        await cache.put_latest([estimate(now_ns), estimate(now_ns, market=ETH)])
        message = await channel.get_message(ignore_subscribe_messages=True, timeout=5)
    assert json.decode(message["data"])["symbol"] == "ETH/USD"


async def test_exactly_the_limit_passes_however_many_ask_at_once(opened, raw, monkeypatch):
    # How many pass is asked here, not how soon: a hundred at once may take longer than one call has.
    monkeypatch.setattr(redis_link, "DEADLINE_S", 30.0)
    caches = [opened() for _ in range(3)]
    answers = await asyncio.gather(*(caches[n % 3].take("api:k:rate", 40, 60, 0) for n in range(100)))
    assert sum(allowed for allowed, _, _ in answers) == 40
    assert sorted({left for allowed, left, _ in answers if allowed}) == list(range(40))
    assert {left for allowed, left, _ in answers if not allowed} == {0}
    assert 0 < await raw.pttl("chrono:api:k:rate") <= 60_000


async def test_a_place_is_free_again_exactly_when_the_oldest_leaves_the_window(cache, raw):
    first = [await cache.take("k", 3, 3, 0) for _ in range(4)]
    assert [allowed for allowed, _, _ in first] == [True, True, True, False]
    free_at_ns = first[-1][2]
    allowed = False
    while not allowed:
        asked_ns = await redis_time_ns(raw)
        allowed, _, _ = await cache.take("k", 3, 3, 0)
        assert allowed or asked_ns <= free_at_ns
    assert await redis_time_ns(raw) >= free_at_ns


async def redis_time_ns(raw):
    seconds, us = await raw.time()
    return (seconds * 1_000_000 + us) * 1000


async def test_no_window_ever_holds_more_than_the_limit(cache, raw):
    let_in = []
    before = await redis_time_ns(raw)
    for _ in range(400):
        allowed, _, _ = await cache.take("w", 5, 1, 0)
        after = await redis_time_ns(raw)
        let_in += [(before, after)] if allowed else []
        before = after
        if len(let_in) >= 16:
            break
        await asyncio.sleep(0.01)
    assert len(let_in) >= 10
    for (early, _), (_, late) in zip(let_in, let_in[5:], strict=False):
        assert late - early >= 1_000_000_000, "six within a second, whenever between our looks Redis let them in"


async def test_a_limit_of_nothing_lets_nobody_in(cache):
    assert (await cache.take("none", 0, 60, 0))[:2] == (False, 0)


async def test_a_nonce_is_new_once_for_all_instances(opened, raw):
    caches = [opened() for _ in range(3)]
    assert sum(await asyncio.gather(*(caches[n % 3].claim_nonce("abc", 30) for n in range(30)))) == 1
    assert await raw.ttl("chrono:nonce:abc") in range(25, 31)


async def test_answers_are_remembered_for_their_time(cache, raw):
    await cache.put_answer("range:x", b"body")
    assert await cache.get_answer("range:x") == b"body"
    assert await cache.get_answer("range:y") is None
    assert await raw.ttl("chrono:range:x") in range(295, 301)


CALLS = {
    "get": lambda cache: cache.get_latest(BTC),
    "put": lambda cache: cache.put_latest([estimate(1)]),
    "take": lambda cache: cache.take("k", 5, 60, 0),
    "nonce": lambda cache: cache.claim_nonce("n", 30),
    "ping": lambda cache: cache.ping(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("how", ["stopped", "frozen"])
async def test_with_redis_gone_every_call_ends_soon_with_a_name_and_works_again_when_it_is_back(
    fragile, opened, call, how
):
    cache = opened(fragile.url)
    await call(cache)
    fragile.stop() if how == "stopped" else fragile.freeze()
    async with asyncio.timeout(60):
        for _ in range(20):  # all of them together within the time that one may hang
            with pytest.raises(ChronoError) as away:
                await call(cache)
            assert away.value.reason is CACHE_AWAY
    await asyncio.to_thread(fragile.start) if how == "stopped" else fragile.thaw()
    await until_back(cache)
    await call(cache)


async def until_back(cache):
    async with asyncio.timeout(60):
        while True:
            try:
                return await cache.ping()
            except ChronoError:
                await asyncio.sleep(0.05)


async def test_answers_are_never_mixed_up_after_calls_that_were_given_up(fragile, opened):
    cache = opened(fragile.url)
    for n in range(20):
        await cache.put_answer(f"k{n}", f"{n}".encode())
    fragile.freeze()
    asked = [asyncio.create_task(cache.get_answer(f"k{n}")) for n in range(10)]
    await asyncio.wait(asked, timeout=0.05)
    for task in asked[:5]:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    fragile.thaw()
    await until_back(cache)
    assert [await cache.get_answer(f"k{n}") for n in range(20)] == [f"{n}".encode() for n in range(20)]


@pytest.mark.parametrize("how", ["stopped", "frozen"])
async def test_the_listener_and_the_writer_come_back_by_themselves(fragile, opened, now_ns, how, monkeypatch):
    monkeypatch.setattr("chrono.store.cache._HEARTBEAT_S", 0.2)
    first, second = opened(fragile.url), opened(fragile.url)
    heard = asyncio.Queue()
    second.on_estimates(lambda values: [heard.put_nowait(value) for value in values])
    async with running([*first.parts(), *second.parts()]):
        fragile.stop() if how == "stopped" else fragile.freeze()
        first.put_later([estimate(now_ns)])
        await asyncio.sleep(0)
        await asyncio.to_thread(fragile.start) if how == "stopped" else fragile.thaw()
        async with asyncio.timeout(60):
            while heard.empty():
                first.put_later([estimate(SystemClock().now_ns() // 1000 * 1000)])
                await asyncio.sleep(0.05)


async def test_a_password_is_used(now_ns):
    with redis_server(password="s3cret") as server:
        cache = Cache.open(Redis(url=Secret(server.url)), SystemClock())
        await cache.ping()
        await cache.close()
        wrong = Cache.open(Redis(url=Secret(server.url.replace("s3cret", "wrong"))), SystemClock())
        with pytest.raises(ChronoError) as refused:
            await wrong.ping()
        assert refused.value.reason is CACHE_AWAY
        assert "s3cret" not in str(refused.value)
        await wrong.close()
