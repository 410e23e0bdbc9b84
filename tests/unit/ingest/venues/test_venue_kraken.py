"""Kraken's messages, written by hand after its documents, and what they mean."""

import json
from decimal import Decimal

from chrono.ingest.venues.kraken.endpoint import SPEC
from chrono.ingest.venues.kraken.names import symbol_of
from chrono.ingest.venues.kraken.parse import parse_instruments, parse_message, parse_tickers, refusal
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

TIME = "2026-11-07T08:19:27.028459Z"
AT_NS = 1794039567028459000
TRADE = b"""{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":67000.10,"qty":0.00000001,
"ord_type":"market","trade_id":4665906,"timestamp":"2026-11-07T08:19:27.028459Z"}]}"""
TICKER = b"""{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":67000.0,"bid_qty":1.2,"ask":67000.10,
"ask_qty":2.3,"last":67000.1,"volume":10.5,"timestamp":"2026-11-07T08:19:27.028459Z"}]}"""


def say(message):
    return parse_message(json.dumps(message).encode())


def test_a_trade_keeps_its_numbers_exact():
    told = parse_message(TRADE)
    assert told == [Dealt("BTC/USD", Decimal("67000.10"), Decimal("1E-8"), "sell", AT_NS, "4665906")]
    assert str(told[0].price) == "67000.10"


def test_a_ticker_is_the_best_offers():
    assert parse_message(TICKER) == [Offered("BTC/USD", Decimal("67000.0"), Decimal("67000.10"), AT_NS)]


def test_a_pair_that_never_traded_has_no_offers_and_no_time():
    row = {"symbol": "A/USD", "bid": 0, "ask": 0, "timestamp": "1970-01-01T00:00:00.000000Z"}
    assert say({"channel": "ticker", "type": "snapshot", "data": [row]}) == [Offered("A/USD", None, None, None)]


def test_control_messages_are_told_apart():
    assert say({"channel": "heartbeat"}) == [Beat()]
    assert say({"method": "pong", "time_in": TIME, "time_out": TIME}) == [Beat()]
    done = {"method": "subscribe", "result": {"channel": "trade", "symbol": "BTC/USD"}, "success": True}
    assert say(done) == [Subscribed(("BTC/USD",))]
    bad = {"error": "Currency pair not supported FOO/BAR", "method": "subscribe", "success": False, "symbol": "FOO/BAR"}
    assert say(bad) == [Refused(RefusalKind.UNKNOWN_SYMBOL, bad["error"], symbols=("FOO/BAR",))]
    assert say({"channel": "status", "type": "update", "data": [{"system": "online"}]}) == [Beat()]
    closed = say({"channel": "status", "type": "update", "data": [{"system": "maintenance"}]})
    assert closed == [Refused(RefusalKind.MAINTENANCE, "status maintenance")]


def test_the_arrays_of_the_first_version_are_understood():
    told = say([170, [["67000.1", "2.5", "1794039567.028459", "s", "l", ""]], "trade", "XBT/USD"])
    assert told == [Dealt("BTC/USD", Decimal("67000.1"), Decimal("2.5"), "sell", AT_NS)]
    told = say([341, ["67000.0", "67000.1", "1794039567.028459", "0.1", "0.2"], "spread", "XBT/USD"])
    assert told == [Offered("BTC/USD", Decimal("67000.0"), Decimal("67000.1"), AT_NS)]
    assert isinstance(say([468, {"b": [["1", "1", "1"]]}, "book-10", "XMR/USD"])[0], Unread)


def test_broken_frames_are_unread():
    for frame in (b"", b"{", b"[", b"[1,2]", b'[1,2,"trade","X/Y"]', b"\xff", b"null", b"[" * 100_000, b"{}"):
        assert [type(said) for said in parse_message(frame)] == [Unread], frame[:40]
    for bad in (b"0", b"-1", b"1e400", b'"NaN"', b'"$5"', b"null"):
        assert isinstance(parse_message(TRADE.replace(b"67000.10", bad))[0], Unread), bad


def test_every_spelling_of_a_pair_becomes_one():
    spelt = {
        "XXBTZUSD": "BTC/USD",
        "XBTUSDT": "BTC/USDT",
        "XDGUSD": "DOGE/USD",
        "XETHXXBT": "ETH/BTC",
        "ADAUSD": "ADA/USD",
        "XLMUSD": "XLM/USD",
        "XXLMZUSD": "XLM/USD",
        "ZEURZUSD": "EUR/USD",
        "USDTZUSD": "USDT/USD",
        "XTZUSD": "XTZ/USD",
        "XBT/USD": "BTC/USD",
        "AAPLx/USD": "AAPLx/USD",
        "nonsense": "nonsense",
    }
    assert {name: symbol_of(name) for name in spelt} == spelt


def test_the_tickers_are_keyed_by_symbol_and_one_bad_pair_costs_the_others_nothing():
    good = {"a": ["67000.2", "1", "1"], "b": ["67000.0", "1", "1"], "c": ["67000.1", "0.1"], "v": ["10.5", "20.5"]}
    body = json.dumps({"error": [], "result": {"XXBTZUSD": good, "ADAUSD": {"a": 5}, "XETHZUSD": {}}}).encode()
    told = parse_tickers(body)
    asked = [Decimal("67000.1"), Decimal("67000.0"), Decimal("67000.2")]
    assert told[0] == Ticked("BTC/USD", *asked, None, Decimal("20.5"))
    assert [type(said) for said in told[1:]] == [Unread, Unread]


def test_the_pairs_are_the_list_of_instruments():
    pairs = {
        "XXBTZUSD": {"wsname": "XBT/USD", "status": "online"},
        "B": {"wsname": "A/B", "status": "cancel_only"},
        "C": 5,
        "D": {"wsname": "D/B", "status": "limit_only"},
    }
    told = parse_instruments(json.dumps({"error": [], "result": pairs}).encode())
    assert told == [
        Instrument("BTC/USD", "BTC", "USD", True),
        Instrument("A/B", "A", "B", False),
        Instrument("D/B", "D", "B", True),
    ]


def test_errors_inside_a_good_answer_are_refusals():
    body = b'{"error":["EGeneral:Too many requests"]}'
    assert refusal(200, {}, body).kind is RefusalKind.RATE_LIMITED
    assert parse_tickers(body)[0].kind is RefusalKind.RATE_LIMITED
    assert refusal(200, {}, b'{"error":["EGeneral:Temporary lockout"]}').kind is RefusalKind.BANNED
    assert refusal(200, {}, b'{"error":["EQuery:Unknown asset pair"]}').kind is RefusalKind.UNKNOWN_SYMBOL
    assert refusal(200, {}, b'{"error":["EService:Unavailable"]}').kind is RefusalKind.MAINTENANCE
    assert refusal(200, {}, b'{"error":[],"result":{}}') is None
    assert refusal(520, {}, b"<title>520: unknown error</title>").kind is RefusalKind.FAULT
    assert refusal(451, {}, b"").kind is RefusalKind.GEO


def test_rest_is_asked_in_its_older_spelling():
    assert SPEC.rest.tickers(["BTC/USD", "DOGE/USD"])[0].url.endswith("pair=XBTUSD,XDGUSD")
    assert [json.loads(f)["params"]["channel"] for f in SPEC.stream.subscribe(["BTC/USD"])] == ["trade", "ticker"]
