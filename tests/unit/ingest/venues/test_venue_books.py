"""From what a venue says to quotes: which price, which time, which volume, and how often."""

import json
from decimal import Decimal

from chrono.clock import SECOND_NS
from chrono.ingest.venues.books import Books
from chrono.ingest.venues.words import Beat, Dealt, Offered, Resync, Ticked
from chrono.market.names import Market, Venue

S = SECOND_NS
MS = 1_000_000
AT = 1_800_000_000 * S


def books():
    return Books(Venue("paper"), {"BTC": Market("BTC/USD"), "ETH": Market("ETH/USD")}, 90.0)


def offered(bid, ask, at_ns=None, symbol="BTC"):
    sides = [None if side is None else Decimal(side) for side in (bid, ask)]
    return Offered(symbol, *sides, at_ns)


def dealt(price, amount="1", at_ns=None, symbol="BTC"):
    return Dealt(symbol, Decimal(price), Decimal(amount), "buy", at_ns)


def test_the_price_is_the_middle_of_the_offers():
    (quote,) = books().hear([offered("100", "101", AT)], AT + 5, 0)
    assert quote.price == Decimal("100.5")
    assert (quote.quoted_at_ns, quote.received_at_ns) == (AT, AT + 5)
    assert (quote.venue, quote.market) == ("paper", "BTC/USD")


def test_without_usable_offers_it_is_the_newest_trade():
    for bid, ask in (("101", "100"), (None, "100"), ("100", None), ("90", "110")):
        told = books()
        (quote,) = told.hear([offered(bid, ask, AT), dealt("99.5", at_ns=AT)], AT, 0)
        assert quote.price == Decimal("99.5")


def test_an_old_trade_does_not_look_fresh_because_crossed_offers_move():
    told = books()
    assert told.hear([dealt("99.5", at_ns=AT)], AT, 0)
    for second in (1, 2, 3):
        crossed = offered("101", "100", AT + second * S)
        assert told.hear([crossed], AT + second * S, second * S) == []


def test_the_time_of_a_traded_price_is_the_trades():
    told = books()
    (quote,) = told.hear([dealt("99.5", at_ns=AT - 3600 * S), offered(None, "105", AT)], AT, 0)
    assert quote.quoted_at_ns == AT - 3600 * S


def test_a_trade_that_arrives_late_does_not_replace_a_newer_one():
    told = books()
    (quote,) = told.hear([dealt("99", at_ns=AT), dealt("50", at_ns=AT - S)], AT, 0)
    assert (quote.price, quote.volume) == (Decimal(99), Decimal(2))


def test_offers_that_were_not_told_for_a_minute_give_way_to_a_newer_trade():
    told = books()
    told.hear([offered("100", "101")], AT, 0)
    (quote,) = told.hear([dealt("105")], AT + 61 * S, 61 * S)
    assert quote.price == Decimal(105)
    (quote,) = told.hear([offered("104", "105")], AT + 62 * S, 62 * S)
    assert quote.price == Decimal("104.5")


def test_a_book_is_told_four_times_a_second_and_the_last_word_is_not_lost():
    told = books()
    quotes = []
    for n in range(1000):
        at_ns = AT + n * MS
        quotes += told.hear([offered(100 + n, 101 + n, at_ns), dealt("100", "0.5", at_ns)], at_ns, n * MS)
    quotes += told.due(1249 * MS)
    assert len(quotes) == 5
    assert quotes[-1].price == Decimal("1099.5")
    assert sum(quote.volume for quote in quotes) == 500
    assert told.due(5000 * MS) == []


def test_nothing_is_told_of_a_book_of_which_nothing_was_said():
    told = books()
    told.hear([offered("100", "101")], AT, 0)
    assert told.hear([Beat()], AT + S, S) == []
    assert told.due(10 * S) == []


def test_the_volume_is_what_was_traded_since_the_last_quote():
    told = books()
    first = told.hear([offered("100", "101"), dealt("100", "2"), dealt("101", "3")], AT, 0)
    second = told.hear([offered("100", "101")], AT + S, S)
    assert [quote.volume for quote in first + second] == [Decimal(5), Decimal(0)]


