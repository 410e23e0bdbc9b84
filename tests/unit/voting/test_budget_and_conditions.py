"""What a reward epoch still forgives, and how the minimal conditions stand by what is known."""

import random

import pytest
from msgspec.structs import replace

from chrono.flare.rewards.minimal_conditions import Condition, NodeStake, anchor_met
from chrono.flare.units import COIN_GWEI
from chrono.voting.budget import AnchorBudget, Hits, HitTally
from chrono.voting.budget_fdc import FdcBudget
from chrono.voting.budget_updates import FastUpdateBudget, Updates
from chrono.voting.conditions import Facts, PublishedConditions, State, conditions, cost_of

FACTS = Facts(network="flare", has_staking=True, has_fdc=True, weight=1000, total_weight=65_000, node_count=1)
BONDED = NodeStake(True, 4 * 10**6 * COIN_GWEI, 20 * 10**6 * COIN_GWEI)
GOOD = PublishedConditions(
    reward_epoch_id=390, passes_held=2, passes=3, strikes=0, eligible=True, anchor_met=True, hits=95, possible=100,
    fast_updates_met=True, updates=10, updates_expected=8, spared=False, staking_met=True, nodes=(BONDED,),
    fdc_met=True, fdc_rounds=90, fdc_rounds_possible=100,
)  # fmt: skip
ANCHOR, FAST, FDC, STAKING = range(4)


def budget(rounds: int = 3360, over: int = 0, feeds: int = 63, counted: Hits | None = None) -> AnchorBudget:
    return AnchorBudget(rounds=rounds, rounds_over=over, feeds=feeds, counted=counted or Hits())


def test_a_fresh_epoch_forgives_a_fifth() -> None:
    fresh = budget()
    assert (fresh.possible, fresh.needed) == (211_680, 169_344)
    assert fresh.left == 42_336
    assert fresh.rounds_left == 672


def test_the_last_allowed_miss_is_the_last() -> None:
    spent = budget(rounds=10, feeds=1, over=10, counted=Hits(10, 10, 8))
    assert (spent.left, spent.most_left) == (0, 0)
    over = budget(rounds=10, feeds=1, over=10, counted=Hits(10, 10, 7))
    assert (over.left, over.most_left) == (0, -1)


def test_the_budget_says_what_the_condition_says() -> None:
    chance = random.Random(1)
    for _ in range(500):
        rounds, feeds = chance.randint(1, 60), chance.randint(1, 9)
        hits = chance.randint(0, rounds * feeds)
        whole = budget(rounds, rounds, feeds, Hits(rounds, rounds * feeds, hits))
        assert (whole.most_left >= 0) == anchor_met(hits, rounds * feeds)


def test_rounds_that_nobody_counted_are_taken_as_missed() -> None:
    restarted = budget(rounds=100, feeds=1, over=15, counted=Hits(5, 5, 5))
    assert (restarted.uncounted, restarted.most_left, restarted.least_left, restarted.left) == (10, 20, 10, 10)
    late = budget(rounds=100, feeds=1, over=60, counted=Hits(5, 5, 5))
    assert late.left is None
    assert late.rounds_left is None


def test_a_round_counts_once_and_its_last_telling_holds() -> None:
    tally = HitTally()
    tally.count(7, 100, hits=1, values=3)
    tally.count(7, 100, hits=2, values=3)
    tally.count(7, 101, hits=3, values=3)
    tally.count(8, 102, hits=0, values=3)
    assert tally.of(7) == Hits(2, 6, 5)
    assert tally.of(7, before_round=101) == Hits(1, 3, 2)
    assert tally.of(9) == Hits()
    tally.count(9, 1, hits=0, values=0)
    tally.count(10, 1, hits=0, values=0)
    assert tally.of(7) == Hits()


def test_all_four_are_met_where_the_last_epoch_was_good() -> None:
    reports = conditions(replace(FACTS, last=GOOD))
    assert [each.condition for each in reports] == [
        Condition.ANCHOR_FEEDS,
        Condition.FAST_UPDATES,
        Condition.FDC,
        Condition.STAKING,
    ]
    assert {each.state for each in reports} == {State.MET}
    assert cost_of(reports, 3).told == "no condition is known to fail"


def test_nothing_published_and_nothing_counted_is_unknown() -> None:
    reports = conditions(FACTS)
    assert [each.state for each in reports] == [State.UNKNOWN, State.NOT_MET, State.UNKNOWN, State.UNKNOWN]
    assert cost_of(reports, None).unknown == (Condition.ANCHOR_FEEDS, Condition.FDC, Condition.STAKING)


def test_the_running_epoch_says_what_may_still_miss() -> None:
    running = replace(FACTS, last=GOOD, budget=budget(over=10, counted=Hits(10, 630, 600)))
    report = conditions(running)[ANCHOR]
    assert report.state is State.OPEN
    assert "95.23 % of 10 rounds hit" in report.figures
    assert "42306 values (671 whole rounds) may still miss" in report.figures
    lost = replace(FACTS, budget=budget(rounds=10, feeds=1, over=10, counted=Hits(10, 10, 7)))
    assert conditions(lost)[ANCHOR].state is State.NOT_MET
    gap = replace(FACTS, budget=budget(over=2000, counted=Hits(10, 630, 600)))
    assert "were not counted here" in conditions(gap)[ANCHOR].figures


