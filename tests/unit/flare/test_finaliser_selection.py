"""Who is selected to finalise: a draw by weight that everybody can repeat."""

import pytest

from chrono.flare.finaliser import initial_seed, select, selected
from chrono_core import keccak256
from tests.fakes.signers import SEED, policy_of


def test_the_draw_is_another_one_for_each_round_protocol_and_epoch() -> None:
    seeds = {
        initial_seed(SEED, 100, 7),
        initial_seed(SEED, 200, 7),
        initial_seed(SEED, 100, 8),
        initial_seed(1, 100, 7),
    }
    assert len(seeds) == 4


def test_whoever_has_no_weight_is_never_drawn() -> None:
    for number in range(200):
        assert 1 not in select([5, 0, 5], keccak256(bytes([number])), 10_000)


@pytest.mark.parametrize(("drawn", "index"), [(0, 0), (29, 0), (30, 1), (49, 1), (50, 0), (80, 1)])
def test_a_voter_is_drawn_by_its_share_of_the_numbers_up_to_the_total(drawn: int, index: int) -> None:
    assert select([30, 20], drawn.to_bytes(32, "big")) == [index]


def test_drawing_ends_when_the_selected_reach_their_share() -> None:
    for number in range(200):
        weights = [1 + number % 7, 10, 50, 3]
        chosen = select(weights, keccak256(bytes([number])), 5000)
        reached = [sum(weights[index] for index in chosen[:count]) for count in range(len(chosen) + 1)]
        wanted = sum(weights) * 5000 // 10_000
        assert reached[-1] >= wanted
        assert all(part < wanted for part in reached[:-1])
        assert len(set(chosen)) == len(chosen)


@pytest.mark.parametrize("weights", [[], [0], [0, 0, 0], [19]])
def test_nobody_is_drawn_where_five_percent_are_nothing(weights: list[int]) -> None:
    assert select(weights, bytes(32)) == []


def test_more_than_the_whole_weight_is_refused_instead_of_drawn_for_ever() -> None:
    with pytest.raises(ValueError, match="10001"):
        select([1, 2], bytes(32), 10_001)


def test_the_selected_are_named_by_their_signing_policy_addresses() -> None:
    policy = policy_of([1000, 2000, 3000])
    chosen = select(policy.weights, initial_seed(policy.seed, 100, 1210))
    assert selected(policy, 100, 1210) == [policy.voters[index] for index in chosen]
    assert chosen
