import json
from decimal import Decimal
from typing import Any

import pytest

from chrono.errors import BAD_BATCH, BATCH_TOO_LARGE, ChronoError
from chrono.ingest.batch import Batch, read_batch, sender_of
from chrono.settings import Ingest
from tests.fakes.api_client import STAMP, feed
from tests.fakes.api_ports import NOW_NS


def read(body: Any, **rules: Any) -> Batch:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_batch(raw, received_at_ns=NOW_NS, rules=Ingest(**rules), worker_id="internal-1")


def batch(*feeds: Any, **frame: Any) -> dict[str, Any]:
    return {"worker_id": "worker-001", "timestamp": "2025-10-09T12:34:56.789Z", "feeds": list(feeds), **frame}


def test_a_good_feed_becomes_a_quote_with_everything_the_sender_said() -> None:
    (quote,) = read(batch(feed())).quotes
    assert (quote.venue, quote.market, quote.worker_id) == ("binance", "BTC/USD", "worker-001")
    assert (quote.price, quote.volume) == (Decimal("67234.56"), Decimal("1234.567890"))
    assert quote.quoted_at_ns == 1_760_013_296_123_000_000
    assert quote.received_at_ns == NOW_NS
    assert json.loads(quote.metadata or b"") == {"bid": "67230.00", "exchange_timestamp": 1728480896123}


def test_a_bare_feed_is_a_batch_of_one_and_its_sender_is_the_keys() -> None:
    (quote,) = read(feed()).quotes
    assert quote.worker_id == "internal-1"


def test_a_batch_that_names_no_sender_is_the_keys() -> None:
    assert read({"feeds": [feed()]}).worker_id == "internal-1"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("67234.56", "67234.56"),
        (67234.56, "67234.56"),
        (67234, "67234"),
        (1.5e-7, "1.5E-7"),
        (1e5, "100000.0"),
        ("0.000000000000000001", "1E-18"),
        ("999999999999.999999999999999999", "999999999999.999999999999999999"),
        ("007", "7"),
    ],
)
def test_a_price_keeps_every_digit_that_was_sent(sent: Any, kept: str) -> None:
    (quote,) = read(batch(feed(price=sent))).quotes
    assert quote.price == Decimal(kept)


def test_a_json_number_beyond_a_double_keeps_its_digits() -> None:
    body = json.dumps(batch(feed(price=1))).replace('"price": 1,', '"price": 0.12345678901234567891,').encode()
    (quote,) = read(body).quotes
    assert quote.price == Decimal("0.12345678901234567891")


BAD_PRICES = [
    "0", "0.00", 0, 0.0, -1, "-1", "+1", "", " 1", "1 ", "1\n", "1_000", "1,5", "1e5", "NaN", "Infinity", "-0", ".5",
    "5.", "٣", "１", "1e999999999", "0x10", None, True, False, [], {}, [[1]], "1" * 13, 10**12, 10**30, "1\n2",
    "1.1234567890123456789",
]  # fmt: skip


@pytest.mark.parametrize("price", BAD_PRICES)
def test_a_price_that_is_no_plain_number_above_zero_is_refused_alone(price: Any) -> None:
    told = read(batch(feed(price=price), feed(source="kraken")))
    assert [quote.venue for quote in told.quotes] == ["kraken"]
    assert [(fault.index, fault.code, fault.outcome) for fault in told.faults] == [(0, "VALIDATION_ERROR", "rejected")]
    assert told.faults[0].message.startswith("price: ")


@pytest.mark.parametrize("number", ["1e400", "1e999999999", "1e99", "1e-40", "123456789012345678901234567890"])
def test_a_json_number_of_no_sane_size_is_refused_without_being_computed(number: str) -> None:
    body = json.dumps(batch(feed(price="PRICE"), feed(source="kraken"))).replace('"PRICE"', number).encode()
    told = read(body)
    assert [quote.venue for quote in told.quotes] == ["kraken"]


@pytest.mark.parametrize("volume", ["-1", "1e5", "NaN", "", [], {}, True, -1, "1" * 19])
def test_a_volume_that_is_no_plain_number_is_refused_alone(volume: Any) -> None:
    told = read(batch(feed(volume=volume), feed(source="kraken")))
    assert [quote.venue for quote in told.quotes] == ["kraken"]
    assert told.faults[0].message.startswith("volume: ")


