"""The judge's own words, held against the protocol vectors."""

import json
import os
from pathlib import Path

import pytest

from tests.judge import sums
from tests.judge.chain import Calendar, Chain, Transaction
from tests.judge.curve import recover
from tests.judge.epochs import Electorate, Epochs, Voter, feed_order
from tests.judge.events import Offer, Policy
from tests.judge.frames import SUBMIT1, SUBMIT2, frames
from tests.judge.rounds import conclude, result_of
from tests.judge.votes import Box, is_readable

VECTORS = Path(os.environ.get("CHRONO_VECTORS", Path(__file__).parent.parent / "vectors"))
SUBMISSION = bytes(19) + b"\x01"


def cases(name):
    told = json.loads((VECTORS / f"{name}.json").read_bytes())["cases"]
    return [pytest.param(each, id=str(each["id"])) for each in told]


def raw(text):
    return bytes.fromhex(text[2:])


def electorate_of(case, fip16=False):
    voters = tuple(
        Voter(raw(each["submitAddress"]), raw(each["submitAddress"]), b"", b"", 0, int(each["weight"]))
        for each in case["voters"]
    )
    feeds = tuple((raw(feed["id"]), feed["decimals"]) for feed in case["feeds"])
    return Electorate(1, Policy(1, 0, 0, 0, (), (), b"", 0), voters, feeds, fip16)


class OneElectorate(Epochs):
    def __init__(self, electorate):
        self._only = electorate

    def electorate_of(self, round_id):
        return self._only


def chain_of(case):
    calendar = Calendar(1658430000, 90, 45, 3360)
    sent = [
        Transaction(
            (each["blockNumber"], each["transactionIndex"]),
            each["timestamp"],
            raw(each["from"]),
            SUBMISSION,
            {"submit1": SUBMIT1, "submit2": SUBMIT2}[each["function"]] + raw(each["data"]),
            b"",
        )
        for each in case["transactions"]
    ]
    return Chain(14, calendar, {"Submission": frozenset({SUBMISSION})}, 0, 0, sent, [])


@pytest.mark.parametrize("case", cases("round_from_transactions"))
def test_a_round_from_raw_transactions_has_the_root_of_the_reference(case):
    electorate, round_id, expected = electorate_of(case), case["votingRoundId"], case["expected"]
    box = Box(chain_of(case), OneElectorate(electorate))
    voters = {voter.submit for voter in electorate.voters}
    result = result_of(round_id, electorate, box)
    assert set(box.valid(round_id)) & voters == set(map(raw, expected["validReveals"]))
    assert box.offenders(round_id) & voters == set(map(raw, expected["revealOffenders"]))
    assert box.benched(round_id) == set(map(raw, expected["benched"]))
    if result is None:
        assert expected["merkleRoot"] is None
        return
    assert result.random == int(expected["random"], 16)
    assert result.is_secure == expected["isSecureRandom"]
    assert list(result.medians) == expected["medians"]
    assert result.root == raw(expected["merkleRoot"])


@pytest.mark.parametrize("case", cases("voting_round_results"))
def test_reveals_lead_to_the_root_of_the_reference(case):
    electorate, told = electorate_of(case), {raw(each["submitAddress"]): each for each in case["validReveals"]}
    votes = [
        sums.decode_values(raw(told[v.submit]["encodedValues"])) if v.submit in told else [] for v in electorate.voters
    ]
    expected = case["expected"]
    random = (int(expected["random"], 16), expected["isSecureRandom"])
    weights = [voter.weight for voter in electorate.voters]
    found = conclude(case["votingRoundId"], electorate.feeds, weights, votes, random, len(told))
    assert found.root == raw(expected["merkleRoot"])


@pytest.mark.parametrize("case", cases("median"))
def test_medians_and_quartiles(case):
    values, weights = case["values"], list(map(int, case["weights"]))
    expected = case["expected"]
    try:
        found = sums.median(values, weights)
    except sums.NoResultError:
        assert "error" in expected
        return
    if found is None:
        assert expected["median"] is None
        return
    assert [found.value, found.quartile1, found.quartile3] == [
        expected["median"],
        expected["quartile1"],
        expected["quartile3"],
    ]
    assert found.participating == int(expected["participatingWeight"])


@pytest.mark.parametrize("case", cases("round_random"))
def test_randoms(case):
    reveals = {raw(each["submitAddress"]): int(each["random"], 16) for each in case["validReveals"]}
    offenders, benched = set(map(raw, case["revealOffendersThisRound"])), set(map(raw, case["benched"]))
    expected = case["expected"]
    assert sums.random_of(reveals, offenders, benched) == (int(expected["random"], 16), expected["isSecure"])


@pytest.mark.parametrize("case", cases("merkle_tree"))
def test_merkle_roots(case):
    assert sums.merkle_root(list(map(raw, case["leaves"]))) == raw(case["expected"]["root"])


@pytest.mark.parametrize("case", cases("signing_policy"))
def test_policy_hashes(case):
    assert sums.policy_hash(raw(case["expected"]["encoded"])) == raw(case["expected"]["hash"])


@pytest.mark.parametrize("case", cases("feed_order"))
def test_feed_orders(case):
    inflation = [
        Offer(1, tuple(zip((raw(feed) for feed in each["feedIds"]), each["decimals"], strict=True)), None, 0)
        for each in case["inflationOffers"]
    ]
    community = [
        Offer(1, ((raw(each["feedId"]), each["decimals"]),), int(each["amount"]), 0) for each in case["communityOffers"]
    ]
    expected = [(raw(feed["id"]), feed["decimals"]) for feed in case["expected"]["feeds"]]
    assert list(feed_order(inflation, community)) == expected


@pytest.mark.parametrize("case", cases("signature_payload"))
def test_signers(case):
    expected = case["expected"]
    r, s = int(expected["r"], 16), int(expected["s"], 16)
    assert recover(raw(expected["ethSignedHash"]), expected["v"], r, s) == raw(case["signer"])
    assert recover(raw(expected["ethSignedHash"])[::-1], expected["v"], r, s) != raw(case["signer"])


@pytest.mark.parametrize("case", [case for case in cases("payload_message") if case.values[0]["op"] == "decode"])
def test_frames(case):
    try:
        data = raw(case["encoded"])
    except ValueError:
        return  # no bytes at all: a transaction cannot hold that
    told = [
        {"protocolId": each.protocol, "votingRoundId": each.round_id, "payload": "0x" + each.payload.hex()}
        for each in frames(data)
    ]
    assert told == case["expected"].get("messages", [])


def test_a_reveal_without_values_is_one_only_by_fip16():
    case = {"voters": [], "feeds": [{"id": "0x" + "00" * 21, "decimals": 5}]}
    assert not is_readable(bytes(32), electorate_of(case))
    assert is_readable(bytes(32), electorate_of(case, fip16=True))
    assert not is_readable(bytes(40), electorate_of(case, fip16=True))
