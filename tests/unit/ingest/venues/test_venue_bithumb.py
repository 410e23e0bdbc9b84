"""Bithumb's messages, written by hand after its documents, and what they mean."""

import json
from decimal import Decimal

from chrono.ingest.venues.bithumb.endpoint import SPEC
from chrono.ingest.venues.bithumb.parse import parse_instruments, parse_message, parse_tickers, refusal
from chrono.ingest.venues.words import Beat, Dealt, Instrument, Offered, RefusalKind, Ticked, Unread

AT_NS = 1_794_039_567_028_000_000
TRADE = {
    "ty": "trade",
    "cd": "KRW-BTC",
    "tp": 98000000,
    "tv": 0.0125,
    "ab": "BID",
    "ttms": 1794039567028,
    "tms": 1794039567100,
    "sid": 7,
}
BOOK = {"ty": "orderbook", "cd": "KRW-BTC", "obu": [{"ap": 98001000, "bp": 98000000}], "tms": 1794039567028}
OLD = {
    "type": "transaction",
    "content": {
        "list": [
            {
                "buySellGb": "1",
                "contPrice": "98000000",
                "contQty": "0.5",
                "contDtm": "2026-11-07 19:59:27.028000",
                "symbol": "BTC_KRW",
            }
        ]
    },
}


def say(message):
    return parse_message(json.dumps(message).encode())


def test_the_present_stream_speaks_as_upbit_does():
    assert say(TRADE) == [Dealt("KRW-BTC", Decimal(98000000), Decimal("0.0125"), "buy", AT_NS, "7")]
    assert say(BOOK) == [Offered("KRW-BTC", Decimal(98000000), Decimal(98001000), AT_NS)]


def test_the_stream_before_is_told_under_the_present_symbol_and_in_universal_time():
    (said,) = say(OLD)
    assert (said.symbol, said.price, said.amount, said.side) == ("KRW-BTC", Decimal(98000000), Decimal("0.5"), "sell")
    # 19:59 in Seoul is 10:59 in Greenwich.
    assert said.traded_at_ns == 1_794_049_167_028_000_000


def test_the_exchange_of_the_same_name_is_not_told():
    told = say({"code": "00007", "topic": "TRADE", "data": {"p": "1674.77", "symbol": "ETH-USDT", "v": "1"}})
    assert [one.why for one in told] == ["another exchange of the same name"]


def test_control_messages_are_told_apart():
    assert say({"status": "0000", "resmsg": "Connected Successfully"}) == [Beat()]
    assert say({"status": "5100", "resmsg": "Invalid Filter Syntax"})[0].kind is RefusalKind.BAD_REQUEST
    assert isinstance(say({"type": "orderbookdepth", "content": {"list": []}})[0], Unread)
    assert isinstance(parse_message(b'{"content":')[0], Unread)


def test_a_bad_trade_of_the_stream_before_is_unread():
    for bad in ("0", "-5", "NaN", "", None):
        one = {**OLD["content"]["list"][0], "contPrice": bad}
        assert isinstance(say({**OLD, "content": {"list": [one]}})[0], Unread), bad
    assert isinstance(
        say({**OLD, "content": {"list": [{"symbol": "BTC", "contPrice": "1", "contQty": "1"}]}})[0], Unread
    )


def test_rest_is_read_as_upbits():
    row = {"market": "KRW-BTC", "trade_price": 98000000, "trade_timestamp": 1794039567028}
    assert parse_tickers(json.dumps([row]).encode()) == [Ticked("KRW-BTC", Decimal(98000000), None, None, AT_NS)]
    assert parse_instruments(b'[{"market":"BTC-ETH"}]') == [Instrument("BTC-ETH", "ETH", "BTC", active=True)]


def test_the_ticker_before_does_not_name_its_currency_and_is_unread():
    body = b'{"status":"0000","data":{"BTC":{"closing_price":"43232000"},"date":"1546451831176"}}'
    assert [type(one) for one in parse_tickers(body)] == [Unread]


def test_a_market_that_is_gone_costs_the_others_nothing():
    gone = b'{"error":{"name":404,"message":"Code not found"}}'
    assert refusal(404, {}, gone) is None
    assert [type(one) for one in parse_tickers(gone)] == [Unread]
    assert refusal(429, {}, b"").kind is RefusalKind.RATE_LIMITED


def test_markets_are_asked_for_one_by_one():
    asked = [request.url.rpartition("=")[2] for request in SPEC.rest.tickers(["KRW-BTC", "KRW-ETH"])]
    assert asked == ["KRW-BTC", "KRW-ETH"]
    assert len(SPEC.stream.subscribe(["KRW-BTC", "KRW-ETH"])) == 1
