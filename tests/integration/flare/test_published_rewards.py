"""What the network published of 337 reward epochs, held against our rules: read where it lies, never copied."""

import json
import os
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from chrono.flare.rewards.claims import ClaimType
from chrono.flare.rewards.minimal_conditions import (
    FastUpdateDuty,
    NodeStake,
    StakingDuty,
    anchor_met,
    failures,
    fdc_met,
    standing,
)
from chrono.flare.rewards.parameters import MOST_STAKING_FEE_BIPS, burn_address
from chrono.flare.units import BIPS
from chrono.published.documents import read_document
from chrono.published.places import documents_under
from chrono.published.tables import Tables
from chrono.published.verification import verify

pytestmark = pytest.mark.data

EPOCHS = {"flare": 149, "songbird": 188}
CONSERVED_EXACTLY = {"flare": 28, "songbird": 45}
CONSERVED_WITHIN_1_PERCENT = {"flare": 149, "songbird": 185}

FIRST_EPOCH_THAT_BURNS = 265
"""Before it the conditions were published, and voters who failed them were paid all the same."""

FIRST_EPOCH_WITH_FDC_STRIKES = 288
"""From 282 on FDC's condition is published; until 287 failing it cost nothing."""

FLOORS_WEI = 60_000
"""Each of a voter's partial claims of an epoch is rounded down on its own: thousands of rounds, several claims each."""

Epoch = tuple[str, int]


@pytest.fixture(scope="module")
def ftso() -> Path:
    """The recordings of the FTSO: CHRONO_DATA, else ../shared/data beside the repository."""
    folder = Path(os.environ.get("CHRONO_DATA") or Path(__file__).parents[4] / "shared" / "data") / "ftso"
    if not (folder / "epochs.parquet").is_file():
        told = f"**** no recordings at {folder}: set CHRONO_DATA; this test of real data is SKIPPED ****"
        warnings.warn(told, stacklevel=1)
        pytest.skip(told)
    return folder


@pytest.fixture(scope="module")
def claims(ftso: Path) -> dict[Epoch, dict[tuple[bytes, int], int]]:
    """Wei by beneficiary and type, of each epoch."""
    found: dict[Epoch, dict[tuple[bytes, int], int]] = {}
    for epoch in Tables(ftso):
        assert epoch.network is not None
        found[epoch.network, epoch.reward_epoch_id] = {
            (claim.beneficiary, claim.claim_type): claim.amount for claim in epoch.claims
        }
    return found


@pytest.fixture(scope="module")
def conditions(ftso: Path) -> list[dict[str, Any]]:
    """The published minimal conditions, a row for each voter and epoch; the nested ones decoded."""
    rows = pl.read_parquet(ftso / "minimal_conditions.parquet").sort("network", "reward_epoch").to_dicts()
    return [{**row, "others": json.loads(row["other_conditions"])} for row in rows]


def registrations(ftso: Path) -> Iterator[dict[str, Any]]:
    yield from pl.read_parquet(ftso / "signing_policies_voters.parquet").iter_rows(named=True)


def test_every_published_root_count_and_sum_follows_from_the_claims(ftso: Path) -> None:
    verified: Counter[str | None] = Counter()
    for epoch in Tables(ftso):
        findings = verify(epoch)
        assert findings.verified, findings.differences
        assert findings.claims > 0
        verified[epoch.network] += 1
    assert verified == EPOCHS


def test_each_proof_of_the_published_documents_leads_from_its_claim_to_the_root(ftso: Path) -> None:
    documents = documents_under(ftso / "reward_epochs")
    assert len(documents) == 7
    for path in documents:
        findings = verify(read_document(path))
        assert findings.verified, findings.differences
        assert findings.proofs == findings.claims > 0


def test_the_documents_hold_the_same_claims_as_the_tables(ftso: Path, claims: dict[Epoch, dict[Any, int]]) -> None:
    for path in documents_under(ftso / "reward_epochs"):
        epoch = read_document(path)
        assert epoch.network is not None
        told = {(claim.beneficiary, claim.claim_type): claim.amount for claim in epoch.claims}
        assert told == claims[epoch.network, epoch.reward_epoch_id]


