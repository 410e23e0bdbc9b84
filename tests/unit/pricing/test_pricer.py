"""What a market is worth, who counted, and what is said when it is not fit to vote with."""

from decimal import Decimal

import pytest

import chrono_core
from chrono.clock import SECOND_NS
from chrono.errors import (
    LOW_CONFIDENCE,
    NO_PATH,
    NO_SOURCES,
    STALE_VALUE,
    THIN_CONVERSION,
    TOO_FEW_SOURCES,
    UNKNOWN_MARKET,
    UNPRICED_EDGE,
)
from chrono.pricing import asking
from chrono.pricing.estimate import Estimate, Exclusion, Quality
from tests.fakes.desk import AT_NS, VENUES, Desk, quote


@pytest.fixture
def desk() -> Desk:
    return Desk()


def excluded(estimate: Estimate) -> dict[tuple[str, str], str]:
    return {(item.venue, item.book): item.reason for item in estimate.excluded}


def unresolved(desk: Desk, market: str):
    return desk.pricer.price([market], AT_NS).unresolved[market]


def test_five_venues_that_agree_give_their_price_and_are_fit_to_vote_with(desk: Desk):
    desk.all_say("BTC/USD", "67234.56")
    found = desk.price("BTC/USD")
    assert (found.price, found.quality, found.reason, found.votable) == (Decimal("67234.56"), Quality.OK, None, True)
    assert found.sources == VENUES[:5]
    assert found.excluded == ()
    assert found.newest_at_ns == AT_NS - SECOND_NS
    assert found.confidence > Decimal("0.9")


def test_two_venues_give_a_value_that_is_degraded_and_not_voted_with(desk: Desk):
    desk.say("AVAX/USD", {"ash": 10, "birch": 10.001})
    found = desk.price("AVAX/USD")
    assert Decimal(10) <= found.price <= Decimal("10.001")
    assert (found.quality, found.reason, len(found.sources)) == (Quality.DEGRADED, TOO_FEW_SOURCES, 2)
    desk.all_say("SOL/USD", 10)
    assert found.confidence < desk.price("SOL/USD").confidence


def test_one_of_two_venues_a_thousandfold_off_gives_no_vote(desk: Desk):
    desk.say("KRW/USD", {"ash": "0.00085", "birch": "0.85"})
    found = desk.price("KRW/USD")
    assert not found.votable
    assert found.confidence < Decimal("0.01")


def test_the_minimum_of_sources_is_a_setting():
    desk = Desk(minimum_sources=1)
    desk.say("AVAX/USD", {"ash": 10})
    assert desk.price("AVAX/USD").minimum_sources == 1
    assert desk.price("AVAX/USD").reason is not TOO_FEW_SOURCES


def test_a_liar_is_dropped_and_named(desk: Desk):
    desk.all_say("BTC/USD", 100, n=4)
    desk.say("BTC/USD", {"elm": 200})
    found = desk.price("BTC/USD")
    assert found.price == Decimal(100)
    assert found.excluded == (Exclusion("elm", "outlier", "BTC/USD"),)


def test_venues_that_disagree_widely_give_a_low_confidence_and_no_vote(desk: Desk):
    desk.say("BTC/USD", {"ash": 90, "birch": 95, "cedar": 100, "date": 105, "elm": 110})
    found = desk.price("BTC/USD")
    assert (found.quality, found.reason) == (Quality.DEGRADED, LOW_CONFIDENCE)


def test_a_stable_coin_off_its_peg_converts_by_its_own_price(desk: Desk):
    desk.all_say("USDT/USD", "0.9")
    desk.all_say("BTC/USDT", 100)
    found = desk.price("BTC/USD")
    assert found.price == Decimal(90)
    assert found.votable
    assert desk.price("BTC/USDT").price == Decimal(100)


def test_a_market_in_won_is_divided_by_the_edge(desk: Desk):
    desk = Desk(edges=("USD/KRW",))
    desk.all_say("USD/KRW", 1250)
    desk.all_say("BTC/KRW", 125_000_000)
    assert desk.price("BTC/USD").price == Decimal(100_000)


def test_two_conversions_in_a_row_multiply(desk: Desk):
    desk = Desk(edges=("USDT/USD", "BTC/USD"))
    desk.all_say("USDT/USD", "0.5")
    desk.all_say("BTC/USDT", 100)
    desk.all_say("ETH/BTC", "0.1")
    assert desk.price("ETH/USD").price == Decimal(5)


def test_a_later_edge_is_priced_through_an_earlier_one(desk: Desk):
    desk.all_say("USDT/USD", "1.01")
    desk.all_say("USDC/USDT", "0.9")
    desk.all_say("BTC/USDC", 1000)
    assert desk.price("USDC/USD").price == Decimal("0.909")
    assert desk.price("BTC/USD").price == Decimal(909)


