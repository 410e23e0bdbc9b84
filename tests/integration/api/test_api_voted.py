"""What a provider at work tells, served: it votes on a simulated network, and the API answers for what it did there."""

from typing import Any

import jsonschema_rs
import pytest
import structlog
from py_flare_common.ftso.median import FtsoMedian, FtsoVote, calculate_median  # type: ignore[import-untyped]

from chrono.clock import SECOND_NS
from chrono.errors import JOURNAL_FOREIGN, NO_HEALTHY_NODE, ChronoError
from chrono.flare.commit import decode_reveal
from chrono.flare.epochs import VotingRound
from chrono.flare.frames import FTSO, SubmissionFunction, decode_calldata
from chrono.simulation.flare.keyring import Keyring
from chrono.simulation.flare.node import Wire
from chrono.simulation.virtual_time import VirtualClock
from chrono.voting.provider_report import Mode, ProviderReport
from chrono.voting.reports import RoundPhase, RoundReport
from tests.fakes.api_client import client
from tests.fakes.api_ports import FakeHouse
from tests.fakes.voting_house import VotingHouse, play

DOCUMENTED = {
    "/rounds": "/rounds",
    "/rounds/{number}": "/rounds/{id}",
    "/provider": "/provider",
    "/data/{number}": "/data/{round}",
    "/specific-feed/{feed}/{number}": "/specific-feed/{feed_id}/{round}",
    "/medianCalculationResults/{number}": "/medianCalculationResults/{round}",
}


class Voted:
    """A house whose provider has voted: its chain, and the API over its reports."""

    def __init__(self, mode: Mode = Mode.LIVE) -> None:
        self.house: Any = None
        self.api = FakeHouse()
        self._mode = mode
        play(self._vote)
        self.done: RoundReport = next(
            report for report in self.api.reports.rounds(10) if report.phase is RoundPhase.FINALISED
        )

    async def _vote(self, clock: VirtualClock) -> None:
        self.house = VotingHouse(clock, mode=self._mode)
        self.house.start()
        await self.house.until(self.house.round_now().id + 4, 60)
        self.api.reports = self.house.reports
        self.api.network, self.api.timing = self.house.flare.network.name, self.house.timing
        self.api.clock.advance(clock.now_ns() - self.api.clock.now_ns())

    async def get(self, path: str) -> Any:
        async with client(self.api, key="chrono_admin_dddddddddddddddddddddddddddddddd") as caller:
            answer = await caller.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def voted() -> Voted:
    return Voted()


@pytest.fixture(scope="module")
def dry() -> Voted:
    return Voted(Mode.DRY_RUN)


async def test_a_round_is_told_with_the_transactions_that_stand_on_chain(voted: Voted) -> None:
    told = await voted.get(f"/rounds/{voted.done.id}")
    mined = {
        "0x" + signed.hash.hex(): block for block in voted.house.flare.chain.blocks for signed, _, _ in block.mined
    }
    assert [one["phase"] for one in told["transactions"]][:3] == ["submit1", "submit2", "submitSignatures"]
    for one in told["transactions"]:
        assert one["status"] == "confirmed"
        assert one["block"] == mined[one["tx_hash"]].head.number
        assert one["margin_ms"] > 0
    assert told["reason"] is None
    payload = voted.house.sent(SubmissionFunction.SUBMIT2, voted.done.id)[0]
    shown = next(one for one in told["payloads"] if one["phase"] == "submit2")
    assert payload.hex() in shown["calldata"]


async def test_the_root_and_the_tree_are_those_that_the_relay_holds(voted: Voted) -> None:
    final = voted.house.flare.deployment.relays.final(FTSO, voted.done.id)
    data = await voted.get(f"/data/{voted.done.id}")
    told = await voted.get(f"/rounds/{voted.done.id}")
    assert data["merkleRoot"] == told["merkle_root"] == "0x" + final.merkle_root.hex()
    assert data["isSecureRandom"] == told["secure_random"] == final.is_secure_random


