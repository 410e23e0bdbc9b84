"""The short form of `make truth` on real recordings: one source left out, and the labelled episodes of the crash."""

from datetime import UTC, datetime

import pytest

from chrono.clock import SECOND_NS
from chrono.market.names import Market
from chrono.settings import Pricing
from tests.truth.episodes import Calm, calm_days, crash_day
from tests.truth.figures import TARGET, errors, nearness
from tests.truth.leaving_out import OURS, Task, leave_out
from tests.truth.recordings import DEPEG, inquiries

pytestmark = [pytest.mark.data, pytest.mark.timeout(300)]


def span(start, end):
    first, last = (int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) for text in (start, end))
    return first * SECOND_NS, last * SECOND_NS


DAY = DEPEG._replace(span=span("2023-03-12T12:00", "2023-03-13T12:00"))
"""From the depeg's second day to its end: USDC comes back from 0.96."""


@pytest.fixture(scope="module")
def left_out(recordings):
    """Every source of BTC/USD and BTC/USDT left out in turn, on the day in which the coin came back."""
    asked = [i for i in inquiries(DAY, recordings) if i.target in ("BTC/USD", "BTC/USDT")]
    assert all(not inquiry.thin for inquiry in asked)
    return {
        inquiry.target: {venue: leave_out(Task(inquiry, venue, Pricing(), recordings, 60)) for venue in inquiry.sources}
        for inquiry in asked
    }


def test_our_value_is_within_half_a_percent_of_a_fair_source_that_it_does_not_hear(left_out):
    """Of each market, over all sources; a single one may fall short on this day: two of the five followed the coin."""
    for market, tables in left_out.items():
        told = [nearness(table, votable=True) for table in tables.values()]
        fair = sum(one["fair"] for one in told)
        near = sum(one["fair"] * one["share"] for one in told if one["fair"])
        assert fair > 3_000
        assert near / fair >= TARGET, (market, told)
        assert min(one["share"] for one in told if one["fair"]) > TARGET - 0.5, (market, told)


def test_our_worst_percent_is_no_worse_than_that_of_a_median_a_mean_or_three_sigma(left_out):
    for market, tables in left_out.items():
        found = errors(tables.values(), votable=True)
        for other in ("median", "mean", "trimmed mean", "three-sigma", "vwap", "median of vwaps"):
            assert found[OURS]["p99"] <= found[other]["p99"] * 1.01, (market, other, found)


def test_a_source_that_follows_the_coin_instead_of_the_dollar_is_no_fair_yardstick_all_day(left_out):
    """The control: the filter does take instants away, and without it the figure would be another."""
    told = nearness(left_out["BTC/USD"]["cryptocom"], votable=True)
    assert told["fair"] < told["judged"]


def test_the_culprits_of_the_crash_are_left_out_and_three_sigma_finds_none(recordings):
    told = crash_day("AVAX", recordings, Pricing(), span=span("2025-10-10T21:15", "2025-10-10T21:40"))
    assert told["culprits"] > 300
    assert told["ours_recall"] > 85
    assert told["ours_apart"] > 85
    assert told["sigma_recall"] == 0.0


def test_seconds_in_which_nobody_can_know_who_is_wrong_have_no_value_to_vote_with(recordings):
    told = crash_day("XLM", recordings, Pricing(), span=span("2025-10-10T21:15", "2025-10-10T21:40"))
    assert told["disputes"] > 300
    assert told["withheld"] / told["disputes"] > 0.95


def test_on_a_calm_day_hardly_anybody_is_left_out_falsely(recordings):
    calm = Calm(DEPEG, Market("BTC/USD"), datetime(2023, 3, 2, tzinfo=UTC))
    told = calm_days(calm, recordings, Pricing())
    assert told["hours"] > 23
    assert told["false_per_hour"] < 2
    assert told["left_out_percent"] < 1
