"""`chrono rewards verify` on what is no reward epoch: it says what and why, and goes on with the rest."""

import gzip
import json
import os
from pathlib import Path

import polars as pl
import pytest

from chrono.published import documents
from tests.fakes.published_epochs import EPOCH, Verify, damaged, document, tables, written


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "it is empty"),
        (b"not JSON", "invalid"),
        (b"[1, 2]", "Expected `object`"),
        (b"{}", "missing required field"),
        (gzip.compress(b"{}" * 5000, mtime=0)[:-20], "gzip stream is damaged"),
        (b"\x1f\x8bnot gzip at all", "gzip stream is damaged"),
        (json.dumps(damaged(4, amount="1.5")).encode(), "in claim 4"),
        (json.dumps(damaged(4, beneficiary="0x12")).encode(), "in claim 4"),
        (json.dumps(damaged(4, claimType="WNAT")).encode(), "in claim 4"),
        (b'{"rewardEpochId":1,"merkleRoot":"0xzz","noOfWeightBasedClaims":0,"rewardClaims":[]}', "merkleRoot"),
        (b"\xff\xfe" + b"{" * 2000, "invalid"),
        (json.dumps({**document(), "rewardEpochId": -1}).encode(), "rewardEpochId"),
        (json.dumps({**document(), "rewardEpochId": 2**24}).encode(), "rewardEpochId"),
        (b'{"abi":' + b"[" * 200_000, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_reward_epoch_ends_with_2_and_says_what_to_do(
    verify: Verify, tmp_path: Path, body: bytes, why: str
) -> None:
    path = tmp_path / "reward-distribution-data.json"
    path.write_bytes(body)
    code, told, said = verify(path)
    assert code == 2
    assert why in told["unusable"][0]["why"]
    assert told["unusable"][0]["file"] == str(path)
    assert "next: " in said
    assert "Traceback" not in said


def test_a_file_that_unpacks_to_too_much_is_not_unpacked(
    verify: Verify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MOST_BYTES", 1000)
    code, told, _ = verify(written(tmp_path, document(), "reward-distribution-data.json.gz"))
    assert code == 2
    assert "more than 1000 bytes" in told["unusable"][0]["why"]


@pytest.mark.parametrize("name", ["nowhere", ".", "lonely/epochs.parquet"])
def test_nothing_to_verify_ends_with_2_and_says_what_was_looked_for(verify: Verify, tmp_path: Path, name: str) -> None:
    (tmp_path / "lonely").mkdir()
    (tmp_path / "lonely" / "epochs.parquet").write_bytes(b"PAR1")
    code, _, said = verify(tmp_path / name)
    assert code == 2
    assert "next: " in said


def test_a_pipe_is_neither_a_file_nor_a_folder_and_is_not_waited_for(verify: Verify, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    code, _, said = verify(tmp_path / "pipe")
    assert code == 2
    assert "neither a file nor a folder" in said


def test_one_damaged_file_of_a_folder_does_not_hide_the_others(verify: Verify, tmp_path: Path) -> None:
    written(tmp_path / "1", document())
    written(tmp_path / "2", document()).write_bytes(b"{")
    code, told, said = verify(tmp_path)
    assert (code, told["verified"], len(told["unusable"])) == (2, 1, 1)
    assert "could not be used" in said
    written(tmp_path / "3", damaged(0, amount="1"))
    assert verify(tmp_path)[0] == 1


@pytest.mark.parametrize(
    ("column", "why"), [("amount_wei", "no column amount_wei"), ("merkle_root", "no column merkle_root")]
)
def test_a_table_without_a_column_is_named(verify: Verify, tmp_path: Path, column: str, why: str) -> None:
    tables(tmp_path)
    path = tmp_path / ("claims.parquet" if column == "amount_wei" else "epochs.parquet")
    pl.read_parquet(path).drop(column).write_parquet(path)
    code, told, _ = verify(tmp_path)
    assert code == 2
    assert why in told["unusable"][0]["why"]


@pytest.mark.parametrize(
    ("column", "value"),
    [("beneficiary", "0xnot hex"), ("beneficiary", "0x12"), ("amount_wei", "many"), ("claim_type", None)],
)
def test_a_table_with_a_value_that_is_none_is_unusable(
    verify: Verify, tmp_path: Path, column: str, value: object
) -> None:
    tables(tmp_path)
    path = tmp_path / "claims.parquet"
    rows = pl.read_parquet(path)
    kind = rows.schema[column]
    rows.with_columns(pl.lit(value, dtype=kind).alias(column)).write_parquet(path)
    code, told, _ = verify(tmp_path)
    assert code == 2
    assert told["unusable"][0]["file"] == str(path)


def test_claims_of_an_epoch_that_no_row_describes_do_not_pass_for_verified(verify: Verify, tmp_path: Path) -> None:
    tables(tmp_path)
    path = tmp_path / "claims.parquet"
    rows = pl.read_parquet(path)
    stray = rows.head(1).with_columns(reward_epoch=pl.lit(EPOCH + 7, dtype=pl.Int32))
    pl.concat([rows, stray]).write_parquet(path)
    code, told, _ = verify(tmp_path)
    assert (code, told["verified"]) == (2, 2)
    assert f"flare {EPOCH + 7}, which epochs.parquet does not list" in told["unusable"][0]["why"]
    assert verify(tmp_path, "--network", "songbird")[0] == 2
