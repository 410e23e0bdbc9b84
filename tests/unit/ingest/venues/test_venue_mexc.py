"""MEXC's pushes in its own wire format, and what they mean."""

import json
from decimal import Decimal

import pytest

from chrono.ingest.venues.mexc.endpoint import SPEC
from chrono.ingest.venues.mexc.parse import parse_instruments, parse_message, parse_tickers
from chrono.ingest.venues.mexc.wire import MOST_FIELDS, WireError, fields, varint
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
from tests.fakes import mexc_wire

AT_MS = 1_794_039_567_028
AT_NS = AT_MS * 10**6
DEALS = "spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT"
QUOTES = "spot@public.aggre.bookTicker.v3.api.pb@100ms@BTCUSDT"
DEAL = {"price": "68123.4", "quantity": "0.25", "tradeType": 2, "time": str(AT_MS)}


def deals(*rows, channel=DEALS, symbol="BTCUSDT"):
    push = {"channel": channel, "symbol": symbol, "sendTime": AT_MS + 9, "publicAggreDeals": {"deals": list(rows)}}
    return parse_message(mexc_wire.frame(push))


def quote(**told):
    push = {"channel": QUOTES, "symbol": "BTCUSDT", "sendTime": AT_MS, "publicAggreBookTicker": told}
    return parse_message(mexc_wire.frame(push))


def test_deals_are_trades_with_the_takers_side():
    assert deals(DEAL, {**DEAL, "tradeType": 1, "tradeId": "77"}, {**DEAL, "tradeType": 0}) == [
        Dealt("BTCUSDT", Decimal("68123.4"), Decimal("0.25"), "sell", AT_NS),
        Dealt("BTCUSDT", Decimal("68123.4"), Decimal("0.25"), "buy", AT_NS, "77"),
        Dealt("BTCUSDT", Decimal("68123.4"), Decimal("0.25"), "", AT_NS),
    ]


def test_one_bad_deal_costs_the_others_nothing():
    told = deals(DEAL, {**DEAL, "price": "nan"}, {**DEAL, "price": ""}, {**DEAL, "quantity": b"\xff"}, DEAL)
    assert [type(said) for said in told] == [Dealt, Unread, Unread, Unread, Dealt]


def test_a_book_ticker_is_the_best_offers_and_an_absent_side_is_empty():
    assert quote(bidPrice="99", bidQuantity="1", askPrice="101", askQuantity="2") == [
        Offered("BTCUSDT", Decimal(99), Decimal(101), AT_NS)
    ]
    assert quote(bidPrice="99", bidQuantity="1") == [Offered("BTCUSDT", Decimal(99), None, AT_NS)]
    assert isinstance(quote(bidPrice="99", askPrice="-1")[0], Unread)


def test_the_symbol_stands_in_the_channel_as_well():
    assert deals(DEAL, symbol="")[0].symbol == "BTCUSDT"


def test_other_channels_and_bodies_are_not_read():
    assert isinstance(deals(DEAL, channel="contract@public.deals@BTC_USDT")[0], Unread)
    assert isinstance(parse_message(mexc_wire.frame({"channel": DEALS, "symbol": "BTCUSDT"}))[0], Unread)
    depth = {"channel": DEALS, "symbol": "BTCUSDT", "publicAggreDepths": {"bids": [{"price": "1", "quantity": "1"}]}}
    assert isinstance(parse_message(mexc_wire.frame(depth))[0], Unread)
    assert isinstance(parse_message(b'{"symbol":"BTC_USDT","data":{"deals":[]},"channel":"push.deal"}')[0], Unread)


def test_unknown_fields_of_every_kind_are_skipped():
    push = {"channel": DEALS, "symbol": "BTCUSDT", "publicAggreDeals": {"deals": [DEAL]}}
    more = mexc_wire.number(90 << 3 | 1) + bytes(8) + mexc_wire.number(91 << 3 | 5) + bytes(4) + mexc_wire.count(92, 5)
    assert isinstance(parse_message(more + mexc_wire.frame(push) + more)[0], Dealt)


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, AT_MS, 2**63 - 1, 2**64 - 1])
def test_numbers_are_read_as_they_were_written(value):
    raw = mexc_wire.number(value)
    assert varint(raw, 0, len(raw)) == (value, len(raw))


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff" * 11,
        b"\x80",
        b"\x0a\x05abc",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x09\x00",
        b"\x0b",
        b"\x07",
        b"\x08\x00" * (MOST_FIELDS + 1),
    ],
)
def test_malformed_bytes_are_an_error_within_the_frame(raw):
    with pytest.raises(WireError):
        list(fields(raw))
    assert isinstance(parse_message(raw)[0], Unread)


