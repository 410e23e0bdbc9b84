"""Bitfinex's messages, written by hand after its v2 documents, and what they mean."""

import json
from decimal import Decimal

import pytest

from chrono.ingest.venues.bitfinex.endpoint import SPEC
from chrono.ingest.venues.bitfinex.parse import (
    MOST_CHANNELS,
    Conversation,
    parse_instruments,
    parse_message,
    parse_tickers,
)
from chrono.ingest.venues.words import (
    Beat,
    Dealt,
    Instrument,
    RefusalKind,
    Refused,
    Resync,
    Subscribed,
    Ticked,
    Unread,
)

AT_MS = 1_794_039_567_028
AT_NS = AT_MS * 10**6
TICKER = [99, 1.5, 101, 2.5, -3, -0.01, 100.25, 7.5, 120, 90]
TRADE = [382489563, AT_MS - 75, -0.25, 68123.4]


class Connection:
    """A parser that has heard what its channels are."""

    def __init__(self):
        self.parse = Conversation()
        self.event(1, "ticker", "tBTCUSD")
        self.event(2, "trades", "tBTCUSD")

    def event(self, number, channel, symbol):
        return self.say({"event": "subscribed", "channel": channel, "chanId": number, "symbol": symbol})

    def say(self, message):
        return self.parse(json.dumps(message).encode())


@pytest.fixture
def connection():
    return Connection()


def test_a_ticker_has_the_time_that_was_asked_for(connection):
    told = Ticked("tBTCUSD", Decimal("100.25"), Decimal(99), Decimal(101), AT_NS, Decimal("7.5"))
    assert connection.say([1, TICKER, 5, AT_MS]) == [told]
    assert connection.say([1, [*TICKER, None], 6, AT_MS]) == [told]
    assert connection.say([1, TICKER])[0].quoted_at_ns is None


def test_a_trade_is_told_once_with_the_side_of_its_sign(connection):
    at_ns = AT_NS - 75 * 10**6
    assert connection.say([2, "te", TRADE, 5, AT_MS]) == [
        Dealt("tBTCUSD", Decimal("68123.4"), Decimal("0.25"), "sell", at_ns, "382489563")
    ]
    assert connection.say([2, "tu", TRADE, 6, AT_MS]) == [Beat()]
    assert connection.say([2, "te", [3, AT_MS, 1, 5], 7, AT_MS])[0].side == "buy"


def test_the_trades_of_the_start_are_not_told_again(connection):
    assert connection.say([2, [TRADE, TRADE], 1, AT_MS]) == [Beat()]


def test_a_gap_in_the_sequence_asks_to_connect_anew_and_the_price_is_told(connection):
    assert [type(said) for said in connection.say([1, TICKER, 5, AT_MS])] == [Ticked]
    assert [type(said) for said in connection.say([2, "hb", 6, AT_MS])] == [Beat]
    assert [type(said) for said in connection.say([2, "te", TRADE, 8, AT_MS])] == [Resync, Dealt]
    assert [type(said) for said in connection.say([1, TICKER, 9, AT_MS])] == [Ticked]


def test_a_time_alone_is_no_sequence(connection):
    for _ in range(3):
        [said] = connection.say([1, TICKER, AT_MS])
        assert said.quoted_at_ns == AT_NS


def test_a_number_that_was_not_told_is_not_guessed(connection):
    assert isinstance(connection.say([3, TICKER, 5, AT_MS])[0], Unread)
    assert isinstance(parse_message(json.dumps([1, TICKER]).encode())[0], Unread)
    connection.say({"event": "unsubscribed", "status": "OK", "chanId": 1})
    assert isinstance(connection.say([1, TICKER, 6, AT_MS])[0], Unread)


@pytest.mark.parametrize("symbol", ["tBTCF0:USTF0", "fUSD", "fBTC", ""])
def test_derivatives_and_funding_are_not_told_as_spot(connection, symbol):
    connection.event(7, "ticker", symbol)
    assert isinstance(connection.say([7, TICKER, 5, AT_MS])[0], Unread)


