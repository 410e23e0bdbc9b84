"""Gemini's messages, written by hand after its documents, and what they mean."""

import json
from decimal import Decimal

import pytest

from chrono.ingest.venues.gemini.endpoint import SPEC
from chrono.ingest.venues.gemini.parse import parse_instruments, parse_message, parse_tickers, refusal
from chrono.ingest.venues.words import (
    Beat,
    Dealt,
    Instrument,
    Offered,
    RefusalKind,
    Refused,
    Subscribed,
    Ticked,
    Unread,
)

AT_NS = 1_794_039_567_028_123_456
TRADE = {"E": 1794039567028123456, "s": "btcusd", "t": 284014, "p": "68123.40", "q": "0.25", "m": True}
TOP = {"u": 77, "E": 1794039567028123456, "s": "btcusd", "b": "68123.00", "B": "1.5", "a": "68124.00", "A": "0.5"}
OLD = {
    "type": "trade",
    "symbol": "ETHUSD",
    "event_id": 45465,
    "timestamp": 1794039567028,
    "price": "2480.5",
    "quantity": "3",
    "side": "sell",
}
DETAIL = {
    "symbol": "PAXGUSD",
    "base_currency": "PAXG",
    "quote_currency": "USD",
    "status": "open",
    "product_type": "spot",
}


def say(message):
    return parse_message(json.dumps(message).encode())


def test_a_trade_is_told_with_the_takers_side_and_the_venues_nanoseconds():
    assert say(TRADE) == [Dealt("btcusd", Decimal("68123.40"), Decimal("0.25"), "sell", AT_NS, "284014")]
    assert say({**TRADE, "m": False})[0].side == "buy"
    assert say({**TRADE, "m": None})[0].side == ""


def test_offers_are_known_by_their_fields():
    assert say(TOP) == [Offered("btcusd", Decimal("68123.00"), Decimal("68124.00"), AT_NS)]
    assert say({**TOP, "a": "0"}) == [Offered("btcusd", Decimal("68123.00"), None, AT_NS)]


def test_a_symbol_is_told_in_lower_case_whatever_a_message_says():
    assert say({**TOP, "s": "BTCUSD"})[0].symbol == "btcusd"
    assert say(OLD) == [Dealt("ethusd", Decimal("2480.5"), Decimal(3), "sell", 1_794_039_567_028_000_000, "45465")]


@pytest.mark.parametrize("symbol", ["btcgusdperp", "BTCGUSDPERP", "gemi-btc15m2607241200-hi100000"])
def test_perpetuals_and_bets_are_not_told_as_spot(symbol):
    assert isinstance(say({**TRADE, "s": symbol})[0], Unread)
    assert isinstance(say({**TOP, "s": symbol})[0], Unread)
    assert isinstance(say({**OLD, "symbol": symbol})[0], Unread)
    assert parse_tickers(json.dumps([{"pair": symbol, "price": "1"}]).encode()) == []
    assert parse_instruments(json.dumps([{**DETAIL, "symbol": symbol}]).encode()) == []


def test_a_price_of_nothing_is_unread():
    for bad in ("0", "-1", "NaN", None, [], "1e400"):
        said = say({**TRADE, "p": bad})
        assert bad is None or isinstance(said[0], Unread), bad
    assert isinstance(say({**TOP, "b": "NaN"})[0], Unread)
    assert isinstance(say({"u": 1, "E": 1794039567028123456, "s": "btcusd"})[0], Unread)


def test_changes_of_a_book_are_not_read():
    change = {"e": "depthUpdate", "E": 1794039567028123456, "s": "btcusd", "U": 1, "u": 2, "b": [["1", "2"]], "a": []}
    assert isinstance(say(change)[0], Unread)
    assert isinstance(say({"type": "l2_updates", "symbol": "ZECLTC", "changes": [["buy", "0.6", "1"]]})[0], Unread)


def test_answers_are_told_apart_by_their_id():
    assert say({"id": 1, "status": 200}) == [Subscribed(())]
    assert say({"id": 2, "status": 200}) == [Beat()]
    assert say({"type": "heartbeat", "timestamp": 1794039567028}) == [Beat()]
    assert isinstance(say({"id": 3})[0], Unread)


def test_an_unknown_stream_names_its_symbol():
    failed = {"id": 1, "status": 400, "error": {"code": -1013, "msg": "Invalid stream name: nopeusd@bookTicker"}}
    assert say(failed) == [
        Refused(RefusalKind.UNKNOWN_SYMBOL, "-1013: Invalid stream name: nopeusd@bookTicker", None, ("nopeusd",))
    ]
    assert say({"id": 1, "status": 429, "error": {"code": -1003, "msg": "slow"}})[0].kind is RefusalKind.RATE_LIMITED
    assert say({"id": 1, "status": 400, "error": {"code": -1, "msg": "no"}})[0].kind is RefusalKind.BAD_REQUEST


def test_the_price_feed_tells_last_prices_only():
    body = b'[{"pair":"BTCUSD","price":"68123.4","percentChange24h":"0.01"},{"pair":"OLDUSD","price":"0"},7]'
    told = parse_tickers(body)
    assert told[0] == Ticked("btcusd", Decimal("68123.4"), None, None, None)
    assert [type(one) for one in told] == [Ticked, Unread]


def test_the_list_tells_base_and_quote_as_the_venue_does():
    rows = [DETAIL, {**DETAIL, "symbol": "OLDUSD", "status": "closed"}, {**DETAIL, "product_type": "swap"}, "btcusd"]
    assert parse_instruments(json.dumps(rows).encode()) == [
        Instrument("paxgusd", "PAXG", "USD", active=True),
        Instrument("oldusd", "PAXG", "USD", active=False),
    ]
    assert parse_instruments(json.dumps(DETAIL).encode()) == [Instrument("paxgusd", "PAXG", "USD", active=True)]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"result": "error", "reason": "Bad Request", "message": "'x' is not a valid symbol"}, "unknown_symbol"),
        (429, {"result": "error", "reason": "RateLimit", "message": "slow down"}, "rate_limited"),
        (503, {"result": "error", "reason": "Maintenance", "message": "closed"}, "maintenance"),
        (400, {"result": "error", "reason": "EndpointNotFound", "message": "no"}, "bad_request"),
        (403, "<html>", "geo"),
    ],
)
def test_refusals_are_told_by_kind(status, body, kind):
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    assert refusal(status, {}, raw).kind == kind


def test_a_good_answer_refuses_nothing():
    assert refusal(200, {}, b"[]") is None


def test_each_symbol_has_a_frame_of_its_own():
    frames = [json.loads(frame) for frame in SPEC.stream.subscribe(["btcusd", "ethusd"])]
    assert [frame["params"] for frame in frames] == [
        ["btcusd@bookTicker", "btcusd@trade"],
        ["ethusd@bookTicker", "ethusd@trade"],
    ]
