"""Bybit's messages, written by hand after its v5 documents, and what they mean."""

import json
from decimal import Decimal

import pytest

from chrono.ingest.venues.bybit.endpoint import SPEC
from chrono.ingest.venues.bybit.parse import MOST_BOOKS, Conversation, parse_instruments, parse_message, parse_tickers
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

AT_MS = 1_794_039_567_028
AT_NS = AT_MS * 10**6
TRADE = {"i": "229001", "T": AT_MS, "p": "68123.4", "v": "0.25", "S": "Sell", "s": "BTCUSDT", "BT": False}


def say(message, parse=parse_message):
    return parse(json.dumps(message).encode())


def trades(*rows):
    return {"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": AT_MS, "data": list(rows)}


def book(kind, bids=(), asks=(), u=7, symbol="BTCUSDT", topic="orderbook.1.BTCUSDT"):
    data = {"s": symbol, "b": list(bids), "a": list(asks), "u": u, "seq": 9}
    return {"topic": topic, "type": kind, "ts": AT_MS, "data": data, "cts": AT_MS - 3}


def test_a_public_trade_is_a_trade_with_the_takers_side():
    assert say(trades(TRADE)) == [Dealt("BTCUSDT", Decimal("68123.4"), Decimal("0.25"), "sell", AT_NS, "229001")]


def test_one_bad_trade_costs_the_others_nothing():
    told = say(trades(TRADE, {**TRADE, "p": "-1"}, {**TRADE, "s": 5}, {**TRADE, "i": "229002"}))
    assert [type(said) for said in told] == [Dealt, Unread, Unread, Dealt]


@pytest.mark.parametrize(
    "mark", [{"L": "PlusTick"}, {"mP": "68000"}, {"iP": "68000"}, {"s": "BTCPERP"}, {"s": "BTC-27MAR26"}]
)
def test_trades_of_contracts_are_not_told_as_spot(mark):
    [said] = say(trades({**TRADE, **mark}))
    assert isinstance(said, Unread)


def test_a_change_of_a_book_keeps_the_side_that_it_does_not_name():
    heard = Conversation()
    assert say(book("snapshot", [["100", "1"]], [["101", "2"]]), heard) == [
        Offered("BTCUSDT", Decimal(100), Decimal(101), AT_NS)
    ]
    assert say(book("delta", [["100", "0"], ["99.5", "3"]], u=8), heard) == [
        Offered("BTCUSDT", Decimal("99.5"), Decimal(101), AT_NS)
    ]
    assert say(book("delta", asks=[["101", "0"]], u=9), heard) == [Offered("BTCUSDT", Decimal("99.5"), None, AT_NS)]
    assert say(book("delta", asks=[["102", "1"], ["101", "0"]], u=10), heard) == [
        Offered("BTCUSDT", Decimal("99.5"), Decimal(102), AT_NS)
    ]


def test_a_book_that_rests_and_is_sent_again_is_told_again_without_a_number():
    heard = Conversation()
    for _ in range(3):
        assert say(book("snapshot", [["100", "1"]], [["101", "2"]]), heard)[0].sequence is None


def test_a_change_without_its_book_is_not_told():
    assert isinstance(say(book("delta", [["100", "1"]], [["101", "1"]]))[0], Unread)


@pytest.mark.parametrize("level", [["NaN", "1"], ["-5", "1"], ["100", "lots"], ["0", "1"], [None, None]])
def test_an_unreadable_change_asks_for_a_new_start_and_nothing_is_built_on_the_old_book(level):
    heard = Conversation()
    say(book("snapshot", [["100", "1"]], [["101", "2"]]), heard)
    [said] = say(book("delta", [level]), heard)
    assert isinstance(said, Resync)
    assert isinstance(say(book("delta", [["100", "1"]]), heard)[0], Unread)


def test_the_number_of_books_of_a_connection_is_bounded():
    heard = Conversation()
    for at in range(MOST_BOOKS):
        say(book("snapshot", [["1", "1"]], [["2", "1"]], symbol=f"A{at}USDT"), heard)
    assert isinstance(say(book("snapshot", [["1", "1"]], symbol="ONEMORE"), heard)[0], Unread)
    assert isinstance(say(book("snapshot", [["1", "1"]], symbol="A0USDT"), heard)[0], Offered)


def test_deeper_books_are_not_read():
    assert isinstance(say(book("snapshot", [["1", "1"]], topic="orderbook.50.BTCUSDT"))[0], Unread)


