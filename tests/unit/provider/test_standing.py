"""What is told of our entity beside its rounds: registered, passes, and what the epoch still forgives."""

import pytest
from msgspec.structs import replace

from chrono.clock import SECOND_NS, ManualClock
from chrono.errors import (
    EPOCH_DUTY_REFUSED,
    NODE_SILENT,
    NOT_REGISTERED,
    POLICY_KEY_ABSENT,
    REWARD_DATA_ABSENT,
    ChronoError,
    Reason,
)
from chrono.flare.address import Address
from chrono.flare.epochs import VotingEpoch, VotingRound
from chrono.flare.median import Median
from chrono.provider.standing import EntityStanding, count_round, hindered
from chrono.published.epoch import PublishedEpoch
from chrono.voting.budget import Hits, HitTally
from chrono.voting.conditions import PublishedConditions
from chrono.voting.epoch_words import DutyKind, DutyReport, DutyState, EpochDuty
from chrono.voting.epochs import EpochBook
from chrono.voting.provider_report import Registered
from chrono.voting.reports import FeedOutcome, RoundPhase, RoundReport
from tests.fakes.epoch_story import BTC, ETH, TIMING, Member, Story

ANN, BEN, US = Member("ann", 300), Member("ben", 200), Member("us", 120)
VOTERS = (ANN, US, BEN)
ENTRY = PublishedConditions(
    reward_epoch_id=0, passes_held=1, passes=2, strikes=0, eligible=True, anchor_met=True, hits=9, possible=10
)


class Publications:
    """Published conditions by reward epoch; what is not in it is absent."""

    def __init__(self, *epochs: int, foreign: tuple[int, ...] = ()) -> None:
        self.epochs, self.foreign = epochs, foreign
        self.asked: list[int] = []
        self.fault: ChronoError | None = None

    async def fetch(self, reward_epoch_id: int) -> PublishedEpoch:
        raise AssertionError("rewards are not fetched here")

    async def conditions(self, reward_epoch_id: int, identity: Address) -> PublishedConditions | None:
        assert identity == US.identity
        self.asked.append(reward_epoch_id)
        if self.fault is not None:
            raise self.fault
        if reward_epoch_id in self.foreign:
            return None
        if reward_epoch_id not in self.epochs:
            raise ChronoError(REWARD_DATA_ABSENT)
        return replace(ENTRY, reward_epoch_id=reward_epoch_id, passes=reward_epoch_id % 4)


class House:
    """Reward epoch 2 runs; we vote in it. The clock stands at a round of it."""

    def __init__(self, *publications: Publications) -> None:
        self.story = Story().started(1, 20).turn(2, VOTERS)
        self.book = EpochBook(self.story.network)
        self.clock = ManualClock()
        self.tally = HitTally()
        self.standing = EntityStanding(
            identity=US.identity,
            book=self.book,
            timing=TIMING,
            clock=self.clock,
            source=publications[0] if publications else None,
            tally=self.tally,
        )
        self.at(40)

    def at(self, round_id: int) -> "House":
        self.clock.set(VotingEpoch(round_id, TIMING).start_s * SECOND_NS)
        self.book.tell(self.story.told)
        return self


def test_registration_is_told_as_the_chain_decides_it() -> None:
    house = House()
    assert house.standing().registered == Registered(current=True, next=None)
    house.story.at_round(55).random(3).selected(3, [ANN])
    assert house.at(56).standing().registered == Registered(current=True, next=False)
    house.story.registered(3, US)
    assert house.at(57).standing().registered == Registered(current=True, next=True)


def test_before_a_policy_is_known_nothing_is_told() -> None:
    house = House()
    house.book = EpochBook(house.story.network)
    empty = EntityStanding(identity=US.identity, book=house.book, timing=TIMING, clock=house.clock)
    assert empty().registered == Registered()
    assert empty.budget() is None


def test_who_does_not_vote_has_no_budget() -> None:
    house = House()
    other = EntityStanding(identity=Member("x").identity, book=house.book, timing=TIMING, clock=house.clock)
    assert other().registered.current is False
    assert other().budget.anchor_misses_left is None


def test_the_budget_counts_rounds_whose_result_may_be_known() -> None:
    house = House()
    fresh = house.standing.budget()
    assert fresh is not None
    assert (fresh.rounds, fresh.feeds, fresh.rounds_over, fresh.left) == (20, 2, 0, 8)
    for round_id in (40, 41, 42):
        house.tally.count(2, round_id, hits=1, values=2)
    later = house.at(44).standing.budget()
    assert later is not None
    assert (later.rounds_over, later.counted, later.uncounted, later.left) == (3, Hits(3, 6, 3), 0, 5)
    assert house.standing().budget.anchor_misses_left == 5


