"""Reads a signing policy as the vectors spell it."""

from typing import Any

from chrono.flare.address import parse_address
from chrono.flare.signing_policy import SigningPolicy


def policy_of(fields: dict[str, Any]) -> SigningPolicy:
    return SigningPolicy(
        reward_epoch_id=fields["rewardEpochId"],
        start_voting_round_id=fields["startVotingRoundId"],
        threshold=fields["threshold"],
        seed=int(fields["seed"], 16),
        voters=tuple(parse_address(voter) for voter in fields["voters"]),
        weights=tuple(fields["weights"]),
    )
