"""The results as Flare's data availability layer reads them. Shapes and statuses: fsp.md section 5(b)."""

from typing import Any

import pytest

from chrono.clock import SECOND_NS
from chrono.flare.abi import word
from chrono.flare.results import feed_leaf, random_leaf
from chrono.voting.closeness import feed_outcomes
from chrono_core import keccak256
from tests.fakes.api_client import client
from tests.fakes.api_ports import FakeHouse
from tests.fakes.rounds_told import BAND_PPMS, CURRENT, FEEDS, ROUND, VALUES, committed, finished, outcome

BTC = FEEDS[1].id.hex


@pytest.fixture
def house() -> FakeHouse:
    made = FakeHouse()
    made.reports.tell_round(finished())
    return made


async def get(house: FakeHouse, path: str, status: int = 200) -> Any:
    async with client(house, key=None) as caller:
        answer = await caller.get(path)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_the_tree_comes_random_first_then_the_feeds_in_their_order(house: FakeHouse) -> None:
    result = finished().result
    assert result is not None
    told = await get(house, f"/data/{ROUND.id}")
    tree = told.pop("tree")
    assert told == {
        "status": "OK",
        "protocolId": 100,
        "votingRoundId": ROUND.id,
        "merkleRoot": "0x" + result.root.hex(),
        "isSecureRandom": True,
    }
    # The reference writes the random without leading zeros.
    assert tree[0] == {"votingRoundId": ROUND.id, "value": hex(result.random.value), "isSecure": True}
    assert tree[2] == {"votingRoundId": ROUND.id, "value": 6_723_728, "id": BTC, "turnoutBIPS": 10_000, "decimals": 2}
    assert tree[4] == {"votingRoundId": ROUND.id, "value": 0, "id": FEEDS[3].id.hex, "turnoutBIPS": 0, "decimals": 5}
    leaves = [random_leaf(ROUND.id, result.random)]
    leaves += [
        feed_leaf(ROUND.id, feed, leaf["value"], leaf["turnoutBIPS"])
        for feed, leaf in zip(FEEDS, tree[1:], strict=True)
    ]
    assert set(leaves) == {result.random_leaf, *(feed.leaf for feed in result.feeds)}


@pytest.mark.parametrize("spelling", [BTC, BTC.removeprefix("0x"), "0x" + BTC[2:].upper()])
async def test_a_feed_comes_with_a_proof_that_leads_to_the_root(house: FakeHouse, spelling: str) -> None:
    result = finished().result
    assert result is not None
    told = await get(house, f"/specific-feed/{spelling}/{ROUND.id}")
    assert told["status"] == "OK"
    body = told["feedWithProof"]["body"]
    assert body == {"votingRoundId": ROUND.id, "id": BTC, "value": 6_723_728, "turnoutBIPS": 10_000, "decimals": 2}
    padded = bytes.fromhex(body["id"][2:]).ljust(32, b"\0")
    words = (
        word(body["votingRoundId"]),
        padded,
        word(body["value"]),
        word(body["turnoutBIPS"]),
        word(body["decimals"]),
    )
    node = keccak256(b"".join(words))
    for sibling in told["feedWithProof"]["proof"]:
        node = keccak256(b"".join(sorted((node, bytes.fromhex(sibling[2:])))))
    assert node == result.root


async def test_medians_come_with_every_vote_and_weights_as_text(house: FakeHouse) -> None:
    told = await get(house, f"/medianCalculationResults/{ROUND.id}")
    assert (told["status"], told["votingRoundId"], len(told["medianData"])) == ("OK", ROUND.id, 4)
    btc = told["medianData"][1]
    assert btc["feed"] == {"id": BTC, "decimals": 2}
    assert [value["value"] for value in btc["feedValues"]] == [voter[1] for voter in VALUES]
    assert btc["feedValues"][0] == {"isEmpty": False, "value": 6_723_456, "decimals": 2}
    assert btc["votersSubmitAddresses"][2] == "0x" + "00" * 19 + "02"
    assert (btc["weights"], btc["totalVotingWeight"]) == (["100"] * 4, "400")
    assert btc["data"] == {
        "finalMedian": {"isEmpty": False, "value": 6_723_728, "decimals": 2},
        "quartile1": {"isEmpty": False, "value": 6_723_456, "decimals": 2},
        "quartile3": {"isEmpty": False, "value": 6_724_000, "decimals": 2},
        "participatingWeight": "400",
    }
    nobody = told["medianData"][3]
    assert nobody["feedValues"] == [{"isEmpty": True, "value": 0, "decimals": 5}] * 4
    assert nobody["data"]["finalMedian"] == {"isEmpty": True, "value": 0, "decimals": 5}
    assert nobody["data"]["participatingWeight"] == "0"


@pytest.mark.parametrize("path", ["/data/{}", f"/specific-feed/{BTC}/{{}}", "/medianCalculationResults/{}"])
async def test_until_the_reveals_are_over_and_a_second_it_is_too_early(house: FakeHouse, path: str) -> None:
    house.reports.tell_round(finished(CURRENT))
    house.clock.advance(CURRENT.reveal_window.end_ns + SECOND_NS - 1 - house.clock.now_ns())
    assert await get(house, path.format(CURRENT.id)) == {"status": "TOO_EARLY"}
    house.clock.advance(1)
    assert (await get(house, path.format(CURRENT.id)))["status"] == "OK"


@pytest.mark.parametrize("path", ["/data/{}", f"/specific-feed/{BTC}/{{}}"])
async def test_a_result_that_nobody_has_is_not_available_and_still_a_200(house: FakeHouse, path: str) -> None:
    assert await get(house, path.format(ROUND.id - 1)) == {"status": "NOT_AVAILABLE"}


async def test_a_round_without_a_result_and_a_feed_without_a_vote_are_not_available(house: FakeHouse) -> None:
    house.reports.tell_round(committed())
    assert await get(house, f"/data/{ROUND.id}") == {"status": "NOT_AVAILABLE"}
    assert await get(house, f"/medianCalculationResults/{ROUND.id}") == {
        "status": "NOT_AVAILABLE",
        "votingRoundId": ROUND.id,
    }
    house.reports.tell_round(finished())
    other = "0x01" + "58" * 20
    assert await get(house, f"/specific-feed/{other}/{ROUND.id}") == {"status": "NOT_AVAILABLE"}


async def test_a_round_from_the_store_has_its_tree_but_no_votes(house: FakeHouse) -> None:
    result = outcome().result
    feeds = feed_outcomes(FEEDS, VALUES[0], result, BAND_PPMS)
    house.reports.tell_round(finished(outcome=None, electorate=None, feeds=feeds))
    assert (await get(house, f"/data/{ROUND.id}"))["status"] == "OK"
    assert (await get(house, f"/medianCalculationResults/{ROUND.id}"))["status"] == "NOT_AVAILABLE"


@pytest.mark.parametrize(
    "path", ["/data/x", "/data/-1", "/data/4294967296", "/specific-feed/0x01/5", "/specific-feed/zz/5"]
)
async def test_what_is_no_round_or_feed_is_a_400_in_the_envelope(house: FakeHouse, path: str) -> None:
    assert (await get(house, path, 400))["error"]["code"] == "VALIDATION_ERROR"


async def test_the_results_are_a_seam_for_allowed_networks_only(house: FakeHouse) -> None:
    async with client(house, key=None, peer="203.0.113.7") as caller:
        assert (await caller.get(f"/data/{ROUND.id}")).status_code == 403
