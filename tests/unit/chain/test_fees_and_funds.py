"""Fees that follow the chain and no further than they may, and accounts that run dry in good time to see it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chrono.chain.fees import HOUR_NS, Fee, FeeCaps, FeeRules, HourlyBudget, bumped, capped, fee_for, replaces
from chrono.chain.funding import DAY_S, BalanceWatch, most_fee_of
from chrono.clock import SECOND_NS
from chrono.flare.units import GWEI

RULES = FeeRules()
fees = st.builds(Fee, max_fee_wei=st.integers(1, 10**18), max_priority_fee_wei=st.integers(1, 10**18))


@pytest.mark.parametrize(
    ("base_gwei", "attempt", "most_gwei", "tip_gwei"),
    [
        (25, 0, 200, 100),  # 2 x 25 is below the least tip
        (60, 0, 360, 120),
        (25, 1, 236, 111),
        (60, 1, 480, 180),
        (4000, 0, 21_000, 5000),
        (4000, 1, 25_550, 5550),
    ],
)
def test_a_fee_is_four_times_the_base_and_a_tip_within_bounds(
    base_gwei: int, attempt: int, most_gwei: int, tip_gwei: int
) -> None:
    assert fee_for(base_gwei * GWEI, attempt, RULES) == Fee(most_gwei * GWEI, tip_gwei * GWEI)


def test_without_a_base_fee_that_of_quiet_times_is_taken() -> None:
    assert fee_for(None, 0, RULES) == fee_for(25 * GWEI, 0, RULES)


def test_a_base_fee_of_zero_still_gives_a_tip() -> None:
    assert fee_for(0, 0, RULES) == Fee(100 * GWEI, 100 * GWEI)


@given(fees, fees)
def test_a_bumped_fee_pays_eleven_percent_more_of_both(fee: Fee, over: Fee) -> None:
    raised = bumped(fee, over)
    assert 100 * raised.max_fee_wei >= 111 * over.max_fee_wei
    assert 100 * raised.max_priority_fee_wei >= 111 * over.max_priority_fee_wei
    assert raised.max_fee_wei >= fee.max_fee_wei
    assert replaces(raised, over)


@given(fees, st.integers(0, 10**18))
def test_a_capped_fee_is_within_the_cap_and_its_tip_within_it(fee: Fee, most: int) -> None:
    within = capped(fee, most)
    assert within.max_priority_fee_wei <= within.max_fee_wei <= most


@given(st.integers(0, 10**15), st.integers(0, 60))
def test_a_later_attempt_never_offers_less(base_fee_wei: int, attempt: int) -> None:
    now, then = fee_for(base_fee_wei, attempt, RULES), fee_for(base_fee_wei, attempt + 1, RULES)
    assert then.max_fee_wei >= now.max_fee_wei
    assert then.max_priority_fee_wei >= now.max_priority_fee_wei


@pytest.mark.parametrize(
    "bad",
    [
        {"base_factor": 0},
        {"base_factor": 101},
        {"tip_factor": -1},
        {"base_factor": math.inf},
        {"tip_factor": math.nan},
        {"base_factor": 4.0},
        {"least_tip_wei": 0},
        {"least_tip_wei": 6000 * GWEI},
        {"unknown_base_fee_wei": 0},
        {"base_factor": True},
    ],
)
def test_rules_with_which_nothing_could_be_sent_are_refused_at_the_start(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        FeeRules(**bad)


def test_a_cap_of_the_whole_transaction_is_a_cap_of_its_gas() -> None:
    caps = FeeCaps(most_fee_wei=1000, most_cost_wei=50_000)
    assert (caps.most_for(10), caps.most_for(100), caps.most_for(50_001)) == (1000, 500, 0)
    with pytest.raises(ValueError):
        FeeCaps(most_fee_wei=0, most_cost_wei=1)


def test_an_hour_later_the_budget_is_whole_again_and_its_reserve_is_for_what_is_owed() -> None:
    budget = HourlyBudget(100, 30)
    budget.spend(60, 0)
    assert (budget.left_wei(1, owed=False), budget.left_wei(1, owed=True)) == (10, 40)
    budget.spend(60, 5)
    assert (budget.left_wei(6, owed=False), budget.left_wei(6, owed=True)) == (0, 0)
    assert budget.left_wei(HOUR_NS, owed=True) == 40
    assert budget.left_wei(HOUR_NS + 5, owed=False) == 70
    with pytest.raises(ValueError):
        HourlyBudget(10, 11)


def test_what_an_account_holds_bounds_the_fee() -> None:
    assert (most_fee_of(100, 30), most_fee_of(100, 30, 50), most_fee_of(0, 30)) == (3, 1, 0)


def test_a_balance_that_lasts_less_than_three_days_is_low_and_less_than_one_critical() -> None:
    watch = BalanceWatch(reserve_wei=0)
    assert watch.told(1000, 0).runway_s is None
    seen = watch.told(800, DAY_S * SECOND_NS // 2)
    assert (seen.runway_s, seen.low, seen.critical) == (2 * DAY_S, True, False)
    filled = watch.told(10_000, DAY_S * SECOND_NS // 2)
    assert (filled.low, filled.critical) == (False, False)
    dry = BalanceWatch(reserve_wei=500).told(499, 0)
    assert (dry.low, dry.critical) == (True, True)


def test_nothing_is_said_of_how_long_it_lasts_before_an_hour_was_watched() -> None:
    watch = BalanceWatch(reserve_wei=0)
    watch.told(1000, 0)
    early = watch.told(900, 600 * SECOND_NS)  # a relay in the first minutes is no habit
    assert (early.runway_s, early.low) == (None, False)
    assert watch.told(900, 3600 * SECOND_NS).runway_s == 900 * 3600 / 100
