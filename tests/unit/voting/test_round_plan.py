"""The moments of a round: inside the protocol's windows, at every length of an epoch."""

import pytest

from chrono.clock import SECOND_NS
from chrono.flare.epochs import Timing, VotingRound
from chrono.voting.margins import Margins
from chrono.voting.plan import RoundPlan
from tests.fakes.voting_rounds import PLAN, ROUND, at

MOMENTS = {
    "values_at_ns": 75,
    "commit_join_by_ns": 76.5,
    "commit_stop_ns": 84,
    "commit_deadline_ns": 90,
    "reveal_from_ns": 93,
    "bit_votes_at_ns": 105,
    "reveal_join_by_ns": 106.5,
    "reveal_deadline_ns": 135,
    "sign_from_ns": 135,
    "sign_join_by_ns": 140,
    "sign_by_ns": 150,
    "sign_over_ns": 180,
    "over_ns": 180,
}


@pytest.mark.parametrize(("moment", "after_s"), MOMENTS.items())
def test_a_round_of_ninety_seconds_has_these_moments(moment: str, after_s: float) -> None:
    assert getattr(PLAN, moment) == at(after_s)


def test_the_plan_has_the_windows_of_the_protocol() -> None:
    assert PLAN.commit_deadline_ns == ROUND.commit_window.end_ns
    assert PLAN.reveal_deadline_ns == ROUND.reveal_window.end_ns
    assert PLAN.sign_by_ns == ROUND.signature_grace.end_ns
    assert PLAN.sign_over_ns == ROUND.signature_window.end_ns
    assert PLAN.finalise_selected == ROUND.finalisation_grace
    assert ROUND.open_finalisation.start_ns < PLAN.finalise_anyone_ns < ROUND.open_finalisation.end_ns


def test_the_margins_of_the_usual_calendar_are_those_written_down() -> None:
    assert Margins.of(ROUND.timing) == Margins()


@pytest.mark.parametrize(("epoch_s", "reveal_s"), [(90, 45), (10, 5), (20, 8), (6, 3), (180, 90), (90, 30), (5, 2)])
def test_at_every_length_the_moments_keep_their_order_and_their_windows(epoch_s: int, reveal_s: int) -> None:
    timing = Timing(1000, 240, epoch_s, reveal_s)
    voting_round = VotingRound(77, timing)
    plan = RoundPlan.of(voting_round)
    order = [getattr(plan, moment) for moment in MOMENTS]
    assert order == sorted(order)
    assert plan.values_at_ns in voting_round.commit_window
    assert plan.commit_stop_ns in voting_round.commit_window
    assert plan.reveal_from_ns in voting_round.reveal_window
    assert plan.reveal_join_by_ns in voting_round.reveal_window
    assert plan.sign_by_ns in voting_round.signature_window
    assert plan.finalise_selected.end_ns < plan.finalise_anyone_ns < plan.over_ns
    assert plan.margins.poll_ns < plan.commit_stop_ns - plan.values_at_ns
    assert list(plan.moments) == sorted(plan.moments)


@pytest.mark.parametrize(
    ("epoch_s", "values_s", "stop_s"), [(5, 3, 4), (10, 6, 8), (20, 16, 18), (45, 37.5, 42), (90, 75, 84)]
)
def test_a_commit_has_time_for_a_few_blocks_also_where_epochs_are_short(
    epoch_s: int, values_s: float, stop_s: float
) -> None:
    margins = Margins.of(Timing(1000, 240, epoch_s, epoch_s // 2))
    assert (margins.values_after_ns, margins.commit_stop_after_ns) == (values_s * SECOND_NS, stop_s * SECOND_NS)


def test_margins_can_be_given() -> None:
    plan = RoundPlan.of(ROUND, Margins(values_after_ns=70 * SECOND_NS))
    assert plan.values_at_ns == at(70)
    assert plan.commit_stop_ns == at(84)
