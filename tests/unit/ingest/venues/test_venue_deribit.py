"""Deribit's messages, written by hand after its documents, and what they mean."""

import json
from decimal import Decimal

import pytest

from chrono.ingest.venues.deribit.endpoint import SPEC
from chrono.ingest.venues.deribit.parse import parse_instruments, parse_message, parse_tickers, refusal
from chrono.ingest.venues.words import (
    Beat,
    Dealt,
    Instrument,
    Offered,
    RefusalKind,
    Subscribed,
    Ticked,
    Unread,
)

AT_NS = 1_794_039_567_028_000_000
QUOTE = {
    "timestamp": 1794039567028,
    "instrument_name": "BTC_USDC",
    "best_bid_price": 68123.5,
    "best_bid_amount": 0.4,
    "best_ask_price": 68125.0,
    "best_ask_amount": 1,
}
TRADE = {
    "trade_seq": 12,
    "trade_id": "BTC_USDC-77",
    "timestamp": 1794039567028,
    "price": 68124.0,
    "mark_price": 68124.1,
    "instrument_name": "BTC_USDC",
    "index_price": 68120.0,
    "direction": "sell",
    "amount": 0.25,
}
TICKER = {
    "timestamp": 1794039567028,
    "stats": {"volume": 12.5, "low": 1, "high": 2},
    "state": "open",
    "last_price": 68124.0,
    "instrument_name": "BTC_USDC",
    "best_bid_price": 68123.5,
    "best_ask_price": 68125.0,
}
INDEX = {"index_name": "btc_usd", "price": 68120.25, "timestamp": 1794039567028}
LISTED = {
    "kind": "spot",
    "instrument_name": "BTC_USDC",
    "base_currency": "BTC",
    "quote_currency": "USDC",
    "is_active": True,
}
CONTRACTS = [
    "BTC-PERPETUAL",
    "UNI_USDC-PERPETUAL",
    "BTC-25JUN27",
    "BTC-26MAR27-62000-C",
    "BTC-CSR12-16SEP27-21000_23000",
    "BTC-FS-25DEC26_PERP",
    "btc_usd",
    "",
]


def push(channel, data):
    message = {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}}
    return parse_message(json.dumps(message).encode())


def answer(**fields):
    return parse_message(json.dumps({"jsonrpc": "2.0", "id": 1, **fields}).encode())


def test_the_offers_of_a_spot_pair_are_told():
    assert push("quote.BTC_USDC", QUOTE) == [Offered("BTC_USDC", Decimal("68123.5"), Decimal("68125.0"), AT_NS)]
    assert push("quote.BTC_USDC", {**QUOTE, "best_ask_price": None})[0].ask is None


def test_the_trades_of_a_spot_pair_are_told():
    assert push("trades.BTC_USDC.100ms", [TRADE]) == [
        Dealt("BTC_USDC", Decimal(68124), Decimal("0.25"), "sell", AT_NS, "BTC_USDC-77")
    ]


def test_a_ticker_is_a_summary():
    said = Ticked("BTC_USDC", Decimal(68124), Decimal("68123.5"), Decimal(68125), AT_NS, Decimal("12.5"))
    assert push("ticker.BTC_USDC.100ms", TICKER) == [said]
    assert parse_tickers(json.dumps({"jsonrpc": "2.0", "result": TICKER}).encode()) == [said]


@pytest.mark.parametrize("name", CONTRACTS)
def test_contracts_are_never_told_as_spot(name):
    assert isinstance(push(f"quote.{name}", {**QUOTE, "instrument_name": name})[0], Unread)
    assert isinstance(push(f"trades.{name}.raw", [{**TRADE, "instrument_name": name}])[0], Unread)
    assert isinstance(push(f"ticker.{name}.raw", {**TICKER, "instrument_name": name})[0], Unread)
    body = {"jsonrpc": "2.0", "result": {**TICKER, "instrument_name": name}}
    assert isinstance(parse_tickers(json.dumps(body).encode())[0], Unread)
    rows = {"jsonrpc": "2.0", "result": [{**LISTED, "instrument_name": name}, {**LISTED, "kind": "option"}]}
    assert parse_instruments(json.dumps(rows).encode()) == []


