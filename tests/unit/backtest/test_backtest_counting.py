"""What a backtest counts in bounded memory, beside the plain way of doing it with everything at hand."""

from bisect import bisect_left
from math import ceil
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chrono.backtest.agreement import HOUR_NS, KNOWN, Agreement
from chrono.backtest.blocks import BLOCK_NS, Blocks, block_ns
from chrono.backtest.frames import Frame
from chrono.backtest.histogram import LEAST_BPS, MOST, WIDTH, Histogram, bin_of, error_at, joined
from chrono.backtest.intervals import FEWEST, certainties
from chrono.backtest.tally import Tally
from chrono.clock import SECOND_NS
from chrono.market.names import Market, Venue

MINUTE_NS = 60 * SECOND_NS
errors = st.lists(st.one_of(st.just(0.0), st.floats(1e-3, 1e7)), min_size=1, max_size=300)


def counted(values):
    counts = {}
    for value in values:
        counts[bin_of(value)] = counts.get(bin_of(value), 0) + 1
    return Histogram(counts.items())


@given(errors, st.sampled_from([0.5, 0.9, 0.99]))
def test_a_quantile_is_within_a_bin_of_a_value_at_that_place(values, share):
    found, ordered = counted(values).quantile(share), sorted(values)
    at = ceil(share * len(ordered)) - 1
    assert ordered[at] * (1 - 2 * WIDTH) - LEAST_BPS <= found <= ordered[at] * (1 + 2 * WIDTH) + LEAST_BPS


@given(st.floats(0, 1e300))
def test_every_error_has_a_bin_and_lies_in_it(value):
    place = bin_of(value)
    assert 0 <= place <= MOST
    if LEAST_BPS <= value < error_at(MOST):
        assert error_at(place) * (1 - 1e-9) <= value <= error_at(place + 1) * (1 + 1e-9)


@given(errors, errors)
def test_histograms_put_together_are_those_of_all_values(one, other):
    both, whole = joined([counted(one), counted(other)]), counted(one + other)
    assert list(both.pairs()) == list(whole.pairs())
    assert both.total == len(one) + len(other)


def test_nothing_has_no_quantile():
    assert Histogram().quantile(0.5) is None


def test_stretches_become_longer_instead_of_more_and_lose_nothing():
    blocks = Blocks(2, MINUTE_NS, most=10)
    for minute in range(1000):
        blocks.add(minute * MINUTE_NS, (minute / 100, 5.0))
        assert len(blocks.starts()) <= 10
    assert blocks.length_ns == 128 * MINUTE_NS
    assert sum(one.total for one in blocks.of_rule(0)) == 1000
    assert joined(blocks.of_rule(0)).quantile(0.5) == pytest.approx(5.0, rel=0.01)
    assert {one.quantile(1.0) for one in blocks.of_rule(1)} == {joined(blocks.of_rule(1)).quantile(1.0)}


def test_markets_pooled_have_all_errors_of_the_first_rules():
    one, other = Blocks(3, MINUTE_NS), Blocks(2, 2 * MINUTE_NS)
    for minute in range(10):
        one.add(minute * MINUTE_NS, (1.0, 2.0, 3.0))
        other.add(minute * MINUTE_NS, (9.0, 8.0))
    whole = Blocks.pooled([one, other], 2)
    assert (whole.rules, whole.length_ns) == (2, 2 * MINUTE_NS)
    assert [joined(whole.of_rule(rule)).total for rule in (0, 1)] == [20, 20]


@pytest.mark.parametrize(
    ("hours", "every_ns", "minutes"), [(500, SECOND_NS, 60), (24, SECOND_NS, 60), (4, SECOND_NS, 10), (1, SECOND_NS, 2)]
)
def test_short_recordings_have_shorter_stretches(hours, every_ns, minutes):
    assert block_ns(hours * BLOCK_NS, every_ns) == minutes * MINUTE_NS


