"""WhiteBIT's messages, written by hand after its v4 documents, and what they mean."""

import json
from decimal import Decimal

import pytest

from chrono.ingest.venues.whitebit.endpoint import SPEC
from chrono.ingest.venues.whitebit.parse import parse_instruments, parse_message, parse_tickers, refusal
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

AT_NS = 1_794_039_567_028_500_000
TOPS = {
    "id": None,
    "method": "bookTicker_update",
    "params": [[1794039567.0285, 1794039567.0287, "BTC_USDT", 80670102, "68123.0", "1.5", "68124.0", "0.5"]],
}
TRADES = {
    "id": None,
    "method": "trades_update",
    "params": [
        "BTC_USDT",
        [
            {"id": 8, "time": 1794039567.0285, "price": "68124", "amount": "0.25", "type": "buy"},
            {"id": 7, "time": 1794039566.0285, "price": "68123", "amount": "1", "type": "sell", "rpi": True},
        ],
    ],
}
TICKERS = {
    "BTC_USDT": {"last_price": "68123.4", "base_volume": "812.5", "quote_volume": "55", "isFrozen": False},
    "BTC_PERP": {"last_price": "68100", "base_volume": "1", "isFrozen": False},
    "OLD_USDT": {"last_price": "1", "base_volume": "1", "isFrozen": True},
    "NEW_USDT": {"last_price": "0", "base_volume": "0", "isFrozen": False},
}
MARKET = {"name": "BTC_USDT", "stock": "BTC", "money": "USDT", "tradesEnabled": True, "type": "spot"}


def say(message):
    return parse_message(json.dumps(message).encode())


def test_offers_have_the_time_of_the_book():
    assert say(TOPS) == [Offered("BTC_USDT", Decimal("68123.0"), Decimal("68124.0"), AT_NS)]


def test_trades_are_told_oldest_first():
    assert say(TRADES) == [
        Dealt("BTC_USDT", Decimal(68123), Decimal(1), "sell", AT_NS - 10**9, "7"),
        Dealt("BTC_USDT", Decimal(68124), Decimal("0.25"), "buy", AT_NS, "8"),
    ]


def test_perpetuals_are_not_told_as_spot():
    top = [1794039567.0285, 1794039567.0287, "BTC_PERP", 1, "1", "1", "2", "1"]
    assert isinstance(say({**TOPS, "params": [top]})[0], Unread)
    assert isinstance(say({**TRADES, "params": ["BTC_PERP", TRADES["params"][1]]})[0], Unread)
    assert [one.symbol for one in parse_tickers(json.dumps(TICKERS).encode())] == ["BTC_USDT"]
    rows = [MARKET, {**MARKET, "name": "BTC_PERP", "money": "PERP", "type": "futures"}]
    assert [one.symbol for one in parse_instruments(json.dumps(rows).encode())] == ["BTC_USDT"]


def test_what_is_no_price_is_unread_and_costs_the_others_nothing():
    bad = [1794039567.0285, 1794039567.0287, "ETH_USDT", 1, "NaN", "1", "2", "1"]
    assert [type(one) for one in say({**TOPS, "params": [bad, TOPS["params"][0], ["short"]]})] == [
        Unread,
        Offered,
        Unread,
    ]
    trade = {**TRADES["params"][1][0], "price": "0"}
    assert [type(one) for one in say({**TRADES, "params": ["BTC_USDT", [trade]]})] == [Unread]
    assert isinstance(say({**TRADES, "params": ["BTC_USDT"]})[0], Unread)
    assert isinstance(say({"method": "depth_update", "params": []})[0], Unread)


def test_answers_are_told_apart():
    assert say({"id": 1, "result": {"status": "success"}, "error": None}) == [Subscribed(())]
    assert say({"id": 0, "result": "pong", "error": None}) == [Beat()]


@pytest.mark.parametrize(
    ("code", "kind"), [(1, "bad_request"), (2, "fault"), (3, "maintenance"), (5, "fault"), (7, "rate_limited")]
)
def test_errors_on_the_socket_are_told_by_kind(code, kind):
    said = say({"id": 1, "result": None, "error": {"code": code, "message": "because"}})
    assert said == [Refused(RefusalKind(kind), "because")]


def test_the_bulk_ticker_tells_last_prices_and_leaves_out_frozen_markets():
    assert parse_tickers(json.dumps(TICKERS).encode()) == [
        Ticked("BTC_USDT", Decimal("68123.4"), None, None, None, Decimal("812.5"))
    ]
    assert [type(one) for one in parse_tickers(b'{"BTC_USDT":5,"ETH_USDT":{"last_price":"2"}}')] == [Unread, Ticked]


def test_a_market_that_is_closed_is_listed_as_such():
    rows = [MARKET, {**MARKET, "name": "OLD_USDT", "stock": "OLD", "tradesEnabled": False}, 5, {"name": "x"}]
    assert parse_instruments(json.dumps(rows).encode()) == [
        Instrument("BTC_USDT", "BTC", "USDT", active=True),
        Instrument("OLD_USDT", "OLD", "USDT", active=False),
    ]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, '{"success":false,"message":"Market is not available","params":[]}', "bad_request"),
        (429, "Too many requests", "rate_limited"),
        (403, "<html>", "geo"),
        (503, "", "maintenance"),
    ],
)
def test_refusals_are_told_by_kind(status, body, kind):
    assert refusal(status, {}, body.encode()).kind == kind


def test_a_good_answer_refuses_nothing():
    assert refusal(200, {}, json.dumps(TICKERS).encode()) is None
    assert refusal(200, {}, b"[]") is None


def test_each_channel_is_asked_for_once_with_all_markets():
    frames = [json.loads(frame) for frame in SPEC.stream.subscribe(["BTC_USDT", "ETH_USDT"])]
    assert [frame["method"] for frame in frames] == ["bookTicker_subscribe", "trades_subscribe"]
    assert all(frame["params"] == ["BTC_USDT", "ETH_USDT"] for frame in frames)
