"""Rounds and the provider, served by the real application from a book filled by hand. Source: api.md."""

from collections.abc import Sequence
from typing import Any

import pytest

from chrono.clock import SECOND_NS
from chrono.errors import DATABASE_AWAY, NO_HEALTHY_NODE, REWARD_DATA_ABSENT, ROUNDS_UNCOUNTED, ChronoError
from chrono.flare.epochs import Timing, VotingRound
from chrono.flare.random import RoundRandom
from chrono.voting.closeness import Score, score
from chrono.voting.provider_report import (
    Awaiting,
    Budget,
    CountedFdc,
    CountedUpdates,
    Mode,
    NodeReport,
    RewardLook,
    RewardReport,
    RewardsTold,
)
from chrono.voting.reports import RoundReport, SentPhase, SentStatus
from tests.fakes.api_client import client
from tests.fakes.api_ports import FakeHouse
from tests.fakes.rounds_told import CURRENT, FEEDS, ROUND, TIMING, committed, finished, missed, payload, provider, sent


class Recorded:
    """Fits: chrono.api.round_ports.RecordedRounds."""

    def __init__(self, *reports: RoundReport) -> None:
        self.reports = {report.id: report for report in reports}
        self.failure: ChronoError | None = None
        self.asked = 0

    async def round(self, network: str, round_id: int, timing: Timing) -> RoundReport | None:
        self._ask(network, timing)
        return self.reports.get(round_id)

    async def rounds(self, network: str, timing: Timing, limit: int, before: int | None = None) -> Sequence[Any]:
        self._ask(network, timing)
        ids = sorted((one for one in self.reports if before is None or one < before), reverse=True)[:limit]
        return [RecordedOne(self.reports[one]) for one in ids]

    def _ask(self, network: str, timing: Timing) -> None:
        assert (network, timing) == ("coston2", TIMING)
        self.asked += 1
        if self.failure is not None:
            raise self.failure


class RecordedOne:
    """Fits: chrono.api.round_ports.RecordedRound."""

    def __init__(self, report: RoundReport) -> None:
        self.report = report
        self.score: Score = score(report)
        result = report.result
        self.root: bytes | None = None if result is None else result.root
        self.random: RoundRandom | None = None if result is None else result.random


def near(number: int) -> VotingRound:
    return VotingRound(ROUND.id + number, TIMING)


@pytest.fixture
def house() -> FakeHouse:
    made = FakeHouse()
    made.reports.tell_round(finished())
    return made


async def get(house: FakeHouse, path: str, status: int = 200) -> Any:
    async with client(house) as caller:
        answer = await caller.get(path)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_round_is_told_with_its_windows_its_result_and_each_feed(house: FakeHouse) -> None:
    told = await get(house, f"/rounds/{ROUND.id}")
    result = finished().result
    assert result is not None
    assert {name: told[name] for name in ("round", "reward_epoch", "phase", "mode", "network", "reason")} == {
        "round": ROUND.id,
        "reward_epoch": 4707,
        "phase": "finalized",
        "mode": "live",
        "network": "coston2",
        "reason": None,
    }
    assert told["windows"] == {
        "commit": {"from": "2025-10-09T12:31:30.000Z", "to": "2025-10-09T12:33:00.000Z"},
        "reveal": {"from": "2025-10-09T12:33:00.000Z", "to": "2025-10-09T12:33:45.000Z"},
        "sign": {"from": "2025-10-09T12:33:45.000Z", "to": "2025-10-09T12:34:30.000Z"},
    }
    assert told["merkle_root"] == "0x" + result.root.hex()
    assert told["random"] == f"0x{result.random.value:064x}"
    assert told["secure_random"] is True
    assert told["feeds"] == [
        {
            "symbol": "FLR/USD",
            "feed_id": FEEDS[0].id.hex,
            "decimals": 7,
            "ours": "0.0165500",
            "median": "0.0165550",
            "q1": "0.0165500",
            "q3": "0.0165600",
            "turnout_bips": 10_000,
            "in_iqr": told["feeds"][0]["in_iqr"],
            "in_band": True,
            "hit": True,
            "deviation_bps": "-3.02",
        },
        {
            "symbol": "BTC/USD",
            "feed_id": FEEDS[1].id.hex,
            "decimals": 2,
            "ours": "67234.56",
            "median": "67237.28",
            "q1": "67234.56",
            "q3": "67240.00",
            "turnout_bips": 10_000,
            "in_iqr": told["feeds"][1]["in_iqr"],
            "in_band": True,
            "hit": True,
            "deviation_bps": "-0.40",
        },
        {
            "symbol": "ETH/USD",
            "feed_id": FEEDS[2].id.hex,
            "decimals": 3,
            "ours": "2500.100",
            "median": "2515.000",
            "q1": "2510.000",
            "q3": "2520.000",
            "turnout_bips": 10_000,
            "in_iqr": False,
            "in_band": False,
            "hit": False,
            "deviation_bps": "-59.24",
        },
        {
            "symbol": "EUR/USD",
            "feed_id": FEEDS[3].id.hex,
            "decimals": 5,
            "ours": None,
            "median": None,
            "q1": None,
            "q3": None,
            "turnout_bips": 0,
            "in_iqr": False,
            "in_band": False,
            "hit": False,
            "deviation_bps": None,
        },
    ]


