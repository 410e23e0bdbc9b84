"""Coinbase's messages, written by hand after its documents, and what they mean."""

import json
from decimal import Decimal

from chrono.ingest.venues.coinbase.endpoint import SPEC
from chrono.ingest.venues.coinbase.parse import parse_instruments, parse_message, parse_tickers, refusal
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

MATCH = {
    "type": "match",
    "trade_id": 10,
    "sequence": 50,
    "maker_order_id": "a",
    "taker_order_id": "b",
    "time": "2026-11-07T08:19:27.028459Z",
    "product_id": "BTC-USD",
    "size": "5.23512",
    "price": "40023.25",
    "side": "sell",
}
TICKER = {
    "type": "ticker",
    "sequence": 51,
    "product_id": "BTC-USD",
    "price": "40023.25",
    "best_bid": "40023.24",
    "best_bid_size": "0.1",
    "best_ask": "40023.26",
    "best_ask_size": "0.2",
    "side": "buy",
    "time": "2026-11-07T08:19:27.028459Z",
    "trade_id": 10,
    "last_size": "5.23512",
}
AT_NS = 1794039567028459000


def say(message):
    return parse_message(json.dumps(message).encode())


def test_a_match_is_a_trade_and_the_makers_side_is_turned_round():
    assert say(MATCH) == [Dealt("BTC-USD", Decimal("40023.25"), Decimal("5.23512"), "buy", AT_NS, "10")]


def test_a_ticker_is_the_best_offers():
    assert say(TICKER) == [Offered("BTC-USD", Decimal("40023.24"), Decimal("40023.26"), AT_NS)]


def test_a_ticker_with_an_empty_side_keeps_the_other():
    assert say(TICKER | {"best_ask": ""}) == [Offered("BTC-USD", Decimal("40023.24"), None, AT_NS)]


def test_the_list_of_subscriptions_confirms_what_every_price_channel_has():
    channels = [
        {"name": "matches", "product_ids": ["BTC-USD", "ETH-USD"]},
        {"name": "ticker", "product_ids": ["BTC-USD"]},
        {"name": "heartbeat", "product_ids": ["BTC-USD", "ETH-USD"]},
    ]
    assert say({"type": "subscriptions", "channels": channels}) == [Subscribed(("BTC-USD",))]


def test_a_heartbeat_is_a_sign_of_life():
    beat = {"type": "heartbeat", "sequence": 90, "last_trade_id": 20, "product_id": "BTC-USD", "time": "x"}
    assert say(beat) == [Beat()]


def test_an_unknown_product_is_told_apart_from_a_bad_request():
    said = say({"type": "error", "message": "Failed to subscribe", "reason": "X-USD is not a valid product"})
    reason = "Failed to subscribe: X-USD is not a valid product"
    assert said == [Refused(RefusalKind.UNKNOWN_SYMBOL, reason, symbols=("X-USD",))]


def test_what_is_no_price_is_unread():
    for bad in ("0", "-1", "NaN", "Infinity", "1e400", "$5", "1_0", "", "١"):
        assert isinstance(say(MATCH | {"price": bad})[0], Unread), bad


def test_broken_frames_are_unread():
    for frame in (b"", b"{", b"\xff\xfe", b"[" * 100_000, b"null", b'{"type":5}'):
        assert isinstance(parse_message(frame)[0], Unread)


def test_advanced_trades_shape_is_read_too():
    trade = {"trade_id": "7", "product_id": "ETH-USD", "price": "1260.01", "size": "0.3", "side": "BUY", "time": ""}
    told = say({"channel": "market_trades", "sequence_num": 3, "events": [{"type": "update", "trades": [trade]}]})
    assert told == [Dealt("ETH-USD", Decimal("1260.01"), Decimal("0.3"), "sell", None, "7")]


PRODUCT = {
    "product_id": "BTC-USD",
    "price": "40023.25",
    "volume_24h": "11005.5",
    "base_currency_id": "BTC",
    "quote_currency_id": "USD",
    "status": "online",
    "product_type": "SPOT",
}


def test_the_product_list_is_a_bulk_ticker_and_one_bad_row_costs_the_others_nothing():
    rows = [PRODUCT, PRODUCT | {"product_id": "X-USD", "price": "NaN"}, {"price": 5}, PRODUCT | {"price": ""}]
    told = parse_tickers(json.dumps({"products": rows}).encode())
    assert told[0] == Ticked("BTC-USD", Decimal("40023.25"), None, None, None, Decimal("11005.5"))
    assert [type(said) for said in told[1:]] == [Unread, Unread]


def test_the_product_list_is_the_list_of_instruments():
    rows = [PRODUCT, PRODUCT | {"product_id": "A-B", "trading_disabled": True}, {"product_id": 7}]
    told = parse_instruments(json.dumps({"products": rows}).encode())
    assert told == [Instrument("BTC-USD", "BTC", "USD", True), Instrument("A-B", "BTC", "USD", False)]


def test_refusals_are_told_apart():
    assert refusal(200, {}, b"") is None
    limited = refusal(429, {"Retry-After": "3"}, b'{"message":"Public rate limit exceeded"}')
    assert limited is not None
    assert (limited.kind, limited.retry_after_s) == (RefusalKind.RATE_LIMITED, 3.0)
    assert refusal(451, {}, b"").kind is RefusalKind.GEO
    assert refusal(503, {}, b"").kind is RefusalKind.MAINTENANCE
    assert refusal(520, {}, b"<html>").kind is RefusalKind.FAULT


def test_one_frame_subscribes_and_one_request_asks_for_many():
    frames = SPEC.stream.subscribe(["BTC-USD", "ETH-USD"])
    assert len(frames) == 1
    assert json.loads(frames[0])["product_ids"] == ["BTC-USD", "ETH-USD"]
    assert "product_ids=BTC-USD&product_ids=ETH-USD" in SPEC.rest.tickers(["BTC-USD", "ETH-USD"])[0].url