async def test_the_medians_are_those_that_another_library_finds_from_the_votes_served(voted: Voted) -> None:
    served = await voted.get(f"/medianCalculationResults/{voted.done.id}")
    told = await voted.get(f"/rounds/{voted.done.id}")
    assert len(served["medianData"]) == len(told["feeds"]) > 0
    for feed, row in zip(served["medianData"], told["feeds"], strict=True):
        votes = [
            FtsoVote(value["value"], int(weight))
            for value, weight in zip(feed["feedValues"], feed["weights"], strict=True)
            if not value["isEmpty"]
        ]
        found: FtsoMedian = calculate_median(votes)
        data = feed["data"]
        assert data["finalMedian"]["value"] == found.value
        assert (data["quartile1"]["value"], data["quartile3"]["value"]) == (
            found.first_quartile,
            found.third_quartile,
        )
        assert row["feed_id"] == feed["feed"]["id"]
        assert int(row["median"].replace(".", "")) == found.value
        ours = int(row["ours"].replace(".", ""))
        assert ours in [value["value"] for value in feed["feedValues"]]
        if found.first_quartile < ours < found.third_quartile:
            assert row["in_iqr"] is True


async def test_a_dry_run_shows_what_it_would_send_beside_the_networks_result_and_sends_nothing(dry: Voted) -> None:
    assert dry.house.transactions() == 0
    told = await dry.get(f"/rounds/{dry.done.id}")
    assert (told["mode"], told["reason"]["code"], told["transactions"]) == ("dry-run", "dry_run", [])
    assert [one["phase"] for one in told["payloads"]] == ["submit1", "submit2"]
    commit, reveal = (decode_calldata(bytes.fromhex(one["calldata"][2:]))[1][0].payload for one in told["payloads"])
    fixed = decode_reveal(reveal, random_only=False)
    assert commit == fixed.commit_hash(dry.house.entity.submit, dry.done.id)
    assert [feed["ours"] is not None for feed in told["feeds"]] == [True] * len(told["feeds"])
    assert all(feed["hit"] for feed in told["feeds"])
    running = await dry.get(f"/rounds/{dry.done.id + 1}")
    assert running["mode"] == "dry-run"


def test_before_the_chain_is_open_the_provider_says_what_it_waits_for() -> None:
    told: list[ProviderReport | None] = []

    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        for node in house.nodes:
            node.faults.wire = Wire.DOWN
        house.start()
        with structlog.testing.capture_logs() as logged:
            await clock.sleep(20)
        assert [line["event"] for line in logged].count("chain_waits") == 1
        told.append(house.reports.provider)
        for node in house.nodes:
            node.faults.wire = Wire.FINE
        await house.until(house.round_now().id + 1, 60)
        told.append(house.reports.provider)
        await house.kill()

    play(scenario)
    before, after = told
    assert before is not None
    assert before.awaiting is not None
    assert before.awaiting.reason is NO_HEALTHY_NODE
    assert "0 of 3 nodes" in before.awaiting.what
    assert {node.state for node in before.nodes} == {"unreachable"}
    assert all(node.why.startswith("node_") for node in before.nodes)
    assert after is not None
    assert after.awaiting is not None
    assert after.awaiting.reason is None
    assert [(node.name, node.state, node.why) for node in after.nodes] == [
        (name, "alive", "") for name in ("node1", "node2", "node3")
    ]
    assert after.reward_epoch_id == 1


def test_a_duty_that_cannot_begin_says_why() -> None:
    told: list[ProviderReport | None] = []

    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.start()
        await house.until(house.round_now().id + 1, 60)
        await house.kill()
        house.entity = Keyring.of("another").entity()
        house.start()
        await clock.sleep(1)
        assert house.task is not None
        assert isinstance(house.task.exception(), ChronoError)
        told.append(house.reports.provider)

    play(scenario)
    (after,) = told
    assert after is not None
    assert after.awaiting is not None
    assert after.awaiting.reason is JOURNAL_FOREIGN
    assert set(after.awaiting.facts) == {"network", "identity"}


async def test_a_round_that_runs_is_told_too_and_too_early_for_results(voted: Voted) -> None:
    running = VotingRound(voted.done.id + 1, voted.house.timing)
    assert voted.api.clock.now_ns() < running.reveal_window.end_ns + SECOND_NS
    assert await voted.get(f"/data/{running.id}") == {"status": "TOO_EARLY"}


@pytest.mark.parametrize("path", sorted(DOCUMENTED))
async def test_every_answer_is_as_the_openapi_document_says(voted: Voted, path: str) -> None:
    document = await voted.get("/schema/openapi.json")
    feed = voted.done.feeds[0].feed.id.hex
    for number in (voted.done.id, voted.done.id + 1):
        answer = await voted.get(path.format(number=number, feed=feed))
        operation = document["paths"][DOCUMENTED[path]]["get"]
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema_rs.validate({**schema, "components": document["components"]}, answer)