@pytest.mark.parametrize(("volume", "kept"), [(None, None), (..., None), (0, "0"), ("0", "0"), ("0.0", "0.0")])
def test_a_volume_may_be_nothing_or_zero(volume: Any, kept: str | None) -> None:
    (quote,) = read(batch(feed(volume=volume))).quotes
    assert quote.volume == (None if kept is None else Decimal(kept))


def test_volumes_stay_with_their_feeds_when_some_have_none() -> None:
    told = read(batch(*(feed(source=f"v{n}", volume=None if n % 3 else str(n)) for n in range(9))))
    assert [quote.volume for quote in told.quotes] == [None if n % 3 else Decimal(n) for n in range(9)]


@pytest.mark.parametrize(
    "symbol",
    ["BTC-USD", "btc/usd", "BTC/", "/USD", "BTC/USD/X", "BTC/USD\n", "BTC/USD\u202e", "ВTC/USD", "../etc",
     "B" * 10_000, "", 5, None, [], "BTC\u0000/USD"],
)  # fmt: skip
def test_a_symbol_that_is_no_market_is_refused_alone(symbol: Any) -> None:
    told = read(batch(feed(symbol=symbol), feed(source="kraken")))
    assert [quote.venue for quote in told.quotes] == ["kraken"]
    assert told.faults[0].message.startswith("symbol: ")
    assert len(told.faults[0].message) < 300
    assert told.faults[0].message.isascii()


def test_a_bare_base_means_dollars() -> None:
    assert read(batch(feed(symbol="1INCH"))).quotes[0].market == "1INCH/USD"


@pytest.mark.parametrize("source", ["Binance", "bin ance", "", "x" * 101, "b\u0000", 7, None, "bіnance"])
def test_a_source_that_can_be_no_venue_is_refused_alone(source: Any) -> None:
    told = read(batch(feed(source=source), feed(source="kraken")))
    assert [quote.venue for quote in told.quotes] == ["kraken"]
    assert told.refused == [("", "rejected")]


@pytest.mark.parametrize(
    "stamp", ["yesterday", "2025-02-30T00:00:00Z", "2025-10-09T12:34:56", -1, True, [], None, "9" * 400]
)
def test_a_timestamp_that_is_no_time_is_refused_alone(stamp: Any) -> None:
    told = read(batch(feed(timestamp=stamp), feed(source="kraken")))
    assert [quote.venue for quote in told.quotes] == ["kraken"]


@pytest.mark.parametrize(
    ("stamp", "outcome"),
    [
        ("2025-10-09T12:35:01.789Z", None),
        ("2025-10-09T12:35:01.790Z", "future"),
        ("9999-12-31T23:59:59Z", "future"),
        ("2025-10-09T11:34:56.789Z", None),
        ("2025-10-09T11:34:56.788Z", "stale"),
        (0, "stale"),
        (1728480896, "stale"),
    ],
)
def test_a_quote_outside_its_time_is_refused_by_itself_with_its_own_outcome(stamp: Any, outcome: str | None) -> None:
    told = read(batch(feed(timestamp=stamp), feed(source="kraken")), max_age_s=3600)
    assert len(told.quotes) == (1 if outcome else 2)
    assert told.refused == ([("binance", outcome)] if outcome else [])


@pytest.mark.parametrize(
    "metadata", [[], "x", 1, {"a": "\u0000"}, {"\u0000": 1}, {"a": "x" * 5000}, {"deep": [[[{"b": "\u0000"}]]]}]
)
def test_metadata_that_postgresql_would_refuse_is_refused_alone(metadata: Any) -> None:
    told = read(batch(feed(metadata=metadata), feed(source="kraken")))
    assert [quote.venue for quote in told.quotes] == ["kraken"]
    assert told.faults[0].message.startswith("metadata: ")


def test_a_number_in_metadata_that_no_numeric_holds_is_refused_alone() -> None:
    body = json.dumps(batch(feed(metadata={"n": "N"}), feed(source="kraken"))).replace('"N"', "1e200000").encode()
    told = read(body)
    assert [quote.venue for quote in told.quotes] == ["kraken"]
    assert told.faults[0].message == "metadata: holds a number beyond 1e308"


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    told = read(batch(feed(metadata={"path": "C:\\u0000"})))
    assert len(told.quotes) == 1


@pytest.mark.parametrize("metadata", [None, ..., {}, {"exchange_timestamp": "2025-10-09T12:34:56Z"}, {"é": "ü"}])
def test_metadata_is_free_otherwise(metadata: Any) -> None:
    (quote,) = read(batch(feed(metadata=metadata))).quotes
    assert quote.metadata is None or json.loads(quote.metadata) == metadata


