"""`chrono rewards verify` on files written here from the reference's vectors, whole and damaged in every way."""

from pathlib import Path
from typing import Any

import pytest

from chrono.cli.root import run
from chrono.flare.rewards.claims import ClaimType
from tests.fakes.published_epochs import CASE, EPOCH, ROOT, Verify, as_tuples, damaged, document, tables, written


def test_a_whole_document_is_verified_and_its_sums_are_told_to_the_wei(verify: Verify, tmp_path: Path) -> None:
    code, told, _ = verify(written(tmp_path, document()))
    assert code == 0
    assert (told["epochs"], told["verified"], told["claims"], told["proofs"]) == (1, 1, 50, 50)
    (found,) = told["findings"]
    assert (found["network"], found["reward_epoch"], found["root"], found["differences"]) == ("flare", EPOCH, ROOT, [])
    wei: dict[str, int] = {}
    for claim in CASE["claims"]:
        name = ClaimType(claim["claimType"]).name
        wei[name] = wei.get(name, 0) + int(claim["amount"])
    assert {name: int(total["wei"]) for name, total in found["totals"].items()} == wei
    assert told["totals"]["flare"] == found["totals"]


def test_the_message_to_sign_is_the_references_when_the_network_is_the_one_of_the_vector(
    verify: Verify, tmp_path: Path
) -> None:
    network = {14: "flare", 19: "songbird", 16: "coston", 114: "coston2"}[CASE["rewardManagerId"]]
    _, told, _ = verify(written(tmp_path, {**document(), "network": network}))
    assert told["findings"][0]["sign_rewards_message"] == CASE["expected"]["signRewardsMessageHash"]


@pytest.mark.parametrize("name", ["reward-distribution-data-tuples.json", "reward-distribution-data-tuples.json.gz"])
@pytest.mark.parametrize("texts", [False, True])
def test_tuples_are_read_as_the_named_fields_are(verify: Verify, tmp_path: Path, name: str, texts: bool) -> None:
    code, told, _ = verify(written(tmp_path, as_tuples(document(), texts=texts), name))
    assert (code, told["verified"], told["proofs"]) == (0, 1, 50)


def test_a_gzipped_file_is_known_by_its_content_whatever_its_name(verify: Verify, tmp_path: Path) -> None:
    packed = written(tmp_path, document(), "reward-distribution-data.json.gz").rename(tmp_path / "epoch.json")
    assert verify(packed)[0] == 0


def test_a_folder_is_searched_and_epochs_come_in_the_order_of_their_numbers(verify: Verify, tmp_path: Path) -> None:
    for number in ("10", "9"):
        written(tmp_path / "flare" / number, document())
        written(
            tmp_path / "flare" / number, as_tuples(document(), texts=False), "reward-distribution-data-tuples.json.gz"
        )
    (tmp_path / "flare" / "9" / "passes.json").write_text("not asked for")
    code, told, _ = verify(tmp_path)
    assert (code, told["epochs"]) == (0, 4)
    assert [Path(found["source"]).parent.name for found in told["findings"]] == ["9", "9", "10", "10"]


def test_the_network_of_a_file_that_names_none_is_that_of_its_folder_or_the_asked_one(
    verify: Verify, tmp_path: Path
) -> None:
    nameless = {key: value for key, value in document().items() if key != "network"}
    in_folder, bare = written(tmp_path / "songbird" / "300", nameless), written(tmp_path, nameless, "bare.json")
    assert verify(in_folder)[1]["findings"][0]["network"] == "songbird"
    assert verify(bare)[1]["findings"][0]["network"] is None
    assert verify(bare, "--network", "coston")[1]["findings"][0]["network"] == "coston"


def test_an_unknown_network_is_verified_all_the_same_but_has_no_message(verify: Verify, tmp_path: Path) -> None:
    code, told, _ = verify(written(tmp_path, {**document(), "network": "elsewhere"}))
    (found,) = told["findings"]
    assert (code, found["network"], found["sign_rewards_message"]) == (0, "elsewhere", None)


def test_a_link_into_nothing_is_unusable_and_does_not_end_the_walk(verify: Verify, tmp_path: Path) -> None:
    written(tmp_path / "1", document())
    (tmp_path / "reward-distribution-data.json").symlink_to(tmp_path / "gone")
    code, told, _ = verify(tmp_path)
    assert (code, told["verified"], told["unusable"][0]["why"]) == (2, 1, "No such file or directory")


def test_only_the_asked_network_is_verified(verify: Verify, tmp_path: Path) -> None:
    written(tmp_path / "a", document())
    written(tmp_path / "b", {**document(), "network": "songbird"})
    assert verify(tmp_path, "--network", "songbird")[1]["epochs"] == 1
    code, _, said = verify(tmp_path, "--network", "coston")
    assert code == 2
    assert "no reward epoch of coston" in said