def test_a_published_claim_is_above_zero_and_its_beneficiary_has_no_other(claims: dict[Epoch, dict[Any, int]]) -> None:
    for epoch, wei in claims.items():
        assert min(wei.values()) > 0, epoch
        assert len({beneficiary for beneficiary, _ in wei}) == len(wei), epoch


def test_the_claims_come_to_what_was_offered(ftso: Path) -> None:
    exact: Counter[str] = Counter()
    near: Counter[str] = Counter()
    for row in pl.read_parquet(ftso / "epochs.parquet").iter_rows(named=True):
        offered = sum(int(row[f"{name}_inflation_wei"] or 0) for name in ("ftso", "fast_updates", "fdc"))
        paid = int(row["claims_sum_wei"])
        exact[row["network"]] += paid == offered
        near[row["network"]] += abs(paid - offered) * 100 <= offered
    assert exact == CONSERVED_EXACTLY
    assert near == CONSERVED_WITHIN_1_PERCENT


def test_the_fee_is_the_registered_share_of_all_a_voter_and_its_stakers_and_delegators_got(
    ftso: Path, claims: dict[Epoch, dict[Any, int]]
) -> None:
    exact, floored = 0, 0
    for voter in registrations(ftso):
        wei = claims.get((voter["network"], voter["reward_epoch"]))
        nodes = json.loads(voter["node_ids"])
        if wei is None or (nodes and voter["fee_bips"] > MOST_STAKING_FEE_BIPS):
            continue
        fee = wei.get((_raw(voter["voter"]), ClaimType.FEE), 0)
        mirrored = sum(wei.get((_raw(node), ClaimType.MIRROR), 0) for node in nodes)
        whole = fee + wei.get((_raw(voter["delegation_address"]), ClaimType.WNAT), 0) + mirrored
        if abs(fee * BIPS - voter["fee_bips"] * whole) <= FLOORS_WEI * BIPS:
            exact += whole > 0
        else:
            # Penalties took more of the stakers' claims than there was: floored at 0, the shares no longer match.
            assert nodes
            assert not mirrored, voter
            floored += 1
    assert (exact, floored) == (21_956, 176)


def test_nodes_share_what_is_mirrored_by_their_stake(ftso: Path, claims: dict[Epoch, dict[Any, int]]) -> None:
    seen = 0
    for voter in registrations(ftso):
        nodes, stakes = json.loads(voter["node_ids"]), [int(weight) for weight in json.loads(voter["node_weights"])]
        wei = claims.get((voter["network"], voter["reward_epoch"]), {})
        mirrored = [wei.get((_raw(node), ClaimType.MIRROR), 0) for node in nodes]
        if len(nodes) < 2 or not any(mirrored):
            continue
        for share, stake in zip(mirrored, stakes, strict=True):
            assert abs(share * sum(stakes) - sum(mirrored) * stake) <= FLOORS_WEI * sum(stakes), voter
        seen += 1
    assert seen > 3000


def test_the_anchor_condition_follows_from_the_published_hits(ftso: Path, conditions: list[dict[str, Any]]) -> None:
    sums = (
        pl.read_parquet(ftso / "feed_hits.parquet")
        .group_by("network", "reward_epoch", "voter")
        .agg(pl.col("hits").sum(), pl.col("possible").sum())
    )
    hits = {tuple(row[:3]): tuple(row[3:]) for row in sums.iter_rows()}
    assert len(hits) == len(conditions) == 19_949
    for row in conditions:
        got, possible = hits[row["network"], row["reward_epoch"], row["voter"]]
        assert (got, possible) == (row["total_hits"], row["all_possible_hits"])
        assert anchor_met(got, possible) == row["ftso_condition_met"]


def test_the_fast_update_condition_follows_from_the_signing_weights(
    ftso: Path, conditions: list[dict[str, Any]]
) -> None:
    weight: dict[tuple[str, int, str], int] = {}
    whole: dict[Epoch, int] = defaultdict(int)
    for voter in registrations(ftso):
        weight[voter["network"], voter["reward_epoch"], voter["voter"]] = voter["weight"]
        whole[voter["network"], voter["reward_epoch"]] += voter["weight"]
    for row in conditions:
        told, epoch = row["others"]["fastUpdates"], (row["network"], row["reward_epoch"])
        duty = FastUpdateDuty(weight[*epoch, row["voter"]], whole[epoch], told["updates"], told["totalUpdatesByAll"])
        assert duty.expected_ppm == int(told["expectedUpdatesPPM"])
        assert duty.expected == int(told["expectedUpdates"])
        assert duty.spared == told["tooLowWeight"]
        assert duty.met == told["conditionMet"]