def test_every_fault_of_a_feed_is_told_in_its_one_message() -> None:
    told = read(batch(feed(), {"symbol": "BTC-USD", "price": "NaN", "volume": -1, "source": "X"}))
    (fault,) = told.faults
    assert fault.index == 1
    assert [part.partition(":")[0] for part in fault.message.split("; ")] == [
        "symbol", "price", "volume", "source", "timestamp",
    ]  # fmt: skip


def test_faults_are_told_in_the_order_of_the_feeds_whatever_their_kind() -> None:
    told = read(batch(feed(price=0), 5, feed(), feed(symbol=5), None, feed(timestamp=0)))
    assert [fault.index for fault in told.faults] == [0, 1, 3, 4, 5]
    assert [outcome for _, outcome in told.refused] == ["rejected"] * 4 + ["stale"]


def test_unknown_fields_are_left_unread_and_of_duplicate_keys_the_last_wins() -> None:
    body = json.dumps(batch(feed(more={"a": [1]}), extra=1)).replace(
        '"price": "67234.56"', '"price": "1", "price": "2"'
    )
    (quote,) = read(body.encode()).quotes
    assert quote.price == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"[]", "body"),
        (b"5", "body"),
        (b"null", "body"),
        (b'"x"', "body"),
        (b"{", "body"),
        (b"[" * 100_000, "body"),
        (b'{"feeds":' + b"[" * 2000 + b"]" * 2000 + b"}", "body"),
        (b'{"feeds":[{"symbol":"\xff"}]}', "body"),
        (b'{"feeds":[{"symbol":"\x00"}]}', "body"),
        (b"{}", "feeds"),
        (b'{"worker_id":"w"}', "feeds"),
        (b'{"feeds":[]}', "feeds"),
        (b'{"feeds":{}}', "feeds"),
        (b'{"feeds":"x"}', "feeds"),
        (b'{"feeds":null}', "feeds"),
        (json.dumps(batch(feed(), worker_id="Bad Worker")).encode(), "worker_id"),
        (json.dumps(batch(feed(), worker_id=5)).encode(), "worker_id"),
        (json.dumps(batch(feed(), timestamp="soon")).encode(), "timestamp"),
        (json.dumps(batch(feed(), timestamp=[[]])).encode(), "timestamp"),
    ],
)
def test_a_body_that_is_no_batch_is_refused_whole_and_says_where(body: bytes, field: str) -> None:
    with pytest.raises(ChronoError) as refused:
        read(body)
    assert refused.value.reason is BAD_BATCH
    assert field in [fault["field"] for fault in refused.value.facts["faults"]]  # type: ignore[attr-defined]


def test_every_fault_of_the_frame_is_listed() -> None:
    with pytest.raises(ChronoError) as refused:
        read({"worker_id": "B A D", "timestamp": "soon", "feeds": []})
    faults = refused.value.facts["faults"]
    assert [fault["field"] for fault in faults] == ["worker_id", "timestamp", "feeds"]  # type: ignore[attr-defined]


def test_a_hundred_feeds_are_taken_and_one_more_is_too_many() -> None:
    assert len(read(batch(*[feed()] * 100)).quotes) == 100
    with pytest.raises(ChronoError) as refused:
        read(batch(*[feed()] * 101))
    assert refused.value.reason is BATCH_TOO_LARGE


def test_too_many_feeds_are_too_many_even_when_they_are_nonsense() -> None:
    with pytest.raises(ChronoError) as refused:
        read(batch(*[5] * 101))
    assert refused.value.reason is BATCH_TOO_LARGE


@pytest.mark.parametrize(
    ("body", "sender"),
    [
        (json.dumps(batch(feed())).encode(), "worker-001"),
        (b'{"worker_id":"B A D"}', None),
        (b'{"worker_id":5}', None),
        (b"{}", None),
        (b"[", None),
        (b"[" * 100_000, None),
    ],
)
def test_the_claimed_sender_is_found_without_the_feeds(body: bytes, sender: str | None) -> None:
    assert sender_of(body) == sender


def test_times_may_be_epoch_milliseconds() -> None:
    (quote,) = read(batch(feed(timestamp=1760013296123), timestamp=1760013296789)).quotes
    assert quote.quoted_at_ns == 1_760_013_296_123_000_000
    assert STAMP.endswith("123Z")
