"""Which trades of a venue are kept, and how those of one microsecond are told apart."""

from decimal import Decimal

import pytest

from chrono.clock import SECOND_NS, ManualClock
from chrono.errors import BAD_MARKET, UNKNOWN_MARKET, ChronoError
from chrono.ingest.venues import deals
from chrono.ingest.venues.books import Books
from chrono.ingest.venues.deals import OLDEST_NS, Deals
from chrono.ingest.venues.door import VenueDoor, stored_trades
from chrono.ingest.venues.words import Dealt
from chrono.market.names import Market, Venue
from chrono.settings import Venues

AT = 1_800_000_000 * SECOND_NS
BTC, ETH = Market("BTC/USD"), Market("ETH/USD")
PAPER = Venue("paper")


def deal(trade_id="", at_ns=AT, price="5", symbol="btc"):
    return Dealt(symbol, Decimal(price), Decimal("0.1"), "buy", at_ns, trade_id)


def heard(*words, received_at_ns=AT + 1000, markets=(BTC,)):
    kept = Deals(PAPER, frozenset(markets))
    for word in words:
        kept.hear(word, BTC, received_at_ns)
    return kept.taken()


def test_a_trade_is_kept_as_it_was_dealt():
    (trade,) = heard(deal("7", at_ns=AT + 999))
    assert (trade.venue, trade.market, trade.price, trade.amount, trade.side) == (PAPER, BTC, 5, Decimal("0.1"), "buy")
    assert (trade.traded_at_ns, trade.received_at_ns, trade.sequence) == (AT, AT + 1000, 0)


def test_trades_of_one_microsecond_are_numbered_in_the_order_in_which_they_were_heard():
    told = heard(deal("a"), deal("b", AT + 1000), deal("c"), deal("d", AT + 1500), deal("e"))
    assert [(trade.traded_at_ns - AT, trade.sequence) for trade in told] == [
        (0, 0),
        (1000, 0),
        (0, 1),
        (1000, 1),
        (0, 2),
    ]


def test_what_a_venue_repeats_after_a_lost_connection_is_kept_once():
    words = [deal(f"{n}") for n in range(5)]
    assert len(heard(*words, *words, deal("5"))) == 6


def test_a_trade_without_an_id_is_never_taken_for_another_one():
    assert [trade.sequence for trade in heard(deal(), deal(), deal())] == [0, 1, 2]


def test_the_same_trades_have_the_same_numbers_after_a_restart():
    """So that the store, which knows a trade by its number, keeps each once."""
    words = [deal(f"{n}", AT + n // 3 * 1000) for n in range(9)]
    assert heard(*words) == heard(*words)


@pytest.mark.parametrize(
    ("told_ns", "kept_ns"),
    [(None, AT), (AT + 3 * SECOND_NS, AT), (AT + SECOND_NS, AT + SECOND_NS), (AT - OLDEST_NS, AT - OLDEST_NS)],
)
def test_a_time_that_is_missing_or_far_ahead_is_that_of_receipt(told_ns, kept_ns):
    assert [trade.traded_at_ns for trade in heard(deal(at_ns=told_ns), received_at_ns=AT)] == [kept_ns]


def test_trades_of_long_ago_and_of_other_markets_are_not_kept():
    assert heard(deal(at_ns=AT - OLDEST_NS - 1000), received_at_ns=AT) == []
    assert heard(deal(), markets=(ETH,)) == []


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(deals, "REMEMBERED", 3)
    kept = Deals(PAPER, frozenset([BTC]))
    for n in range(50):
        kept.hear(deal(f"{n}", AT + n * 1000), BTC, AT + SECOND_NS)
    numbers = kept._books[BTC]
    assert (len(numbers._heard), len(numbers._order), len(numbers._used)) == (3, 3, 3)


def test_books_tell_every_trade_of_the_stream_and_none_of_rest_or_of_unknown_symbols():
    kept = Deals(PAPER, frozenset([BTC]))
    books = Books(PAPER, {"btc": BTC}, 60.0, kept)
    books.hear([deal("1"), deal("2"), deal("3", symbol="else")], AT, 1)
    books.leave_out(["btc"], "frozen")
    books.hear([deal("4")], AT, 2)
    books.hear([deal("5")], AT, 3, by_rest=True)
    assert len(kept.taken()) == 3
    assert kept.taken() == []


MAP = {Venue("kraken"): {"BTC/USD": BTC, "ETH/USD": ETH}, Venue("binance"): {}}


@pytest.mark.parametrize(
    ("asked", "found"), [((), ()), (("all",), (BTC, ETH)), (("eth/usd",), (ETH,)), (("BTC",), (BTC,))]
)
def test_the_settings_name_the_markets_whose_trades_are_stored(asked, found):
    assert stored_trades(Venues(store_trades=asked), MAP) == frozenset(found)


@pytest.mark.parametrize(("name", "reason"), [("XRP/USD", UNKNOWN_MARKET), ("B-T-C", BAD_MARKET)])
def test_a_market_that_no_venue_is_read_for_is_refused(name, reason):
    with pytest.raises(ChronoError) as refused:
        stored_trades(Venues(store_trades=(name,)), MAP)
    assert refused.value.reason is reason


async def write(_):
    """Keep nothing."""


def test_nothing_about_trades_runs_unless_the_settings_ask_for_it():
    def parts(asked):
        door = VenueDoor.build(Venues(store_trades=asked), MAP, ManualClock(), write=write, write_trades=write)
        return [name for name, _ in door.parts()], door.connectors["kraken"].books.deals

    assert parts(()) == (["venue_kraken", "venue_turns", "venue_reports", "venue_store"], None)
    names, kept = parts(("BTC/USD",))
    assert names[-1] == "venue_trades"
    assert kept is not None
