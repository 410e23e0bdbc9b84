"""Published reward epochs, written from the reference's vectors: whole ones, and such as are damaged in one place."""

import copy
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from chrono.flare.rewards.claims import ClaimType, RewardClaim
from chrono.flare.rewards.tree import EMPTY_ROOT, leaf, reward_tree
from tests.fakes import vectors

CASE = next(case for case in vectors.document("reward_claims_merkle")["cases"] if case["id"] == 8)
"""The largest epoch of the vectors: claims of all types."""
EPOCH = CASE["claims"][0]["rewardEpochId"]
ROOT = CASE["expected"]["merkleRoot"]

Verify = Callable[..., tuple[int, dict[str, Any], str]]
"""Runs the command: its exit code, the object on stdout, and what it said on stderr."""


def document() -> dict[str, Any]:
    """A published epoch: the claims and the root are the reference's, the proofs are those of our tree."""
    claims = [
        RewardClaim(EPOCH, bytes.fromhex(c["beneficiary"][2:]), int(c["amount"]), ClaimType(c["claimType"]))
        for c in CASE["claims"]
    ]
    tree = reward_tree(claims)
    return {
        "rewardEpochId": EPOCH,
        "network": "flare",
        "appliedMinConditions": True,
        "rewardClaims": [
            {"merkleProof": ["0x" + node.hex() for node in tree.proof(leaf(claim))], "body": body}
            for claim, body in zip(claims, CASE["claims"], strict=True)
        ],
        "noOfWeightBasedClaims": CASE["expected"]["noOfWeightBasedClaims"],
        "merkleRoot": ROOT,
        "abi": {"type": "tuple"},
    }


def as_tuples(named: dict[str, Any], *, texts: bool) -> dict[str, Any]:
    """The same as arguments of the contract call; some publishers write its small numbers as texts."""
    spelled = str if texts else int
    claims = [
        [c["merkleProof"], [spelled(b["rewardEpochId"]), b["beneficiary"], b["amount"], spelled(b["claimType"])]]
        for c in named["rewardClaims"]
        for b in [c["body"]]
    ]
    return {**named, "rewardClaims": claims}


def written(folder: Path, content: dict[str, Any], name: str = "reward-distribution-data.json") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    body = json.dumps(content).encode()
    path.write_bytes(gzip.compress(body) if name.endswith(".gz") else body)
    return path


def tables(folder: Path, **changed: Any) -> Path:
    """The pair of tables for two epochs, the second of them empty."""
    claims = CASE["claims"]
    row = {
        "network": "flare",
        "reward_epoch": EPOCH,
        "merkle_root": ROOT,
        "n_weight_based_claims": CASE["expected"]["noOfWeightBasedClaims"],
        "n_claims": len(claims),
        "claims_sum_wei": str(sum(int(claim["amount"]) for claim in claims)),
        **changed,
    }
    empty = {"merkle_root": "0x" + EMPTY_ROOT.hex(), "n_weight_based_claims": 0, "n_claims": 0, "claims_sum_wei": "0"}
    folder.mkdir(parents=True, exist_ok=True)
    pl.DataFrame([row, {**row, **empty, "reward_epoch": EPOCH + 1}]).write_parquet(folder / "epochs.parquet")
    pl.DataFrame(
        # Narrower numbers than in the other table: a writer's choice that must not matter.
        {
            "network": ["flare"] * len(claims),
            "reward_epoch": [EPOCH] * len(claims),
            "beneficiary": [claim["beneficiary"] for claim in claims],
            "claim_type": [claim["claimType"] for claim in claims],
            "amount_wei": [claim["amount"] for claim in claims],
        },
        schema_overrides={"reward_epoch": pl.Int32, "claim_type": pl.UInt8},
    ).write_parquet(folder / "claims.parquet")
    return folder


def damaged(place: int, **body: Any) -> dict[str, Any]:
    content = copy.deepcopy(document())
    content["rewardClaims"][place]["body"].update(body)
    return content
