"""Upbit's messages in both spellings, written by hand after its documents, and what they mean."""

import json
from decimal import Decimal

import pytest

from chrono.ingest.venues.upbit.endpoint import SPEC
from chrono.ingest.venues.upbit.parse import parse_instruments, parse_message, parse_tickers, refusal
from chrono.ingest.venues.words import Beat, Dealt, Instrument, Offered, RefusalKind, Ticked, Unread

AT_NS = 1_794_039_567_028_000_000
SHORT_TRADE = {
    "ty": "trade",
    "cd": "KRW-BTC",
    "tms": 1794039567100,
    "ttms": 1794039567028,
    "tp": 98000000.0,
    "tv": 0.0125,
    "ab": "ASK",
    "sid": 17940395670280001,
    "st": "REALTIME",
}
SHORT_BOOK = {
    "ty": "orderbook",
    "cd": "KRW-BTC",
    "tms": 1794039567028,
    "obu": [{"ap": 98001000, "bp": 98000000.0, "as": 0.5, "bs": 1}],
    "st": "SNAPSHOT",
}
FULL_TRADE = {
    "type": "trade",
    "code": "USDT-ETH",
    "timestamp": 1794039567100,
    "trade_timestamp": 1794039567028,
    "trade_price": 2480.25,
    "trade_volume": 3,
    "ask_bid": "BID",
    "sequential_id": 5,
}
FULL_BOOK = {
    "type": "orderbook",
    "code": "BTC-ETH",
    "timestamp": 1794039567028000,
    "orderbook_units": [{"ask_price": 0.0709, "bid_price": 0.0708, "ask_size": 1, "bid_size": 2}],
}
TICKER = {
    "market": "KRW-BTC",
    "trade_price": 98000000.0,
    "trade_timestamp": 1794039567028,
    "timestamp": 1794039567100,
    "acc_trade_volume_24h": 1234.5,
}


def say(message):
    return parse_message(json.dumps(message).encode())


def test_a_trade_is_the_takers_at_its_own_time():
    assert say(SHORT_TRADE) == [
        Dealt("KRW-BTC", Decimal("98000000.0"), Decimal("0.0125"), "sell", AT_NS, "17940395670280001")
    ]
    assert say(FULL_TRADE) == [Dealt("USDT-ETH", Decimal("2480.25"), Decimal(3), "buy", AT_NS, "5")]


def test_a_book_tells_its_best_level():
    assert say(SHORT_BOOK) == [Offered("KRW-BTC", Decimal(98000000), Decimal(98001000), AT_NS)]


def test_a_time_in_microseconds_is_the_same_time():
    assert say(FULL_BOOK) == [Offered("BTC-ETH", Decimal("0.0708"), Decimal("0.0709"), AT_NS)]


def test_the_order_of_the_fields_does_not_matter():
    assert say({**dict(reversed(SHORT_TRADE.items()))}) == say(SHORT_TRADE)
    assert parse_message(json.dumps(SHORT_TRADE, separators=(",", ":")).encode()) == say(SHORT_TRADE)


def test_a_side_of_zero_is_an_empty_side():
    said = say({**SHORT_BOOK, "obu": [{"ap": 0, "bp": 5}]})
    assert said == [Offered("KRW-BTC", Decimal(5), None, AT_NS)]
    assert say({**SHORT_BOOK, "obu": []}) == [Offered("KRW-BTC", None, None, AT_NS)]


def test_the_number_of_levels_in_a_code_is_no_part_of_the_symbol():
    assert say({**SHORT_BOOK, "cd": "KRW-BTC.1"})[0].symbol == "KRW-BTC"


def test_what_is_no_price_is_unread():
    for bad in ("x", -1, "NaN", True, {}):
        assert isinstance(say({**SHORT_TRADE, "tp": bad})[0], Unread), bad
        assert isinstance(say({**SHORT_BOOK, "obu": [{"ap": bad, "bp": 5}]})[0], Unread), bad
    assert isinstance(say({**SHORT_TRADE, "cd": "BTC"})[0], Unread)
    assert isinstance(say({"ty": "candle.1m", "cd": "KRW-BTC", "tp": 5})[0], Unread)


def test_control_messages_are_told_apart():
    assert parse_message(b'{"status":"UP"}') == [Beat()]
    assert say({"error": {"name": "NO_CODES", "message": "no codes"}})[0].kind is RefusalKind.BAD_REQUEST
    busy = {"error": {"name": "too_many_requests", "message": "slow down"}}
    assert say(busy)[0].kind is RefusalKind.RATE_LIMITED
    assert isinstance(parse_message(b"{}")[0], Unread)


def test_a_streamed_ticker_is_a_summary():
    said = say({"ty": "ticker", "cd": "KRW-BTC", "tp": 5, "ttms": 1794039567028, "atv24h": 9})
    assert said == [Ticked("KRW-BTC", Decimal(5), None, None, AT_NS, Decimal(9))]


def test_the_bulk_ticker_tells_each_row():
    book = {**{k: v for k, v in FULL_BOOK.items() if k not in ("type", "code")}, "market": "BTC-ETH"}
    told = parse_tickers(json.dumps([TICKER, book, {"market": "KRW-NEW"}, {}, 5]).encode())
    assert told[0] == Ticked("KRW-BTC", Decimal(98000000), None, None, AT_NS, Decimal("1234.5"))
    assert told[1] == Ticked("BTC-ETH", None, Decimal("0.0708"), Decimal("0.0709"), AT_NS)
    assert [type(one) for one in told[2:]] == [Unread, Unread]


def test_the_quote_comes_first_in_a_markets_name():
    rows = [{"market": "KRW-BTC"}, {"market": "USDT-ETH"}, {"market": "odd"}, {}]
    assert parse_instruments(json.dumps(rows).encode()) == [
        Instrument("KRW-BTC", "BTC", "KRW", active=True),
        Instrument("USDT-ETH", "ETH", "USDT", active=True),
    ]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, {"error": {"name": 404, "message": "Code not found"}}, "unknown_symbol"),
        (429, {"error": {"name": "too_many_requests", "message": "slow down"}}, "rate_limited"),
        (418, {"error": {"name": "blocked", "message": "later"}}, "banned"),
        (400, {"error": {"name": 400, "message": "quote_currencies is missing"}}, "bad_request"),
        (503, "<html>", "maintenance"),
    ],
)
def test_refusals_are_told_by_kind(status, body, kind):
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    assert refusal(status, {}, raw).kind == kind


def test_one_frame_asks_for_everything_and_rest_asks_by_quote():
    (frame,) = SPEC.stream.subscribe(["KRW-BTC", "USDT-ETH"])
    asked = json.loads(frame)
    assert [part.get("codes") for part in asked] == [None, ["KRW-BTC", "USDT-ETH"], ["KRW-BTC.1", "USDT-ETH.1"], None]
    (request,) = SPEC.rest.tickers(["KRW-BTC", "KRW-ETH", "USDT-ETH"])
    assert request.url.endswith("quote_currencies=KRW,USDT")
