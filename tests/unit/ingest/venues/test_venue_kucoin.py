"""KuCoin's messages, written by hand after its documents, and what they mean."""

import json
from decimal import Decimal

import pytest

from chrono.ingest.venues.kucoin.endpoint import SPEC
from chrono.ingest.venues.kucoin.parse import parse_instruments, parse_message, parse_tickers
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
SERVER = {
    "endpoint": "wss://ws-api-spot.kucoin.com/",
    "encrypt": True,
    "protocol": "websocket",
    "pingInterval": 18000,
    "pingTimeout": 10000,
}


def say(message):
    return parse_message(json.dumps(message).encode())


def push(topic, data, subject=""):
    return say({"type": "message", "topic": topic, "subject": subject, "data": data})


def bullet(*servers, token="abc/+="):
    return json.dumps({"code": "200000", "data": {"token": token, "instanceServers": list(servers)}}).encode()


def test_a_match_has_its_time_in_nanoseconds():
    row = {"symbol": "BTC-USDT", "side": "sell", "type": "match", "price": "68123.4", "size": "0.25"}
    row |= {"tradeId": "a1", "time": str(AT_NS + 7), "sequence": "5"}
    assert push("/market/match:BTC-USDT", row) == [
        Dealt("BTC-USDT", Decimal("68123.4"), Decimal("0.25"), "sell", AT_NS + 7, "a1")
    ]


def test_a_ticker_takes_its_symbol_from_the_topic_or_from_the_subject_of_all():
    data = {"bestAsk": "101", "bestBid": "99", "price": "100", "sequence": "1", "size": "1", "time": AT_MS}
    told = Ticked("BTC-USDT", Decimal(100), Decimal(99), Decimal(101), AT_NS)
    assert push("/market/ticker:BTC-USDT", data, "trade.ticker") == [told]
    assert push("/market/ticker:all", data, "BTC-USDT") == [told]
    assert isinstance(push("/market/ticker", data)[0], Unread)


def test_level_one_is_the_best_offers():
    data = {"asks": ["101", "1"], "bids": ["99", "2"], "timestamp": AT_MS}
    assert push("/spotMarket/level1:BTC-USDT", data) == [Offered("BTC-USDT", Decimal(99), Decimal(101), AT_NS)]


def test_a_snapshot_is_a_summary():
    data = {"symbol": "BTC-USDT", "lastTradedPrice": 100.5, "buy": 99, "sell": 101, "vol": 7, "datetime": AT_MS}
    assert push("/market/snapshot:BTC", {"sequence": "1", "data": data}) == [
        Ticked("BTC-USDT", Decimal("100.5"), Decimal(99), Decimal(101), AT_NS, Decimal(7))
    ]


@pytest.mark.parametrize(
    "topic", ["/contractMarket/tickerV2:XBTUSDTM", "/contractMarket/execution:XBTUSDTM", "/account/balance"]
)
def test_contracts_and_accounts_are_not_read(topic):
    row = {"symbol": "XBTUSDTM", "price": "1", "size": "1", "bestBidPrice": "1", "bestAskPrice": "2"}
    assert [type(said) for said in push(topic, row)] == [Unread]


def test_answers_are_told_apart():
    assert say({"id": "x", "type": "welcome"}) == [Beat()]
    assert say({"id": "beat", "type": "pong"}) == [Beat()]
    assert say({"id": "/market/match:BTC-USDT", "type": "ack"}) == [Subscribed(("BTC-USDT",))]
    assert say({"id": "1545910660739", "type": "ack"}) == [Subscribed(())]
    assert say({"id": "1", "type": "error", "code": 509, "data": "exceed max permits per second"}) == [
        Refused(RefusalKind.RATE_LIMITED, "509: exceed max permits per second")
    ]
    said = "topic /market/match:NOPE-USDT is not found"
    assert say({"id": "1", "type": "error", "code": 404, "data": said}) == [
        Refused(RefusalKind.UNKNOWN_SYMBOL, f"404: {said}", None, ("NOPE-USDT",))
    ]
    assert say({"id": "1", "type": "error", "code": 401, "data": "token is invalid"})[0].kind is RefusalKind.BAD_REQUEST


def test_the_token_tells_the_address_and_the_rhythm():
    address, heartbeat = SPEC.stream.url_from_token(bullet({**SERVER, "protocol": "api"}, SERVER))
    assert address == "wss://ws-api-spot.kucoin.com/?token=abc%2F%2B%3D"
    assert (heartbeat.every_s, heartbeat.silent_after_s) == (18.0, 28.0)
    assert json.loads(heartbeat.ping())["type"] == "ping"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"code":"error"}',
        b'{"code":"200000","data":{}}',
        bullet(),
        bullet({**SERVER, "protocol": "api"}),
        bullet({**SERVER, "endpoint": "ws://elsewhere.example/"}),
        bullet({**SERVER, "endpoint": "file:///etc/passwd"}),
        bullet({**SERVER, "pingInterval": 0}),
        bullet(SERVER, token=""),
    ],
)
def test_an_answer_without_a_usable_server_is_an_error(body):
    with pytest.raises(ValueError):
        SPEC.stream.url_from_token(body)


def test_an_address_without_tls_is_used_on_loopback_only():
    address, _ = SPEC.stream.url_from_token(bullet({**SERVER, "endpoint": "ws://127.0.0.1:9/x"}))
    assert address.startswith("ws://127.0.0.1:9/x?token=")


def test_the_bulk_ticker_has_the_answers_time():
    row = {"symbol": "BTC-USDT", "buy": "99", "sell": "101", "last": "100", "vol": "7"}
    body = json.dumps({"code": "200000", "data": {"time": AT_MS, "ticker": [row, {**row, "last": None, "buy": "x"}]}})
    told = parse_tickers(body.encode())
    assert told[0] == Ticked("BTC-USDT", Decimal(100), Decimal(99), Decimal(101), AT_NS, Decimal(7))
    assert isinstance(told[1], Unread)


def test_contracts_are_not_listed():
    row = {"symbol": "BTC-USDT", "baseCurrency": "BTC", "quoteCurrency": "USDT", "enableTrading": False}
    contract = {"symbol": "XBTUSDTM", "baseCurrency": "XBT", "quoteCurrency": "USDT"}
    assert parse_instruments(json.dumps({"code": "200000", "data": [row, contract]}).encode()) == [
        Instrument("BTC-USDT", "BTC", "USDT", active=False)
    ]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, {"code": "429000", "msg": "Too Many Requests"}, RefusalKind.RATE_LIMITED),
        (403, {"code": "400302", "msg": "not available in your region"}, RefusalKind.GEO),
        (400, {"code": "900001", "msg": "symbol not exists"}, RefusalKind.UNKNOWN_SYMBOL),
        (500, {"code": "500000", "msg": "Internal Server Error"}, RefusalKind.FAULT),
        (502, "<html>", RefusalKind.FAULT),
    ],
)
def test_refusals_are_told_by_kind(status, body, kind):
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    assert SPEC.rest.refusal(status, {}, raw).kind is kind


def test_a_limit_ends_when_its_header_says():
    body = b'{"code":"429000","msg":"Too Many Requests"}'
    assert SPEC.rest.refusal(429, {"Gw-RateLimit-Reset": "12500"}, body).retry_after_s == 12.5
    assert SPEC.rest.refusal(429, {"gw-ratelimit-reset": "soon"}, body).retry_after_s is None
