"""OKX's messages, written by hand after its v5 documents, and what they mean."""

import json
from decimal import Decimal

import pytest

from chrono.ingest.venues.okx.endpoint import SPEC
from chrono.ingest.venues.okx.parse import parse_instruments, parse_message, parse_tickers
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
TRADE = {"instId": "BTC-USDT", "tradeId": "77", "px": "68123.4", "sz": "0.25", "side": "sell", "ts": str(AT_MS)}
TICKER = {
    "instType": "SPOT",
    "instId": "BTC-USDT",
    "last": "68123.4",
    "askPx": "68124",
    "bidPx": "68123",
    "vol24h": "812.5",
    "ts": str(AT_MS),
}


def say(message):
    return parse_message(json.dumps(message).encode())


def push(channel, *rows, symbol="BTC-USDT"):
    return say({"arg": {"channel": channel, "instId": symbol}, "data": list(rows)})


@pytest.mark.parametrize("channel", ["trades", "trades-all"])
def test_a_trade_has_the_takers_side(channel):
    assert push(channel, TRADE) == [Dealt("BTC-USDT", Decimal("68123.4"), Decimal("0.25"), "sell", AT_NS, "77")]


def test_a_ticker_is_a_summary():
    assert push("tickers", TICKER) == [
        Ticked("BTC-USDT", Decimal("68123.4"), Decimal(68123), Decimal(68124), AT_NS, Decimal("812.5"))
    ]


@pytest.mark.parametrize("channel", ["bbo-tbt", "books5"])
def test_a_whole_book_tells_its_best_offers(channel):
    book = {"asks": [["101", "1", "0", "3"]], "bids": [["99", "2", "0", "1"], ["98", "1", "0", "1"]], "ts": str(AT_MS)}
    assert push(channel, {**book, "seqId": 12}) == [Offered("BTC-USDT", Decimal(99), Decimal(101), AT_NS, 12)]
    assert push(channel, {**book, "asks": []}) == [Offered("BTC-USDT", Decimal(99), None, AT_NS)]


@pytest.mark.parametrize("symbol", ["BTC-USDT-SWAP", "BTC-USD-260327", "BTC-USD-260327-70000-C", "BTCUSDT"])
def test_contracts_are_not_told_as_spot(symbol):
    book = {"asks": [["101", "1"]], "bids": [["99", "1"]], "ts": str(AT_MS)}
    assert isinstance(push("trades", {**TRADE, "instId": symbol}, symbol=symbol)[0], Unread)
    assert isinstance(push("tickers", {**TICKER, "instId": symbol}, symbol=symbol)[0], Unread)
    assert isinstance(push("bbo-tbt", book, symbol=symbol)[0], Unread)


def test_a_ticker_that_says_swap_is_not_spot():
    assert isinstance(push("tickers", {**TICKER, "instType": "SWAP"})[0], Unread)


def test_one_bad_row_costs_the_others_nothing():
    told = push("trades", TRADE, {**TRADE, "px": "1e999"}, 7, TRADE)
    assert [type(said) for said in told] == [Dealt, Unread, Unread, Dealt]


def test_other_channels_are_not_read():
    assert isinstance(push("mark-price", {"markPx": "1"})[0], Unread)


def test_the_tables_of_v3_are_still_read():
    row = {"instrument_id": "BTC-USDT", "timestamp": "2021-09-30T23:59:59.874Z"}
    at_ns = 1_633_046_399_874_000_000
    trade = {**row, "price": "43000.1", "side": "buy", "size": "1", "trade_id": "5"}
    assert say({"table": "spot/trade", "data": [trade]}) == [
        Dealt("BTC-USDT", Decimal("43000.1"), Decimal(1), "buy", at_ns, "5")
    ]
    ticker = {**row, "last": "3", "best_bid": "2", "best_ask": "4", "base_volume_24h": "9"}
    assert say({"table": "spot/ticker", "data": [ticker]}) == [
        Ticked("BTC-USDT", Decimal(3), Decimal(2), Decimal(4), at_ns, Decimal(9))
    ]
    assert isinstance(say({"table": "swap/ticker", "data": [ticker]})[0], Unread)


def test_answers_are_told_apart():
    assert say({"event": "subscribe", "arg": {"channel": "trades", "instId": "BTC-USDT"}}) == [
        Subscribed(("BTC-USDT",))
    ]
    assert parse_message(b"pong") == [Beat()]
    assert say({"event": "channel-conn-count", "channel": "tickers", "connCount": "2"}) == [Beat()]
    said = "Wrong URL or channel:trades,instId:NOPE-USDT doesn't exist. Please use the correct URL"
    assert say({"event": "error", "code": "60018", "msg": said}) == [
        Refused(RefusalKind.UNKNOWN_SYMBOL, f"60018: {said}", None, ("NOPE-USDT",))
    ]
    assert say({"event": "error", "code": "60014", "msg": "Requests too frequent"})[0].kind is RefusalKind.RATE_LIMITED
    assert say({"event": "channel-conn-count-error"})[0].kind is RefusalKind.RATE_LIMITED
    assert say({"event": "error", "code": "60012", "msg": "Invalid request"})[0].kind is RefusalKind.BAD_REQUEST


def test_a_notice_of_an_upgrade_asks_to_connect_anew():
    notice = {"event": "notice", "code": "64008", "msg": "The connection will soon be closed for a service upgrade."}
    assert say(notice) == [Resync(notice["msg"], reconnect=True)]


def test_the_bulk_ticker_tells_each_row():
    told = parse_tickers(
        json.dumps({"code": "0", "msg": "", "data": [TICKER, {**TICKER, "instType": "SWAP"}]}).encode()
    )
    assert [type(said) for said in told] == [Ticked, Unread]


def test_only_spot_instruments_are_listed():
    spot = {"instType": "SPOT", "instId": "BTC-USDT", "baseCcy": "BTC", "quoteCcy": "USDT", "state": "live"}
    rows = [spot, {**spot, "instType": "MARGIN"}, {**spot, "instId": "OLD-USDT", "state": "suspend"}]
    assert parse_instruments(json.dumps({"code": "0", "data": rows}).encode()) == [
        Instrument("BTC-USDT", "BTC", "USDT", active=True),
        Instrument("OLD-USDT", "BTC", "USDT", active=False),
    ]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, {"code": "50011", "msg": "Too Many Requests"}, RefusalKind.RATE_LIMITED),
        (200, {"code": "51001", "msg": "Instrument ID does not exist"}, RefusalKind.UNKNOWN_SYMBOL),
        (503, {"code": "50001", "msg": "Service temporarily unavailable"}, RefusalKind.MAINTENANCE),
        (400, {"code": "50014", "msg": "Parameter can not be empty"}, RefusalKind.BAD_REQUEST),
        (403, "<html>cloudflare</html>", RefusalKind.GEO),
    ],
)
def test_refusals_are_told_by_kind(status, body, kind):
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    assert SPEC.rest.refusal(status, {}, raw).kind is kind


def test_a_good_answer_refuses_nothing():
    assert SPEC.rest.refusal(200, {}, b'{"code":"0","msg":"","data":[]}') is None


def test_a_hundred_symbols_are_asked_for_in_few_frames():
    frames = [json.loads(frame) for frame in SPEC.stream.subscribe([f"A{at}-USDT" for at in range(100)])]
    assert len(frames) == 5
    assert sum(len(frame["args"]) for frame in frames) == 200
    assert all(len(frame) < 65_536 for frame in SPEC.stream.subscribe([f"A{at}-USDT" for at in range(100)]))