async def test_transactions_come_with_their_gas_fee_and_what_was_left_to_the_deadline(house: FakeHouse) -> None:
    told = await get(house, f"/rounds/{ROUND.id}")
    assert [one["phase"] for one in told["transactions"]] == ["submit1", "submit2", "submitSignatures", "relay"]
    assert told["transactions"][0] == {
        "phase": "submit1",
        "status": "confirmed",
        "tx_hash": "0x" + "01" * 32,
        "block": 24_680_000,
        "gas_used": 45_000,
        "fee_wei": "1125000000000000",
        "margin_ms": 12_000,
        "attempts": 1,
        "submitted_at": "2025-10-09T12:32:46.123Z",
        "confirmed_at": "2025-10-09T12:32:48.000Z",
        "reason": None,
    }
    assert told["fee_wei"] == str(4 * 1_125_000_000_000_000)


async def test_a_round_without_a_result_says_null_where_nothing_is_known(house: FakeHouse) -> None:
    house.reports.tell_round(committed(near(1)))
    told = await get(house, f"/rounds/{near(1).id}")
    assert (told["phase"], told["merkle_root"], told["random"], told["secure_random"]) == (
        "committed",
        None,
        None,
        None,
    )
    first = told["feeds"][0]
    assert first["ours"] == "0.0165500"
    for name in ("median", "q1", "q3", "turnout_bips", "in_iqr", "in_band", "hit", "deviation_bps"):
        assert first[name] is None, name


async def test_a_round_of_which_nothing_was_told_since_its_time_passed_is_over(house: FakeHouse) -> None:
    told = committed(near(1))
    house.reports.tell_round(told)
    end_ns = told.round.signature_window.end_ns
    house.clock.advance(end_ns - house.clock.now_ns())
    assert (await get(house, f"/rounds/{told.id}"))["phase"] == "committed"
    house.clock.advance(11 * SECOND_NS)
    assert (await get(house, f"/rounds/{told.id}"))["phase"] == "over"
    assert [row["phase"] for row in (await get(house, "/rounds"))["data"]] == ["over", "finalized"]


async def test_a_miss_carries_its_reason_with_the_remedy(house: FakeHouse) -> None:
    house.reports.tell_round(missed(near(1)))
    told = await get(house, f"/rounds/{near(1).id}")
    assert told["reason"]["code"] == "too_late"
    assert set(told["reason"]) == {"code", "message", "remedy"}


@pytest.mark.parametrize(("path", "status"), [("/rounds/17", 404), ("/rounds/x", 400), ("/rounds/4294967296", 400)])
async def test_a_round_that_is_none_is_refused_in_the_envelope(house: FakeHouse, path: str, status: int) -> None:
    told = await get(house, path, status)
    assert told["error"]["code"] == {404: "NOT_FOUND", 400: "VALIDATION_ERROR"}[status]
    assert told["status"] == status


async def test_rounds_come_in_pages_newest_first_with_their_feeds_counted(house: FakeHouse) -> None:
    for number in range(1, 5):
        house.reports.tell_round(finished(near(number)))
    first = await get(house, "/rounds?limit=3")
    assert [row["round"] for row in first["data"]] == [near(4).id, near(3).id, near(2).id]
    assert {name: first["data"][0][name] for name in ("feeds", "omitted", "in_band", "hits")} == {
        "feeds": 4,
        "omitted": 1,
        "in_band": 2,
        "hits": 2,
    }
    second = await get(house, f"/rounds?limit=3&before={first['next']}")
    assert [row["round"] for row in second["data"]] == [near(1).id, ROUND.id]
    assert (second["next"], second["count"]) == (None, 2)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "before=-1", "limit=x", "since=1"])
async def test_a_page_that_cannot_be_asked_for_is_a_400(house: FakeHouse, query: str) -> None:
    assert (await get(house, f"/rounds?{query}", 400))["error"]["code"] == "VALIDATION_ERROR"


