"""Chrono's answers to epochs.json: which round and reward epoch a second belongs to, and their windows."""

from typing import Any

from chrono.clock import SECOND_NS
from chrono.flare.networks import NETWORKS, network_of

PARAMETERS = {
    "firstVotingRoundStartTs": "first_start_s",
    "votingEpochDurationSeconds": "epoch_s",
    "firstRewardEpochStartVotingRoundId": "first_reward_epoch_round",
    "rewardEpochDurationInVotingEpochs": "rounds_per_reward_epoch",
    "revealDeadlineSeconds": "reveal_s",
}
"""The file's names of a calendar's parameters, and ours."""


def answer(case: dict[str, Any]) -> dict[str, Any]:
    if case["id"] == "table":
        return _table()
    timing = network_of(case["network"]).timing
    at_ns = case["timestampSec"] * SECOND_NS
    voting_round, reward_epoch = timing.round_at(at_ns), timing.reward_epoch_at(at_ns)
    return {
        "votingRoundId": voting_round.id,
        "votingRoundStartSec": voting_round.commit_window.start_ns // SECOND_NS,
        "votingRoundLastSecInclusive": _last_s(voting_round.commit_window.end_ns),
        "revealLastSecInclusiveForThisRound": _last_s(voting_round.reveal_window.end_ns),
        "rewardEpochIdExpected": reward_epoch.id,
        "rewardEpochStartSecExpected": reward_epoch.expected_span.start_ns // SECOND_NS,
        "rewardEpochFirstRoundExpected": reward_epoch.expected_start_round,
    }


def _table() -> dict[str, Any]:
    calendars = {network.name: [getattr(network.timing, ours) for ours in PARAMETERS.values()] for network in NETWORKS}
    return {"params": calendars, "paramOrder": list(PARAMETERS)}


def _last_s(end_ns: int) -> int:
    return (end_ns - 1) // SECOND_NS
