"""Hyperliquid's messages, written by hand after its documents, and what they mean."""

import json
from decimal import Decimal

import pytest

from chrono.ingest.venues.hyperliquid.endpoint import SPEC
from chrono.ingest.venues.hyperliquid.names import is_spot
from chrono.ingest.venues.hyperliquid.parse import parse_instruments, parse_message, parse_tickers, refusal
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
TOP = {
    "channel": "bbo",
    "data": {
        "coin": "@107",
        "time": 1794039567028,
        "bbo": [{"px": "32.1", "sz": "5", "n": 1}, {"px": "32.2", "sz": "1"}],
    },
}
TRADES = {
    "channel": "trades",
    "data": [
        {"coin": "@107", "side": "A", "px": "32.15", "sz": "2.5", "time": 1794039567028, "hash": "0xab", "tid": 611279}
    ],
}
BOOK = {
    "coin": "@142",
    "time": 1794039567028,
    "levels": [[{"px": "68123", "sz": "1", "n": 2}, {"px": "68122", "sz": "1"}], [{"px": "68124", "sz": "1"}]],
}
META = {
    "tokens": [
        {"name": "USDC", "index": 0},
        {"name": "PURR", "index": 1},
        {"name": "UBTC", "index": 197},
        {"name": "HYPE", "index": 150},
    ],
    "universe": [
        {"name": "PURR/USDC", "tokens": [1, 0], "index": 0},
        {"name": "@142", "tokens": [197, 0], "index": 142},
        {"name": "@107", "tokens": [150, 0], "index": 107},
        {"name": "@999", "tokens": [4711, 0], "index": 999},
        {"tokens": [1]},
    ],
}


def say(message):
    return parse_message(json.dumps(message).encode())


def test_the_best_offers_are_told_bid_first():
    assert say(TOP) == [Offered("@107", Decimal("32.1"), Decimal("32.2"), AT_NS)]
    empty = {"coin": "@107", "time": 1794039567028, "bbo": [None, {"px": "32.2"}]}
    assert say({"channel": "bbo", "data": empty}) == [Offered("@107", None, Decimal("32.2"), AT_NS)]


def test_a_trade_has_the_takers_side():
    assert say(TRADES) == [Dealt("@107", Decimal("32.15"), Decimal("2.5"), "sell", AT_NS, "611279")]
    assert say({"channel": "trades", "data": [{**TRADES["data"][0], "side": "B"}]})[0].side == "buy"


def test_a_whole_book_tells_its_best_offers():
    assert say({"channel": "l2Book", "data": BOOK}) == [Offered("@142", Decimal(68123), Decimal(68124), AT_NS)]


@pytest.mark.parametrize("coin", ["BTC", "kPEPE", "xyz:TSLA", "#12", "@", "@x", "", "@٣", "/", "A/", "xyz:A/B"])
def test_what_is_no_spot_coin_is_never_told(coin):
    assert not is_spot(coin)
    assert isinstance(say({"channel": "bbo", "data": {**TOP["data"], "coin": coin}})[0], Unread)
    assert isinstance(say({"channel": "trades", "data": [{**TRADES["data"][0], "coin": coin}]})[0], Unread)
    assert isinstance(say({"channel": "l2Book", "data": {**BOOK, "coin": coin}})[0], Unread)
    assert isinstance(parse_tickers(json.dumps({**BOOK, "coin": coin}).encode())[0], Unread)


def test_what_is_no_price_is_unread():
    for bad in ("NaN", "-1", "x", [], True):
        top = {**TOP["data"], "bbo": [{"px": bad}, {"px": "2"}]}
        assert isinstance(say({"channel": "bbo", "data": top})[0], Unread), bad
    assert isinstance(say({"channel": "bbo", "data": None})[0], Unread)
    assert isinstance(say({"channel": "allMids", "data": {"mids": {"@107": "32"}}})[0], Unread)


def test_answers_are_told_apart():
    asked = {"method": "subscribe", "subscription": {"type": "bbo", "coin": "@107"}}
    assert say({"channel": "subscriptionResponse", "data": asked}) == [Subscribed(("@107",))]
    left = {"method": "unsubscribe", "subscription": {"type": "bbo", "coin": "@107"}}
    assert say({"channel": "subscriptionResponse", "data": left}) == [Beat()]
    assert say({"channel": "pong"}) == [Beat()]


def test_an_error_names_the_coin_that_is_not_known():
    (said,) = say({"channel": "error", "data": 'Invalid subscription {"type":"bbo","coin":"@9999"}'})
    assert (said.kind, said.symbols) == (RefusalKind.UNKNOWN_SYMBOL, ("@9999",))
    assert say({"channel": "error", "data": 'Already subscribed: {"type":"bbo","coin":"@107"}'}) == [Beat()]
    assert say({"channel": "error", "data": "Too many subscriptions"})[0].kind is RefusalKind.RATE_LIMITED
    assert say({"channel": "error", "data": "Error parsing JSON"})[0].kind is RefusalKind.BAD_REQUEST


def test_a_book_asked_for_is_a_summary_with_its_time():
    assert parse_tickers(json.dumps(BOOK).encode()) == [Ticked("@142", None, Decimal(68123), Decimal(68124), AT_NS)]
    empty = {**BOOK, "levels": [[], []]}
    assert isinstance(parse_tickers(json.dumps(empty).encode())[0], Unread)
    assert isinstance(parse_tickers(b"null")[0], Unread)


def test_a_bridged_token_is_listed_as_the_coin_it_stands_for():
    assert parse_instruments(json.dumps(META).encode()) == [
        Instrument("PURR/USDC", "PURR", "USDC", active=True),
        Instrument("@142", "BTC", "USDC", active=True),
        Instrument("@107", "HYPE", "USDC", active=True),
    ]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (422, "Failed to deserialize the JSON body into the target type", "bad_request"),
        (429, "null", "rate_limited"),
        (500, "null", "fault"),
    ],
)
def test_refusals_are_told_by_kind(status, body, kind):
    assert refusal(status, {}, body.encode()).kind == kind


def test_a_coin_that_is_gone_costs_the_others_nothing():
    assert refusal(200, {}, b"null") is None
    assert [type(one) for one in parse_tickers(b"null")] == [Unread]


def test_each_coin_is_asked_for_by_post_within_the_weight():
    requests = SPEC.rest.tickers(["@107", "@142"])
    assert [(one.method, json.loads(one.body)["coin"], one.weight) for one in requests] == [
        ("POST", "@107", 2.0),
        ("POST", "@142", 2.0),
    ]
    assert len(SPEC.stream.subscribe(["@107", "@142"])) == 4