def test_a_late_policy_makes_the_epoch_longer() -> None:
    house = House()
    expected = house.at(58).standing.budget()
    late = house.at(65).standing.budget()
    assert expected is not None
    assert late is not None
    assert (expected.rounds, late.rounds) == (20, 26)
    house.story.turn(3, VOTERS, late_rounds=7)
    told = house.at(66).standing.budget()
    assert told is not None
    assert told.rounds == house.story.starts[3] - 40


async def test_passes_are_those_of_the_newest_publication_in_which_we_voted() -> None:
    publications = Publications(0, foreign=(1,))
    house = House(publications)
    assert house.standing().passes is None
    await house.standing.look()
    assert publications.asked == [1, 0]
    assert house.standing().passes == 0
    publications.epochs, publications.foreign = (0, 1), ()
    await house.standing.look()
    assert house.standing().passes == 1
    await house.standing.look()
    assert publications.asked == [1, 0, 1]


async def test_what_breaks_beside_the_publications_is_no_absence() -> None:
    publications = Publications()
    publications.fault = ChronoError(NODE_SILENT)
    with pytest.raises(ChronoError):
        await House(publications).standing.look()


async def test_without_a_source_nothing_is_looked_for() -> None:
    house = House()
    await house.standing.look()
    assert house.standing.published is None


def report(phase: RoundPhase, ours: int | None = 1000) -> RoundReport:
    median = Median(1000, 990, 1010, 5)
    feeds = tuple(FeedOutcome(feed=feed, ours=ours, median=median, turnout_bips=10_000) for feed in (BTC, ETH))
    return RoundReport(network="local", round=VotingRound(40, TIMING), phase=phase, reward_epoch_id=2, feeds=feeds)


def test_only_rounds_that_are_over_are_counted() -> None:
    tally = HitTally()
    for phase in RoundPhase:
        before = tally.of(2)
        count_round(tally, report(phase))
        over = phase in (RoundPhase.FINALISED, RoundPhase.OVER)
        assert tally.of(2) == (Hits(1, 2, 2) if over else before)
    count_round(tally, report(RoundPhase.OVER, ours=None))
    assert tally.of(2) == Hits(1, 2, 0)
    count_round(tally, replace(report(RoundPhase.OVER), feeds=()))
    assert tally.of(2) == Hits(1, 2, 0)


def duty(state: DutyState, reason: Reason | None, **facts: str) -> DutyReport:
    return DutyReport(
        duty=EpochDuty(3, DutyKind.REGISTER), state=state, reason=reason, facts=facts, next_ns=77 * SECOND_NS
    )


def test_a_refused_duty_is_told_in_the_words_of_the_contract_with_its_remedy() -> None:
    refused = duty(DutyState.WAITING, EPOCH_DUTY_REFUSED, said="vote power too low", remedy="more stake")
    house = House()
    standing = EntityStanding(
        identity=US.identity, book=house.book, timing=TIMING, clock=house.clock, duties=lambda: (refused,)
    )
    told = standing().duty
    assert told is not None
    assert told.what == "the duty `register` of reward epoch 3"
    assert told.until_ns == 77 * SECOND_NS
    assert told.reason is not None
    assert told.reason.code == EPOCH_DUTY_REFUSED.code
    assert told.reason.message.endswith(": vote power too low")
    assert told.reason.remedy == "more stake"


@pytest.mark.parametrize(
    ("state", "reason", "is_told"),
    [
        (DutyState.WAITING, POLICY_KEY_ABSENT, True),
        (DutyState.AT_WORK, EPOCH_DUTY_REFUSED, True),
        (DutyState.MISSED, NOT_REGISTERED, True),
        (DutyState.MISSED, EPOCH_DUTY_REFUSED, False),
        (DutyState.WAITING, REWARD_DATA_ABSENT, False),
        (DutyState.WAITING, None, False),
        (DutyState.DONE, EPOCH_DUTY_REFUSED, False),
        (DutyState.MOOT, EPOCH_DUTY_REFUSED, False),
    ],
)
def test_only_what_stands_in_the_way_of_a_duty_is_told(state: DutyState, reason: Reason | None, is_told: bool) -> None:
    assert (hindered([duty(state, reason)]) is not None) == is_told


def test_a_missed_registration_is_told_until_the_next_one_opens() -> None:
    missed = duty(DutyState.MISSED, NOT_REGISTERED)
    following = replace(duty(DutyState.DONE, None), duty=EpochDuty(4, DutyKind.REGISTER))
    assert hindered([missed]) is not None
    assert hindered([missed, following]) is None
