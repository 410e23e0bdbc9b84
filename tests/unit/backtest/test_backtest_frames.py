"""One source left out at one instant, on a desk whose venues say what the test wants."""

import pytest

from chrono.backtest.coverage import Coverage
from chrono.backtest.frames import Asked, LeavingOut
from chrono.backtest.reference import LEAVE_ONE_OUT, Reference, parse_reference
from chrono.backtest.rivals import RIVALS
from chrono.clock import SECOND_NS
from chrono.errors import ChronoError
from chrono.market.names import Market, Venue
from chrono.simulation.replay import Step
from tests.fakes.desk import Desk, quote

BTC = Market("BTC/USD")
MEDIAN = Asked({"median": RIVALS["median"]})


def step_of(*quotes, market="BTC/USD"):
    desk = Desk()
    desk.window.add(list(quotes))
    at_ns = desk.clock.now_ns()
    return Step(at_ns, desk.pricer.price([Market(market)], at_ns))


def framed(step, asked=MEDIAN, direct=(), **how):
    leaving = LeavingOut(asked, {BTC: set(direct)}, **how)
    return {frame.left_out: frame for frame in leaving.frames(step)}


def test_each_source_is_left_out_in_turn_and_the_rules_hear_the_others():
    frames = framed(
        step_of(*(quote("BTC/USD", venue, price) for venue, price in zip("abcd", (10, 20, 30, 40), strict=True)))
    )
    assert {venue: (frame.reference, frame.prices[1]) for venue, frame in frames.items()} == {
        "a": (10.0, 30.0),
        "b": (20.0, 30.0),
        "c": (30.0, 20.0),
        "d": (40.0, 20.0),
    }
    # Three are left, so that ours is their median.
    assert all(frame.prices[0] == frame.prices[1] == frame.plain for frame in frames.values())


def test_a_source_that_is_left_out_changes_nothing_by_what_it_says():
    def of(price):
        said = [quote("BTC/USD", venue, 100 + n / 100) for n, venue in enumerate("abcd")]
        return framed(step_of(*said, quote("BTC/USD", "liar", price, volume="1000000")))["liar"]

    honest, lying = of(100), of(1)
    assert (honest.prices, honest.votable, honest.plain) == (lying.prices, lying.votable, lying.plain)
    assert (honest.reference, lying.reference) == (100.0, 1.0)


def test_a_reference_must_be_new_and_of_the_source_s_own_book():
    fresh = [quote("BTC/USD", venue, 100) for venue in "abc"]
    assert framed(step_of(*fresh, quote("BTC/USD", "d", 100, age_s=14)))["d"].reference == 100.0
    assert framed(step_of(*fresh, quote("BTC/USD", "d", 100, age_s=15)))["d"].reference is None
    older = framed(step_of(*fresh, quote("BTC/USD", "d", 100, age_s=15)), fresh_ns=20 * SECOND_NS)
    assert older["d"].reference == 100.0


def test_a_converted_book_is_a_reference_only_of_a_source_that_has_no_own():
    pegs = [quote("USDT/USD", venue, "0.99") for venue in "abc"]
    step = step_of(*pegs, *(quote("BTC/USD", v, 99) for v in "abc"), quote("BTC/USDT", "d", 100))
    assert framed(step)["d"].reference == pytest.approx(99.0)
    assert framed(step, direct="d")["d"].reference is None


def test_when_nobody_is_left_nobody_says_anything():
    (frame,) = framed(step_of(quote("BTC/USD", "a", 100))).values()
    assert (frame.reference, frame.plain, frame.votable, frame.prices) == (100.0, None, False, (None, None))


def test_only_the_named_source_is_left_out():
    step = step_of(*(quote("BTC/USD", venue, 100) for venue in "abcd"))
    assert list(framed(step, only=Venue("c"))) == ["c"]


def test_our_rule_with_a_number_changed_is_asked_on_the_same_points():
    said = [quote("BTC/USD", venue, price, age_s=age) for venue in "abcd" for price, age in ((100, 9), (101, 1))]
    asked = Asked({}, {"slow": {"half_life_ns": 10**15, "floor_bps": 1e4}})
    frame = framed(step_of(*said), asked)["a"]
    assert asked.names == ("chrono", "slow")
    assert frame.prices[0] > frame.prices[1]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("leave-one-out", LEAVE_ONE_OUT),
        ("btc/usd@Kraken", Reference(BTC, Venue("kraken"))),
        ("BTC@kraken", Reference(BTC, Venue("kraken"))),
    ],
)
def test_a_reference_is_read(text, found):
    assert parse_reference(text) == found
    assert parse_reference(str(found)) == found


@pytest.mark.parametrize("text", ["", "kraken", "BTC/USD@", "BTC/USD@no such venue", "B-T-C@kraken"])
def test_what_is_no_reference_is_refused(text):
    with pytest.raises((ValueError, ChronoError)):
        parse_reference(text)


def test_the_fate_of_each_source_is_counted_and_who_is_not_there_is_silent():
    coverage = Coverage(SECOND_NS, most=4)
    honest = [quote("BTC/USD", venue, 100) for venue in "abcd"]
    coverage.add(step_of(*honest, quote("BTC/USD", "liar", 900)), BTC)
    coverage.add(step_of(*honest[:2], quote("BTC/USD", "c", 100, age_s=170)), BTC)
    whole = coverage.whole()
    assert (whole.instants, whole.votable) == (2, 2)
    assert {venue: (whole.used(venue), whole.silent(venue)) for venue in ("a", "c", "d", "liar")} == {
        "a": (2, 0),
        "c": (2, 0),
        "d": (1, 1),
        "liar": (0, 1),
    }
    assert whole.left_out(Venue("liar")) == {"outlier": 1}
    assert whole.left_out(Venue("d")) == {}


def test_a_source_whose_conversion_has_no_value_is_left_out_and_not_silent():
    coverage = Coverage(SECOND_NS, most=4)
    coverage.add(step_of(*(quote("BTC/USD", v, 100) for v in "abc"), quote("BTC/USDT", "d", 100)), BTC)
    assert coverage.whole().left_out(Venue("d")) == {"unpriced_edge": 1}
    assert coverage.whole().silent(Venue("d")) == 0


def test_a_source_that_is_still_listed_and_says_nothing_new_is_silent():
    coverage = Coverage(SECOND_NS, most=4)
    coverage.add(step_of(*(quote("BTC/USD", v, 100) for v in "abc"), quote("BTC/USD", "d", 100, age_s=300)), BTC)
    assert coverage.whole().silent(Venue("d")) == 1
    assert coverage.whole().left_out(Venue("d")) == {}


def test_instants_without_any_source_are_counted_with_their_reason():
    coverage = Coverage(SECOND_NS, most=4)
    coverage.add(step_of(quote("BTC/USD", "a", 100, age_s=500)), BTC)
    assert (coverage.whole().instants, coverage.whole().votable) == (1, 0)
    assert coverage.reasons == {"no_sources": 1}


def test_stretches_of_coverage_become_longer_instead_of_more():
    coverage = Coverage(SECOND_NS, most=4)
    step = step_of(*(quote("BTC/USD", venue, 100) for venue in "abc"))
    for second in range(50):
        coverage.add(Step(second * SECOND_NS, step.estimates), BTC)
    assert len(coverage.stretches()) <= 4
    assert coverage.whole().instants == 50
    assert coverage.length_ns == 16 * SECOND_NS