def test_without_a_priced_edge_there_is_no_conversion_and_the_edge_is_named(desk: Desk):
    desk.all_say("BTC/USDT", 100)
    assert unresolved(desk, "BTC/USD") is UNPRICED_EDGE
    desk.all_say("BTC/USD", 99, n=3)
    found = desk.price("BTC/USD")
    assert found.price == Decimal(99)
    assert Exclusion("elm", "unpriced_edge", "BTC/USDT", "USDT/USD") in found.excluded
    assert found.sources == VENUES[:3]


def test_one_venue_has_one_vote_and_its_direct_book_speaks(desk: Desk):
    desk.all_say("USDT/USD", 1)
    desk.all_say("BTC/USDT", "100.01")
    desk.all_say("BTC/USD", 100, n=3)
    found = desk.price("BTC/USD")
    assert found.sources == VENUES[:5]
    assert found.median == Decimal(100)
    assert excluded(found) == {(venue, "BTC/USDT"): "superseded" for venue in VENUES[:3]}


def test_a_stale_direct_book_gives_way_to_a_fresh_conversion(desk: Desk):
    desk.all_say("USDT/USD", 1)
    desk.all_say("BTC/USD", 100, age_s=170)
    desk.all_say("BTC/USDT", 110)
    found = desk.price("BTC/USD")
    assert found.price == Decimal(110)
    assert excluded(found)["ash", "BTC/USD"] == "superseded"
    desk.clock.advance(15 * SECOND_NS)
    assert excluded(desk.price("BTC/USD"))["ash", "BTC/USD"] == "stale"


def test_of_two_equally_short_ways_the_one_by_a_firm_edge_is_taken(desk: Desk):
    desk.all_say("USDT/USD", 1, n=2)
    desk.all_say("USDC/USD", 1)
    desk.all_say("BTC/USDT", 100)
    desk.all_say("BTC/USDC", 101)
    assert desk.price("BTC/USD").price == Decimal(101)


def test_an_edge_that_two_venues_list_asks_for_two_and_what_goes_through_it_is_thin(desk: Desk):
    desk.all_say("USDT/USD", 1, n=2)
    desk.all_say("BTC/USDT", 100)
    thin = desk.price("BTC/USD")
    assert (thin.price, thin.quality, thin.reason) == (Decimal(100), Quality.DEGRADED, THIN_CONVERSION)
    desk.all_say("USDT/USD", 1)
    firm = desk.price("BTC/USD")
    assert firm.votable
    assert thin.confidence < firm.confidence


def test_an_edge_that_three_list_and_two_quote_has_no_value(desk: Desk):
    desk.say("USDT/USD", {"cedar": 1}, age_s=3600)
    desk.all_say("USDT/USD", 1, n=2)
    desk.all_say("BTC/USDT", 100)
    assert desk.price("USDT/USD").reason is TOO_FEW_SOURCES
    assert unresolved(desk, "BTC/USD") is UNPRICED_EDGE


def test_declared_venues_count_among_those_that_list_an_edge(desk: Desk):
    desk.all_say("USDT/USD", 1, n=2)
    desk.window.declare("USDT/USD", "cedar")
    desk.all_say("BTC/USDT", 100)
    assert unresolved(desk, "BTC/USD") is UNPRICED_EDGE


def test_an_edge_of_a_single_venue_still_converts_but_never_votes(desk: Desk):
    desk.say("USDT/USD", {"ash": 1})
    desk.all_say("BTC/USDT", 100, n=7)
    assert desk.price("BTC/USD").reason is THIN_CONVERSION


@pytest.mark.parametrize(("direct", "thin"), [(1, 1), (2, 2), (3, 3)])
def test_a_thin_half_may_not_decide_whatever_the_shares_round_to(desk: Desk, direct: int, thin: int):
    desk.say("USDT/USD", {"ash": "0.99999"})
    desk.say("BTC/USD", dict.fromkeys(VENUES[:direct], 100))
    desk.say("BTC/USDT", dict.fromkeys(VENUES[direct : direct + thin], 100))
    found = desk.price("BTC/USD")
    assert len(found.sources) == direct + thin
    assert found.reason is (TOO_FEW_SOURCES if direct == 1 else THIN_CONVERSION)


def test_a_thin_minority_does_not_spoil_a_firm_majority(desk: Desk):
    desk.say("USDT/USD", {"ash": "0.5"})
    desk.all_say("BTC/USD", 100, n=5)
    desk.say("BTC/USDT", {"fir": 100, "gum": 100})
    found = desk.price("BTC/USD")
    assert (found.price, found.reason) == (Decimal(100), None)
    assert excluded(found)["gum", "BTC/USDT"] == "outlier"


def test_a_stale_edge_has_no_value(desk: Desk):
    desk.all_say("USDT/USD", 1, age_s=90)
    desk.all_say("BTC/USDT", 100)
    assert desk.price("USDT/USD").reason is STALE_VALUE
    assert unresolved(desk, "BTC/USD") is UNPRICED_EDGE


def test_a_value_whose_newest_quote_left_the_last_third_of_the_window_is_stale(desk: Desk):
    desk.all_say("BTC/USD", 100, age_s=60)
    assert desk.price("BTC/USD").quality is Quality.OK
    desk.clock.advance(1)
    found = desk.price("BTC/USD")
    assert (found.quality, found.reason, found.price) == (Quality.STALE, STALE_VALUE, Decimal(100))