def test_the_volume_is_unknown_until_the_venue_has_told_a_trade():
    told = books()
    first = told.hear([offered("100", "101")], AT, 0)
    told.hear([dealt("10", symbol="ETH")], AT + S, S)
    second = told.hear([offered("100", "101")], AT + S, S)
    assert [quote.volume for quote in first + second] == [None, Decimal(0)]


def test_trades_heard_again_after_a_reconnect_and_old_ones_are_no_volume():
    told = books()
    trades = [dealt("100", "1", AT - second * S) for second in (3600, 3, 2, 1)]
    first = told.hear(trades, AT, 0)
    again = told.hear([*trades, dealt("100", "5", AT + 4 * S)], AT + 5 * S, 5 * S)
    # The newest of those heard before cannot be told from another trade of the same second.
    assert [quote.volume for quote in first + again] == [Decimal(3), Decimal(5 + 2)]


def test_rest_knows_no_volume_and_stands_back_while_the_stream_speaks():
    told = books()
    ticked = Ticked("BTC", Decimal("100.2"), Decimal(100), Decimal(101), None, Decimal(9))
    (quote,) = told.hear([ticked], AT, 0, by_rest=True)
    assert (quote.price, quote.volume, quote.quoted_at_ns) == (Decimal("100.5"), None, AT)
    assert told.hear([offered("110", "111")], AT + S, S)
    assert told.hear([ticked], AT + 2 * S, 2 * S, by_rest=True) == []
    assert told.hear([ticked], AT + 7 * S, 7 * S, by_rest=True)


def test_a_book_left_out_is_told_by_rest_only_and_its_sides_are_not_mixed():
    told = books()
    told.hear([offered("100", "101")], AT, 0)
    told.leave_out(["BTC"], "frozen")
    assert told.hear([offered("100", "101")], AT + S, S) == []
    ticked = Ticked("BTC", None, Decimal(110), Decimal(111), None)
    (quote,) = told.hear([ticked], AT + 2 * S, 2 * S, by_rest=True)
    assert quote.price == Decimal("110.5")
    told.leave_out(["BTC"], "lagging")
    told.take_back(["BTC"], "frozen")
    assert told.hear([offered("100", "101")], AT + 3 * S, 3 * S) == []
    told.take_back(["BTC"], "lagging")
    assert len(told.hear([offered("100", "101")], AT + 4 * S, 4 * S)) == 1


def test_what_rest_says_does_not_unfreeze_the_streams_offers():
    told = books()
    told.hear([offered("100", "101")], AT, 0)
    standing = told.by_symbol["BTC"].standing
    standing.judge(1, Decimal("100.5"))
    assert standing.judge(91 * S, Decimal(110))
    told.leave_out(["BTC"], "frozen")
    told.hear([Ticked("BTC", None, Decimal(110), Decimal(111), None)], AT + 92 * S, 92 * S, by_rest=True)
    assert standing.judge(93 * S, Decimal(110))


def test_times_are_whole_microseconds_rise_and_never_lie_ahead_of_receipt():
    told = books()
    quotes = told.hear([offered("100", "101", AT + 1234)], AT + 5 * MS, 0)
    quotes += told.hear([offered("100", "102", AT + 1999)], AT + S, S)
    quotes += told.hear([offered("101", "102", AT - 5 * S)], AT + 2 * S, 2 * S)
    quotes += told.hear([offered("101", "102", AT + 999 * S)], AT + 3 * S, 3 * S)
    assert [quote.quoted_at_ns - AT for quote in quotes] == [1000, 2000, 3000, 3 * S]


def test_the_metadata_is_json_with_plain_numbers():
    told = books()
    (quote,) = told.hear([offered("0.00000012", "0.00000013"), dealt("1.2E-7")], AT, 0)
    assert json.loads(quote.metadata) == {"bid": "0.00000012", "ask": "0.00000013", "last": "0.00000012"}


def test_a_gap_forgets_the_offers_of_its_connection_only():
    told = books()
    told.hear([offered("100", "101"), offered("10", "11", symbol="ETH")], AT, 0)
    told.hear([Resync("gap")], AT, 0, scope=["BTC"])
    assert told.by_symbol["BTC"].bid is None
    assert told.by_symbol["ETH"].bid == 10


def test_symbols_that_are_not_mapped_are_counted_only():
    told = books()
    assert told.hear([offered("1", "2", symbol="X")], AT, 0) == []
    assert told.unknown == 1