def test_an_index_is_told_under_its_own_name():
    said = push("deribit_price_index.btc_usd", INDEX)
    assert said == [Ticked("btc_usd", Decimal("68120.25"), None, None, AT_NS)]
    assert isinstance(push("deribit_price_index.btc_usd", {**INDEX, "index_name": "BTC_USDC"})[0], Unread)
    volatility = {"timestamp": 1794039567028, "volatility": 129.36, "index_name": "btc_usd"}
    assert isinstance(push("deribit_volatility_index.btc_usd", volatility)[0], Unread)


def test_what_is_no_price_is_unread():
    for bad in (-1, "NaN", True, []):
        assert isinstance(push("quote.BTC_USDC", {**QUOTE, "best_bid_price": bad})[0], Unread), bad
        assert isinstance(push("trades.BTC_USDC.100ms", [{**TRADE, "price": bad}])[0], Unread), bad


def test_a_confirmation_names_the_symbols_that_were_taken():
    assert answer(result=["quote.BTC_USDC", "trades.BTC_USDC.100ms"]) == [Subscribed(("BTC_USDC",))]
    assert answer(result=[]) == [Subscribed(())]
    assert answer(result={"version": "1.2.26"}) == [Beat()]


def test_a_test_request_is_answered_at_once():
    asked = b'{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}'
    (said,) = parse_message(asked)
    assert json.loads(said.reply)["method"] == "public/test"
    assert parse_message(b'{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"heartbeat"}}') == [Beat()]


@pytest.mark.parametrize(
    ("code", "kind"),
    [(10028, "rate_limited"), (11051, "maintenance"), (13020, "unknown_symbol"), (-32602, "bad_request")],
)
def test_errors_are_told_by_kind(code, kind):
    assert answer(error={"code": code, "message": "because"})[0].kind == kind


def test_a_pair_that_is_gone_costs_the_others_nothing():
    gone = b'{"jsonrpc":"2.0","error":{"code":13020,"message":"not_found"}}'
    assert refusal(400, {}, gone) is None
    assert [type(one) for one in parse_tickers(gone)] == [Unread]
    busy = b'{"jsonrpc":"2.0","error":{"code":10028,"message":"too_many_requests"}}'
    assert refusal(400, {}, busy).kind is RefusalKind.RATE_LIMITED
    assert refusal(400, {}, b'{"error":{"code":[1],"message":""}}').kind is RefusalKind.BAD_REQUEST


def test_a_good_answer_refuses_nothing():
    assert refusal(200, {}, b'{"jsonrpc":"2.0","result":[]}') is None
    assert refusal(502, {}, b"<html>").kind is RefusalKind.FAULT


def test_summaries_and_the_list_hold_spot_pairs():
    row = {
        "instrument_name": "ETH_USDT",
        "bid_price": 2480.1,
        "ask_price": 2480.9,
        "last": None,
        "volume": 3,
        "creation_timestamp": 1794039567028,
    }
    contract = {**row, "instrument_name": "ETH-PERPETUAL"}
    told = parse_tickers(json.dumps({"jsonrpc": "2.0", "result": [row, contract]}).encode())
    assert told[0] == Ticked("ETH_USDT", None, Decimal("2480.1"), Decimal("2480.9"), AT_NS, Decimal(3))
    assert isinstance(told[1], Unread)
    rows = {"jsonrpc": "2.0", "result": [LISTED, {"kind": "spot"}]}
    assert parse_instruments(json.dumps(rows).encode()) == [Instrument("BTC_USDC", "BTC", "USDC", active=True)]


def test_indexes_are_asked_for_by_stream_only():
    (frame,) = SPEC.stream.subscribe(["BTC_USDC", "btc_usd"])
    assert json.loads(frame)["params"]["channels"] == [
        "quote.BTC_USDC",
        "trades.BTC_USDC.100ms",
        "deribit_price_index.btc_usd",
    ]
    assert [one.url.rpartition("=")[2] for one in SPEC.rest.tickers(["BTC_USDC", "btc_usd"])] == ["BTC_USDC"]
