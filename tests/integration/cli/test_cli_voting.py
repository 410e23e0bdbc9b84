"""`chrono ftso rounds|explain|status|submit` and `chrono status`, on the documents that the real API serves."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from chrono.cli.root import run as run_chrono
from chrono.clock import SECOND_NS
from chrono.errors import DATABASE_AWAY, DRY_RUN, NO_HEALTHY_NODE, NO_REVEALS, NOT_READY, STOPPING, ChronoError, Reason
from chrono.flare.commit import Reveal
from chrono.flare.epochs import Timing, VotingRound
from chrono.flare.feed_values import encode_values
from chrono.flare.frames import FTSO, Frame, SubmissionFunction, calldata
from chrono.voting.closeness import feed_outcomes
from chrono.voting.provider_report import Awaiting, Balance, Budget, Mode, NodeReport, Registered
from chrono.voting.reports import Payload, Reports, SentPhase
from tests.fakes.answering import Answering, envelope
from tests.fakes.api_client import client
from tests.fakes.api_ports import FakeHouse
from tests.fakes.rounds_told import CURRENT, FEEDS, ROUND, SUBMIT, TIMING, VALUES, committed, finished, missed, provider

Run = Callable[..., tuple[int, str, str]]
REVEAL = Reveal(bytes(31) + b"\x07", encode_values(VALUES[0]))


class World:
    """A book, and a server that answers what the real application says of it."""

    def __init__(self, answering: Answering) -> None:
        self.house = FakeHouse()
        self.answering = answering

    @property
    def reports(self) -> Reports:
        return self.house.reports

    def serve(self) -> str:
        """Ask the application everything that a command may ask, and have the server say the same."""
        paths = ["/rounds", "/rounds/17", "/provider", *(f"/rounds/{one.id}" for one in self.reports.rounds(100))]
        self.answering.answers.update(asyncio.run(self._asked(paths)))
        return self.answering.url

    async def _asked(self, paths: list[str]) -> dict[str, tuple[int, Any]]:
        async with client(self.house) as caller:
            answers = {path: await caller.get(path) for path in paths}
        return {path: (answer.status_code, answer.json()) for path, answer in answers.items()}


@pytest.fixture
def world(answering: Answering) -> World:
    made = World(answering)
    made.reports.tell_round(finished())
    made.reports.tell_provider(provider())
    health = made.answering.answers["/health"][1]
    made.answering.answers["/health"] = (200, {**health, "timestamp": "2025-10-09T12:34:57.000Z"})
    return made


@pytest.fixture
def run(world: World, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Run:
    """Runs `chrono …` in this process against the world as it is now."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    def ran(*args: str) -> tuple[int, str, str]:
        code = run_chrono([*args, "--url", world.serve(), "--key", "chrono_public_x"])
        told = capsys.readouterr()
        return code, told.out, told.err

    return ran


def test_rounds_are_a_line_each_with_what_was_close_what_it_cost_and_what_was_left(world: World, run: Run) -> None:
    world.reports.tell_round(committed(VotingRound(ROUND.id + 1, TIMING)))
    code, out, err = run("ftso", "rounds")
    lines = out.splitlines()
    assert lines[0].split()[:3] == ["round", "began", "phase"]
    assert lines[1].split()[0] == str(ROUND.id + 1)
    finished_line = lines[2].split()
    assert finished_line[:4] == [str(ROUND.id), "10-09", "12:31:30", "finalized"]
    for told in ("2/4", "12.0/25.0/13.0", "0.0045 C2FLR", "180000"):
        assert told in lines[2]
    assert (code, err) == (0, "")


def test_a_missed_round_shows_its_reason_and_where_to_look_next(world: World, run: Run) -> None:
    world.reports.tell_round(missed(VotingRound(ROUND.id + 1, TIMING)))
    code, out, err = run("ftso", "rounds")
    assert code == 3
    assert "too_late" in out
    assert f"1 of 2 rounds missed something; next: chrono ftso explain {ROUND.id + 1}" in err