@pytest.mark.parametrize("row", [[], "x", None, {}, [1, 2, 3], ["a"] * 10, [-1, 1, 101, 1, 0, 0, 100, 1], [[]] * 10])
def test_rows_that_are_none_are_unread(connection, row):
    assert isinstance(connection.say([1, row, 5, AT_MS])[0], Unread)
    assert isinstance(connection.say([2, "te", row, 6, AT_MS])[0], Unread)


def test_the_number_of_channels_is_bounded(connection):
    for number in range(MOST_CHANNELS - 2):
        connection.event(100 + number, "ticker", "tETHUSD")
    assert isinstance(connection.event(99_999, "ticker", "tETHUSD")[0], Unread)


def test_answers_are_told_apart(connection):
    assert connection.event(9, "trades", "tETHUSD") == [Subscribed(("tETHUSD",))]
    assert connection.say({"event": "conf", "status": "OK", "flags": 98304}) == [Beat()]
    assert connection.say({"event": "pong", "ts": AT_MS, "cid": 1}) == [Beat()]
    assert connection.say({"event": "info", "version": 2, "platform": {"status": 1}}) == [Beat()]
    failed = {"event": "error", "channel": "ticker", "symbol": "tNOPE", "msg": "symbol: invalid", "code": 10300}
    assert connection.say(failed) == [Refused(RefusalKind.UNKNOWN_SYMBOL, "10300: symbol: invalid", None, ("tNOPE",))]
    assert connection.say({"event": "error", "msg": "limit", "code": 10305})[0].kind is RefusalKind.RATE_LIMITED


def test_the_venues_own_news_are_acted_on(connection):
    assert connection.say({"event": "info", "version": 2, "platform": {"status": 0}})[0].kind is RefusalKind.MAINTENANCE
    assert connection.say({"event": "info", "code": 20060, "msg": "maintenance"})[0].kind is RefusalKind.MAINTENANCE
    for code in (20051, 20061):
        [said] = connection.say({"event": "info", "code": code, "msg": ""})
        assert isinstance(said, Resync)
        assert said.reconnect


def test_the_bulk_ticker_leaves_funding_and_derivatives_out():
    rows = [["tBTCUSD", *TICKER], ["fUSD", *TICKER, 1, 2], ["tBTCF0:USTF0", *TICKER], ["tX"], 5]
    told = parse_tickers(json.dumps(rows).encode())
    assert told[0] == Ticked("tBTCUSD", Decimal("100.25"), Decimal(99), Decimal(101), None, Decimal("7.5"))
    assert [type(said) for said in told] == [Ticked, Unread, Unread]


def test_pairs_are_split_as_bitfinex_joins_them():
    assert parse_instruments(b'[["ADAUSD","AAVE:USD","TOOLONGNAME",5,"BTCF0:USTF0"]]') == [
        Instrument("tADAUSD", "ADA", "USD", active=True),
        Instrument("tAAVE:USD", "AAVE", "USD", active=True),
    ]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, b'{"error":"ERR_RATE_LIMIT"}', RefusalKind.RATE_LIMITED),
        (500, b'["error",10020,"symbol: invalid"]', RefusalKind.UNKNOWN_SYMBOL),
        (429, b'["error",11010,"ratelimit: error"]', RefusalKind.RATE_LIMITED),
        (503, b'["error",20060,"maintenance"]', RefusalKind.MAINTENANCE),
        (500, b'["error"]', RefusalKind.FAULT),
        (403, b"<html>", RefusalKind.GEO),
    ],
)
def test_refusals_are_told_by_kind(status, body, kind):
    assert SPEC.rest.refusal(status, {}, body).kind is kind


def test_a_good_answer_refuses_nothing():
    assert SPEC.rest.refusal(200, {}, json.dumps([["tBTCUSD", *TICKER]]).encode()) is None


def test_the_first_frame_asks_for_numbers_and_times_and_thirty_channels_fit():
    symbols = [f"tA{at}USD" for at in range(SPEC.stream.symbols_per_connection)]
    first, *rest = [json.loads(frame) for frame in SPEC.stream.subscribe(symbols)]
    assert first == {"event": "conf", "flags": 32768 + 65536}
    assert len(rest) <= 25
