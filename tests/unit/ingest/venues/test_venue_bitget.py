"""Bitget's messages, written by hand after its v2 documents, and what they mean."""

import json
from decimal import Decimal

import pytest

from chrono.ingest.venues.bitget.endpoint import SPEC
from chrono.ingest.venues.bitget.parse import parse_instruments, parse_message, parse_tickers
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

AT_MS = 1_794_039_567_028
AT_NS = AT_MS * 10**6


def say(message):
    return parse_message(json.dumps(message).encode())


def push(channel, *rows, market="SPOT"):
    arg = {"instType": market, "channel": channel, "instId": "BTCUSDT"}
    return say({"action": "snapshot", "arg": arg, "data": list(rows), "ts": AT_MS + 5})


def test_trades_are_told_oldest_first():
    new = {"ts": str(AT_MS), "price": "68123.4", "size": "0.25", "side": "sell", "tradeId": "9"}
    old = {**new, "ts": str(AT_MS - 1000), "tradeId": "8"}
    assert push("trade", new, old) == [
        Dealt("BTCUSDT", Decimal("68123.4"), Decimal("0.25"), "sell", AT_NS - 10**9, "8"),
        Dealt("BTCUSDT", Decimal("68123.4"), Decimal("0.25"), "sell", AT_NS, "9"),
    ]


@pytest.mark.parametrize("channel", ["books1", "books5", "books15"])
def test_a_whole_book_tells_its_best_offers(channel):
    book = {"asks": [["101", "1"]], "bids": [["99", "1"]], "checksum": 0, "seq": 12, "ts": str(AT_MS)}
    assert push(channel, book) == [Offered("BTCUSDT", Decimal(99), Decimal(101), AT_NS, 12)]
    assert push(channel, {**book, "bids": []}) == [Offered("BTCUSDT", None, Decimal(101), AT_NS, 12)]


def test_a_ticker_is_a_summary():
    row = {"instId": "BTCUSDT", "lastPr": "100", "bidPr": "99", "askPr": "101", "baseVolume": "7", "ts": str(AT_MS)}
    assert push("ticker", row) == [Ticked("BTCUSDT", Decimal(100), Decimal(99), Decimal(101), AT_NS, Decimal(7))]


def test_the_rows_of_v1_and_of_v3_are_read():
    assert push("trade", [str(AT_MS), "2.881", "5.311", "sell"], market="sp") == [
        Dealt("BTCUSDT", Decimal("2.881"), Decimal("5.311"), "sell", AT_NS)
    ]
    old = {"instId": "BTCUSDT", "last": "100", "bestBid": "99", "bestAsk": "101", "baseVolume": "7", "ts": AT_MS}
    assert push("ticker", old, market="sp") == [
        Ticked("BTCUSDT", Decimal(100), Decimal(99), Decimal(101), AT_NS, Decimal(7))
    ]
    arg = {"instType": "spot", "topic": "publicTrade", "symbol": "BTCUSDT"}
    row = {"i": "4", "p": "76671.22", "v": "0.001367", "S": "sell", "T": str(AT_MS), "isRPI": "no"}
    assert say({"action": "update", "arg": arg, "data": [row], "ts": AT_MS}) == [
        Dealt("BTCUSDT", Decimal("76671.22"), Decimal("0.001367"), "sell", AT_NS, "4")
    ]


@pytest.mark.parametrize("market", ["USDT-FUTURES", "COIN-FUTURES", "USDC-FUTURES", "mc", "usdt-futures", ""])
def test_contracts_are_not_told_as_spot(market):
    trade = {"ts": str(AT_MS), "price": "1", "size": "1", "side": "buy", "tradeId": "9"}
    assert [type(said) for said in push("trade", trade, market=market)] == [Unread]


def test_answers_are_told_apart():
    arg = {"instType": "SPOT", "channel": "trade", "instId": "BTCUSDT"}
    assert say({"event": "subscribe", "arg": arg}) == [Subscribed(("BTCUSDT",))]
    assert parse_message(b"pong") == [Beat()]
    said = "channel:trade,instId:NOPE doesn't exist"
    assert say({"event": "error", "arg": {**arg, "instId": "NOPE"}, "code": 30001, "msg": said, "op": "subscribe"}) == [
        Refused(RefusalKind.UNKNOWN_SYMBOL, f"30001: {said}", None, ("NOPE",))
    ]
    assert say({"event": "error", "code": 30006, "msg": "request too many"})[0].kind is RefusalKind.RATE_LIMITED


def test_the_bulk_ticker_tells_each_row():
    row = {"symbol": "BTCUSDT", "lastPr": "100", "bidPr": "99", "askPr": "101", "baseVolume": "7", "ts": str(AT_MS)}
    body = json.dumps({"code": "00000", "msg": "success", "data": [row, {**row, "askPr": "NaN"}]}).encode()
    assert [type(said) for said in parse_tickers(body)] == [Ticked, Unread]


def test_contracts_are_not_listed():
    row = {"symbol": "BTCUSDT", "baseCoin": "BTC", "quoteCoin": "USDT", "status": "online"}
    rows = [row, {**row, "supportMarginCoins": ["USDT"]}, {**row, "symbol": "OLDUSDT", "status": "offline"}]
    assert parse_instruments(json.dumps({"code": "00000", "data": rows}).encode()) == [
        Instrument("BTCUSDT", "BTC", "USDT", active=True),
        Instrument("OLDUSDT", "BTC", "USDT", active=False),
    ]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, {"code": "429", "msg": "Too Many Requests"}, RefusalKind.RATE_LIMITED),
        (400, {"code": "40034", "msg": "Parameter NOPE does not exist"}, RefusalKind.UNKNOWN_SYMBOL),
        (400, {"code": "40200", "msg": "Server upgrade"}, RefusalKind.MAINTENANCE),
        (451, "unavailable", RefusalKind.GEO),
    ],
)
def test_refusals_are_told_by_kind(status, body, kind):
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    assert SPEC.rest.refusal(status, {}, raw).kind is kind


def test_a_good_answer_refuses_nothing():
    assert SPEC.rest.refusal(200, {}, b'{"code":"00000","msg":"success","data":[]}') is None


def test_a_frame_stays_below_four_kilobytes():
    symbols = [f"LONGNAME{at}USDT" for at in range(SPEC.stream.symbols_per_connection)]
    assert all(len(frame) < 4096 for frame in SPEC.stream.subscribe(symbols))