async def test_recent_rounds_come_from_memory_and_older_ones_from_the_store(house: FakeHouse) -> None:
    house.recorded = Recorded(*(finished(near(number)) for number in range(-3, 1)))
    house.reports.tell_round(finished(near(1)))
    page = await get(house, "/rounds?limit=5")
    assert [row["round"] for row in page["data"]] == [near(number).id for number in (1, 0, -1, -2, -3)]
    assert (await get(house, f"/rounds/{near(-2).id}"))["round"] == near(-2).id
    asked = house.recorded.asked
    await get(house, f"/rounds/{ROUND.id}")
    await get(house, "/rounds?limit=2")
    assert house.recorded.asked == asked


async def test_with_the_database_away_what_is_in_memory_is_still_told(house: FakeHouse) -> None:
    house.recorded = Recorded()
    house.recorded.failure = ChronoError(DATABASE_AWAY)
    house.reports.tell_round(committed(near(1)))
    assert (await get(house, "/rounds"))["count"] == 2
    assert (await get(house, f"/rounds/{near(1).id}"))["phase"] == "committed"
    assert (await get(house, f"/rounds/{near(-9).id}", 503))["error"]["code"] == "DATABASE_ERROR"


async def test_after_a_restart_the_store_may_know_more_of_a_round_than_the_memory(house: FakeHouse) -> None:
    house.recorded = Recorded(finished(near(1)))
    house.reports.tell_round(committed(near(1)))
    assert (await get(house, f"/rounds/{near(1).id}"))["merkle_root"] is not None


async def test_the_bytes_of_a_reveal_are_not_shown_before_its_window(house: FakeHouse) -> None:
    window_ns = CURRENT.reveal_window.start_ns
    bytes_of = (
        payload(SentPhase.SUBMIT1, "6c532fae"),
        payload(SentPhase.SUBMIT2, "9d00c9fd", shown_from_ns=window_ns),
    )
    house.reports.tell_round(committed(CURRENT, payloads=bytes_of))
    told = await get(house, f"/rounds/{CURRENT.id}")
    assert [one["calldata"] for one in told["payloads"]] == ["0x6c532fae"]
    house.clock.advance(window_ns - house.clock.now_ns())
    told = await get(house, f"/rounds/{CURRENT.id}")
    assert [one["phase"] for one in told["payloads"]] == ["submit1", "submit2"]


async def test_in_a_dry_run_all_bytes_are_shown_at_once(house: FakeHouse) -> None:
    reveal = payload(SentPhase.SUBMIT2, "9d00c9fd", shown_from_ns=CURRENT.reveal_window.start_ns)
    house.reports.tell_round(committed(CURRENT, mode=Mode.DRY_RUN, payloads=(reveal,)))
    told = await get(house, f"/rounds/{CURRENT.id}")
    assert told["mode"] == "dry-run"
    assert [one["calldata"] for one in told["payloads"]] == ["0x9d00c9fd"]


async def test_a_transaction_under_way_is_pending_and_knows_no_block(house: FakeHouse) -> None:
    house.reports.tell_round(committed(near(1), transactions=()))
    under_way = sent(
        SentPhase.SUBMIT2,
        near(1),
        status=SentStatus.PENDING,
        block_number=None,
        confirmed_at_ns=None,
        gas_used=None,
        fee_wei=None,
        margin_ms=None,
    )
    house.reports.tell_sent(near(1).id, under_way)
    (told,) = (await get(house, f"/rounds/{near(1).id}"))["transactions"]
    assert (told["status"], told["block"], told["fee_wei"], told["margin_ms"]) == ("pending", None, None, None)


async def test_the_provider_is_told_as_it_stands(house: FakeHouse) -> None:
    house.reports.tell_provider(provider())
    told = await get(house, "/provider")
    assert told["registered"] == {"current": True, "next": None}
    assert (told["round"], told["phase"]) == (CURRENT.id, None)
    house.reports.tell_round(committed(CURRENT))
    assert (await get(house, "/provider"))["phase"] == "committed"
    assert told["budget"] == {
        "anchor_misses_left": 1234,
        "fast_updates_left": None,
        "fdc_rounds_left": None,
        "fast_updates": None,
        "fdc": None,
        "unknown": {},
    }
    assert (told["weight_bips"], told["passes"], told["accuracy_rank"]) == (2500, 2, None)
    assert told["balances"][0] == {
        "role": "submit",
        "address": told["addresses"]["submit"],
        "wei": str(12 * 10**18),
        "runway_hours": 400,
    }
    assert told["owed_reveals"] == [{"round": CURRENT.id - 1, "until": "2025-10-09T12:35:15.000Z"}]
    assert told["awaiting"]["what"].startswith("the moment to take the values")
    assert told["awaiting"]["reason"] is None


