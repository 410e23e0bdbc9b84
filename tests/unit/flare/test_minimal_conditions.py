"""Minimal conditions and passes at their thresholds."""

import pytest

from chrono.flare.rewards.minimal_conditions import (
    Condition,
    FastUpdateDuty,
    NodeStake,
    StakingDuty,
    anchor_met,
    failures,
    fdc_met,
    hits_median,
    standing,
)

MILLION_FLR = 10**6 * 10**9


@pytest.mark.parametrize(("value", "hit"), [(1005, True), (1006, False), (995, True), (994, False), (None, False)])
def test_a_value_hits_up_to_half_a_percent_from_the_median(value: int | None, hit: bool) -> None:
    assert hits_median(value, 1000) == hit


def test_nothing_hits_a_negative_median_of_two_hundred_and_more() -> None:
    assert hits_median(-199, -199)
    assert not hits_median(-200, -200)


@pytest.mark.parametrize(("hits", "met"), [(79, False), (80, True)])
def test_four_of_five_values_must_hit(hits: int, met: bool) -> None:
    assert anchor_met(hits, 100) == met


@pytest.mark.parametrize(("rewarded", "met"), [(59, False), (60, True)])
def test_three_of_five_rounds_must_be_rewarded_by_fdc(rewarded: int, met: bool) -> None:
    assert fdc_met(rewarded, 100) == met


def test_fdc_asks_nothing_when_it_rewarded_nobody() -> None:
    assert fdc_met(0, 0)


@pytest.mark.parametrize(("updates", "met"), [(79, False), (80, True)])
def test_four_fifths_of_the_updates_that_the_weight_lets_expect_must_come(updates: int, met: bool) -> None:
    duty = FastUpdateDuty(1000, 10_000, updates, 1000)
    assert (duty.expected, duty.spared, duty.met) == (80, False, met)


@pytest.mark.parametrize(("weight", "spared"), [(19, True), (20, False)])
def test_voters_below_a_fifth_of_a_percent_are_spared(weight: int, spared: bool) -> None:
    duty = FastUpdateDuty(weight, 10_000, 0, 10**6)
    assert (duty.spared, duty.met) == (spared, spared)


@pytest.mark.parametrize(
    ("nodes", "met", "obstructs"),
    [
        ([NodeStake(True, 3 * MILLION_FLR, 15 * MILLION_FLR)], True, False),
        ([NodeStake(True, 3 * MILLION_FLR - 1, 15 * MILLION_FLR)], True, True),
        ([NodeStake(True, 3 * MILLION_FLR, 15 * MILLION_FLR - 1)], True, True),
        ([NodeStake(True, MILLION_FLR, 2 * MILLION_FLR)], True, True),
        ([NodeStake(True, MILLION_FLR - 1, 2 * MILLION_FLR)], False, True),
        ([NodeStake(True, MILLION_FLR, 80), NodeStake(False, 0, 20)], True, True),
        ([NodeStake(True, MILLION_FLR, 79), NodeStake(False, 0, 21)], False, True),
        ([], False, True),
    ],
)
def test_stake_must_be_up_and_the_voters_own(nodes: list[NodeStake], met: bool, obstructs: bool) -> None:
    duty = StakingDuty(tuple(nodes))
    assert (duty.met, duty.obstructs_pass) == (met, obstructs)


def test_failures_are_named_in_the_networks_order() -> None:
    assert failures(anchor=True, fast_updates=True, staking=True, fdc=True) == []
    assert failures(anchor=False, fast_updates=False, staking=False, fdc=False) == list(Condition)


@pytest.mark.parametrize(
    ("held", "strikes", "obstructed", "eligible", "passes"),
    [
        (0, 0, False, True, 1),
        (3, 0, False, True, 3),
        (1, 0, True, True, 1),
        (0, 1, False, False, 0),
        (1, 1, False, True, 0),
        (1, 2, False, False, 0),
        (3, 2, False, True, 1),
        (3, 4, True, False, 0),
    ],
)
def test_a_pass_forgives_one_failure_and_a_clean_epoch_earns_one(
    held: int, strikes: int, obstructed: bool, eligible: bool, passes: int
) -> None:
    found = standing(held, list(Condition)[:strikes], obstructed=obstructed)
    assert (found.eligible, found.passes, found.strikes) == (eligible, passes, strikes)
    assert found.pass_earned == (not strikes and not obstructed)