@pytest.mark.parametrize("reason", [DRY_RUN, NO_REVEALS, NOT_READY, STOPPING])
def test_a_round_let_pass_on_purpose_is_shown_and_is_no_fault(world: World, run: Run, reason: Reason) -> None:
    world.reports.tell_round(missed(VotingRound(ROUND.id + 1, TIMING), reason=reason))
    code, out, err = run("ftso", "rounds")
    assert (code, err) == (0, "")
    assert reason.code in out
    code, out, _ = run("ftso", "status")
    assert code == 0
    assert f"round {ROUND.id + 1} missed something: {reason.message} (normal)" in out
    assert run("ftso", "explain", str(ROUND.id + 1))[0] == 0


def test_no_round_at_all_is_said_with_what_comes_next(world: World, run: Run) -> None:
    world.house = FakeHouse()
    code, out, err = run("ftso", "rounds")
    assert (code, out) == (0, "")
    assert "next: chrono ftso status" in err


@pytest.mark.parametrize("which", ["last", str(ROUND.id)])
def test_a_round_is_explained_feed_by_feed(world: World, run: Run, which: str) -> None:
    world.reports.tell_round(committed(VotingRound(ROUND.id + 1, TIMING)))
    code, out, _ = run("ftso", "explain", which)
    assert code == 0
    assert f"round {ROUND.id} of coston2: finalized, reward epoch 4707" in out
    assert "commit 12:31:30 to 12:33:00; reveal 12:33:00 to 12:33:45; sign 12:33:45 to 12:34:30 UTC" in out
    eth = next(line for line in out.splitlines() if line.startswith("ETH/USD"))
    assert eth.split() == [
        "ETH/USD",
        "2500.100",
        "2515.000",
        "-59.24",
        "2510.000",
        "2520.000",
        "100.00",
        "%",
        *["NO"] * 3,
    ]
    euro = next(line for line in out.splitlines() if line.startswith("EUR/USD"))
    assert euro.split()[1] == "omitted"
    assert "2 of 4 values within 0.5 % of the median" in out
    assert "missed: ETH/USD, EUR/USD" in out
    assert "cost: 0.0045 C2FLR of gas" in out
    for phase in SentPhase:
        assert f"\n{phase}" in out


def test_only_what_missed_is_shown_when_asked(world: World, run: Run) -> None:
    _, out, _ = run("ftso", "explain", "last", "--missed")
    assert "ETH/USD" in out
    assert not [line for line in out.splitlines() if line.startswith("BTC/USD")]


def test_a_round_in_which_we_gave_nothing_says_so_instead_of_naming_every_feed(world: World, run: Run) -> None:
    nothing = feed_outcomes(FEEDS, [None] * len(FEEDS), finished().result, {})
    world.reports.tell_round(missed(feeds=nothing))
    _, out, _ = run("ftso", "explain", str(ROUND.id))
    assert "we gave no value for any of the 4 feeds" in out
    world.reports.tell_round(missed())
    _, out, _ = run("ftso", "explain", str(ROUND.id))
    assert "our values are not recorded" in out


def test_on_flare_the_cost_is_told_in_dollars_of_the_newest_price(world: World, run: Run) -> None:
    price = {**world.answering.answers["/prices/latest"][1]["data"][0], "symbol": "FLR/USD", "price": "0.02"}
    world.answering.answers["/prices/latest"] = (200, {"data": [price], "missing": []})
    world.reports.tell_round(finished(network="flare"))
    _, out, _ = run("ftso", "explain", "last")
    assert "cost: 0.0045 FLR of gas, $0.000090" in out
    world.answering.answers["/prices/latest"] = (503, envelope("DATABASE_ERROR", "away", 503))
    _, out, _ = run("ftso", "explain", "last")
    assert "cost: 0.0045 FLR of gas\n" in out


def test_a_missed_round_is_explained_by_its_reason_and_remedy(world: World, run: Run) -> None:
    world.reports.tell_round(missed())
    code, out, _ = run("ftso", "explain", str(ROUND.id))
    assert code == 3
    assert "missed: the transaction came after the last moment to send it (too_late)" in out
    assert "what to do: look why the step before was late" in out


@pytest.mark.parametrize(
    ("which", "code", "told"),
    [("x", 2, "is no round"), ("17", 1, "nothing is recorded of this voting round"), ("-1", 2, "")],
)
def test_what_is_no_round_ends_with_the_next_step(run: Run, which: str, code: int, told: str) -> None:
    world_code, out, err = run("ftso", "explain", which)
    assert (world_code, out) == (code, "")
    assert told in err
    assert "next: chrono" in err


