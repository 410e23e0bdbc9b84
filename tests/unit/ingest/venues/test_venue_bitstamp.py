"""Bitstamp's messages, written by hand after its v2 documents, and what they mean."""

import json
from decimal import Decimal

import pytest

from chrono.ingest.venues.bitstamp.endpoint import SPEC
from chrono.ingest.venues.bitstamp.parse import parse_instruments, parse_message, parse_tickers
from chrono.ingest.venues.words import (
    Beat,
    Dealt,
    Instrument,
    Offered,
    RefusalKind,
    Refused,
    Resync,
    Subscribed,
    Ticked,
    Unread,
)

AT_US = 1_794_039_567_028_459
AT_NS = AT_US * 1000
TRADE = {
    "id": 98000129,
    "type": 1,
    "price": 68123.40000000001,
    "price_str": "68123.40",
    "amount": 1e-8,
    "amount_str": "0.00000001",
    "microtimestamp": str(AT_US),
}


def say(message):
    return parse_message(json.dumps(message).encode())


def push(channel, data, event="data"):
    return say({"event": event, "channel": channel, "data": data})


def book(bids, asks):
    return {"timestamp": str(AT_US // 10**6), "microtimestamp": str(AT_US), "bids": bids, "asks": asks}


def test_a_trade_has_exact_texts_and_the_takers_side():
    assert push("live_trades_btcusd", TRADE, "trade") == [
        Dealt("btcusd", Decimal("68123.40"), Decimal("0.00000001"), "sell", AT_NS, "98000129")
    ]
    assert push("live_trades_btcusd", {**TRADE, "type": 0}, "trade")[0].side == "buy"


def test_an_older_trade_without_texts_or_type_is_read():
    old = {"id": 5, "order_type": 1, "price": 914.39, "amount": 34.39, "microtimestamp": AT_US}
    assert push("live_trades_btcusd", old, "trade") == [
        Dealt("btcusd", Decimal("914.39"), Decimal("34.39"), "sell", AT_NS, "5")
    ]


@pytest.mark.parametrize("kind", [[1], {"a": 1}, "0", 7, True])
def test_a_strange_side_is_no_side(kind):
    [said] = push("live_trades_btcusd", {**TRADE, "type": kind}, "trade")
    assert said.side == ""


def test_a_book_tells_its_best_offers():
    levels = [["99", "1"], ["98", "2"]], [["101", "1"], ["102", "2"]]
    assert push("order_book_btcusd", book(*levels)) == [Offered("btcusd", Decimal(99), Decimal(101), AT_NS)]
    assert push("order_book_btcusd", book([], levels[1])) == [Offered("btcusd", None, Decimal(101), AT_NS)]


@pytest.mark.parametrize(
    "bids", ["soon", 5, {}, {"a": [1, 2]}, [5], [[]], [["1"]], [["1", "2", "3"]], [["x", "1"]], [["-1", "1"]]]
)
def test_levels_that_are_none_make_the_book_unread(bids):
    assert [type(said) for said in push("order_book_btcusd", book(bids, [["101", "1"]]))] == [Unread]


@pytest.mark.parametrize("symbol", ["btcusd-perp", ""])
def test_perpetuals_are_not_told_as_spot(symbol):
    assert isinstance(push(f"live_trades_{symbol}", TRADE, "trade")[0], Unread)
    assert isinstance(push(f"order_book_{symbol}", book([["1", "1"]], [["2", "1"]]))[0], Unread)


def test_changes_of_the_book_are_not_read():
    assert isinstance(push("diff_order_book_btcusd", book([["1", "1"]], []))[0], Unread)


def test_answers_are_told_apart():
    assert push("live_trades_btcusd", {}, "bts:subscription_succeeded") == [Subscribed(("btcusd",))]
    assert push("", {"status": "success"}, "bts:heartbeat") == [Beat()]
    assert push("", "", "bts:request_reconnect") == [Resync("the venue asks to connect anew", reconnect=True)]
    bad = push("", {"code": None, "message": "Bad subscription string."}, "bts:error")
    assert bad == [Refused(RefusalKind.UNKNOWN_SYMBOL, "Bad subscription string.")]
    assert push("", {"code": 4, "message": "Rate limit"}, "bts:error")[0].kind is RefusalKind.RATE_LIMITED


def test_the_bulk_ticker_spells_symbols_as_the_stream_does():
    row = {"pair": "BTC/USD", "last": "100", "bid": "99", "ask": "101", "volume": "7", "timestamp": str(AT_US // 10**6)}
    rows = [row, {**row, "pair": "BTC/USD-PERP", "market_type": "PERPETUAL"}, {**row, "last": "$100"}]
    told = parse_tickers(json.dumps(rows).encode())
    at_ns = AT_US // 10**6 * 10**9
    assert told[0] == Ticked("btcusd", Decimal(100), Decimal(99), Decimal(101), at_ns, Decimal(7))
    assert [type(said) for said in told] == [Ticked, Unread]


def test_both_market_lists_are_read_without_perpetuals():
    new = {"market_symbol": "btcusd", "base_currency": "BTC", "counter_currency": "USD", "market_type": "SPOT"}
    rows = [{**new, "trading": "Enabled"}, {**new, "market_symbol": "btcusd-perp", "market_type": "PERPETUAL"}]
    old = {"url_symbol": "btceur", "name": "BTC/EUR", "trading": "Disabled"}
    assert parse_instruments(json.dumps([*rows, old, {}]).encode()) == [
        Instrument("btcusd", "BTC", "USD", active=True),
        Instrument("btceur", "BTC", "EUR", active=False),
    ]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, {"status": "error", "reason": "Too many requests.", "code": "400.002"}, RefusalKind.RATE_LIMITED),
        (404, {"status": "error", "reason": "Not found", "code": "404"}, RefusalKind.BAD_REQUEST),
        (403, "<html>", RefusalKind.GEO),
        (503, "", RefusalKind.MAINTENANCE),
    ],
)
def test_refusals_are_told_by_kind(status, body, kind):
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    assert SPEC.rest.refusal(status, {}, raw).kind is kind


def test_a_good_answer_refuses_nothing():
    assert SPEC.rest.refusal(200, {}, b'[{"pair":"BTC/USD"}]') is None


def test_channels_are_asked_for_one_by_one():
    frames = [json.loads(frame) for frame in SPEC.stream.subscribe(["btcusd"])]
    assert [frame["data"]["channel"] for frame in frames] == ["order_book_btcusd", "live_trades_btcusd"]