@given(st.lists(st.tuples(st.integers(1, 1000), st.floats(0, 1)), max_size=80))
def test_agreement_is_the_quantile_of_the_hour_before(steps):
    agreement, past, at_ns = Agreement(), [], 0
    for seconds, distance in steps:
        at_ns += seconds * SECOND_NS
        lately = sorted(far for when, far in past if when >= at_ns - HOUR_NS)
        wanted = [None if len(lately) < KNOWN else lately[ceil(share * (len(lately) - 1))] for share in (0.5, 0.95)]
        assert list(agreement.lately(at_ns, (0.5, 0.95))) == wanted
        agreement.add(at_ns, distance)
        past.append((at_ns, distance))


def test_agreement_holds_no_more_than_an_hour():
    agreement = Agreement()
    for second in range(10_000):
        agreement.lately(second * SECOND_NS, (1.0,))
        agreement.add(second * SECOND_NS, 0.5)
    assert len(agreement._sorted) == len(agreement._known) <= 3601
    assert bisect_left(agreement._sorted, 0.5) == 0


def filled(stretches, *rules):
    """Blocks with so many stretches, in which rule r errs by draws of `rules[r]`."""
    blocks, chance = Blocks(len(rules), MINUTE_NS), Random(3)
    for stretch in range(stretches):
        for second in range(0, 60, 2):
            blocks.add(stretch * MINUTE_NS + second * SECOND_NS, [draw(chance) for draw in rules])
    return blocks


def test_an_interval_holds_the_truth_and_tells_a_better_rule_from_a_worse_one():
    blocks = filled(60, lambda c: c.uniform(0, 2), lambda c: c.uniform(0, 4), lambda c: c.uniform(0, 2))
    ours, worse, alike = certainties(blocks)
    assert ours.own["median"].low < 1.0 < ours.own["median"].high
    assert worse.own["p99"].low < 3.96 < worse.own["p99"].high
    assert worse.behind["median"].high < 0
    assert alike.behind["median"].low < 0 < alike.behind["median"].high
    assert ours.behind["median"] == (0.0, 0.0)
    assert certainties(blocks) == [ours, worse, alike]


def test_of_a_few_stretches_nothing_is_said():
    assert certainties(filled(FEWEST - 1, lambda _: 1.0)) is None
    assert certainties(filled(FEWEST, lambda _: 1.0)) is not None


def frame(second, reference=100.0, ours=100.0, *, plain=100.0, votable=True, others=(100.0,)):
    prices = (ours, *others)
    return Frame(second * SECOND_NS, Market("X/USD"), Venue("ash"), reference, plain, votable, prices)


def test_only_instants_after_an_hour_of_agreement_are_fair():
    tally = Tally(("chrono", "median"), MINUTE_NS, any_value=False)
    for second in range(20):
        tally.add(frame(second, plain=100.0 if second < 19 else 110.0, ours=100.2 if second % 2 else 101.0))
    count = tally.left_out[Venue("ash")]
    assert (count.known, count.judged, count.near) == (20, 20, 10)
    assert count.fair == [10, 10, 10]  # the first ten instants have no hour before them
    assert count.fair_near == [5, 5, 5]


def test_values_that_are_not_fit_to_vote_with_are_counted_only_when_asked():
    for any_value, judged in ((False, 0), (True, 1)):
        tally = Tally(("chrono", "median"), MINUTE_NS, any_value=any_value)
        tally.add(frame(0, votable=False))
        assert (tally.left_out[Venue("ash")].judged, tally.compared) == (judged, judged)


@pytest.mark.parametrize("silent", [frame(0, reference=None), frame(0, ours=None), frame(0, others=(None,))])
def test_an_instant_at_which_somebody_says_nothing_is_not_compared(silent):
    tally = Tally(("chrono", "median"), MINUTE_NS, any_value=True)
    tally.add(silent)
    assert tally.compared == 0


def test_errors_are_absolute_and_in_bps():
    tally = Tally(("chrono", "median"), MINUTE_NS, any_value=False)
    for second in range(5):
        tally.add(frame(second, ours=99.0 if second % 2 else 101.0, others=(100.5,)))
    assert joined(tally.blocks.of_rule(0)).quantile(0.5) == pytest.approx(100.0, rel=0.002)
    assert joined(tally.blocks.of_rule(0)).quantile(0.01) == pytest.approx(100.0, rel=0.002)
    assert joined(tally.blocks.of_rule(1)).quantile(0.5) == pytest.approx(50.0, rel=0.002)