def test_the_staking_condition_follows_from_the_published_nodes(conditions: list[dict[str, Any]]) -> None:
    staked = [row["others"]["staking"] for row in conditions if row["network"] == "flare"]
    assert len(staked) > 11_000
    for told in staked:
        duty = StakingDuty(
            tuple(
                NodeStake(node["uptimeOk"], int(node["selfBond"]), int(node["totalStakeAmount"]))
                for node in told["nodeConditions"]
            )
        )
        assert duty.self_bond_gwei == int(told["totalSelfBond"])
        assert duty.stake_gwei == int(told["stake"])
        assert duty.stake_with_uptime_gwei == int(told["stakeWithUptime"])
        assert (duty.met, duty.obstructs_pass) == (told["conditionMet"], told["obstructsPass"])


def test_the_fdc_condition_follows_from_the_published_rounds(conditions: list[dict[str, Any]]) -> None:
    told = [row["others"]["fdc"] for row in conditions if "fdc" in row["others"]]
    assert len(told) == 15_799
    for fdc in told:
        assert fdc_met(fdc["rewardedVotingRounds"], fdc["totalRewardedVotingRounds"]) == fdc["conditionMet"]


def test_passes_follow_from_the_failures_and_carry_over_to_the_next_epoch(conditions: list[dict[str, Any]]) -> None:
    held: dict[tuple[str, str], tuple[int, int]] = {}
    carried = 0
    for row in conditions:
        others = row["others"]
        failed = failures(
            anchor=row["ftso_condition_met"],
            fast_updates=others["fastUpdates"]["conditionMet"],
            staking=others["staking"]["conditionMet"],
            fdc=row["reward_epoch"] < FIRST_EPOCH_WITH_FDC_STRIKES or others["fdc"]["conditionMet"],
        )
        found = standing(row["passes_held"], failed, obstructed=bool(others["staking"].get("obstructsPass")))
        told = (row["strikes"], row["pass_earned"], row["eligible"], row["new_passes"])
        assert (found.strikes, found.pass_earned, found.eligible, found.passes) == told, row
        voter = (row["network"], row["voter"])
        epoch, passes = held.get(voter, (0, 0))
        if epoch == row["reward_epoch"] - 1:
            assert passes == row["passes_held"], row
            carried += 1
        held[voter] = (row["reward_epoch"], found.passes)
    assert carried == 18_280


def test_voters_who_fell_short_got_nothing_and_the_burn_address_got_it(
    ftso: Path, claims: dict[Epoch, dict[Any, int]], conditions: list[dict[str, Any]]
) -> None:
    out = {
        (row["network"], row["reward_epoch"], row["voter"])
        for row in conditions
        if not row["eligible"] and row["reward_epoch"] >= FIRST_EPOCH_THAT_BURNS
    }
    seen = 0
    for voter in registrations(ftso):
        epoch = (voter["network"], voter["reward_epoch"])
        if (*epoch, voter["voter"]) not in out or epoch not in claims:
            continue
        lost = {_raw(voter["voter"]), _raw(voter["delegation_address"])} | set(map(_raw, json.loads(voter["node_ids"])))
        assert not lost & {beneficiary for beneficiary, _ in claims[epoch]}, voter
        assert claims[epoch][burn_address(*epoch), ClaimType.DIRECT] > 0
        seen += 1
    assert seen > 1700


def test_the_burn_address_has_a_claim_in_the_epochs_that_we_say_it_burns_in(
    claims: dict[Epoch, dict[Any, int]],
) -> None:
    burnt = {epoch for epoch, wei in claims.items() if (burn_address(*epoch), ClaimType.DIRECT) in wei}
    assert len(burnt) == 337
    elsewhere = {"flare": burn_address("songbird", 400), "songbird": burn_address("flare", 400)}
    assert not [epoch for epoch, wei in claims.items() if (elsewhere[epoch[0]], ClaimType.DIRECT) in wei]


def _raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])
