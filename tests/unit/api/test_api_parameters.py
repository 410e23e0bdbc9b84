from typing import Any

import pytest

from chrono.api.columns import ARROW_TYPE, CSV_TYPE, JSON_TYPE, form_of
from chrono.api.cursors import after_of, cursor_of
from chrono.api.parameters import (
    INTERVAL,
    LIMIT,
    MAX_STALENESS_MS,
    ORDER,
    SYMBOLS,
    TIMESTAMP,
    NotOfForm,
    read_query,
    time_ns,
)
from chrono.errors import BAD_CURSOR, BAD_REQUEST, NOT_ACCEPTABLE, ChronoError

ALL = (SYMBOLS, MAX_STALENESS_MS, LIMIT, ORDER, INTERVAL, TIMESTAMP)


def faults(query: str) -> list[tuple[str, str]]:
    with pytest.raises(ChronoError) as refused:
        read_query(query.encode(), ALL)
    assert refused.value.reason is BAD_REQUEST
    listed: Any = refused.value.facts["faults"]
    return [(fault["field"], fault["received"]) for fault in listed]


def test_what_is_left_out_has_its_default() -> None:
    told = read_query(b"symbols=BTC", ALL)
    assert told == {
        "symbols": ["BTC/USD"],
        "max_staleness_ms": None,
        "limit": 1000,
        "order": "desc",
        "interval": None,
        "timestamp": None,
    }


def test_symbols_are_read_in_order_and_once_each() -> None:
    assert read_query(b"symbols=ETH%2FUSD,BTC,BTC/USD,ETH", ALL)["symbols"] == ["ETH/USD", "BTC/USD"]


def test_every_fault_is_listed_not_just_the_first() -> None:
    query = "symbols=BTC-USD,eth&limit=0&order=up&interval=2m&max_staleness_ms=-1&typo=1&timestamp=soon"
    assert [field for field, _ in faults(query)] == [
        "typo", "symbol", "symbol", "max_staleness_ms", "limit", "order", "interval", "timestamp",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "symbols"),
        ("symbols=", "symbol"),
        ("symbols=BTC,", "symbol"),
        ("symbols=" + ",".join(f"A{n}" for n in range(201)), "symbols"),
        ("symbols=BTC&symbols=ETH", "symbols"),
        ("symbols=BTC&limit=1e5", "limit"),
        ("symbols=BTC&limit=10001", "limit"),
        ("symbols=BTC&limit=1.0", "limit"),
        ("symbols=BTC&limit=+5", "limit"),
        ("symbols=BTC&limit=%D9%A3", "limit"),
        ("symbols=BTC&limit=", "limit"),
        ("symbols=BTC&limit=" + "9" * 5000, "limit"),
        ("symbols=%FF", "query"),
        ("symbols=BTC%00", "symbol"),
        ("symbols=BTC%0A", "symbol"),
        ("symbols=" + "B" * 10_000, "symbol"),
        ("&".join(f"a{n}=1" for n in range(100)), "query"),
    ],
)
def test_a_query_that_is_not_of_its_form_says_where(query: str, field: str) -> None:
    assert field in [name for name, _ in faults(query)]


def test_what_was_received_is_shown_cut() -> None:
    assert all(len(received) <= 60 for _, received in faults("symbols=" + "b" * 10_000))


def test_a_seam_leaves_unknown_names_unread() -> None:
    assert read_query(b"limit=5&other=1", (LIMIT,), strict=False) == {"limit": 5}


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1760013296789", 1_760_013_296_789_000_000),
        ("0", 0),
        ("2025-10-09T12:34:56.789Z", 1_760_013_296_789_000_000),
        ("2025-10-09T14:34:56+02:00", 1_760_013_296_000_000_000),
        ("2025-10-09T14:34:56 02:00", 1_760_013_296_000_000_000),
    ],
)
def test_times_are_rfc3339_or_epoch_milliseconds(text: str, at: int) -> None:
    assert time_ns(text) == at


@pytest.mark.parametrize(
    "text", ["", "-1", "1e9", "2025-10-09", "2025-02-30T00:00:00Z", "1969-12-31T00:00:00Z", "9" * 30]
)
def test_other_text_is_no_time(text: str) -> None:
    with pytest.raises(NotOfForm):
        time_ns(text)


def test_a_cursor_leads_back_to_its_place_within_its_own_query_only() -> None:
    cursor = cursor_of((1_760_013_296_789_000_000, "binance"), "BTC/USD", None)
    assert after_of(cursor, "BTC/USD", None) == (1_760_013_296_789_000_000, "binance")
    assert after_of(None, "BTC/USD", None) is None
    for text in (cursor[:-1], cursor + "A", "x", "!!", "e30", "W10", "é", "A" * 399):
        with pytest.raises(ChronoError) as refused:
            after_of(text, "BTC/USD", None)
        assert refused.value.reason is BAD_CURSOR
    with pytest.raises(ChronoError):
        after_of(cursor, "ETH/USD", None)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, JSON_TYPE),
        ("", JSON_TYPE),
        ("*/*", JSON_TYPE),
        ("text/html,application/xhtml+xml,*/*;q=0.8", JSON_TYPE),
        ("text/csv", CSV_TYPE),
        ("application/json;q=0.5, text/csv", CSV_TYPE),
        ("application/vnd.apache.arrow.stream", ARROW_TYPE),
        ("text/csv;q=0.1, application/vnd.apache.arrow.stream;q=0.2", ARROW_TYPE),
    ],
)
def test_the_form_liked_best_is_given(accept: str | None, form: str) -> None:
    assert form_of(accept) == form


@pytest.mark.parametrize("accept", ["text/html", "image/png, text/html", "application/json;q=0", "text/csv;q=x"])
def test_a_caller_who_likes_none_of_our_forms_is_told(accept: str) -> None:
    with pytest.raises(ChronoError) as refused:
        form_of(accept)
    assert refused.value.reason is NOT_ACCEPTABLE
