"""What the window takes, in which order, and what it refuses."""

from decimal import Decimal

import pytest

from chrono.clock import SECOND_NS
from chrono.market.quote import Quote
from chrono.pricing.window import LISTED_NS, Window
from chrono.telemetry import WINDOW_DROPPED
from tests.fakes.desk import AT_NS, quote, trade

DAY_S = LISTED_NS // SECOND_NS


def prices(window: Window, market: str = "BTC/USD", venue: str = "ash") -> list[float]:
    return list(window.books(market)[venue].prices)


def dropped(reason: str) -> float:
    return WINDOW_DROPPED.labels(reason)._value.get()


@pytest.fixture
def window() -> Window:
    return Window()


def test_late_quotes_are_put_where_their_time_belongs(window: Window):
    window.add([quote("BTC/USD", "ash", p, age_s=age) for p, age in ((3, 3), (1, 1), (4, 4), (2, 2))])
    assert prices(window) == [4, 3, 2, 1]


def test_the_first_of_two_quotes_with_one_identity_wins(window: Window):
    before = dropped("duplicate")
    window.add([quote("BTC/USD", "ash", 1, age_s=5), quote("BTC/USD", "ash", 2, age_s=3)])
    window.add([quote("BTC/USD", "ash", 9, age_s=5), quote("BTC/USD", "ash", 9, age_s=3)])
    assert prices(window) == [1, 2]
    assert window.newest("BTC/USD", "ash").price == Decimal(2)
    assert dropped("duplicate") == before + 2


def test_the_newest_quote_keeps_its_decimal_as_received(window: Window):
    window.add([quote("BTC/USD", "ash", "67234.5600", age_s=1), quote("BTC/USD", "ash", "1", age_s=2)])
    assert str(window.newest("BTC/USD", "ash").price) == "67234.5600"
    assert window.newest("BTC/USD", "birch") is None


def test_an_older_batch_displaces_nothing_newer():
    window = Window(points_per_source=8)
    window.add([quote("BTC/USD", "ash", 1 + n, age_s=20 - n) for n in range(8)])
    kept = prices(window)
    window.add([quote("BTC/USD", "ash", 99, age_s=100 + n) for n in range(50)])
    assert prices(window) == kept
    assert window.newest("BTC/USD", "ash").price == Decimal(8)


def test_a_full_book_lets_go_of_its_oldest_points():
    window = Window(points_per_source=8)
    window.add([quote("BTC/USD", "ash", 1 + n, age_s=1000 - n) for n in range(1000)])
    assert len(window.books("BTC/USD")["ash"]) <= 10
    assert prices(window)[-8:] == list(range(993, 1001))


def test_a_point_far_behind_the_newest_of_its_book_is_not_taken(window: Window):
    window.add([quote("BTC/USD", "ash", 1, age_s=0), quote("BTC/USD", "ash", 2, age_s=181)])
    assert prices(window) == [1]


@pytest.mark.parametrize(("price", "volume"), [("1e400", None), ("1e-400", None), ("1", "1e400")])
def test_what_no_float_can_hold_is_not_taken(window: Window, price: str, volume: str | None):
    before = dropped("out_of_range")
    window.add([quote("BTC/USD", "ash", price, volume=volume)])
    window.add_trades([trade("BTC/USD", "ash", price, amount=volume or "1")])
    assert window.markets() == []
    assert dropped("out_of_range") == before + 2


def test_a_book_that_tells_of_no_trade_and_no_other_price_does_not_look_fresh(window: Window):
    window.add([quote("BTC/USDC", "ash", 20100, age_s=60 - n, volume="0") for n in range(60)])
    assert list(window.books("BTC/USDC")["ash"].times) == [AT_NS - 60 * SECOND_NS]
    window.add([quote("BTC/USDC", "ash", 20101, age_s=0.5, volume="0")])
    assert prices(window, "BTC/USDC") == [20100, 20101]


def test_a_standing_book_sent_again_stands_still(window: Window):
    told = [quote("BTC/USDC", "ash", 20100, age_s=9 - n, volume="0") for n in range(9)]
    window.add(told)
    newest = window.newest("BTC/USDC", "ash")
    window.add(told)
    assert prices(window, "BTC/USDC") == [20100]
    assert window.newest("BTC/USDC", "ash") is newest


def test_a_late_quote_is_not_the_newest_when_the_book_stood_still_after_it(window: Window):
    window.add([quote("BTC/USD", "ash", 1, age_s=9), quote("BTC/USD", "ash", 1, age_s=1, volume="0")])
    window.add([quote("BTC/USD", "ash", 2, age_s=5)])
    assert prices(window) == [1, 2]
    assert window.newest("BTC/USD", "ash").price == Decimal(1)