async def test_each_node_is_told_with_its_state_and_why(house: FakeHouse) -> None:
    nodes = (NodeReport("node1", "alive", ""), NodeReport("node2", "unreachable", "node_silent"))
    house.reports.tell_provider(provider(nodes=nodes))
    assert (await get(house, "/provider"))["nodes"] == [
        {"name": "node1", "state": "alive", "why": None},
        {"name": "node2", "state": "unreachable", "why": "node_silent"},
    ]


async def test_a_wait_that_is_not_as_it_should_be_has_its_reason(house: FakeHouse) -> None:
    awaiting = Awaiting(what="a node that answers", reason=NO_HEALTHY_NODE)
    house.reports.tell_provider(provider(awaiting=awaiting))
    told = (await get(house, "/provider"))["awaiting"]
    assert (told["reason"]["code"], told["until"]) == ("no_healthy_node", None)


@pytest.mark.parametrize("path", ["/provider", "/provider/rewards"])
async def test_where_no_provider_runs_that_is_said_with_what_to_do(house: FakeHouse, path: str) -> None:
    told = await get(house, path, 404)
    assert told["error"]["details"]["reason"] == "no_provider"
    assert "chrono ftso check" in told["error"]["message"]


async def test_the_budgets_are_told_with_what_they_were_counted_from_and_why_one_is_not_known(house: FakeHouse) -> None:
    fast = CountedUpdates(rounds=7, rounds_in_epoch=240, made=11, by_all=90, expected=22, enough=18, is_spared=False)
    fdc = CountedFdc(rounds=5, rounds_over=7, rounds_in_epoch=240, rewarding=5, rewarded=4)
    unknown = {"anchor_misses_left": ROUNDS_UNCOUNTED}
    house.reports.tell_provider(provider(budget=Budget(None, 140, 93, fast, fdc, unknown)))
    assert (await get(house, "/provider"))["budget"] == {
        "anchor_misses_left": None,
        "fast_updates_left": 140,
        "fdc_rounds_left": 93,
        "fast_updates": {
            "rounds": 7,
            "rounds_in_epoch": 240,
            "made": 11,
            "by_all": 90,
            "expected": 22,
            "enough": 18,
            "spared": False,
        },
        "fdc": {"rounds": 5, "rounds_over": 7, "rounds_in_epoch": 240, "rewarding": 5, "rewarded": 4},
        "unknown": {
            "anchor_misses_left": {
                "code": "rounds_uncounted",
                "message": ROUNDS_UNCOUNTED.message,
                "remedy": ROUNDS_UNCOUNTED.remedy,
            }
        },
    }


async def test_where_nobody_looked_for_rewards_that_is_said_and_not_that_there_are_none(house: FakeHouse) -> None:
    house.reports.tell_provider(provider())
    told = await get(house, "/provider/rewards", 404)
    assert told["error"]["details"]["reason"] == "reward_data_unread"
    assert "flare.reward_data" in told["error"]["message"]


async def test_rewards_are_told_with_where_they_were_looked_for(house: FakeHouse) -> None:
    house.reports.tell_provider(provider())
    expiry_ns = 1_760_013_296 * SECOND_NS
    rewards = (
        RewardReport(reward_epoch_id=4705, claim_type="FEE", amount_wei=10**21, claimable=True, expires_ns=expiry_ns),
        RewardReport(reward_epoch_id=4706, claim_type="WNAT", amount_wei=7),
    )
    looked = (RewardLook(4706), RewardLook(4705), RewardLook(4704, REWARD_DATA_ABSENT))
    house.reports.tell_rewards(RewardsTold(rewards, looked))
    told = await get(house, "/provider/rewards")
    assert told["data"] == [
        {"reward_epoch": 4706, "claim_type": "WNAT", "amount_wei": "7", "claimable": None, "expires_at": None},
        {
            "reward_epoch": 4705,
            "claim_type": "FEE",
            "amount_wei": str(10**21),
            "claimable": True,
            "expires_at": "2025-10-09T12:34:56.000Z",
        },
    ]
    assert told["looked"][0] == {"reward_epoch": 4706, "verified": True, "reason": None}
    assert told["looked"][2]["verified"] is False
    assert told["looked"][2]["reason"]["code"] == "reward_data_absent"


@pytest.mark.parametrize("path", [f"/rounds/{ROUND.id}", "/rounds", "/provider", "/provider/rewards"])
async def test_each_path_has_its_twin_and_marks_an_invented_world(house: FakeHouse, path: str) -> None:
    house.reports.tell_provider(provider())
    house.reports.tell_rewards(RewardsTold())
    house.environment = "simulated"
    told, twin = await get(house, path), await get(house, "/api/v1" + path)
    told.pop("latency_ms", None), twin.pop("latency_ms", None)
    assert told == twin
    assert told["environment"] == "simulated"