def test_every_truncation_of_a_frame_is_unread_or_tells_nothing_wrong():
    push = {"channel": DEALS, "symbol": "BTCUSDT", "sendTime": AT_MS, "publicAggreDeals": {"deals": [DEAL, DEAL]}}
    whole = mexc_wire.frame(push)
    for cut in range(len(whole)):
        for said in parse_message(whole[:cut]):
            assert isinstance(said, Unread) or said == deals(DEAL)[0]


def test_answers_are_told_apart():
    assert parse_message(b'{"id":0,"code":0,"msg":"PONG"}') == [Beat()]
    both = f"{QUOTES},{DEALS}"
    assert parse_message(json.dumps({"id": 0, "code": 0, "msg": both}).encode()) == [Subscribed(("BTCUSDT",))]
    missed = DEALS.replace("BTCUSDT", "NOPEUSDT")
    said = f"Subscribed successful! [{both}]. Not Subscribed successfully! [{missed}].  Reason\uff1a Blocked! "
    assert parse_message(json.dumps({"id": 0, "code": 0, "msg": said}).encode()) == [
        Subscribed(("BTCUSDT",)),
        Refused(RefusalKind.UNKNOWN_SYMBOL, said[:200], None, ("NOPEUSDT",)),
    ]
    assert parse_message(b'{"code":0,"msg":"Not Subscribed successfully! []."}')[0].symbols == ()
    assert parse_message(b'{"id":0,"code":1,"msg":"Blocked!"}')[0].kind is RefusalKind.BAD_REQUEST
    assert isinstance(parse_message(b'{"id":0,"code":0,"msg":"UNKNOWN"}')[0], Unread)


def test_the_bulk_ticker_has_each_rows_time():
    row = {
        "symbol": "BTCUSDT",
        "lastPrice": "100",
        "bidPrice": "99",
        "askPrice": "101",
        "volume": "7",
        "closeTime": AT_MS,
    }
    told = parse_tickers(json.dumps([row, None]).encode())
    assert told[0] == Ticked("BTCUSDT", Decimal(100), Decimal(99), Decimal(101), AT_NS, Decimal(7))
    assert isinstance(told[1], Unread)


def test_a_symbol_that_is_not_traded_is_not_active():
    row = {"symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT", "status": "1", "isSpotTradingAllowed": True}
    rows = [row, {**row, "symbol": "A", "status": "2"}, {**row, "symbol": "B", "isSpotTradingAllowed": False}]
    assert parse_instruments(json.dumps({"symbols": rows}).encode()) == [
        Instrument("BTCUSDT", "BTC", "USDT", active=True),
        Instrument("A", "BTC", "USDT", active=False),
        # It is only not traded by API.
        Instrument("B", "BTC", "USDT", active=True),
    ]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, {"code": 429, "msg": "Too Many Requests"}, RefusalKind.RATE_LIMITED),
        (400, {"code": -1121, "msg": "Invalid symbol."}, RefusalKind.UNKNOWN_SYMBOL),
        (403, "Access Denied", RefusalKind.GEO),
        (418, "", RefusalKind.BANNED),
    ],
)
def test_refusals_are_told_by_kind(status, body, kind):
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    assert SPEC.rest.refusal(status, {"Retry-After": "3"}, raw) == Refused(
        kind, SPEC.rest.refusal(status, {}, raw).said, 3.0
    )


def test_thirty_topics_fit_a_connection():
    stream = SPEC.stream
    frames = stream.subscribe([f"A{at}USDT" for at in range(stream.symbols_per_connection)])
    assert sum(len(json.loads(frame)["params"]) for frame in frames) <= 30