def test_an_unchanged_price_with_trades_or_unknown_volume_is_a_new_point(window: Window):
    window.add([quote("BTC/USD", "ash", 1, age_s=3), quote("BTC/USD", "ash", 1, age_s=2)])
    window.add([quote("BTC/USD", "ash", 1, age_s=1, volume="0.5")])
    assert prices(window) == [1, 1, 1]
    assert list(window.books("BTC/USD")["ash"].volumes) == [0.0, 0.0, 0.5]


def test_trades_of_one_microsecond_are_all_kept_in_their_sequence(window: Window):
    window.add_trades([trade("BTC/USD", "ash", str(5 - n), sequence=5 - n) for n in range(5)])
    assert prices(window) == [1, 2, 3, 4, 5]
    assert window.newest("BTC/USD", "ash").price == Decimal(5)
    assert isinstance(window.newest("BTC/USD", "ash"), Quote)


def test_a_trade_that_comes_twice_is_kept_once(window: Window):
    window.add_trades([trade("BTC/USD", "ash", "1"), trade("BTC/USD", "ash", "2"), trade("BTC/USD", "ash", "1")])
    assert prices(window) == [1]


def test_a_quote_and_trades_may_share_their_time(window: Window):
    window.add_trades([trade("BTC/USD", "ash", "2", sequence=0)])
    window.add([quote("BTC/USD", "ash", 1)])
    assert prices(window) == [1, 2]


def test_changed_books_are_told_once(window: Window):
    window.add([quote("BTC/USD", "ash", 1), quote("ETH/USD", "ash", 1)])
    assert window.changed() == {"BTC/USD", "ETH/USD"}
    assert window.changed() == set()
    window.add([quote("BTC/USD", "ash", 1)])
    assert window.changed() == set()


def test_a_venue_lists_a_market_for_a_day(window: Window):
    window.add([quote("BTC/USD", "ash", 1, age_s=DAY_S - 10), quote("BTC/USD", "birch", 1, age_s=1)])
    assert window.listing("BTC/USD") == {"ash", "birch"}
    assert window.listing("BTC/USD", AT_NS + 60 * SECOND_NS) == {"birch"}
    window.declare("BTC/USD", "cedar")
    assert window.listing("BTC/USD", AT_NS + 60 * SECOND_NS) == {"birch", "cedar"}
    assert window.listing("ETH/USD") == set()


def test_hostile_names_fill_neither_a_market_nor_the_memory():
    window = Window(max_venues=4, max_books=10)
    before = dropped("too_many_venues"), dropped("too_many_books")
    window.add([quote("BTC/USD", f"v{n}", 1) for n in range(10)])
    window.add([quote(f"M{n}/USD", "v", 1) for n in range(100)])
    assert len(window.books("BTC/USD")) == 4
    assert window.points() == 10
    assert dropped("too_many_venues") == before[0] + 6
    assert dropped("too_many_books") == before[1] + 94


def test_books_silent_for_a_day_make_room_for_new_ones():
    window = Window(max_books=3)
    window.add([quote(f"M{n}/USD", "v", 1, age_s=DAY_S + 1) for n in range(3)])
    window.add([quote("NEW/USD", "v", 1, age_s=0)])
    assert window.markets() == ["NEW/USD"]


def test_the_newest_quotes_of_all_venues_are_told_by_venue(window: Window):
    window.add([quote("BTC/USD", "ash", 1, age_s=2), quote("BTC/USD", "birch", 2), quote("BTC/USD", "ash", 3)])
    assert {venue: said.price for venue, said in window.newest_of("BTC/USD").items()} == {"ash": 3, "birch": 2}


def test_a_declared_market_is_known_before_it_is_quoted(window: Window):
    window.declare("BTC/USD", "ash")
    assert window.markets() == ["BTC/USD"]
    assert window.newest("BTC/USD", "ash") is None


def test_volumes_are_summed_by_venue_over_the_asked_span(window: Window):
    window.add([quote("BTC/USD", "ash", 1 + age, age_s=age, volume="2") for age in (59, 60, 61)])
    window.add([quote("BTC/USD", "birch", 1), quote("BTC/USD", "cedar", 1, age_s=61, volume="5")])
    assert window.volumes("BTC/USD", 60 * SECOND_NS, AT_NS) == {"ash": Decimal(2)}
    assert window.volumes("ETH/USD", 60 * SECOND_NS, AT_NS) == {}
