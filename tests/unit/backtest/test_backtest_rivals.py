"""The other rules of a backtest beside slow, obvious twins, and by hand."""

from array import array

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chrono.backtest import rivals
from chrono.backtest.rivals import RIVALS, Heard, heard
from chrono.clock import SECOND_NS
from chrono.market.graph import Step
from chrono.market.names import Market, Venue
from chrono.pricing.case import Case, EdgeRate, Rule, Source
from chrono.pricing.series import Points
from chrono.settings import Pricing
from tests.reference.rivals import TWINS

AT = 1_800_000_000 * SECOND_NS
BTC = Market("BTC/USD")

deals = st.lists(
    st.tuples(st.floats(1e-3, 1e6), st.sampled_from([0.0, 0.5, 1.0, 7.25]), st.integers(0, 179)), min_size=1, max_size=6
)


def case_of(books, *, rates=None):
    """A case with these books: of each its deals as (price, volume, age in s)."""
    sources = []
    for place, book in enumerate(books):
        rows = sorted(book, key=lambda row: -row[2])
        times = array("q", [AT - age * SECOND_NS for _, _, age in rows])
        points = Points(times, array("d", [row[0] for row in rows]), array("d", [row[1] for row in rows]))
        edge = () if not rates or place not in rates else (Step(Market("USDT/USD"), multiply=True),)
        sources.append(Source(Venue(f"v{place}"), BTC, edge, points))
    edges = {} if not rates else {Market("USDT/USD"): edge_rate(next(iter(rates.values())))}
    return Case(BTC, AT, Rule.of(Pricing()), tuple(sources), (), edges)


def edge_rate(rate):
    return EdgeRate(Market("USDT/USD"), rate, AT, 1, 0, 0, (), None, None)


@given(st.lists(deals, min_size=1, max_size=12))
@pytest.mark.parametrize("name", RIVALS)
def test_every_rule_says_what_its_slow_twin_says(name, books):
    said = heard(case_of(books))
    twins = [(one.last, one.age_ns, [(p, v) for p, v, _ in book]) for one, book in zip(said, books, strict=True)]
    if name == "three-sigma":
        # Exactly on the edge a rounding decides.
        prices = [one.last for one in said]
        centre = sum(prices) / len(prices)
        deviation = (sum((price - centre) ** 2 for price in prices) / len(prices)) ** 0.5
        assume(all(abs(abs(p - centre) - 3 * deviation) > 1e-6 * centre for p in prices) or deviation < 1e-9 * centre)
    if name == "latest-weighted":
        assume(len({one.age_ns for one in said}) == len(said))
    told, wanted = RIVALS[name](said), TWINS[name](twins)
    assert (told is None) == (wanted is None)
    assert told is None or told == pytest.approx(float(wanted), rel=1e-9)


def said(*prices, volumes=None, ages_s=None):
    n = len(prices)
    volumes, ages_s = volumes or [1.0] * n, ages_s or [0] * n
    rows = zip(range(n), prices, ages_s, volumes, strict=True)
    return [Heard(Venue(f"v{i}"), price, age * SECOND_NS, price, volume) for i, price, age, volume in rows]


@pytest.mark.parametrize(
    ("rule", "sources", "price"),
    [
        (rivals.median, said(1.0, 2.0, 9.0), 2.0),
        (rivals.median, said(1.0, 2.0, 4.0, 9.0), 3.0),
        (rivals.mean, said(1.0, 2.0, 9.0), 4.0),
        (rivals.volume_weighted, said(1.0, 3.0, volumes=[3.0, 1.0]), 1.5),
        (rivals.trimmed, said(1.0, 2.0, 3.0, 100.0), 2.5),
        (rivals.trimmed, said(1.0, 3.0), 2.0),
        (rivals.latest_weighted, said(1.0, 2.0, ages_s=[100, 0]), 2.0),
        (rivals.latest_weighted, said(1.0, 2.0, 3.0), 2.0),
        (rivals.vwap, said(1.0, 3.0, volumes=[3.0, 1.0]), 1.5),
        (rivals.median_of_vwaps, said(1.0, 2.0, 9.0), 2.0),
    ],
)
def test_a_rule_gives_what_was_worked_out_by_hand(rule, sources, price):
    assert rule(sources) == pytest.approx(price)


def test_no_rule_has_a_price_without_sources():
    assert {rule([]) for rule in RIVALS.values()} == {None}


def test_without_volumes_the_rules_that_need_them_say_nothing():
    quiet = heard(case_of([[(1.0, 0.0, 3)], [(2.0, 0.0, 4)]]))
    assert [name for name, rule in RIVALS.items() if rule(quiet) is None] == [
        "vwap",
        "volume-weighted",
        "median-of-vwaps",
    ]


def test_three_sigma_never_sees_one_liar_among_nine_and_sees_one_among_twelve():
    assert rivals.beyond_three_sigma(said(*[1.0] * 8, 1e6)) == set()
    assert rivals.beyond_three_sigma(said(*[1.0] * 11, 1e6)) == {"v11"}


def test_a_source_is_heard_in_the_market_s_own_currency_and_only_while_it_is_fresh():
    case = case_of([[(100.0, 2.0, 5)], [(100.0, 2.0, 5)], [(100.0, 2.0, 181)]], rates={1: 0.98})
    direct, converted = heard(case)
    assert (direct.last, direct.vwap, direct.volume, direct.age_ns) == (100.0, 100.0, 2.0, 5 * SECOND_NS)
    assert (converted.last, converted.vwap) == (98.0, 98.0)
