"""Every window of a round at its edges, on all four networks and on a chain of one's own."""

import pytest

from chrono.clock import SECOND_NS
from chrono.flare.epochs import PolicyStart, RewardEpoch, Timing, VotingRound, reward_epoch_of
from chrono.flare.networks import NETWORKS

ROUND = 1_234_567
EDGES = [
    ("commit_window", 0, 90 * SECOND_NS),
    ("reveal_window", 90 * SECOND_NS, 135 * SECOND_NS),
    ("signature_window", 135 * SECOND_NS, 180 * SECOND_NS),
    ("signature_grace", 135 * SECOND_NS, 150 * SECOND_NS),
    ("finalisation_grace", 135 * SECOND_NS, 155 * SECOND_NS + 1),
    ("open_finalisation", 155 * SECOND_NS + 1, 180 * SECOND_NS),
]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
@pytest.mark.parametrize(("window", "first_ns", "end_ns"), EDGES)
def test_a_window_holds_its_first_nanosecond_and_its_last_and_none_beside(
    network, window: str, first_ns: int, end_ns: int
) -> None:
    voting_round = VotingRound(ROUND, network.timing)
    start_ns = (network.timing.first_start_s + 90 * ROUND) * SECOND_NS
    span = getattr(voting_round, window)
    assert start_ns + first_ns - 1 not in span
    assert start_ns + first_ns in span
    assert start_ns + end_ns - 1 in span
    assert start_ns + end_ns not in span


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_the_last_block_that_may_reveal_is_44_s_into_the_next_epoch_and_a_block_at_45_s_is_late(network) -> None:
    voting_round = VotingRound(ROUND, network.timing)
    following_ns = VotingRound(ROUND + 1, network.timing).commit_window.start_ns
    assert following_ns + 44 * SECOND_NS in voting_round.reveal_window
    assert following_ns + 45 * SECOND_NS - 1 in voting_round.reveal_window
    assert following_ns + 45 * SECOND_NS not in voting_round.reveal_window


def test_the_selected_finalise_for_20_s_with_both_ends_as_the_code_and_not_for_10_s_as_the_specification_has_it() -> (
    None
):
    following_ns = VotingRound(ROUND + 1, NETWORKS[0].timing).commit_window.start_ns
    grace = VotingRound(ROUND, NETWORKS[0].timing).finalisation_grace
    assert [s for s in range(90) if following_ns + s * SECOND_NS in grace] == list(range(45, 66))


@pytest.mark.parametrize(
    ("signed_s", "finalised_s", "counts"),
    [
        (44, None, False),
        (45, None, True),
        (59, 46, True),
        (60, None, False),
        (60, 59, False),
        (60, 60, True),
        (75, 74, False),
        (75, 75, True),
        (89, 200, True),
        (90, 200, False),
    ],
)
def test_a_late_signature_is_rewarded_up_to_the_block_that_finalised(
    signed_s: int, finalised_s: int | None, counts: bool
) -> None:
    voting_round = VotingRound(ROUND, NETWORKS[1].timing)
    following_ns = VotingRound(ROUND + 1, NETWORKS[1].timing).commit_window.start_ns
    finalised_ns = None if finalised_s is None else following_ns + finalised_s * SECOND_NS
    assert voting_round.rewards_signature(following_ns + signed_s * SECOND_NS, finalised_ns) is counts


def test_where_epochs_are_short_a_signature_is_not_rewarded_beyond_them_though_the_grace_would_reach_further() -> None:
    voting_round = VotingRound(7, Timing(0, 5, epoch_s=20, reveal_s=10))
    end_ns = voting_round.signature_window.end_ns
    assert end_ns in voting_round.signature_grace
    assert voting_round.rewards_signature(end_ns - 1, None)
    assert not voting_round.rewards_signature(end_ns, end_ns)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_a_reward_epoch_holds_its_first_nanosecond_and_its_last_and_they_tile_time(network) -> None:
    timing = network.timing
    span = RewardEpoch(400, timing).expected_span
    length_s = {"flare": 302_400, "songbird": 302_400, "coston": 21_600, "coston2": 21_600}[network.name]
    assert span.start_ns == (timing.first_start_s + 400 * length_s) * SECOND_NS
    assert timing.reward_epoch_at(span.start_ns - 1).id == 399
    assert timing.reward_epoch_at(span.start_ns).id == 400
    assert timing.reward_epoch_at(span.end_ns - 1).id == 400
    assert timing.reward_epoch_at(span.end_ns) == RewardEpoch(401, timing)


@pytest.mark.parametrize(
    ("initialised_in", "starts_with"),
    [(0, 3360), (3355, 3360), (3356, 3360), (3357, 3361), (4000, 4004)],
)
def test_a_reward_epoch_starts_late_when_its_policy_is_initialised_late(initialised_in: int, starts_with: int) -> None:
    assert RewardEpoch(1, Timing.of("flare")).start_round(initialised_in) == starts_with


def test_a_round_belongs_to_the_newest_policy_that_has_started_not_to_the_one_that_the_calendar_expects() -> None:
    starts = [PolicyStart(2, 7000), PolicyStart(1, 3360)]
    assert VotingRound(6720, Timing.of("flare")).expected_reward_epoch == 2
    assert [reward_epoch_of(number, starts) for number in (3359, 3360, 6720, 6999, 7000)] == [None, 1, 1, 1, 2]


def test_a_calendar_may_count_reward_epochs_from_a_later_round_and_have_epochs_of_another_length() -> None:
    timing = Timing(1_707_110_090, 5, epoch_s=20, reveal_s=10, first_reward_epoch_round=1000)
    voting_round = timing.round_at((1_707_110_090 + 20 * 1004 + 19) * SECOND_NS)
    assert (voting_round.id, voting_round.expected_reward_epoch) == (1004, 0)
    assert timing.reward_epoch_at(voting_round.commit_window.end_ns) == RewardEpoch(1, timing)
    assert RewardEpoch(1, timing).expected_start_round == 1005
    assert voting_round.reveal_window.end_ns - voting_round.reveal_window.start_ns == 10 * SECOND_NS
