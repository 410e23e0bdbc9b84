"""Gate's messages, written by hand after its v4 documents, and what they mean."""

import json
from decimal import Decimal

import pytest

from chrono.ingest.venues.gate.endpoint import SPEC
from chrono.ingest.venues.gate.parse import parse_instruments, parse_message, parse_tickers
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

AT_S = 1_794_039_567
AT_MS = AT_S * 1000 + 28


def say(message):
    return parse_message(json.dumps(message).encode())


def push(channel, result):
    return say({"time": AT_S, "time_ms": AT_MS, "channel": channel, "event": "update", "result": result})


def test_a_trade_has_its_time_in_milliseconds_with_decimals():
    row = {"id": 3, "create_time": AT_S, "create_time_ms": f"{AT_MS}.4578", "side": "buy", "currency_pair": "BTC_USDT"}
    assert push("spot.trades", {**row, "amount": "0.25", "price": "68123.4"}) == [
        Dealt("BTC_USDT", Decimal("68123.4"), Decimal("0.25"), "buy", AT_MS * 10**6 + 457_800, "3")
    ]


def test_a_book_ticker_is_the_best_offers():
    quote = {"t": AT_MS, "u": 48733182, "s": "BTC_USDT", "b": "99", "B": "1", "a": "101", "A": "2"}
    assert push("spot.book_ticker", quote) == [Offered("BTC_USDT", Decimal(99), Decimal(101), AT_MS * 10**6, 48733182)]
    assert push("spot.book_ticker", {**quote, "a": ""}) == [
        Offered("BTC_USDT", Decimal(99), None, AT_MS * 10**6, 48733182)
    ]


def test_a_ticker_has_the_messages_time():
    row = {"currency_pair": "BTC_USDT", "last": "100", "lowest_ask": "101", "highest_bid": "99", "base_volume": "7"}
    assert push("spot.tickers", row) == [
        Ticked("BTC_USDT", Decimal(100), Decimal(99), Decimal(101), AT_MS * 10**6, Decimal(7))
    ]


@pytest.mark.parametrize(
    "channel", ["futures.trades", "futures.book_ticker", "futures.tickers", "options.trades", "spot.obu"]
)
def test_other_channels_are_not_read(channel):
    told = push(channel, [{"contract": "BTC_USDT", "price": "1", "last": "1", "s": "BTC_USDT", "b": "1", "a": "2"}])
    assert [type(said) for said in told] == [Unread]


def test_the_messages_of_v3_are_still_read_oldest_first():
    rows = [
        {"id": 2, "time": 1616327474.624324, "price": "56173.28", "amount": "0.0037", "type": "sell"},
        {"id": 1, "time": 1616327474.5, "price": "56173.27", "amount": "1", "type": "buy"},
    ]
    assert say({"method": "trades.update", "params": ["BTC_USDT", rows], "id": None}) == [
        Dealt("BTC_USDT", Decimal("56173.27"), Decimal(1), "buy", 1616327474500000000, "1"),
        Dealt("BTC_USDT", Decimal("56173.28"), Decimal("0.0037"), "sell", 1616327474624324000, "2"),
    ]
    ticker = {"last": "44681", "quoteVolume": "780.1", "baseVolume": "35527977.7"}
    assert say({"method": "ticker.update", "params": ["BTC_USDT", ticker], "id": None}) == [
        Ticked("BTC_USDT", Decimal(44681), None, None, None, Decimal("780.1"))
    ]


def test_answers_are_told_apart():
    answer = {"time": AT_S, "channel": "spot.trades", "event": "subscribe", "payload": ["BTC_USDT"]}
    assert say({**answer, "result": {"status": "success"}}) == [Subscribed(("BTC_USDT",))]
    assert say({"time": AT_S, "channel": "spot.trades", "event": "subscribe", "result": {"status": "success"}}) == [
        Subscribed(())
    ]
    assert say({"time": AT_S, "channel": "spot.pong", "event": "", "result": None}) == [Beat()]
    failed = {**answer, "payload": ["NOPE_USDT"], "error": {"code": 2, "message": "unknown currency pair NOPE_USDT"}}
    assert say(failed) == [
        Refused(RefusalKind.UNKNOWN_SYMBOL, "2: unknown currency pair NOPE_USDT", None, ("NOPE_USDT",))
    ]
    assert say({**answer, "error": {"code": 4, "message": "too many requests"}})[0].kind is RefusalKind.RATE_LIMITED


def test_the_bulk_ticker_tells_no_times():
    row = {"currency_pair": "BTC_USDT", "last": "100", "lowest_ask": "101", "highest_bid": "99", "base_volume": "7"}
    told = parse_tickers(json.dumps([row, {"last": "1"}, {**row, "last": "Infinity"}]).encode())
    assert told[0] == Ticked("BTC_USDT", Decimal(100), Decimal(99), Decimal(101), None, Decimal(7))
    assert [type(said) for said in told[1:]] == [Unread, Unread]


def test_a_pair_that_is_not_tradable_is_not_active():
    row = {"id": "BTC_USDT", "base": "BTC", "quote": "USDT", "trade_status": "tradable"}
    rows = [row, {**row, "id": "OLD_USDT", "trade_status": "untradable"}, {"id": "X"}]
    assert parse_instruments(json.dumps(rows).encode()) == [
        Instrument("BTC_USDT", "BTC", "USDT", active=True),
        Instrument("OLD_USDT", "BTC", "USDT", active=False),
    ]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, {"label": "TOO_MANY_REQUESTS", "message": "slow down"}, RefusalKind.RATE_LIMITED),
        (400, {"label": "INVALID_CURRENCY_PAIR", "message": "NOPE_USDT"}, RefusalKind.UNKNOWN_SYMBOL),
        (500, {"label": "SERVER_ERROR", "message": ""}, RefusalKind.FAULT),
        (403, "<html>", RefusalKind.GEO),
        (400, {"label": "SOMETHING_NEW", "message": ""}, RefusalKind.BAD_REQUEST),
    ],
)
def test_refusals_are_told_by_kind(status, body, kind):
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    assert SPEC.rest.refusal(status, {}, raw).kind is kind


def test_a_good_answer_refuses_nothing():
    assert SPEC.rest.refusal(200, {}, b'[{"currency_pair":"BTC_USDT"}]') is None


def test_each_symbol_has_frames_of_its_own():
    frames = [json.loads(frame) for frame in SPEC.stream.subscribe(["BTC_USDT"])]
    assert [(frame["channel"], frame["payload"]) for frame in frames] == [
        ("spot.book_ticker", ["BTC_USDT"]),
        ("spot.trades", ["BTC_USDT"]),
    ]
    assert json.loads(SPEC.stream.heartbeat.ping())["channel"] == "spot.ping"