def test_tables_are_verified_with_their_counts_and_an_epoch_without_claims_has_its_root(
    verify: Verify, tmp_path: Path
) -> None:
    code, told, _ = verify(tables(tmp_path))
    assert (code, told["epochs"], told["verified"], told["claims"], told["proofs"]) == (0, 2, 2, 50, 0)
    assert verify(tmp_path / "claims.parquet")[0] == 0


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"merkle_root": "0x" + "11" * 32}, "root"),
        ({"n_weight_based_claims": 1}, "weight_based_claims"),
        ({"n_claims": 49}, "claim_count"),
        ({"claims_sum_wei": "5"}, "claims_sum"),
    ],
)
def test_what_a_table_says_wrongly_of_an_epoch_is_named(
    verify: Verify, tmp_path: Path, changed: dict[str, Any], what: str
) -> None:
    code, told, _ = verify(tables(tmp_path, **changed))
    assert code == 1
    assert [difference["what"] for difference in told["findings"][0]["differences"]] == [what]
    assert told["findings"][0]["differences"][0]["found"].split()[0] == str(*changed.values())
    assert told["findings"][1]["verified"]


def test_a_wrong_amount_shows_in_the_root_and_in_the_proof_of_that_claim_alone(verify: Verify, tmp_path: Path) -> None:
    wrong = damaged(17, amount=str(int(CASE["claims"][17]["amount"]) + 1))
    code, told, said = verify(written(tmp_path, wrong))
    assert code == 1
    root, proof = told["findings"][0]["differences"]
    assert (root["what"], root["found"], root["expected"]) == ("root", ROOT, told["findings"][0]["root"])
    assert (proof["what"], proof["claim"], proof["beneficiary"]) == ("proof", 17, CASE["claims"][17]["beneficiary"])
    assert proof["claim_type"] == ClaimType(CASE["claims"][17]["claimType"]).name
    assert "1 of 1 reward epochs differ" in said


def test_a_wrong_proof_is_told_with_the_right_one(verify: Verify, tmp_path: Path) -> None:
    wrong = document()
    right = wrong["rewardClaims"][3]["merkleProof"]
    wrong["rewardClaims"][3]["merkleProof"] = ["0x" + "ab" * 32, *right[1:]]
    code, told, _ = verify(written(tmp_path, wrong))
    (difference,) = told["findings"][0]["differences"]
    assert (code, difference["what"], difference["claim"]) == (1, "proof", 3)
    assert difference["expected"] == f"[{', '.join(right)}]"
    assert difference["found"].startswith("[0xabab")


def test_a_claim_that_stands_twice_is_named_with_its_twin(verify: Verify, tmp_path: Path) -> None:
    twice = document()
    twice["rewardClaims"].append(twice["rewardClaims"][5])
    code, told, _ = verify(written(tmp_path, twice))
    assert code == 1
    by_what = {difference["what"]: difference for difference in told["findings"][0]["differences"]}
    assert (by_what["duplicate"]["claim"], by_what["duplicate"]["found"]) == (50, "another at 5")
    assert "root" not in by_what


@pytest.mark.parametrize(
    ("body", "what", "found"),
    [
        ({"claimType": 9}, "type", "9"),
        ({"amount": "-1"}, "amount", "-1"),
        ({"amount": str(2**120)}, "amount", str(2**120)),
        ({"rewardEpochId": EPOCH + 1}, "epoch", str(EPOCH + 1)),
    ],
)
def test_a_claim_that_no_contract_could_take_is_named(
    verify: Verify, tmp_path: Path, body: dict[str, Any], what: str, found: str
) -> None:
    code, told, _ = verify(written(tmp_path, damaged(8, **body)))
    assert code == 1
    by_what = {difference["what"]: difference for difference in told["findings"][0]["differences"]}
    assert (by_what[what]["claim"], by_what[what]["found"]) == (8, found)
    assert "root" in by_what


def test_a_wrong_number_of_weight_based_claims_is_a_difference_of_its_own(verify: Verify, tmp_path: Path) -> None:
    code, told, _ = verify(written(tmp_path, {**document(), "noOfWeightBasedClaims": 7}))
    (difference,) = told["findings"][0]["differences"]
    assert (code, difference["what"], difference["found"]) == (1, "weight_based_claims", "7")
    assert difference["expected"] == str(CASE["expected"]["noOfWeightBasedClaims"])


def test_differences_beyond_the_first_hundred_are_counted(verify: Verify, tmp_path: Path) -> None:
    many = document()
    many["rewardClaims"] = [{**claim, "merkleProof": []} for claim in many["rewardClaims"] * 3]
    _, told, _ = verify(written(tmp_path, many))
    (found,) = told["findings"]
    # 150 proofs, 100 twins, and a count that is off.
    assert (len(found["differences"]), found["more_differences"]) == (100, 151)


def test_a_person_is_told_what_differs_line_by_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path / "1", document())
    written(tmp_path / "2", damaged(17, amount="1"))
    assert run(["rewards", "verify", str(tmp_path)]) == 1
    told = capsys.readouterr()
    assert f"flare {EPOCH}: verified, root {ROOT}, 50 claims" in told.out
    assert f"flare {EPOCH}: DIFFERS" in told.out
    assert (
        f"  claim 17 ({ClaimType(CASE['claims'][17]['claimType']).name} of {CASE['claims'][17]['beneficiary']}), proof: expected a way to the root {ROOT}"
        in told.out
    )
    assert "1 of 2 reward epochs verified; 100 claims, 100 proofs" in told.err