def test_the_last_round_that_has_a_result_must_be_there(world: World, run: Run) -> None:
    world.house = FakeHouse()
    world.reports.tell_round(committed())
    code, _, err = run("ftso", "explain", "last")
    assert code == 1
    assert "no round has a result yet" in err


def test_status_tells_the_provider_and_why_it_waits(run: Run) -> None:
    code, out, _ = run("ftso", "status")
    assert code == 0
    for told in (
        "coston2, live",
        "yes; for the next reward epoch: not known",
        "25.00 %",
        "1234 anchor values",
        "12 C2FLR",
        "16 d",
        f"the reveal of round {CURRENT.id - 1} is owed until 12:35:15 UTC",
        f"the provider waits for the moment to take the values of round {CURRENT.id}, until 12:35:45 UTC",
        "(normal)",
    ):
        assert told in out, told
    assert "not normal" not in out


def test_status_names_each_node_with_its_state(world: World, run: Run) -> None:
    assert "nodes              not known" in run("ftso", "status")[1]
    nodes = (NodeReport("node1", "alive", ""), NodeReport("node2", "unreachable", "node_silent"))
    world.reports.tell_provider(provider(nodes=nodes))
    for command in (["ftso", "status"], ["status"]):
        assert "node1 alive, node2 unreachable (node_silent)" in run(*command)[1]


def test_what_is_not_as_it_should_be_is_said_and_degrades_the_end(world: World, run: Run) -> None:
    world.reports.tell_provider(
        provider(
            registered=Registered(False, False),
            budget=Budget(anchor_misses_left=0),
            balances=(Balance(role="submit", address=SUBMIT, wei=10**16, runway_hours=3),),
            awaiting=Awaiting(what="a node that answers", reason=NO_HEALTHY_NODE),
        )
    )
    code, out, _ = run("ftso", "status")
    assert code == 3
    for told in (
        "not registered in reward epoch 4707",
        "not registered for the next reward epoch",
        "the budget of misses is used up",
        "the account of submit lasts 3 h more",
        "see `chrono status`; name more nodes",
    ):
        assert told in out, told


def test_a_provider_that_fell_silent_is_found(world: World, run: Run) -> None:
    world.reports.tell_provider(provider(at_ns=provider().at_ns - 60 * SECOND_NS))
    code, out, _ = run("ftso", "status")
    assert code == 3
    assert "the provider has said nothing since 12:33:56" in out


def test_a_miss_of_the_newest_rounds_is_told_with_its_remedy(world: World, run: Run) -> None:
    world.reports.tell_round(missed(VotingRound(ROUND.id + 1, TIMING)))
    world.reports.tell_round(committed(CURRENT))
    for command in (("ftso", "status"), ("status",)):
        code, out, _ = run(*command)
        assert f"round {ROUND.id + 1} missed something" in out
        assert "look why the step before was late" in out
        assert f"round {CURRENT.id} runs, phase committed" in out
        assert code == 3


class _Away:
    """A store whose database is away."""

    async def rounds(self, *_: object, **__: object) -> None:
        raise ChronoError(DATABASE_AWAY)


def test_a_provider_without_rounds_yet_is_shown_while_the_database_is_away(world: World, run: Run) -> None:
    world.house = FakeHouse()
    world.house.recorded = _Away()
    world.reports.tell_provider(provider())
    for command in (("ftso", "status"), ("status",)):
        code, out, err = run(*command)
        assert (code, err) == (0, ""), command
        assert "the provider waits for the moment to take the values" in out


@pytest.mark.parametrize(
    ("changes", "code"),
    [({}, 0), ({"registered": Registered(current=False, next=None)}, 3), ({"mode": Mode.DRY_RUN}, 0)],
)
def test_the_general_status_ends_as_the_provider_does(
    world: World, run: Run, changes: dict[str, Any], code: int
) -> None:
    world.reports.tell_provider(provider(**changes))
    assert (run("ftso", "status")[0], run("status")[0]) == (code, code)


def test_without_a_provider_status_says_what_to_do(world: World, run: Run) -> None:
    world.house = FakeHouse()
    code, out, err = run("ftso", "status")
    assert (code, out) == (1, "")
    assert "no provider runs here" in err
    assert "next: chrono ftso check" in err


