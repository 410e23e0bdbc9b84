"""Fast updates of the running reward epoch: counted by round, and held against what the weight lets expect."""

import random

import pytest

from chrono.flare.address import Address
from chrono.voting.budget_updates import FastUpdateBudget, Updates, UpdateTally
from tests.reference import budgets as slow

US, OTHER = Address(b"\x07" * 20), Address(b"\x08" * 20)


def budget(counted: Updates, rounds: int = 100, weight: int = 1000, total_weight: int = 10_000) -> FastUpdateBudget:
    return FastUpdateBudget(rounds=rounds, counted=counted, weight=weight, total_weight=total_weight)


def test_only_rounds_of_the_epoch_that_are_whole_count() -> None:
    tally = UpdateTally(2, 40, US)
    for round_id in (39, 40, 40, 41, 42):
        tally.count(round_id, US)
        tally.count(round_id, OTHER)
    assert tally.of(40) == Updates(0, 0, 0)
    assert tally.of(41) == Updates(1, 2, 4)
    assert tally.of(42) == Updates(2, 3, 6)
    assert tally.of(50) == Updates(10, 4, 8)


def test_the_tally_is_what_a_slow_count_of_the_events_gives() -> None:
    chance = random.Random(5)
    for _ in range(200):
        first = chance.randint(0, 20)
        events = [(chance.randint(0, 40), chance.choice((US, OTHER))) for _ in range(chance.randint(0, 60))]
        tally = UpdateTally(1, first, US)
        for round_id, signer in events:
            tally.count(round_id, signer)
        before = chance.randint(first, 41)
        made, by_all = slow.updates_of(events, US, first, before)
        assert tally.of(before) == Updates(before - first, made, by_all)


def test_an_epoch_that_goes_as_it_should_may_still_miss_a_fifth_of_ours() -> None:
    even = budget(Updates(10, 100, 1000))
    assert (even.by_all_at_end, even.expected, even.enough, even.needed) == (10_000, 100, 80, 800)
    assert (even.to_come, even.left) == (900, 200)
    assert even.duty.met


def test_each_update_that_is_missing_costs_one() -> None:
    lefts = [budget(Updates(10, made, 1000)).left for made in (100, 99, 90)]
    assert lefts == [200, 199, 190]


def test_who_makes_none_runs_out_when_a_fifth_of_the_epoch_is_over() -> None:
    assert budget(Updates(20, 0, 2000)).left == 0
    assert budget(Updates(20, 0, 2000)).most_left == 0
    assert budget(Updates(21, 0, 2100)).most_left == -10
    assert budget(Updates(21, 0, 2100)).left == 0


def test_the_whole_epoch_says_what_the_condition_says() -> None:
    chance = random.Random(2)
    for _ in range(500):
        total = chance.randint(1000, 65_535)
        weight = chance.randint(0, total)
        by_all = chance.randint(1, 5000)
        counted = Updates(60, chance.randint(0, by_all), by_all)
        whole = budget(counted, 60, weight, total)
        assert (whole.duty.spared or whole.most_left >= 0) == whole.duty.met
        assert (counted.made >= whole.enough or whole.duty.spared) == whole.duty.met


def test_what_is_left_is_what_trying_finds() -> None:
    chance = random.Random(3)
    for _ in range(500):
        total = chance.randint(1000, 65_535)
        weight = chance.randint(1, total // 3)
        rounds = chance.randint(1, 300)
        counted = chance.randint(1, rounds)
        by_all = chance.randint(0, counted * 20)
        made = chance.randint(0, by_all)
        found = budget(Updates(counted, made, by_all), rounds, weight, total).left
        assert found == slow.updates_left(weight, total, made, by_all, counted, rounds)


@pytest.mark.parametrize(("counted", "weight"), [(Updates(), 1000), (Updates(5, 0, 0), 1000), (Updates(5, 0, 500), 19)])
def test_where_nothing_is_asked_nothing_is_left(counted: Updates, weight: int) -> None:
    """Before a round is read, while nobody updates, and below 0.2 % of the weight."""
    assert budget(counted, weight=weight).left is None


def test_at_two_tenths_of_a_percent_updates_are_asked() -> None:
    assert budget(Updates(5, 1, 500), weight=20).is_asked
