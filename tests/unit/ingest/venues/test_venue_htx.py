"""HTX's gzipped messages, written by hand after its documents, and what they mean."""

import gzip
import json
import tracemalloc
from decimal import Decimal

import pytest

from chrono.ingest.venues.htx.endpoint import SPEC
from chrono.ingest.venues.htx.parse import MOST_BYTES, parse_instruments, parse_message, parse_tickers
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
    return parse_message(gzip.compress(json.dumps(message).encode()))


def push(kind, tick, symbol="btcusdt"):
    return say({"ch": f"market.{symbol}.{kind}", "ts": AT_MS, "tick": tick})


def test_a_ping_comes_with_its_answer():
    assert say({"ping": AT_MS}) == [Beat(reply=b'{"pong":1794039567028}')]


def test_trades_have_their_own_times_and_exact_prices():
    row = {"id": 10**25, "ts": AT_MS, "tradeId": 77, "amount": 1.98e-4, "price": 58911.07, "direction": "sell"}
    assert push("trade.detail", {"id": 1, "ts": AT_MS, "data": [row, {**row, "price": 0}, 3]})[0] == Dealt(
        "btcusdt", Decimal("58911.07"), Decimal("0.000198"), "sell", AT_NS, "77"
    )
    told = push("trade.detail", {"data": [row, {**row, "price": 0}, 3, row]})
    assert [type(said) for said in told] == [Dealt, Unread, Unread, Dealt]


def test_bbo_is_the_best_offers():
    tick = {"seqId": 137005210233, "ask": 52665.02, "askSize": 1.5, "bid": 52665.01, "bidSize": 2.2, "quoteTime": AT_MS}
    assert push("bbo", tick) == [Offered("btcusdt", Decimal("52665.01"), Decimal("52665.02"), AT_NS, 137005210233)]


def test_tickers_are_summaries_with_and_without_offers():
    tick = {"open": 1, "close": 100.5, "amount": 7.25, "vol": 700}
    assert push("detail", tick) == [Ticked("btcusdt", Decimal("100.5"), None, None, AT_NS, Decimal("7.25"))]
    assert push("ticker", {**tick, "bid": 99, "ask": 101, "lastPrice": 100.25}) == [
        Ticked("btcusdt", Decimal("100.25"), Decimal(99), Decimal(101), AT_NS, Decimal("7.25"))
    ]


@pytest.mark.parametrize("symbol", ["BTC-USD", "BTC_CW", "BTC-USDT", "BTC-USD-260327", "", "BTCUSDT"])
def test_contracts_are_not_told_as_spot(symbol):
    assert [type(said) for said in push("bbo", {"bid": 1, "ask": 2}, symbol=symbol)] == [Unread]


def test_answers_are_told_apart():
    assert say({"id": "1", "status": "ok", "subbed": "market.btcusdt.bbo", "ts": AT_MS}) == [Subscribed(("btcusdt",))]
    assert say({"id": "1", "status": "ok", "unsubbed": "market.btcusdt.bbo", "ts": AT_MS}) == [Beat()]
    failed = {"status": "error", "ts": AT_MS, "id": "1", "err-code": "bad-request"}
    assert say({**failed, "err-msg": "invalid topic market.nope.bbo"}) == [
        Refused(RefusalKind.UNKNOWN_SYMBOL, "bad-request: invalid topic market.nope.bbo", None, ("nope",))
    ]
    assert say({**failed, "err-msg": "429 too many request"})[0].kind is RefusalKind.RATE_LIMITED


def test_a_frame_that_inflates_without_end_is_refused_without_being_built():
    # Spaces behind a message are good JSON: only the bound refuses this one.
    bomb = gzip.compress(b'{"ping":5}' + b" " * (64 << 20))
    assert len(bomb) < MOST_BYTES
    tracemalloc.start()
    try:
        told = parse_message(bomb)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [type(said) for said in told] == [Unread]
    assert most < 4 * MOST_BYTES


def test_a_number_with_an_endless_exponent_costs_the_other_trades_nothing():
    row = b'{"ts":%d,"tradeId":7,"amount":1,"price":%s,"direction":"buy"}'
    rows = b",".join(row % (AT_MS, at) for at in (b"1", b"1e" + b"9" * 25, b"1e-" + b"9" * 25, b"2"))
    told = parse_message(b'{"ch":"market.btcusdt.trade.detail","tick":{"data":[' + rows + b"]}}")
    assert [type(said) for said in told] == [Dealt, Unread, Unread, Dealt]


@pytest.mark.parametrize(
    "frame", [b"", b"\x1f\x8b", b"\x1f\x8b" + b"x" * 40, gzip.compress(b'{"ping":5}', mtime=0)[:-8], b"\xff\xfe"]
)
def test_broken_frames_are_unread(frame):
    assert [type(said) for said in parse_message(frame)] == [Unread]


def test_plain_text_is_read_as_well():
    assert parse_message(b'{"ping":5}') == [Beat(reply=b'{"pong":5}')]


def test_the_bulk_ticker_has_the_answers_time():
    row = {"symbol": "btcusdt", "close": 100, "bid": 99, "ask": 101, "amount": 7}
    told = parse_tickers(json.dumps({"status": "ok", "ts": AT_MS, "data": [row, {**row, "bid": -1}]}).encode())
    assert told[0] == Ticked("btcusdt", Decimal(100), Decimal(99), Decimal(101), AT_NS, Decimal(7))
    assert isinstance(told[1], Unread)
    assert isinstance(parse_tickers(b'{"status":"error"}')[0], Unread)


def test_an_offline_symbol_is_not_active():
    row = {"symbol": "btcusdt", "base-currency": "btc", "quote-currency": "usdt", "state": "online"}
    rows = [row, {**row, "symbol": "oldusdt", "state": "offline"}, {"symbol": "x"}]
    assert parse_instruments(json.dumps({"status": "ok", "data": rows}).encode()) == [
        Instrument("btcusdt", "btc", "usdt", active=True),
        Instrument("oldusdt", "btc", "usdt", active=False),
    ]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (
            200,
            {"status": "error", "err-code": "invalid-parameter", "err-msg": "invalid symbol"},
            RefusalKind.UNKNOWN_SYMBOL,
        ),
        (429, {"status": "error", "err-code": "api-limit", "err-msg": "exceeded"}, RefusalKind.RATE_LIMITED),
        (200, {"status": "error", "err-code": "x", "err-msg": "system maintenance"}, RefusalKind.MAINTENANCE),
        (403, "<html>", RefusalKind.GEO),
        (504, "", RefusalKind.FAULT),
    ],
)
def test_refusals_are_told_by_kind(status, body, kind):
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    assert SPEC.rest.refusal(status, {}, raw).kind is kind


def test_a_good_answer_refuses_nothing():
    assert SPEC.rest.refusal(200, {}, b'{"status":"ok","data":[]}') is None


def test_topics_are_asked_for_one_by_one():
    assert [json.loads(frame)["sub"] for frame in SPEC.stream.subscribe(["btcusdt"])] == [
        "market.btcusdt.bbo",
        "market.btcusdt.trade.detail",
    ]
