"""Binance's and Binance.US's messages, written by hand after their documents, and what they mean."""

import json
from decimal import Decimal

from chrono.ingest.venues.binance.endpoint import SPEC
from chrono.ingest.venues.binance.parse import parse_instruments, parse_message, parse_tickers, refusal
from chrono.ingest.venues.binanceus import endpoint as us
from chrono.ingest.venues.words import (
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

TRADE = {
    "e": "aggTrade",
    "E": 1794039567030,
    "s": "BTCUSDT",
    "a": 12345,
    "p": "67000.10000000",
    "q": "0.01000000",
    "f": 100,
    "l": 105,
    "T": 1794039567028,
    "m": True,
    "M": True,
}
BEST = {"u": 400900217, "s": "BTCUSDT", "b": "67000.10", "B": "31.2", "a": "67000.20", "A": "40.6"}


def say(message):
    return parse_message(json.dumps(message, separators=(",", ":")).encode())


def test_a_trade_says_the_same_wrapped_and_bare():
    told = Dealt("BTCUSDT", Decimal("67000.1"), Decimal("0.01"), "sell", 1794039567028000000, "12345")
    assert say(TRADE) == say({"stream": "btcusdt@aggTrade", "data": TRADE}) == [told]
    assert say(TRADE | {"m": False})[0].side == "buy"


def test_a_book_ticker_has_no_time_of_its_own():
    told = Offered("BTCUSDT", Decimal("67000.1"), Decimal("67000.2"), None, 400900217)
    assert say(BEST) == say({"stream": "btcusdt@bookTicker", "data": BEST}) == [told]


def test_an_empty_side_is_absent():
    assert say(BEST | {"a": "0.00000000"}) == [Offered("BTCUSDT", Decimal("67000.1"), None, None, 400900217)]


def test_answers_and_faults_are_told_apart():
    assert say({"result": None, "id": 1}) == [Subscribed(())]
    fault = {"code": 2, "msg": "Invalid request: invalid stream"}
    assert say({"error": fault, "id": 1}) == [Refused(RefusalKind.BAD_REQUEST, fault["msg"])]
    assert say({"error": {"code": 3, "msg": "Too many requests"}, "id": 1})[0].kind is RefusalKind.RATE_LIMITED


def test_a_shutdown_asks_for_a_new_connection():
    said = say({"stream": "!server", "data": {"e": "serverShutdown", "E": 1}})
    assert said == [Resync("the venue shuts this connection down", reconnect=True)]


def test_what_is_not_asked_for_or_broken_is_unread():
    depth = {"stream": "btcusdt@depth", "data": {"e": "depthUpdate", "E": 1, "s": "BTCUSDT", "U": 1, "u": 2}}
    frames = [json.dumps(depth).encode(), b"", b"{", b"[]", b'{"stream"', b'{"e":"trade","p":"0"}', b"\xff", b"null"]
    for frame in frames:
        assert [type(said) for said in parse_message(frame)] == [Unread], frame
    for bad in ("0", "-1", "NaN", "1e400", "$5"):
        assert isinstance(say(TRADE | {"p": bad})[0], Unread)


ROW = {"symbol": "BTCUSDT", "lastPrice": "67000.1", "bidPrice": "67000.0", "askPrice": "67000.2", "volume": "8913.3"}


def test_the_day_ticker_is_read_row_by_row():
    rows = [ROW, {"symbol": 5}, ROW | {"lastPrice": "0.00", "bidPrice": "0.0", "askPrice": "0"}]
    told = parse_tickers(json.dumps(rows).encode())
    asked = [Decimal("67000.1"), Decimal("67000.0"), Decimal("67000.2")]
    assert told[0] == Ticked("BTCUSDT", *asked, None, Decimal("8913.3"))
    assert [type(said) for said in told[1:]] == [Unread]
    assert parse_tickers(json.dumps(ROW).encode()) == told[:1]


def test_the_list_of_symbols():
    one = {"symbol": "ETHBTC", "status": "TRADING", "baseAsset": "ETH", "quoteAsset": "BTC"}
    told = parse_instruments(json.dumps({"symbols": [one, {"symbol": "X"}, one | {"status": "BREAK"}]}).encode())
    assert told == [Instrument("ETHBTC", "ETH", "BTC", True), Instrument("ETHBTC", "ETH", "BTC", False)]


def test_refusals_are_told_apart():
    banned = refusal(418, {"retry-after": "120"}, b'{"code":-1003,"msg":"IP banned until 1794039567028"}')
    assert (banned.kind, banned.retry_after_s) == (RefusalKind.BANNED, 120.0)
    assert refusal(429, {}, b'{"code":-1003,"msg":"Too much request weight used"}').kind is RefusalKind.RATE_LIMITED
    assert refusal(451, {}, b'{"code":0,"msg":"restricted location"}').kind is RefusalKind.GEO
    assert refusal(400, {}, b'{"code":-1121,"msg":"Invalid symbol."}').kind is RefusalKind.UNKNOWN_SYMBOL
    assert refusal(200, {}, b"[]") is None


def test_streams_are_asked_for_in_frames_of_a_hundred():
    frames = [json.loads(frame) for frame in SPEC.stream.subscribe([f"C{n}USDT" for n in range(60)])]
    assert [len(frame["params"]) for frame in frames] == [100, 20]
    assert frames[0]["params"][:2] == ["c0usdt@aggTrade", "c0usdt@bookTicker"]


def test_the_weight_of_a_ticker_request_follows_its_symbols():
    few, many = SPEC.rest.tickers(["BTCUSDT"]), SPEC.rest.tickers(["BTCUSDT"] * 63)
    assert (few[0].weight, many[0].weight) == (2.0, 40.0)
    assert us.SPEC.rest.tickers(["BTCUSD"])[0].url.startswith("https://api.binance.us/")