def test_a_silent_venue_is_named_stale_and_does_not_count(desk: Desk):
    desk.say("BTC/USD", {"elm": 50}, age_s=200)
    desk.all_say("BTC/USD", 100, n=4)
    found = desk.price("BTC/USD")
    assert found.price == Decimal(100)
    assert excluded(found) == {("elm", "BTC/USD"): "stale"}


def test_a_quote_from_the_future_is_left_out_and_named(desk: Desk):
    desk.say("BTC/USD", {"elm": 50}, age_s=-6)
    desk.all_say("BTC/USD", 100, n=4)
    assert excluded(desk.price("BTC/USD")) == {("elm", "BTC/USD"): "future"}


def test_every_asked_market_is_resolved_or_has_its_reason(desk: Desk):
    desk.all_say("BTC/USD", 100)
    desk.all_say("ETH/EUR", 100)
    desk.all_say("OLD/USD", 100, age_s=400)
    asked = ["BTC/USD", "ETH/USD", "OLD/USD", "XYZ/USD", "BTC/USD"]
    found = desk.pricer.price(asked, AT_NS)
    assert set(found.resolved) == {"BTC/USD"}
    assert found.unresolved == {"ETH/USD": NO_PATH, "OLD/USD": NO_SOURCES, "XYZ/USD": UNKNOWN_MARKET}


def test_one_market_beyond_the_range_of_floats_does_not_cost_the_others(desk: Desk):
    desk = Desk(edges=("A/USD",))
    desk.all_say("A/USD", "1e300")
    desk.all_say("B/A", "1e300")
    desk.all_say("BTC/USD", 100)
    found = desk.pricer.price(["B/USD", "BTC/USD"], AT_NS)
    assert found.resolved["BTC/USD"].price == Decimal(100)
    assert found.unresolved == {"B/USD": NO_SOURCES}


def test_volume_is_what_the_counted_venues_told_and_none_when_they_told_nothing(desk: Desk):
    desk.window.add([quote("BTC/USD", v, 100, age_s=a, volume="1.5") for v in VENUES[:4] for a in (1, 2)])
    desk.window.add([quote("BTC/USD", "elm", 200, volume="1000")])
    assert desk.price("BTC/USD").volume == Decimal(12)
    desk.all_say("ETH/USD", 100)
    assert desk.price("ETH/USD").volume is None
    assert desk.price("ETH/USD").vwap is None


def test_a_market_that_is_quoted_is_what_its_own_books_say(desk: Desk):
    desk.all_say("USDT/USD", 1)
    desk.all_say("BTC/USD", 100)
    desk.say("BTC/USDT", {"ash": 105})
    found = desk.price("BTC/USDT")
    assert (found.price, found.sources) == (Decimal(105), ("ash",))


def test_a_market_that_nobody_quotes_is_made_from_the_books_of_its_base():
    desk = Desk(edges=("USDT/USD", "EUR/USD"))
    desk.all_say("EUR/USD", "1.25")
    desk.all_say("BTC/USD", 100)
    assert desk.price("BTC/EUR").price == Decimal(80)
    assert "BTC/EUR" not in desk.board.listed()


def test_each_level_of_conversions_is_one_call_of_the_core(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    desk = Desk(edges=("USDT/USD", "USDC/USD", "BTC/USD"))
    for market in ("USDT/USD", "USDC/USDT", "BTC/USDC", "ETH/BTC", "SOL/USD", "XRP/USDT"):
        desk.all_say(market, 1)
    sizes: list[int] = []

    def counting(*columns, **options):
        sizes.append(len(columns[4]) - 1)
        return chrono_core.consensus_many(*columns, **options)

    monkeypatch.setattr(asking, "consensus_many", counting)
    found = desk.pricer.price(desk.board.listed(), AT_NS)
    assert not found.unresolved
    # USDT/USD and all that has books of its own; then what needs it; then BTC/USD; then ETH/USD.
    assert len(sizes) == 4
    assert sum(sizes) == len(found.resolved)


def test_a_real_fall_on_all_venues_is_followed_and_not_clamped(desk: Desk):
    desk.window.add([quote("BTC/USD", v, 100, age_s=a) for v in VENUES[:5] for a in range(60, 180)])
    desk.window.add([quote("BTC/USD", v, 40, age_s=a) for v in VENUES[:5] for a in range(60)])
    found = desk.price("BTC/USD")
    assert found.price < Decimal(41)
    assert found.excluded == ()


def test_prices_come_back_by_themselves_after_an_outage_of_all_venues(desk: Desk):
    desk.all_say("BTC/USD", 100)
    desk.clock.advance(600 * SECOND_NS)
    assert desk.pricer.price(["BTC/USD"], desk.clock.now_ns()).unresolved == {"BTC/USD": NO_SOURCES}
    desk.all_say("BTC/USD", 50)
    found = desk.price("BTC/USD")
    assert (found.price, found.reason) == (Decimal(50), None)
