"""Real signing policies: their events, bytes, weights and thresholds, each computed again."""

import json
from collections import defaultdict
from typing import Any

import polars as pl
import pytest

from chrono.flare import weights
from chrono.flare.contracts.event_table import decode_event
from chrono.flare.contracts.events import SigningPolicyInitialized
from chrono.flare.signing_policy import SigningPolicy
from tests.fakes.chain_records import FOLDER, needs_chain, record

pytestmark = needs_chain

PUBLISHED = [
    ("flare", 228), ("flare", 241), ("flare", 292), ("flare", 316), ("flare", 390), ("songbird", 196), ("songbird", 390)
]  # fmt: skip


@pytest.fixture(scope="module")
def voters() -> dict[tuple[str, int], list[dict[str, Any]]]:
    """Every voter of every published reward epoch, in the order of its policy."""
    rows = pl.read_parquet(FOLDER / "ftso" / "signing_policies_voters.parquet").to_dicts()
    by_epoch: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_epoch[row["network"], row["reward_epoch"]].append(row)
    return by_epoch


@pytest.fixture(scope="module")
def epochs() -> dict[tuple[str, int], dict[str, Any]]:
    rows = pl.read_parquet(FOLDER / "ftso" / "epochs.parquet").to_dicts()
    return {(row["network"], row["reward_epoch"]): row for row in rows}


def test_real_policy_events_are_decoded_as_their_recorder_did() -> None:
    recorded = record("chain/coston_signing_policy_initialized_logs.json")
    assert len(recorded["logs"]) == len(recorded["expected_by_reward_epoch"]) == 2
    for log in recorded["logs"]:
        topics = [bytes.fromhex(log[f"Topic{place}"]) for place in (0, 1)]
        event = decode_event(topics, bytes.fromhex(log["Data"]))
        assert isinstance(event, SigningPolicyInitialized)
        expected = recorded["expected_by_reward_epoch"][str(event.policy.reward_epoch_id)]
        assert event.policy.start_voting_round_id == expected["start_voting_round"]
        assert event.policy.threshold == expected["threshold"] == weights.threshold(event.policy.total_weight)
        assert len(event.policy.voters) == expected["n_voters"]
        assert event.policy.total_weight == expected["total_weight"]
        assert SigningPolicy.decode(event.encoded) == event.policy
        assert event.timestamp_s <= log["Timestamp"] < event.timestamp_s + 90


@pytest.mark.parametrize(("network", "epoch"), PUBLISHED)
def test_published_policy_bytes_are_those_of_the_published_fields(network: str, epoch: int) -> None:
    fields = record(f"ftso/reward_epochs/{network}/{epoch}/reward-epoch-info.json.gz")["signingPolicy"]
    encoded = bytes.fromhex(fields["signingPolicyBytes"][2:])
    policy = SigningPolicy.decode(encoded)
    assert policy.encode() == encoded
    assert policy.reward_epoch_id == fields["rewardEpochId"] == epoch
    assert policy.start_voting_round_id == fields["startVotingRoundId"]
    assert policy.threshold == fields["threshold"]
    assert policy.seed == int(fields["seed"], 16)
    assert ["0x" + voter.hex() for voter in policy.voters] == fields["voters"]
    assert list(policy.weights) == fields["weights"]


def test_every_registration_weight_is_the_root_of_its_stake_and_delegations(voters) -> None:
    rows = [row for of_epoch in voters.values() for row in of_epoch]
    assert len(rows) == 24_323
    for row in rows:
        stake = sum(int(wei) for wei in json.loads(row["node_weights"]))
        found = weights.registration_weight(stake, int(row["wnat_capped_weight"]))
        assert found == int(row["registration_weight"]), (row["network"], row["reward_epoch"], row["voter"])


def test_every_signing_weight_is_the_share_of_its_registration_weight(voters) -> None:
    for key, rows in voters.items():
        found = weights.normalised([int(row["registration_weight"]) for row in rows])
        assert found == [row["weight"] for row in rows], key


def test_every_threshold_is_half_of_its_policys_weight(voters, epochs) -> None:
    assert voters.keys() == epochs.keys()
    assert len(epochs) == 337
    for key, epoch in epochs.items():
        total = sum(row["weight"] for row in voters[key])
        assert total == epoch["sum_weights"], key
        assert weights.threshold(total) == epoch["threshold"], key


def test_delegations_are_capped_at_one_amount_for_all_voters_of_an_epoch(voters) -> None:
    """The whole vote power is not published; but whoever is capped has the largest weight that anybody has."""
    capped_epochs = 0
    for key, rows in voters.items():
        capped = {int(row["wnat_capped_weight"]) for row in rows if row["wnat_capped_weight"] != row["wnat_weight"]}
        most = max(int(row["wnat_capped_weight"]) for row in rows)
        assert capped <= {most}, key
        capped_epochs += bool(capped)
    assert capped_epochs > 0
