"""The reads of the API, through the whole application, with the parts in memory."""

import csv
import hashlib
import io
import json
import uuid
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from msgspec import structs

from chrono.api.routes.history import QUOTE_IDS
from chrono.api.venues import Venues
from chrono.clock import MS_NS, SECOND_NS
from chrono.errors import DATABASE_AWAY, TOO_FEW_SOURCES, ChronoError
from chrono.ingest.venues.report import VenueReport
from chrono.market.names import Market, Venue
from chrono.market.quote import Candle
from chrono.pricing.estimate import Quality
from tests.fakes.api_client import client, feed, worker
from tests.fakes.api_ports import NOW_NS, FakeHouse, estimate, quote

DAY_MS = 86_400_000
NOW_MS = NOW_NS // MS_NS


@pytest.fixture
def house() -> FakeHouse:
    made = FakeHouse()
    made.board.put(estimate(), estimate("ETH/USD", "3000.1"))
    return made


async def get(house: FakeHouse, path: str, **options: Any) -> Any:
    headers = options.pop("headers", {})
    async with client(house, **options) as caller:
        return await caller.get(path, headers=headers)


async def test_the_latest_price_has_exactly_the_fields_of_the_contract(house: FakeHouse) -> None:
    house.clock.advance(1500 * MS_NS)
    answer = await get(house, "/prices/latest?symbols=BTC/USD,XYZ")
    body = answer.json()
    assert list(body) == ["data", "missing", "cached", "latency_ms"]
    assert body["data"] == [
        {
            "symbol": "BTC/USD",
            "price": "67234.56",
            "volume": "1234.5678",
            "source": "aggregated",
            "timestamp": "2025-10-09T12:34:56.789Z",
            "staleness_ms": 1500,
            "quality": "ok",
            "sources": 5,
            "confidence": "0.9500",
        }
    ]
    assert body["missing"] == ["XYZ/USD"]
    assert body["cached"] is True


async def test_prices_come_in_the_order_asked(house: FakeHouse) -> None:
    body = (await get(house, "/prices/latest?symbols=ETH,BTC")).json()
    assert [row["symbol"] for row in body["data"]] == ["ETH/USD", "BTC/USD"]


async def test_a_thin_market_is_answered_as_degraded_with_its_sources(house: FakeHouse) -> None:
    thin = estimate(
        "XRP/USD", quality=Quality.DEGRADED, reason=TOO_FEW_SOURCES, sources=("kraken",), confidence=Decimal("0.1")
    )
    house.board.put(thin)
    (row,) = (await get(house, "/prices/latest?symbols=XRP")).json()["data"]
    assert (row["quality"], row["sources"], row["confidence"]) == ("degraded", 1, "0.1000")


async def test_a_value_that_has_aged_beyond_the_window_says_stale(house: FakeHouse) -> None:
    house.clock.advance(180 * SECOND_NS)
    assert (await get(house, "/prices/latest?symbols=BTC")).json()["data"][0]["quality"] == "ok"
    house.clock.advance(1)
    assert (await get(house, "/prices/latest?symbols=BTC")).json()["data"][0]["quality"] == "stale"


async def test_a_caller_who_asks_for_freshness_gets_it_or_a_503(house: FakeHouse) -> None:
    house.clock.advance(5001 * MS_NS)
    assert (await get(house, "/prices/latest?symbols=BTC&max_staleness_ms=5001")).status_code == 200
    refused = await get(house, "/prices/latest?symbols=BTC,ETH&max_staleness_ms=5000")
    assert refused.status_code == 503
    assert refused.json()["error"]["code"] == "STALE_PRICE"
    assert refused.json()["error"]["details"]["staleness_ms"] == {"BTC/USD": 5001, "ETH/USD": 5001}


async def test_source_asks_for_one_venues_last_quote(house: FakeHouse) -> None:
    house.window.add([quote(price="0.00000001")])
    body = (await get(house, "/prices/latest?symbols=BTC,ETH&source=binance")).json()
    (row,) = body["data"]
    assert (row["source"], row["price"], row["sources"], row["confidence"]) == ("binance", "0.00000001", 1, None)
    assert body["missing"] == ["ETH/USD"]


