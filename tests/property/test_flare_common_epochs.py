"""Voting and reward epochs of the four networks against py-flare-common, on random times and ids."""

import os
import random

import pytest
from py_flare_common.fsp.epoch import timing as reference

from chrono.clock import SECOND_NS
from chrono.flare.epochs import RewardEpoch, VotingRound
from chrono.flare.networks import NETWORKS, Network

CASES = 100_000 // len(NETWORKS)
SEED = int(os.environ.get("CHRONO_FUZZ_SEED", "20261122"))
KNOWN_FIRST_EPOCH = {"coston2": 3106}
"""Its first reward epoch of Coston2 differs from the reference implementation's 3110. Source: fsp.md section 1."""


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_epochs_and_their_edges_are_those_of_py_flare_common(network: Network) -> None:
    votings = getattr(reference, f"{network.name}_voting_epoch_factory")
    rewards = getattr(reference, f"{network.name}_reward_epoch_factory")
    chance, timing = random.Random(SEED), network.timing
    for number in range(CASES):
        at_s = a_second(chance, timing.first_start_s)
        theirs, ours = votings.from_timestamp(at_s), timing.round_at(at_s * SECOND_NS + chance.randrange(SECOND_NS))
        window, reveals = ours.commit_window, ours.reveal_window
        assert (ours.id, window.start_ns, window.end_ns) == (
            theirs.id,
            theirs.start_s * SECOND_NS,
            theirs.end_s * SECOND_NS,
        ), (SEED, number)
        assert (at_s * SECOND_NS in reveals) == (at_s in theirs.next and at_s < theirs.next.reveal_deadline())
        assert reveals.end_ns == theirs.next.reveal_deadline() * SECOND_NS
        reward = theirs.to_reward_epoch()
        assert (ours.expected_reward_epoch, reward.id) == (rewards.from_timestamp(theirs.start_s).id,) * 2
        span = RewardEpoch(reward.id, timing).expected_span
        assert (span.start_ns, span.end_ns) == (reward.start_s * SECOND_NS, reward.end_s * SECOND_NS), (SEED, number)
        first = RewardEpoch(reward.id, timing).expected_start_round
        assert first == reward.to_first_voting_epoch().id, (SEED, number)
        assert VotingRound(first - 1, timing).expected_reward_epoch == reward.id - 1


def a_second(chance: random.Random, first_s: int) -> int:
    """Any second of 30 years; half of them on an edge of an epoch or a reveal window, or next to one."""
    if chance.random() < 0.5:
        return first_s + chance.randrange(30 * 365 * 86_400)
    return first_s + 90 * chance.randrange(10_000_000) + chance.choice([-1, 0, 1, 44, 45, 46, 89])


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_the_first_reward_epoch_is_the_one_of_py_flare_common_but_on_coston2(network: Network) -> None:
    theirs = getattr(reference, f"{network.name}_reward_epoch_factory").make_initial_epoch().id
    assert theirs == KNOWN_FIRST_EPOCH.get(network.name, network.first_reward_epoch)
