"""Two instances behind one real Redis share streams and limits; without it each goes on by itself."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from websockets.sync.client import connect

from tests.e2e.walking import feeds, frames, until
from tests.fakes.house import PUBLIC_KEY, House
from tests.fakes.servers import RedisServer, redis_server


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


def test_a_reader_of_one_instance_hears_what_the_other_ingested(redis: RedisServer) -> None:
    with House({"REDIS_URL": redis.url}) as one, House({"REDIS_URL": redis.url}) as other:
        one.start()
        other.start()
        with connect(f"ws://127.0.0.1:{other.stream_port}/stream?key={PUBLIC_KEY}") as socket:
            socket.send(json.dumps({"action": "subscribe", "symbols": ["BOTH/USD"]}))
            frames(socket, "subscribed")
            one.ingest(feeds("BOTH/USD", 40.0))
            assert frames(socket, "price_update")["data"]["symbol"] == "BOTH/USD"


def test_instances_share_one_limit_and_keep_limiting_when_redis_is_gone(redis: RedisServer) -> None:
    limited = {"REDIS_URL": redis.url, "RATE_LIMIT_PUBLIC_FREE": "10"}
    with House(limited) as one, House(limited) as other:
        one.start()
        other.start()
        answers = [house.get("/metadata/venues")[0] for house in (one, other) * 8]
        assert answers.count(200) == 10
        assert answers.count(429) == 6
        redis.stop()
        assert until(lambda: other.get("/health", key=None)[1]["services"]["redis"] == "degraded")
        alone = [other.get("/metadata/venues")[0] for _ in range(20)]
        assert set(alone) <= {200, 429}
        assert alone.count(429) >= 10, "the limit fell open without Redis"
        assert one.ingest(feeds("ALONE/USD", 5.0))[0] == 200
        redis.start()
        until(lambda: other.get("/health", key=None)[1]["services"]["redis"] == "healthy")


def test_a_full_spool_says_503_and_keeps_its_word() -> None:
    from tests.fakes.servers import postgres_server
    from tests.faults.test_kills import url_of

    with postgres_server() as postgres:
        environment = {"DATABASE_URL": url_of(postgres.database()), "CHRONO__INGEST__SPOOL_MAX_MB": "1"}
        with House(environment) as house:
            house.start()
            since = int(datetime.now(UTC).timestamp() * 1000)
            postgres.stop()
            padding = {"metadata": {"note": "x" * 1000}}
            accepted = 0
            for number in range(2000):
                status, answer = house.ingest(feeds("FULL/USD", 10.0 + number, **padding))
                if status == 503:
                    assert answer["error"]["code"] == "DATABASE_ERROR"
                    break
                accepted += answer["ingested"]
            else:
                pytest.fail("the spool never filled")
            assert accepted > 0
            postgres.start()
            until(lambda: b"chrono_spool_bytes 0.0" in house.request("GET", "/metrics")[1], 60)
            path = f"/prices/range?symbol=FULL/USD&from={since - 1000}&to={since + 600_000}&limit=10000"
            assert len(house.get(path)[1]["data"]) == accepted
