"""A price walks through the whole house, as its users see it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from websockets.sync.client import connect

from chrono.pricing.derivation import recompute
from tests.e2e.walking import VENUES, feeds, frames, until
from tests.fakes.house import PUBLIC_KEY, House


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with House({"CHRONO__STREAM__MESSAGES_PER_S": "1000"}) as running:
        yield running.start()


def test_what_was_ingested_is_the_latest_price_and_explains_itself(house: House) -> None:
    status, receipt = house.ingest(feeds("WALK/USD", 100.0))
    assert (status, receipt["status"], receipt["ingested"]) == (200, "success", 4)
    status, answer = house.get("/prices/latest?symbols=WALK/USD,NONE/USD")
    assert status == 200
    assert answer["missing"] == ["NONE/USD"]
    row = answer["data"][0]
    assert (row["source"], row["quality"], row["sources"]) == ("aggregated", "ok", 4)
    assert 100.0 <= float(row["price"]) <= 100.03
    status, body = house.request("GET", "/aggregates/explain?symbol=WALK", headers={"X-API-Key": PUBLIC_KEY})
    assert status == 200
    explained = json.loads(body)
    canonical = body[body.index(b'"derivation":') + 13 : body.rindex(b',"latency_ms"')]
    assert recompute(canonical) == canonical
    assert len(explained["hash"]) == 64


def test_a_market_in_tether_waits_for_the_price_of_tether(house: House) -> None:
    house.ingest(feeds("CONV/USDT", 200.0))
    answer = house.get("/prices/latest?symbols=CONV/USD")[1]
    assert answer["missing"] == ["CONV/USD"], "a stable coin was taken for its currency"
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    peg = [{"symbol": "USDT/USD", "price": "0.90", "volume": "5", "source": v, "timestamp": stamp} for v in VENUES]
    assert house.ingest(peg)[0] == 200
    row = until(lambda: house.get("/prices/latest?symbols=CONV/USD")[1]["data"])[0]
    assert 180.0 <= float(row["price"]) <= 180.1


@pytest.mark.parametrize("door", ["main", "fast"])
def test_a_reader_of_either_door_gets_snapshot_quotes_and_updates(house: House, door: str) -> None:
    port = house.port if door == "main" else house.stream_port
    market = f"{door.upper()}/USD"
    house.ingest(feeds(market, 50.0))
    until(lambda: house.get(f"/prices/latest?symbols={market}")[1]["data"])
    with connect(f"ws://127.0.0.1:{port}/stream?key={PUBLIC_KEY}") as socket:
        assert frames(socket, "hello")["v"] == 1
        socket.send(json.dumps({"action": "subscribe", "symbols": [market], "sources": True, "id": 7}))
        assert frames(socket, "subscribed")["symbols"] == [market]
        assert frames(socket, "snapshot")["data"][0]["symbol"] == market
        house.ingest(feeds(market, 51.0))
        seen = set()
        while not {*VENUES, "aggregated"} <= seen:
            seen.add(frames(socket, "price_update")["data"]["source"])


def test_the_value_provider_keeps_order_and_leaves_out_what_it_does_not_know(house: House) -> None:
    house.ingest(feeds("SEAM/USD", 10.0))
    asked = {"feeds": [{"category": 1, "name": "NOPE/USD"}, {"category": 1, "name": "SEAM/USD"}]}
    headers = {"Content-Type": "application/json"}
    for path in ("/feed-values/0", "/feed-values/", "/feed-values"):
        status, body = house.request("POST", path, json.dumps(asked).encode(), headers)
        assert status in (200, 201), body
        data = json.loads(body)["data"]
        assert [row["feed"]["name"] for row in data] == ["NOPE/USD", "SEAM/USD"]
        assert "value" not in data[0]
        assert 10.0 <= data[1]["value"] <= 10.03


def test_raw_quotes_and_candles_show_what_was_just_ingested(house: House) -> None:
    since = int(time.time() * 1000) - 60_000
    house.ingest(feeds("RAWS/USD", 30.0))
    rows = house.get(f"/prices/range?symbol=RAWS/USD&from={since}&to={since + 120_000}")[1]["data"]
    assert {row["source"] for row in rows} == set(VENUES)
    candles = house.get(f"/prices/range?symbol=RAWS/USD&from={since}&to={since + 120_000}&interval=1m")[1]["data"]
    assert sum(candle["num_feeds"] for candle in candles) == 4


def test_health_names_the_parts_and_metrics_count_the_feeds(house: House) -> None:
    house.ingest(feeds("COUNTED/USD", 1.0))
    status, health = house.get("/health", key=None)
    assert status == 200
    assert health["services"]["database"] == "healthy"
    assert health["parts"]["board"]["state"] == "running"
    text = house.request("GET", "/metrics")[1].decode()
    assert 'chrono_ingest_feeds_total{outcome="accepted",source="alpha"}' in text


def test_a_restart_warms_the_latest_prices_from_the_store() -> None:
    with House() as house:
        house.start()
        house.ingest(feeds("WARM/USD", 70.0))
        assert house.stop() == 0
        house.start()
        assert until(lambda: house.get("/prices/latest?symbols=WARM/USD")[1]["data"])[0]["sources"] == 4


def test_a_second_start_on_the_same_folder_says_who_holds_it() -> None:
    with House() as house:
        house.start()
        other = subprocess.run(
            [sys.executable, "-m", "chrono.cli", "run", "--port", "0"],
            env=house.environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert other.returncode == 1
        assert "another Chrono runs on this data folder" in other.stderr
        assert str(house.pid) in other.stderr
        assert house.get("/live")[0] == 200


def test_a_taken_port_is_named() -> None:
    with House() as house:
        house.start()
        with House() as other:
            other.environment["CHRONO__SERVER__PORT"] = str(house.port)
            other.start(ready=False)
            assert other.process is not None
            assert other.process.wait(60) == 1
            assert "another program listens on this port" in other.log()


def test_ctrl_c_stops_everything_that_was_started() -> None:
    with House() as house:
        house.start()
        started = psutil.Process(house.pid).children(recursive=True)
        assert started
        assert house.stop() == 0
        assert psutil.wait_procs(started, timeout=60)[1] == []
        assert not (house.data_dir / "server.json").exists()


def test_nothing_outlives_a_kill_9_and_nothing_hinders_the_next_start() -> None:
    with House() as house:
        house.start()
        started = psutil.Process(house.pid).children(recursive=True)
        house.kill()
        assert psutil.wait_procs(started, timeout=60)[1] == []
        house.start()
        assert house.get("/live")[0] == 200


def test_dev_shows_simulated_prices_and_says_that_they_are() -> None:
    with House() as house:
        house.start("dev", "--market", "simulated")
        document = until(lambda: (a := house.get("/prices/latest?symbols=BTC/USD")[1])["data"] and a)
        assert document["environment"] == "simulated"
        assert (Path(house.environment["CHRONO__DATA_DIR"]) / "server.json").exists()
        until(lambda: "simulated market · simulated Flare network" in house.log())
        os.kill(house.pid, signal.SIGINT)
        assert house.process is not None
        assert house.process.wait(60) == 0
