"""Our values beside the network's, at every edge of the bands. Source: fsp.md section 7, step 4 and "Minimal conditions"."""

from decimal import Decimal

import pytest

from chrono.flare.address import Address
from chrono.flare.feeds import Feed, FeedId
from chrono.flare.median import Median
from chrono.flare.rewards.bands import deviation_bps, on_quartile_counts, primary_band, secondary_band
from chrono.voting.closeness import Closeness, closeness, feed_outcomes, score
from chrono.voting.reports import FeedOutcome
from tests.fakes.rounds_told import FEEDS, ROUND, SUBMIT, VALUES, committed, finished, outcome

BTC = Feed(FeedId(1, "BTC/USD"), 2)
MEDIAN = Median(100_000, 99_900, 100_200, 400)


def at(value: int | None, *, median: Median | None = MEDIAN, width: int | None = 1000, **more: object) -> Closeness:
    told = FeedOutcome(feed=BTC, ours=value, median=median, turnout_bips=9000, secondary_band_ppm=width)
    return closeness(told, 77, more.get("submit", SUBMIT))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "inside"), [(99_899, False), (99_901, True), (100_000, True), (100_199, True), (100_201, False)]
)
def test_between_the_quartiles_is_inside_and_beyond_them_is_not(value: int, inside: bool) -> None:
    assert at(value).in_iqr is inside


@pytest.mark.parametrize("value", [99_900, 100_200])
def test_on_a_quartile_the_coin_of_the_protocol_decides_for_each_voter(value: int) -> None:
    voters = [Address(number.to_bytes(20, "big")) for number in range(16)]
    found = [at(value, submit=voter).in_iqr for voter in voters]
    assert found == [on_quartile_counts(bytes(BTC.id), 77, voter) for voter in voters]
    assert set(found) == {True, False}
    assert at(value, submit=None).in_iqr is None
    assert at(value + 1, submit=None).in_iqr is (value == 99_900)


@pytest.mark.parametrize(("value", "inside"), [(99_900, False), (99_901, True), (100_099, True), (100_100, False)])
def test_the_edges_of_the_secondary_band_do_not_belong_to_it(value: int, inside: bool) -> None:
    assert at(value).in_band is inside


@pytest.mark.parametrize(("value", "hit"), [(99_499, False), (99_500, True), (100_500, True), (100_501, False)])
def test_the_anchor_condition_counts_half_a_percent_edges_included(value: int, hit: bool) -> None:
    assert at(value).hit is hit


@pytest.mark.parametrize(
    ("value", "median", "bps"),
    [(100_100, 100_000, "10.00"), (99_999, 100_000, "-0.10"), (-90, -100, "1000.00"), (5, 0, None), (100, 100, "0.00")],
)
def test_a_deviation_is_in_bps_of_the_median_and_above_it_is_positive(value: int, median: int, bps: str | None) -> None:
    assert deviation_bps(value, median) == (None if bps is None else Decimal(bps))


def test_a_band_without_a_width_and_a_median_without_quartiles_say_what_can_be_said() -> None:
    assert at(100_000, width=None).in_band is None
    assert at(100_000, width=0).in_band is False
    bare = Median(100_000, None, None, 0)
    assert at(100_000, median=bare).in_iqr is False
    assert primary_band(bare) is None


def test_an_omitted_value_is_in_no_band_and_a_round_without_a_result_says_nothing() -> None:
    assert at(None) == Closeness(in_iqr=False, in_band=False, hit=False)
    assert at(5, median=None) == Closeness(in_iqr=False, in_band=False, hit=False)
    assert closeness(FeedOutcome(feed=BTC, ours=5), 77, SUBMIT) == Closeness()


def test_a_negative_median_has_its_band_on_both_sides() -> None:
    band = secondary_band(Median(-100_000, -100_100, -99_900, 1), 1000)
    assert (band.lower, band.upper) == (-100_100, -99_900)
    assert -100_050 in band
    assert -99_900 not in band


def test_a_round_is_counted_with_what_was_omitted_and_without_a_result_only_that() -> None:
    found = score(finished())
    assert (found.feeds, found.omitted, found.in_band, found.hits) == (4, 1, 2, 2)
    coins = sum(on_quartile_counts(bytes(feed.id), ROUND.id, SUBMIT) for feed in FEEDS[:2])
    assert found.in_iqr == coins
    assert score(finished(feeds=feed_outcomes(FEEDS, VALUES[0], outcome().result, {}))).in_band is None
    unknown = score(committed())
    assert (unknown.feeds, unknown.omitted, unknown.in_iqr, unknown.in_band, unknown.hits) == (4, 1, None, None, None)


def test_values_and_results_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="argument"):
        feed_outcomes(FEEDS, VALUES[0][:3], outcome().result, {})