def test_the_general_status_explains_the_provider_too(world: World, run: Run) -> None:
    code, out, _ = run("status")
    assert code == 0
    assert "the provider waits for the moment to take the values" in out
    world.reports.tell_provider(provider(mode=Mode.DRY_RUN, owed=(), awaiting=None))
    _, out, _ = run("status", "--json")
    told = json.loads(out)
    assert told["provider"]["mode"] == "dry-run"
    assert [one["what"] for one in told["silence"]] == ["nothing is missing", "no vote leaves"]
    assert all(one["normal"] for one in told["silence"])


def test_the_general_status_without_a_provider_is_as_before(world: World, run: Run) -> None:
    world.house = FakeHouse()
    code, out, _ = run("status", "--json")
    assert code == 0
    told = json.loads(out)
    assert told["provider"] is None
    assert [one["what"] for one in told["silence"]] == ["nothing is missing"]


def bytes_of_a_round(voting_round: VotingRound) -> tuple[Payload, ...]:
    commit = REVEAL.commit_hash(SUBMIT, voting_round.id)
    frames = (
        (SentPhase.SUBMIT1, SubmissionFunction.SUBMIT1, commit, 0),
        (SentPhase.SUBMIT2, SubmissionFunction.SUBMIT2, REVEAL.payload, voting_round.reveal_window.start_ns),
    )
    return tuple(
        Payload(
            phase=phase,
            sender=SUBMIT,
            calldata=calldata(function, [Frame(FTSO, voting_round.id, payload)]),
            made_at_ns=voting_round.epoch.start_s * SECOND_NS + 75 * SECOND_NS,
            shown_from_ns=shown_from_ns,
        )
        for phase, function, payload, shown_from_ns in frames
    )


def test_a_dry_run_shows_the_very_bytes_and_what_they_say(world: World, run: Run) -> None:
    told = committed(CURRENT, mode=Mode.DRY_RUN, payloads=bytes_of_a_round(CURRENT))
    world.reports.tell_round(told)
    code, out, _ = run("ftso", "submit", "--dry-run")
    assert code == 0
    assert f"round {CURRENT.id} of coston2: what would be sent" in out
    for payload in told.payloads:
        assert "0x" + payload.calldata.hex() in out
    commit = REVEAL.commit_hash(SUBMIT, CURRENT.id).hex()
    assert f"commit hash 0x{commit}" in out
    assert f"its commit, from this sender, was 0x{commit}" in out
    assert "BTC/USD              67234.56" in out
    assert "EUR/USD              empty" in out


def test_live_bytes_of_a_reveal_stay_hidden_until_its_window(world: World, run: Run) -> None:
    world.reports.tell_round(committed(CURRENT, payloads=bytes_of_a_round(CURRENT)))
    _, out, _ = run("ftso", "submit", "--dry-run", "--json")
    assert [payload["phase"] for payload in json.loads(out)["payloads"]] == ["submit1"]
    assert REVEAL.random.hex() not in out


def test_without_dry_run_nothing_is_done_for_safety(run: Run) -> None:
    code, out, err = run("ftso", "submit")
    assert (code, out) == (4, "")
    assert "next: chrono ftso submit --dry-run" in err


def test_a_round_without_bytes_says_why_and_what_next(run: Run) -> None:
    code, _, err = run("ftso", "submit", "--dry-run", "--round", str(ROUND.id))
    assert code == 1
    assert f"next: chrono ftso explain {ROUND.id}" in err
    code, _, err = run("ftso", "submit", "--dry-run")
    assert code == 1
    assert "next: chrono ftso status" in err


def test_a_chain_of_ones_own_is_read_by_its_own_calendar(world: World, run: Run) -> None:
    timing = Timing(1_760_000_000, 4, epoch_s=10, reveal_s=5)
    short = VotingRound(1_300, timing)
    told = committed(CURRENT, mode=Mode.DRY_RUN)
    world.reports.tell_round(
        structs.replace(told, network="local", round=short, reward_epoch_id=325, payloads=bytes_of_a_round(short))
    )
    code, out, _ = run("ftso", "submit", "--dry-run")
    assert code == 0
    assert (
        "round 1300: commit from 2025-10-09T12:30:00Z, reveal from 2025-10-09T12:30:10Z, sign from"
        " 2025-10-09T12:30:15Z until 2025-10-09T12:30:20Z (reward epoch 325 by the calendar)"
    ) in out
