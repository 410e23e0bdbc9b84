"""Rounds by the calendar of fsp.md section 1, exact at the edges."""

import pytest

from chrono.flare.epochs import FIRST_ROUND_START_S, Timing, VotingRound

S = 1_000_000_000


@pytest.mark.parametrize("network", sorted(FIRST_ROUND_START_S))
def test_a_round_holds_its_first_nanosecond_and_not_its_last(network: str) -> None:
    timing = Timing.of(network)
    start = timing.first_start_s * S
    assert timing.round_at(start).id == 0
    assert timing.round_at(start + 90 * S - 1).id == 0
    assert timing.round_at(start + 90 * S).id == 1
    assert timing.round_at(start - 1).id == -1


def test_a_round_commits_in_its_epoch_and_reveals_in_the_first_45_s_of_the_next() -> None:
    voting_round = Timing.of("flare").round_at(1_760_000_000 * S)
    commit, reveal = voting_round.commit_window, voting_round.reveal_window
    assert 1_760_000_000 * S in commit
    assert commit.end_ns - commit.start_ns == 90 * S
    assert reveal.start_ns == commit.end_ns
    assert reveal.end_ns - 1 in reveal
    assert reveal.end_ns not in reveal
    assert reveal.end_ns - reveal.start_ns == 45 * S


def test_rounds_tile_time() -> None:
    timing = Timing.of("coston2")
    for number in range(100, 110):
        this, following = VotingRound(number, timing), VotingRound(number + 1, timing)
        assert this.commit_window.end_ns == following.commit_window.start_ns


def test_reward_epochs_follow_the_calendar() -> None:
    assert VotingRound(3359, Timing.of("flare")).expected_reward_epoch == 0
    assert VotingRound(3360, Timing.of("flare")).expected_reward_epoch == 1
    assert VotingRound(240, Timing.of("coston")).expected_reward_epoch == 1
