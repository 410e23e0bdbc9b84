"""Crypto.com's messages, written by hand after its v1 documents, and what they mean."""

import json
from decimal import Decimal

import pytest

from chrono.ingest.venues.cryptocom.endpoint import SPEC
from chrono.ingest.venues.cryptocom.parse import parse_instruments, parse_message, parse_tickers
from chrono.ingest.venues.words import Beat, Dealt, Instrument, RefusalKind, Refused, Subscribed, Ticked, Unread

AT_MS = 1_794_039_567_028
AT_NS = AT_MS * 10**6
TRADE = {"d": "4611686018455978480", "t": AT_MS, "p": "68123.4", "q": "0.25", "s": "SELL", "i": "BTC_USD"}
TICKER = {"i": "BTC_USD", "a": "100", "b": "99", "k": "101", "v": "7", "t": AT_MS}


def say(message):
    return parse_message(json.dumps(message).encode())


def push(channel, *rows, symbol="BTC_USD"):
    result = {"channel": channel, "subscription": f"{channel}.{symbol}", "instrument_name": symbol, "data": list(rows)}
    return say({"id": -1, "method": "subscribe", "code": 0, "result": result})


def test_trades_are_told_oldest_first():
    assert push("trade", TRADE, {**TRADE, "s": "BUY", "d": "1"}) == [
        Dealt("BTC_USD", Decimal("68123.4"), Decimal("0.25"), "buy", AT_NS, "1"),
        Dealt("BTC_USD", Decimal("68123.4"), Decimal("0.25"), "sell", AT_NS, "4611686018455978480"),
    ]


def test_a_ticker_is_a_summary():
    told = Ticked("BTC_USD", Decimal(100), Decimal(99), Decimal(101), AT_NS, Decimal(7))
    assert push("ticker", TICKER) == [told]
    assert push("ticker", {**TICKER, "a": None, "b": None, "k": "101"}) == [
        Ticked("BTC_USD", None, None, Decimal(101), AT_NS, Decimal(7))
    ]


@pytest.mark.parametrize("symbol", ["BTCUSD-PERP", "BTCUSD-260327", "BTCUSD-INDEX", "BTCUSD"])
def test_contracts_are_not_told_as_spot(symbol):
    assert [type(said) for said in push("ticker", {**TICKER, "i": symbol}, symbol=symbol)] == [Unread]
    assert [type(said) for said in push("trade", {**TRADE, "i": symbol})] == [Unread]
    assert [type(said) for said in push("ticker", {**TICKER, "i": symbol})] == [Unread]


def test_a_heartbeat_comes_with_its_answer():
    [said] = say({"id": 1587523073344, "method": "public/heartbeat", "code": 0})
    assert isinstance(said, Beat)
    assert json.loads(said.reply) == {"id": 1587523073344, "method": "public/respond-heartbeat"}


def test_answers_are_told_apart():
    assert say({"id": 1, "method": "subscribe", "code": 0}) == [Subscribed(())]
    assert say({"id": 1, "method": "subscribe", "code": 0, "channel": "trade.BTC_USD"}) == [Subscribed(("BTC_USD",))]
    failed = {"id": 1, "method": "subscribe", "code": 40003, "message": "Unknown symbol", "channel": "trade.NOPE_USD"}
    assert say(failed) == [Refused(RefusalKind.UNKNOWN_SYMBOL, "40003: Unknown symbol", None, ("NOPE_USD",))]
    assert say({"id": 1, "code": 42901, "message": "TOO_MANY_REQUESTS"})[0].kind is RefusalKind.RATE_LIMITED
    assert isinstance(push("book", {"bids": []})[0], Unread)
    assert isinstance(say({"id": 1, "method": "public/auth", "code": 0})[0], Unread)


def test_the_bulk_ticker_leaves_contracts_out():
    body = json.dumps({"id": -1, "code": 0, "result": {"data": [TICKER, {**TICKER, "i": "BTCUSD-PERP"}, 4]}}).encode()
    told = parse_tickers(body)
    assert [type(said) for said in told] == [Ticked, Unread]


def test_only_spot_pairs_are_listed_from_both_versions():
    row = {"symbol": "BTC_USD", "inst_type": "CCY_PAIR", "base_ccy": "BTC", "quote_ccy": "USD", "tradable": True}
    rows = [
        row,
        {**row, "symbol": "BTCUSD-PERP", "inst_type": "PERPETUAL_SWAP"},
        {**row, "symbol": "A_B", "tradable": False},
    ]
    assert parse_instruments(json.dumps({"code": 0, "result": {"data": rows}}).encode()) == [
        Instrument("BTC_USD", "BTC", "USD", active=True),
        Instrument("A_B", "BTC", "USD", active=False),
    ]
    old = {"instrument_name": "BTC_USDT", "base_currency": "BTC", "quote_currency": "USDT"}
    assert parse_instruments(json.dumps({"code": 0, "result": {"instruments": [old]}}).encode()) == [
        Instrument("BTC_USDT", "BTC", "USDT", active=True)
    ]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, {"code": 42901, "message": "TOO_MANY_REQUESTS"}, RefusalKind.RATE_LIMITED),
        (400, {"code": 40004, "message": "Invalid instrument_name"}, RefusalKind.UNKNOWN_SYMBOL),
        (403, {"code": 10003, "message": "IP_ILLEGAL"}, RefusalKind.GEO),
        (500, {"code": 50001, "message": "ERR_INTERNAL"}, RefusalKind.FAULT),
        (502, "<html>", RefusalKind.FAULT),
    ],
)
def test_refusals_are_told_by_kind(status, body, kind):
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    assert SPEC.rest.refusal(status, {}, raw).kind is kind


def test_a_good_answer_refuses_nothing():
    assert SPEC.rest.refusal(200, {}, b'{"id":-1,"code":0,"result":{"data":[]}}') is None


def test_the_first_frame_waits_a_second_and_each_symbol_has_its_own():
    assert SPEC.stream.settles_s == 1.0
    frames = [json.loads(frame) for frame in SPEC.stream.subscribe(["BTC_USD", "ETH_USD"])]
    assert [frame["params"]["channels"] for frame in frames] == [
        ["ticker.BTC_USD", "trade.BTC_USD"],
        ["ticker.ETH_USD", "trade.ETH_USD"],
    ]
    assert len({frame["id"] for frame in frames}) == 2
