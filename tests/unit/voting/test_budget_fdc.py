"""Rounds that the FDC may leave us without reward, at the edges of its condition."""

import random

from chrono.flare.frames import FDC
from chrono.flare.rewards.minimal_conditions import fdc_met
from chrono.voting.budget import Hits, HitTally
from chrono.voting.budget_fdc import FdcBudget
from tests.reference import budgets as slow


def budget(counted: Hits, over: int | None = None, rounds: int = 100) -> FdcBudget:
    return FdcBudget(rounds=rounds, rounds_over=counted.rounds if over is None else over, counted=counted)


def test_two_of_five_rounds_may_go_unrewarded() -> None:
    assert budget(Hits(1, 1, 1)).left == 40
    assert budget(Hits(10, 10, 7)).left == 37
    assert (budget(Hits(41, 41, 1)).most_left, budget(Hits(41, 41, 1)).left) == (0, 0)
    assert (budget(Hits(41, 41, 0)).most_left, budget(Hits(41, 41, 0)).left) == (-1, 0)


def test_rounds_in_which_nobody_is_rewarded_make_the_epoch_smaller() -> None:
    """Half of the rounds reward anyone: fifty are to be expected, of which twenty may be missed."""
    half = budget(Hits(10, 5, 5))
    assert (half.rewarding_at_end, half.needed, half.left) == (50, 30, 20)


def test_of_rounds_that_nobody_counted_none_is_taken_to_have_rewarded_us() -> None:
    late = budget(Hits(10, 10, 10), over=30)
    assert (late.uncounted, late.most_left, late.least_left, late.left) == (20, 40, 20, 20)
    assert budget(Hits(10, 10, 10), over=49).left == 1
    assert budget(Hits(10, 10, 10), over=50).left is None
    assert budget(Hits(45, 45, 4), over=60).left == 0


def test_before_a_round_rewards_anyone_nothing_is_asked() -> None:
    assert budget(Hits()).left is None
    assert not budget(Hits(7, 0, 0)).is_asked
    assert budget(Hits(7, 0, 0)).left is None


def test_a_whole_epoch_says_what_the_condition_says() -> None:
    chance = random.Random(9)
    for _ in range(500):
        rounds = chance.randint(1, 80)
        rewarding = chance.randint(1, rounds)
        whole = budget(Hits(rounds, rewarding, chance.randint(0, rewarding)), rounds=rounds)
        assert (whole.most_left >= 0) == fdc_met(whole.counted.hits, rewarding) == whole.met_so_far


def test_what_is_left_is_what_trying_finds() -> None:
    chance = random.Random(4)
    for _ in range(1000):
        rounds = chance.randint(1, 120)
        over = chance.randint(1, rounds)
        counted = chance.randint(1, over)
        rewarding = chance.randint(0, counted)
        rewarded = chance.randint(0, rewarding)
        found = budget(Hits(counted, rewarding, rewarded), over, rounds).left
        assert found == slow.fdc_left(rewarded, rewarding, counted, over, rounds)


def test_the_rounds_of_two_protocols_are_counted_apart() -> None:
    tally = HitTally()
    tally.count(7, 100, hits=60, values=63)
    tally.count(7, 100, hits=1, values=1, protocol_id=FDC)
    tally.count(7, 101, hits=0, values=1, protocol_id=FDC)
    assert tally.of(7) == Hits(1, 63, 60)
    assert tally.of(7, protocol_id=FDC) == Hits(2, 2, 1)
    assert tally.of(7, 101, FDC) == Hits(1, 1, 1)
    assert tally.holds(7, 101, FDC)
    assert not tally.holds(7, 101)
    assert not tally.holds(8, 101, FDC)
