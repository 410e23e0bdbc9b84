"""What the running reward epoch still forgives, condition by condition, and why where it is not known."""

import pytest

from chrono.clock import SECOND_NS, ManualClock
from chrono.errors import (
    CONTRACT_MISSING,
    COUNT_INCOMPLETE,
    EPOCH_UNKNOWN,
    NOT_A_VOTER,
    NOTHING_ASKED,
    ROUNDS_UNCOUNTED,
)
from chrono.flare.address import Address
from chrono.flare.epochs import VotingEpoch
from chrono.flare.frames import FDC
from chrono.provider.budgets import Budgets
from chrono.provider.watching import Standing, count_standing
from chrono.telemetry import BUDGET_LEFT, FAST_UPDATE_BLOCKS, PASSES
from chrono.voting.budget import HitTally
from chrono.voting.budget_updates import Updates, UpdatesSeen
from chrono.voting.epochs import EpochBook
from chrono.voting.provider_report import Budget, CountedFdc, CountedUpdates
from tests.fakes.epoch_story import TIMING, Member, Story

ANN, BEN, US = Member("ann", 300), Member("ben", 200), Member("us", 120)
FIGURES = {"anchor_misses_left", "fast_updates_left", "fdc_rounds_left"}
FIRST = 40
"""The first round of reward epoch 2, which has twenty and two feeds."""


class House:
    def __init__(self, *members: Member) -> None:
        self.story = Story().started(1, 20).turn(2, members or (ANN, US, BEN))
        self.book = EpochBook(self.story.network)
        self.book.tell(self.story.told)
        self.clock = ManualClock()
        self.tally = HitTally()
        self.seen = UpdatesSeen(reason=COUNT_INCOMPLETE)
        self.at(FIRST)

    def at(self, round_id: int) -> "House":
        self.clock.set(VotingEpoch(round_id, TIMING).start_s * SECOND_NS)
        return self

    def told(self, identity: Address = US.identity) -> Budget:
        return Budgets(
            identity=identity,
            book=self.book,
            timing=TIMING,
            clock=self.clock,
            tally=self.tally,
            updates=lambda: self.seen,
        ).told()

    def counted(self, rounds: int, made: int, by_all: int) -> "House":
        self.seen = UpdatesSeen(reward_epoch_id=2, counted=Updates(rounds, made, by_all))
        return self


def test_in_the_first_round_only_the_anchor_condition_is_known() -> None:
    told = House().told()
    assert (told.anchor_misses_left, told.fast_updates_left, told.fdc_rounds_left) == (8, None, None)
    assert (told.fast_updates, told.fdc) == (None, None)
    assert told.unknown == {"fast_updates_left": COUNT_INCOMPLETE, "fdc_rounds_left": COUNT_INCOMPLETE}


def test_fast_updates_are_held_against_our_share_of_the_weight() -> None:
    """We have 120 of 620: of 310 updates in five of twenty rounds, 60 are ours to make, and 240 of the whole epoch."""
    told = House().counted(5, 60, 310).told()
    assert told.fast_updates == CountedUpdates(
        rounds=5, rounds_in_epoch=20, made=60, by_all=310, expected=60, enough=48, is_spared=False
    )
    assert told.fast_updates_left == 48
    assert "fast_updates_left" not in told.unknown


def test_updates_of_another_reward_epoch_are_not_ours_to_tell() -> None:
    house = House().counted(5, 60, 310)
    house.seen = UpdatesSeen(reward_epoch_id=1, counted=Updates(5, 60, 310))
    assert house.told().unknown["fast_updates_left"] is COUNT_INCOMPLETE
    house.seen = UpdatesSeen(reason=CONTRACT_MISSING)
    assert house.told().unknown["fast_updates_left"] is CONTRACT_MISSING


@pytest.mark.parametrize("updates", [(3, 0, 0), (3, 0, 500)])
def test_where_no_fast_updates_are_asked_that_is_said(updates: tuple[int, int, int]) -> None:
    """Nobody made any; or we are too light for them."""
    heavy, light = Member("ann", 65_000), Member("us", 100)
    told = House(heavy, light).counted(*updates).told()
    assert told.fast_updates_left is None
    assert told.unknown["fast_updates_left"] is NOTHING_ASKED
    assert told.fast_updates is not None
    assert told.fast_updates.is_spared


def test_rounds_of_the_fdc_count_when_they_are_over() -> None:
    house = House()
    for round_id in (40, 41, 42, 43):
        house.tally.count(2, round_id, hits=int(round_id != 41), values=1, protocol_id=FDC)
    told = house.at(44).told()
    assert told.fdc == CountedFdc(rounds=3, rounds_over=3, rounds_in_epoch=20, rewarding=3, rewarded=2)
    assert told.fdc_rounds_left == 7
    assert house.at(45).told().fdc_rounds_left == 7


def test_rounds_that_nobody_counted_cost_as_if_they_were_missed() -> None:
    house = House()
    house.tally.count(2, 47, hits=1, values=1, protocol_id=FDC)
    told = house.at(49).told()
    assert told.fdc is not None
    assert (told.fdc.rounds, told.fdc.rounds_over, told.fdc_rounds_left) == (1, 8, 1)
    later = house.at(50).told()
    assert later.fdc_rounds_left is None
    assert later.unknown["fdc_rounds_left"] is ROUNDS_UNCOUNTED
    assert house.at(51).told().unknown["anchor_misses_left"] is ROUNDS_UNCOUNTED


def test_while_the_fdc_rewards_nobody_nothing_is_asked() -> None:
    house = House()
    house.tally.count(2, 40, hits=0, values=0, protocol_id=FDC)
    told = house.at(43).told()
    assert told.fdc_rounds_left is None
    assert told.unknown["fdc_rounds_left"] is NOTHING_ASKED


def test_who_does_not_vote_and_who_knows_no_epoch_is_told_so() -> None:
    house = House()
    assert house.told(Member("x").identity).unknown == dict.fromkeys(FIGURES, NOT_A_VOTER)
    house.book = EpochBook(house.story.network)
    assert house.told().unknown == dict.fromkeys(FIGURES, EPOCH_UNKNOWN)
    assert house.told().anchor_misses_left is None


def test_every_figure_that_is_not_known_has_its_reason() -> None:
    house = House()
    for now in range(40, 60):
        for counted in ((0, 0, 0), (now - 40, now, 3 * now)):
            told = house.at(now).counted(*counted).told()
            unknown = {name for name in FIGURES if getattr(told, name) is None}
            assert set(told.unknown) == unknown


def test_metrics_have_what_is_known_and_no_number_for_the_rest() -> None:
    def measured() -> list[float]:
        gauges = [BUDGET_LEFT.labels(each) for each in ("anchor", "fast_updates", "fdc")]
        return [each._value.get() for each in (*gauges, PASSES, FAST_UPDATE_BLOCKS)]

    budget = Budget(anchor_misses_left=7, fast_updates_left=0, fdc_rounds_left=9)
    count_standing(Standing(passes=2, budget=budget, blocks_since_update=55))
    assert measured() == [7, 0, 9, 2, 55]
    count_standing(Standing())
    assert [str(each) for each in measured()] == ["nan"] * 5