async def test_a_market_within_reach_of_a_conversion_is_computed_for_once_and_said_not_to_be_cached(
    house: FakeHouse,
) -> None:
    house.board.computable[Market("ETH/BTC")] = estimate("ETH/BTC", "0.0446")
    body = (await get(house, "/prices/latest?symbols=ETH/BTC")).json()
    assert (body["data"][0]["price"], body["cached"]) == ("0.0446", False)
    single = (await get(house, "/api/v1/price/ETH/BTC")).json()
    assert single["cache"] == {"hit": False, "ttl_seconds": 300}


async def test_what_was_ingested_with_200_shows_in_the_next_read(house: FakeHouse) -> None:
    async with worker(house) as edge:
        assert (await edge.post("/internal/ingest", json={"feeds": [feed(price="71000.5")]})).status_code == 200
    body = (await get(house, "/prices/latest?symbols=BTC&source=binance")).json()
    assert body["data"][0]["price"] == "71000.5"


async def test_an_etag_spares_an_unchanged_answer_and_not_a_changed_one(house: FakeHouse) -> None:
    first = await get(house, "/prices/latest?symbols=BTC")
    assert first.headers["cache-control"] == "max-age=1"
    house.clock.advance(SECOND_NS)
    again = await get(house, "/prices/latest?symbols=BTC", headers={"If-None-Match": f'"x", {first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    house.board.put(estimate(price="1"))
    changed = await get(house, "/prices/latest?symbols=BTC", headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200


@pytest.mark.parametrize("path", ["BTC", "BTC/USD", "BTC%2FUSD", "BTC/USD/"])
async def test_a_single_price_is_found_by_each_spelling(house: FakeHouse, path: str) -> None:
    house.clock.advance(13 * SECOND_NS)
    body = (await get(house, f"/api/v1/price/{path}")).json()
    limit = body.pop("rate_limit")
    assert body == {
        "symbol": "BTC/USD",
        "price": "67234.56",
        "timestamp": "2025-10-09T12:34:56.789Z",
        "sources": 5,
        "confidence": "0.9500",
        "cache": {"hit": True, "ttl_seconds": 287},
    }
    assert (limit["limit"], limit["remaining"]) == (10**6, 10**6 - 1)


async def test_a_single_price_of_an_unknown_market_is_not_found_and_of_a_misspelt_one_refused(house: FakeHouse) -> None:
    assert (await get(house, "/api/v1/price/NOPE")).status_code == 404
    refused = await get(house, "/api/v1/price/BTC-USD")
    assert refused.status_code == 400
    assert refused.json()["error"]["details"]["field"] == "symbol"
    assert refused.json()["error"]["details"]["received"] == "BTC-USD"
    assert refused.json()["error"]["details"]["expected"] == "BTC/USD"


@pytest.mark.parametrize(
    "path", ["/prices/latest?symbols=BTC", "/metadata/markets", "/health", "/live", "/aggregates/consensus?symbols=BTC"]
)
async def test_every_unversioned_path_has_its_twin(house: FakeHouse, path: str) -> None:
    one, twin = await get(house, path), await get(house, f"/api/v1{path}")
    assert (one.status_code, one.json()) == (twin.status_code, twin.json())


def fill(house: FakeHouse, count: int) -> None:
    house.store.quotes += [
        quote(venue=f"v{n % 2}", price=f"{n + 1}", at_ns=NOW_NS - (n // 2) * SECOND_NS) for n in range(count)
    ]


async def pages(house: FakeHouse, query: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        body = (await get(house, f"/prices/range?{query}{f'&cursor={cursor}' if cursor else ''}")).json()
        assert body["count"] == len(body["data"])
        rows += body["data"]
        cursor = body["next"]
    return rows


@pytest.mark.parametrize("order", ["desc", "asc"])
async def test_pages_follow_one_another_without_a_gap_or_a_repeat(house: FakeHouse, order: str) -> None:
    fill(house, 25)
    span = f"symbol=BTC&from={NOW_MS - DAY_MS}&to={NOW_MS + 1000}&order={order}"
    whole = await pages(house, f"{span}&limit=1000")
    assert len(whole) == 25
    for limit in (1, 4, 24, 25):
        assert await pages(house, f"{span}&limit={limit}") == whole
    times = [row["timestamp"] for row in whole]
    assert times == sorted(times, reverse=order == "desc")


async def test_a_cursor_of_another_query_is_refused(house: FakeHouse) -> None:
    fill(house, 4)
    span = f"from={NOW_MS - DAY_MS}&to={NOW_MS + 1000}&limit=2"
    cursor = (await get(house, f"/prices/range?symbol=BTC&{span}")).json()["next"]
    refused = await get(house, f"/prices/range?symbol=ETH&{span}&cursor={cursor}")
    assert (refused.status_code, refused.json()["error"]["details"]["field"]) == (400, "cursor")


async def test_a_raw_quote_has_the_fields_of_the_contract_and_a_stable_id(house: FakeHouse) -> None:
    house.store.quotes = [quote()]
    body = (await get(house, f"/prices/range?symbol=BTC&from={NOW_MS - 1000}&to={NOW_MS + 1000}")).json()
    assert list(body) == ["data", "interval", "count", "next", "latency_ms"]
    assert body["data"] == [
        {
            "id": str(uuid.uuid5(QUOTE_IDS, f"binance|BTC/USD|{NOW_NS // 1000}")),
            "symbol": "BTC/USD",
            "price": "67230.1",
            "volume": "2.5",
            "timestamp": "2025-10-09T12:34:56.789Z",
            "source": "binance",
            "ingested_at": "2025-10-09T12:34:56.789Z",
            "worker_id": "worker-1",
            "metadata": {"bid": "1"},
        }
    ]


CANDLE = Candle(NOW_NS, Decimal(1), Decimal("3.5"), Decimal("0.5"), Decimal(2), None, 7)


async def test_a_candle_has_the_fields_of_the_contract(house: FakeHouse) -> None:
    house.store.candles = [CANDLE]
    answer = await get(
        house, f"/prices/range?symbol=BTC&from={NOW_MS - 1000}&to={NOW_MS + 1000}&interval=5m&source=okx"
    )
    assert answer.json()["interval"] == "5m"
    assert answer.json()["data"] == [
        {
            "timestamp": "2025-10-09T12:34:56.789Z",
            "open": "1",
            "high": "3.5",
            "low": "0.5",
            "close": "2",
            "volume": None,
            "num_feeds": 7,
        }
    ]
    assert house.store.asked == [{"market": "BTC/USD", "interval": "5m", "venue": "okx", "limit": 1001}]


@pytest.mark.parametrize(
    ("days", "interval", "status"),
    [(90, "", 200), (90.01, "", 400), (731, "1d", 200), (731.1, "1d", 400), (0, "", 400)],
)
async def test_spans_end_at_ninety_days_raw_and_two_years_of_candles(
    house: FakeHouse, days: float, interval: str, status: int
) -> None:
    start = NOW_MS - int(days * DAY_MS)
    more = f"&interval={interval}" if interval else ""
    answer = await get(house, f"/prices/range?symbol=BTC&from={start}&to={NOW_MS}{more}")
    assert answer.status_code == status


async def test_the_past_of_a_market_that_nobody_quoted_is_not_found(house: FakeHouse) -> None:
    answer = await get(house, f"/prices/range?symbol=NOPE&from={NOW_MS - 1000}&to={NOW_MS}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")


async def test_columns_come_as_csv_with_the_cursor_beside_them(house: FakeHouse) -> None:
    fill(house, 3)
    path = f"/prices/range?symbol=BTC&from={NOW_MS - DAY_MS}&to={NOW_MS + 1000}&limit=2"
    answer = await get(house, path, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["price"] for row in rows] == ["2", "1"]
    assert json.loads(rows[0]["metadata"]) == {"bid": "1"}
    rest = await get(house, f"{path}&cursor={answer.headers['x-next-cursor']}", headers={"Accept": "text/csv"})
    assert [row["price"] for row in csv.DictReader(io.StringIO(rest.text))] == ["3"]
    assert "x-next-cursor" not in rest.headers


async def test_columns_come_as_arrow_with_exact_decimals_and_times(house: FakeHouse) -> None:
    house.store.quotes = [quote(price="0.123456789012345678"), quote(venue="okx", price="999999999999.5")]
    path = f"/prices/range?symbol=BTC&from={NOW_MS - 1000}&to={NOW_MS + 1000}&order=asc"
    answer = await get(house, path, headers={"Accept": "application/vnd.apache.arrow.stream"})
    assert answer.headers["content-type"] == "application/vnd.apache.arrow.stream"
    frame = pl.read_ipc_stream(io.BytesIO(answer.content))
    assert frame["price"].to_list() == [Decimal("0.123456789012345678"), Decimal("999999999999.500000000000000000")]
    assert frame["timestamp"].dt.epoch("us").to_list() == [NOW_NS // 1000] * 2


@pytest.mark.parametrize("form", ["text/csv", "application/vnd.apache.arrow.stream", "application/json"])
async def test_an_empty_page_has_its_columns_all_the_same(house: FakeHouse, form: str) -> None:
    path = f"/prices/range?symbol=BTC&from={NOW_MS - 1000}&to={NOW_MS}&interval=1m"
    answer = await get(house, path, headers={"Accept": form})
    assert answer.status_code == 200
    if form == "text/csv":
        assert answer.text.strip() == "timestamp,open,high,low,close,volume,num_feeds"
    elif form != "application/json":
        assert pl.read_ipc_stream(io.BytesIO(answer.content)).columns[0] == "timestamp"


async def test_many_rows_are_the_same_rows_as_few(house: FakeHouse) -> None:
    fill(house, 1200)
    span = f"symbol=BTC&from={NOW_MS - DAY_MS}&to={NOW_MS + 1000}"
    assert await pages(house, f"{span}&limit=10000") == await pages(house, f"{span}&limit=100")


async def test_consensus_tells_every_estimator(house: FakeHouse) -> None:
    body = (await get(house, "/aggregates/consensus?symbols=BTC,NOPE")).json()
    (row,) = body["data"]
    assert list(row) == [
        "symbol", "price", "median", "mean", "std_dev", "vwap", "twap", "weighted_median", "confidence", "num_sources",
        "sources", "excluded", "timestamp", "algorithm",
    ]  # fmt: skip
    assert row["std_dev"] == "0.00000001"
    assert row["excluded"] == [{"source": "gate", "reason": "outlier"}]
    assert body["missing"] == ["NOPE/USD"]


async def test_past_consensus_is_the_stored_one_if_there_is_one_else_computed(house: FakeHouse) -> None:
    house.store.records[Market("BTC/USD")] = estimate(price="11", at_ns=NOW_NS - 30 * SECOND_NS)
    house.store.quotes = [quote("ETH/USD", price="22", at_ns=NOW_NS - 200 * SECOND_NS)]
    body = (await get(house, f"/aggregates/consensus?symbols=BTC,ETH,XRP&timestamp={NOW_MS}")).json()
    assert [(row["symbol"], row["price"]) for row in body["data"]] == [("BTC/USD", "11"), ("ETH/USD", "22")]
    assert body["missing"] == ["XRP/USD"]


async def test_an_explanation_is_the_derivation_byte_for_byte_with_its_hash(house: FakeHouse) -> None:
    value = house.board.estimates[Market("BTC/USD")]
    answer = await get(house, "/aggregates/explain?symbol=BTC")
    derivation = value.evidence.derivation()
    assert derivation in answer.content
    assert answer.json()["hash"] == hashlib.sha256(derivation).hexdigest()


async def test_a_round_is_explained_by_what_was_recorded_at_its_end(house: FakeHouse) -> None:
    end_ns = (NOW_NS // SECOND_NS - 1_658_430_000) // 90 * 90 * SECOND_NS + 1_658_430_000 * SECOND_NS
    house.store.records[Market("BTC/USD")] = estimate(at_ns=end_ns)
    round_id = (end_ns // SECOND_NS - 1_658_430_000) // 90 - 1
    body = (await get(house, f"/aggregates/explain?symbol=BTC&round={round_id}")).json()
    assert (body["round"], body["derivation"]["at_ns"]) == (round_id, end_ns)
    assert (await get(house, f"/aggregates/explain?symbol=BTC&round={round_id + 1}")).status_code == 404
    assert (await get(house, f"/aggregates/explain?symbol=BTC&round={round_id - 9}")).status_code == 404


async def test_a_record_too_old_for_the_time_asked_is_not_passed_off_as_its(house: FakeHouse) -> None:
    house.store.records[Market("BTC/USD")] = estimate(at_ns=NOW_NS - 120 * SECOND_NS)
    assert (await get(house, f"/aggregates/explain?symbol=BTC&timestamp={NOW_MS}")).status_code == 404
    house.store.quotes = [quote(at_ns=NOW_NS - SECOND_NS)]
    computed = await get(house, f"/aggregates/explain?symbol=BTC&timestamp={NOW_MS}")
    assert computed.json()["derivation"]["at_ns"] == NOW_MS * MS_NS


async def test_a_round_and_a_time_at_once_are_refused(house: FakeHouse) -> None:
    assert (await get(house, "/aggregates/explain?symbol=BTC&round=1&timestamp=1")).status_code == 400


async def test_metadata_tells_what_a_market_is_made_from(house: FakeHouse) -> None:
    house.clock.advance(2 * SECOND_NS)
    body = (await get(house, "/metadata/markets")).json()
    assert body["data"][0] == {
        "symbol": "BTC/USD",
        "sources": [
            {
                "venue": "binance",
                "symbol": "BTC/USDT",
                "age_ms": 7000,
                "weight": "0.2500",
                "state": "used",
                "path": ["BTC/USDT", "USDT/USD"],
            }
        ],
        "minimum_sources": 3,
        "path": ["BTC/USDT", "USDT/USD"],
    }


async def test_metadata_names_feeds_as_flare_does(house: FakeHouse) -> None:
    house.board.put(estimate("EUR/USD"))
    rows = {row["symbol"]: row for row in (await get(house, "/metadata/feeds")).json()["data"]}
    assert rows["BTC/USD"]["feed_id"] == "0x014254432f55534400000000000000000000000000"
    assert (rows["BTC/USD"]["category"], rows["EUR/USD"]["category"]) == (1, 2)
    assert (rows["BTC/USD"]["decimals"], rows["EUR/USD"]["decimals"]) == (2, None)


async def test_metadata_tells_how_each_venue_does(house: FakeHouse) -> None:
    venues = Venues(house.clock)
    house.door.on_quotes(venues.add)
    async with worker(house, venues=venues) as edge:
        await edge.post("/internal/ingest", json={"feeds": [feed(), feed(symbol="ETH/USDT")]})
    (row,) = (await get(house, "/metadata/venues", venues=venues)).json()["data"]
    assert row == {
        "venue": "binance",
        "state": "live",
        "since": "2025-10-09T12:34:56.789Z",
        "markets": 2,
        "last_message_ms": 0,
        "clock_offset_ms": None,
        "messages_per_s": 2.0,
    }


async def test_a_venue_that_chrono_reads_itself_is_judged_by_its_connection(house: FakeHouse) -> None:
    venues = Venues(house.clock)
    house.door.on_quotes(venues.add)
    async with worker(house, venues=venues) as edge:
        await edge.post("/internal/ingest", json={"feeds": [feed(), feed(source="kraken")]})
    heard_ns = house.clock.now_ns() - 40 * MS_NS
    read = VenueReport(
        venue=Venue("kraken"), state="frozen", since_ns=heard_ns, markets=5, by="rest", verdict="frozen",
        remedy="leave_out_and_ask_rest", why="", last_heard_ns=heard_ns, clock_offset_ms=-12, messages=9,
        messages_per_s=3.5, quotes=4, frozen=(), unlisted=(),
    )  # fmt: skip
    house.read_venues = [read, structs.replace(read, venue=Venue("okx"), state="off", last_heard_ns=None)]
    rows = (await get(house, "/metadata/venues", venues=venues)).json()["data"]
    assert [(row["venue"], row["state"], row["clock_offset_ms"], row["last_message_ms"]) for row in rows] == [
        ("binance", "live", None, 0),
        ("kraken", "frozen", -12, 40),
        ("okx", "off", -12, None),
    ]


@pytest.mark.parametrize(
    ("services", "status", "told"),
    [
        ({"database": "healthy", "redis": "off"}, 200, "healthy"),
        ({"database": "healthy", "redis": "degraded"}, 200, "degraded"),
        ({"database": "unhealthy", "redis": "healthy"}, 503, "unhealthy"),
        ({}, 200, "healthy"),
    ],
)
async def test_health_is_503_only_when_unhealthy(services: dict[str, str], status: int, told: str) -> None:
    house = FakeHouse()
    house.services = services
    answer = await get(house, "/health", key=None)
    assert (answer.status_code, answer.json()["status"]) == (status, told)
    assert set(answer.json()["services"]) == {"database", "redis", "websocket", "chain", "venues"}


async def test_a_flood_of_health_checks_is_one_look_a_second() -> None:
    house = FakeHouse()
    async with client(house, key=None) as caller:
        assert (await caller.get("/health")).json()["status"] == "healthy"
        house.services["database"] = "unhealthy"
        assert (await caller.get("/health")).json()["status"] == "healthy"
        house.clock.advance(SECOND_NS)
        assert (await caller.get("/health")).json()["status"] == "unhealthy"


async def test_a_service_that_does_not_answer_degrades_the_house(monkeypatch: pytest.MonkeyPatch) -> None:
    house = FakeHouse()

    async def away() -> str:
        raise ChronoError(DATABASE_AWAY)

    monkeypatch.setattr(house, "_probe", lambda _name: away)
    answer = await get(house, "/health", key=None)
    assert (answer.status_code, answer.json()["services"]["database"]) == (200, "degraded")


async def test_ready_looks_at_freshness_not_only_at_sockets(house: FakeHouse) -> None:
    assert (await get(house, "/ready", key=None)).json() == {"status": "ready", "markets": 2, "fresh": 2}
    house.clock.advance(181 * SECOND_NS)
    stale = await get(house, "/ready", key=None)
    assert (stale.status_code, stale.json()["status"]) == (503, "not_ready")
    assert (await get(FakeHouse(), "/ready", key=None)).status_code == 503


async def test_metrics_tell_requests_by_route_template(house: FakeHouse) -> None:
    await get(house, "/api/v1/price/BTC")
    await get(house, "/no/such/path")
    text = (await get(house, "/metrics", key=None)).text
    assert 'chrono_http_request_duration_seconds_count{method="GET",route="/api/v1/price/{symbol}"' in text
    assert 'route="unmatched",status_class="4xx"' in text
    assert "/no/such/path" not in text


async def test_a_simulated_market_says_so_in_every_answer(house: FakeHouse) -> None:
    house.environment = "simulated"
    for path in ("/prices/latest?symbols=BTC", "/aggregates/consensus?symbols=BTC", "/api/v1/price/BTC", "/health"):
        answer = await get(house, path)
        assert answer.json()["environment"] == "simulated", path
        assert answer.headers["x-chrono-environment"] == "simulated"