@pytest.mark.parametrize(
    ("changed", "place", "words"),
    [
        ({"last": replace(GOOD, anchor_met=False, hits=79)}, ANCHOR, "chrono ftso rounds"),
        ({"last": replace(GOOD, updates=0)}, FAST, "fast-updates client"),
        ({"last": replace(GOOD, fast_updates_met=False)}, FAST, "fast-updates client"),
        ({"last": GOOD, "has_fdc": False}, FDC, "flare.fdc_url"),
        ({"last": replace(GOOD, fdc_met=False)}, FDC, "fdc-client"),
        ({"last": GOOD, "node_count": 0}, STAKING, "registerNodeId"),
        ({"last": replace(GOOD, staking_met=False, nodes=(NodeStake(True, 5, 5),))}, STAKING, "self-bond to 1M"),
        ({"last": replace(GOOD, staking_met=False)}, STAKING, "were down"),
    ],
)
def test_each_failure_has_its_remedy(changed: dict[str, object], place: int, words: str) -> None:
    reports = conditions(replace(FACTS, **changed))
    assert reports[place].state is State.NOT_MET
    assert words in reports[place].remedy
    assert [each.state for at, each in enumerate(reports) if at != place] == [State.MET] * 3


def test_a_stake_that_earns_no_pass_is_met_with_advice() -> None:
    poor = NodeStake(True, 2 * 10**6 * COIN_GWEI, 20 * 10**6 * COIN_GWEI)
    report = conditions(replace(FACTS, last=replace(GOOD, nodes=(poor,))))[STAKING]
    assert (report.state, report.remedy) == (State.MET, "a pass needs 3M of self-bond and 15M of stake")


def test_where_there_is_no_staking_there_is_no_duty() -> None:
    assert conditions(replace(FACTS, network="songbird", has_staking=False))[STAKING].state is State.MET


@pytest.mark.parametrize(("weight", "state"), [(129, State.MET), (130, State.NOT_MET)])
def test_the_lightest_are_spared_fast_updates(weight: int, state: State) -> None:
    """Below 0.2 % of 65,000, which is 130."""
    assert conditions(replace(FACTS, weight=weight))[FAST].state is state


@pytest.mark.parametrize(
    ("failing", "passes", "told"),
    [
        (1, 3, "1 condition fails: 2 of 3 passes are left, and the rewards are kept"),
        (2, 2, "2 conditions fail: 0 of 2 passes are left, and the rewards are kept"),
        (2, 1, "2 conditions fail, 1 passes are held: ALL rewards of the epoch burn"),
        (1, None, "1 condition fails: each costs one pass, and with fewer passes than failures all rewards"),
    ],
)
def test_what_failures_cost(failing: int, passes: int | None, told: str) -> None:
    bad = replace(GOOD, anchor_met=False) if failing == 2 else GOOD
    reports = conditions(replace(FACTS, last=bad, has_fdc=False))
    cost = cost_of(reports, passes)
    assert len(cost.failing) == failing
    assert cost.told.startswith(told)


def fast(made: int, by_all: int = 1000, rounds: int = 10) -> FastUpdateBudget:
    """Of 10 rounds out of 100; a hundred of a thousand are ours to make."""
    return FastUpdateBudget(rounds=100, counted=Updates(rounds, made, by_all), weight=1000, total_weight=10_000)


@pytest.mark.parametrize(
    ("made", "state", "advised"),
    [(100, State.OPEN, False), (80, State.OPEN, False), (79, State.OPEN, True), (0, State.NOT_MET, True)],
)
def test_the_running_epoch_says_how_the_fast_updates_stand(made: int, state: State, advised: bool) -> None:
    report = conditions(replace(FACTS, last=GOOD, updates=fast(made)))[FAST]
    assert (report.state, bool(report.remedy)) == (state, advised)
    assert f"{made} updates in 10 rounds, 100 expected" in report.figures


def test_fast_updates_that_can_no_longer_be_enough_are_not_met() -> None:
    late = fast(10, by_all=5000, rounds=50)
    assert late.most_left < 0
    assert conditions(replace(FACTS, last=GOOD, updates=late))[FAST].state is State.NOT_MET


def test_while_nobody_updates_the_last_publication_speaks() -> None:
    report = conditions(replace(FACTS, last=GOOD, updates=fast(0, by_all=0)))[FAST]
    assert (report.state, "reward epoch 390" in report.figures) == (State.MET, True)


def fdc(rewarded: int, rewarding: int = 10) -> FdcBudget:
    return FdcBudget(rounds=100, rounds_over=10, counted=Hits(10, rewarding, rewarded))


@pytest.mark.parametrize(
    ("counted", "has_fdc", "state", "advised"),
    [
        (fdc(10), True, State.OPEN, False),
        (fdc(10), False, State.OPEN, False),
        (fdc(5), True, State.OPEN, True),
        (fdc(0), True, State.OPEN, True),
        (fdc(0), False, State.NOT_MET, True),
        (FdcBudget(rounds=100, rounds_over=50, counted=Hits(50, 50, 9)), True, State.NOT_MET, True),
        (fdc(0, 0), True, State.MET, False),
    ],
)
def test_the_running_epoch_says_how_the_fdc_stands(
    counted: FdcBudget, has_fdc: bool, state: State, advised: bool
) -> None:
    """Where no fdc-client is set and yet we are rewarded, another program sends what is needed."""
    report = conditions(replace(FACTS, last=GOOD, fdc=counted, has_fdc=has_fdc))[FDC]
    assert (report.state, bool(report.remedy)) == (state, advised)
