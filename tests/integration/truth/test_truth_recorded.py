"""The short form of `make truth` on real recordings: one source left out, and the labelled episodes of the crash."""

from datetime import UTC, datetime

import pytest

from chrono.backtest.frames import OURS
from chrono.backtest.rivals import RIVALS
from chrono.clock import SECOND_NS
from chrono.market.names import Market
from chrono.settings import Pricing
from chrono.simulation.replay import with_minimum
from tests.truth.episodes import Calm, calm_days, crash_day
from tests.truth.figures import TARGET, errors
from tests.truth.leaving_out import Task, leave_out
from tests.truth.recordings import DEPEG, RECORDINGS, inquiries

pytestmark = [pytest.mark.data, pytest.mark.timeout(600)]


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
    told = {inquiry.target: leave_out(Task(inquiry, Pricing(), recordings)).result for inquiry in asked}
    # Who speaks for a market is found from what was dealt, and by the replay itself: they are the same.
    assert all({row.source for row in told[i.target].left_out} == set(i.sources) for i in asked)
    return told


def test_our_value_is_within_half_a_percent_of_a_fair_source_that_it_does_not_hear(left_out):
    """Of each market, over all sources; a single one may fall short on this day: two of the five followed the coin."""
    for market, result in left_out.items():
        rows = [row for row in result.left_out if row.near_fair is not None]
        fair = sum(row.fair_instants for row in rows)
        near = sum(row.fair_instants * row.near_fair for row in rows)
        assert fair > 3_000
        assert near / fair >= TARGET, (market, rows)
        assert min(row.near_fair for row in rows) > TARGET - 0.5, (market, rows)


def test_our_worst_percent_is_no_worse_than_that_of_any_other_rule(left_out):
    for market, result in left_out.items():
        found = errors(result.rules)
        for other in RIVALS:
            assert found[OURS]["p99"] <= found[other]["p99"] * 1.01, (market, other, found)


def test_our_usual_error_is_no_worse_than_that_of_a_median_or_a_three_sigma_filter(left_out):
    for market, result in left_out.items():
        found = errors(result.rules)
        for other in ("median", "three-sigma", "vwap"):
            assert found[OURS]["median"] <= found[other]["median"] * 1.01, (market, other, found)


def test_a_source_that_follows_the_coin_instead_of_the_dollar_is_no_fair_yardstick_all_day(left_out):
    """The control: the filter does take instants away, and without it the figure would be another."""
    (told,) = (row for row in left_out["BTC/USD"].left_out if row.source == "cryptocom")
    assert told.fair_instants < told.judged


def test_where_two_sources_are_left_the_newer_one_is_heard_more(recordings):
    """An hour of the crash day in which the rule of old, the mean of both, was farther off."""
    (avax,) = (recording for recording in RECORDINGS if recording.name.endswith(" AVAX"))
    hour = avax._replace(span=span("2025-10-10T13:00", "2025-10-10T14:00"))
    (inquiry,) = (found for found in inquiries(hour, recordings) if found.target == "AVAX/USD")
    found = errors(leave_out(Task(inquiry, with_minimum(Pricing(), 1), recordings)).result.rules)
    assert found[OURS]["median"] <= found["median"]["median"]
    assert found[OURS]["p99"] < 0.7 * found["median"]["p99"]


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