def test_a_spot_ticker_tells_the_last_price_and_a_contracts_ticker_nothing():
    row = {"symbol": "BTCUSDT", "lastPrice": "68123.4", "volume24h": "6780.8", "usdIndexPrice": "68120"}
    message = {"topic": "tickers.BTCUSDT", "ts": AT_MS, "type": "snapshot", "cs": 1, "data": row}
    assert say(message) == [Ticked("BTCUSDT", Decimal("68123.4"), None, None, AT_NS, Decimal("6780.8"))]
    assert isinstance(say({**message, "data": {**row, "markPrice": "68100"}})[0], Unread)


def test_answers_are_told_apart():
    assert say({"success": True, "ret_msg": "subscribe", "conn_id": "c", "op": "subscribe"}) == [Subscribed(())]
    assert say({"success": True, "ret_msg": "pong", "conn_id": "c", "op": "ping"}) == [Beat()]
    refused = say({"success": False, "ret_msg": "error:handler not found,topic:orderbook.1.NOPE", "op": "subscribe"})
    assert refused[0].kind is RefusalKind.UNKNOWN_SYMBOL
    assert refused[0].symbols == ("NOPE",)
    assert say({"success": False, "ret_msg": "Too many visits"})[0].kind is RefusalKind.RATE_LIMITED
    assert isinstance(say({"hello": 1})[0], Unread)


def test_the_bulk_ticker_has_offers_and_the_answers_time():
    row = {"symbol": "BTCUSDT", "bid1Price": "99", "ask1Price": "101", "lastPrice": "100", "volume24h": "5"}
    answer = {"retCode": 0, "retMsg": "OK", "result": {"category": "spot", "list": [row, 5]}, "time": AT_MS}
    told = parse_tickers(json.dumps(answer).encode())
    assert told[0] == Ticked("BTCUSDT", Decimal(100), Decimal(99), Decimal(101), AT_NS, Decimal(5))
    assert isinstance(told[1], Unread)
    answer["result"]["category"] = "linear"
    assert isinstance(parse_tickers(json.dumps(answer).encode())[0], Unread)


def test_only_spot_instruments_are_listed():
    spot = {"symbol": "BTCUSDT", "baseCoin": "BTC", "quoteCoin": "USDT", "status": "Trading"}
    rows = [spot, {**spot, "contractType": "LinearPerpetual"}, {**spot, "symbol": "OLDUSDT", "status": "Closed"}, 1]
    body = json.dumps({"retCode": 0, "result": {"category": "spot", "list": rows}}).encode()
    assert parse_instruments(body) == [
        Instrument("BTCUSDT", "BTC", "USDT", active=True),
        Instrument("OLDUSDT", "BTC", "USDT", active=False),
    ]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, {"retCode": 10006, "retMsg": "Too many visits"}, RefusalKind.RATE_LIMITED),
        (403, {"retCode": 10018, "retMsg": "exceeded the IP rate limit"}, RefusalKind.RATE_LIMITED),
        (200, {"retCode": 10001, "retMsg": "Not supported symbols"}, RefusalKind.UNKNOWN_SYMBOL),
        (200, {"retCode": 10024, "retMsg": "compliance rules"}, RefusalKind.GEO),
        (403, "access too frequent", RefusalKind.BANNED),
        (403, "configured to block access from your country", RefusalKind.GEO),
        (500, "<html>", RefusalKind.FAULT),
    ],
)
def test_refusals_are_told_by_kind(status, body, kind):
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    assert SPEC.rest.refusal(status, {}, raw).kind is kind


def test_a_ban_says_how_long_and_a_good_answer_refuses_nothing():
    assert SPEC.rest.refusal(403, {}, b"access too frequent") == Refused(
        RefusalKind.BANNED, "HTTP 403: access too frequent", 600.0
    )
    assert SPEC.rest.refusal(200, {}, b'{"retCode":0,"retMsg":"OK","result":{}}') is None


def test_each_symbol_is_asked_for_in_a_frame_of_its_own():
    frames = [json.loads(frame) for frame in SPEC.stream.subscribe(["BTCUSDT", "ETHUSDT"])]
    assert [frame["args"] for frame in frames] == [
        ["orderbook.1.BTCUSDT", "publicTrade.BTCUSDT"],
        ["orderbook.1.ETHUSDT", "publicTrade.ETHUSDT"],
    ]
