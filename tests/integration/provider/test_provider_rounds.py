"""A provider of ours votes on a simulated Flare network, in virtual time: what it did is read from the chain."""

import pytest
from prometheus_client import REGISTRY

from chrono.chain.ports import LogQuery
from chrono.errors import DRY_RUN, NODE_REFUSED, REVEAL_MISSED, STOPPING, UNKNOWN_SUBMISSION, ChronoError
from chrono.flare.commit import commit_hash
from chrono.flare.frames import FTSO, SubmissionFunction, decode_calldata
from chrono.provider.counting import Counts
from chrono.simulation.virtual_time import VirtualClock
from chrono.voting.actions import Action, Answer, Settle
from chrono.voting.provider_report import Mode
from chrono.voting.reports import RoundPhase, SentPhase, SentStatus
from chrono.voting.rounds import RoundDuty
from tests.fakes.voting_house import MemoryLog, VotingHouse, play

SUBMIT1, SUBMIT2 = SubmissionFunction.SUBMIT1, SubmissionFunction.SUBMIT2
SIGNATURES = SubmissionFunction.SUBMIT_SIGNATURES


def test_every_phase_of_every_round_is_on_chain_and_every_round_is_finalised() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.start()
        first = house.round_now().id + 1
        await house.until(first + 5)
        for round_id in range(first, first + 4):
            (commit,) = house.sent(SUBMIT1, round_id)
            (reveal,) = house.sent(SUBMIT2, round_id)
            assert commit == commit_hash(house.entity.submit, round_id, reveal[:32], reveal[32:])
            assert len(house.sent(SIGNATURES, round_id)) == 1
            assert house.finalised(round_id)
            outcome = house.flare.rounds.outcome(round_id)
            assert outcome is not None
            assert house.entity.submit in outcome.valid

    play(scenario)


def test_what_is_told_of_a_round_is_what_stands_on_chain() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.start()
        round_id = house.round_now().id + 1
        await house.until(round_id + 2)
        report = house.reports.round(round_id)
        assert report is not None
        assert (report.phase, report.reason, report.mode) == (RoundPhase.FINALISED, None, Mode.LIVE)
        assert report.result is not None
        final = house.flare.deployment.relays.final(FTSO, round_id)
        assert final is not None
        assert report.result.root == final.merkle_root
        phases = {sent.phase: sent for sent in report.transactions}
        assert {SentPhase.SUBMIT1, SentPhase.SUBMIT2, SentPhase.SUBMIT_SIGNATURES} <= phases.keys()
        assert all(sent.status is SentStatus.CONFIRMED for sent in phases.values())
        assert all(sent.margin_ms is not None and sent.margin_ms > 0 for sent in phases.values())
        assert all(outcome.ours is not None for outcome in report.feeds)
        payloads = {payload.phase: payload for payload in report.payloads}
        assert decode_calldata(payloads[SentPhase.SUBMIT2].calldata)[1][0].payload == house.sent(SUBMIT2, round_id)[0]
        assert payloads[SentPhase.SUBMIT2].shown_from_ns == report.round.reveal_window.start_ns
        provider = house.reports.provider
        assert provider is not None
        assert provider.addresses["submit"] == house.entity.submit
        assert provider.registered.current is True

    play(scenario)


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_rounds_are_counted_as_they_end() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.start()
        first = house.round_now().id + 1
        await house.until(first + 1, 1)
        phases = ("submit1", "submit2", "submitSignatures")
        ends = "chrono_ftso_submissions_total"
        before = [counted(ends, protocol="100", phase=phase, outcome="ok") for phase in phases]
        await house.until(first + 5, 1)
        after = [counted(ends, protocol="100", phase=phase, outcome="ok") for phase in phases]
        assert [late - early for late, early in zip(after, before, strict=True)] == [4, 4, 4]
        assert counted("chrono_ftso_round_current") == first + 5
        assert counted("chrono_ftso_reward_epoch_current") == 1
        assert counted("chrono_ftso_band_hit_ratio", window="2h") == 1
        assert counted("chrono_ftso_registered", epoch="current") == 1
        await house.until(first + 5, 85)
        await clock.sleep(1)
        assert counted("chrono_ftso_reveals_pending") == 1
        assert 0 < counted("chrono_ftso_oldest_unrevealed_commit_seconds") < 20

    play(scenario)


def submissions() -> float:
    """All that was counted of rounds, however they ended."""
    counted_in = {"chrono_ftso_submissions_total", "chrono_ftso_misses_total"}
    return sum(sample.value for family in REGISTRY.collect() for sample in family.samples if sample.name in counted_in)


def test_a_dry_run_shows_everything_and_signs_and_sends_nothing() -> None:
    async def scenario(clock: VirtualClock) -> None:
        before = submissions()
        house = VotingHouse(clock, mode=Mode.DRY_RUN)
        house.start()
        round_id = house.round_now().id + 1
        await house.until(round_id + 2)
        assert house.transactions() == 0
        report = house.reports.round(round_id)
        assert report is not None
        assert (report.mode, report.reason, report.transactions) == (Mode.DRY_RUN, DRY_RUN, ())
        payloads = {payload.phase: decode_calldata(payload.calldata)[1][0].payload for payload in report.payloads}
        reveal = payloads[SentPhase.SUBMIT2]
        assert payloads[SentPhase.SUBMIT1] == commit_hash(house.entity.submit, round_id, reveal[:32], reveal[32:])
        assert report.result is not None  # computed from everybody's reveals, and compared with the chain's
        final = house.flare.deployment.relays.final(FTSO, round_id)
        assert final is not None
        assert report.result.root == final.merkle_root
        assert all(watched.rounds == () for watched in house.watched)  # nothing is missed against our will
        assert submissions() == before  # and nothing is counted as sent, skipped or missing

    play(scenario)


def test_a_kill_between_commit_and_reveal_costs_nothing_the_reveal_is_that_of_the_journal() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.start()
        round_id = house.round_now().id + 1
        await house.until(round_id, 85)
        await house.kill()
        assert len(house.sent(SUBMIT1, round_id)) == 1
        await house.until(round_id + 1, 20)
        house.start()
        await house.until(round_id + 2)
        outcome = house.flare.rounds.outcome(round_id)
        assert outcome is not None
        assert house.entity.submit in outcome.valid
        assert len(house.sent(SIGNATURES, round_id)) == 1
        assert len(house.sent(SUBMIT1, round_id + 1)) == 1  # and it goes on

    play(scenario)


def test_a_kill_before_the_commit_is_mined_does_not_make_a_second_one() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.start()
        round_id = house.round_now().id + 1
        await house.until(round_id, 75.05)
        await house.kill()
        house.start()
        await house.until(round_id + 2)
        assert len(set(house.sent(SUBMIT1, round_id))) == 1
        outcome = house.flare.rounds.outcome(round_id)
        assert outcome is not None
        assert house.entity.submit in outcome.valid

    play(scenario)


def test_an_owed_reveal_leaves_before_the_history_has_been_read() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.start()
        round_id = house.round_now().id + 1
        await house.until(round_id, 85)
        await house.kill()

        async def refused(_: LogQuery) -> list[object]:
            raise ChronoError(NODE_REFUSED, said="this node has no logs")

        for node in house.nodes:
            node.logs = refused  # type: ignore[assignment]
        house.start()
        await house.until(round_id + 1, 44)
        outcome = house.flare.rounds.outcome(round_id)
        assert outcome is not None
        assert house.entity.submit in outcome.valid
        assert house.sent(SUBMIT1, round_id + 1) == []  # without the history nothing new is begun

    play(scenario)


def test_a_stop_begins_nothing_new_and_ends_what_is_owed() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        provider = house.start()
        round_id = house.round_now().id + 1
        await house.until(round_id, 82)
        assert [(owed.round_id, owed.function) for owed in provider.owed if owed.function is SUBMIT2] == [
            (round_id, SUBMIT2)
        ]
        began_ns = clock.monotonic_ns()
        left = await provider.drain(145.0)
        assert left == []
        assert (clock.monotonic_ns() - began_ns) / 1e9 < 70
        assert len(house.sent(SUBMIT2, round_id)) == 1
        assert len(house.sent(SIGNATURES, round_id)) == 1
        await house.until(round_id + 2, 60)
        assert house.sent(SUBMIT1, round_id + 1) == []
        report = house.reports.round(round_id + 1)
        assert report is not None
        assert report.reason is STOPPING

    play(scenario)


def test_a_stop_when_nothing_is_owed_takes_no_time() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        provider = house.start()
        await house.until(house.round_now().id + 2, 70)  # signed, and the next commit is not made yet
        began_ns = clock.monotonic_ns()
        assert await provider.drain(145.0) == []
        assert clock.monotonic_ns() - began_ns < 1e9

    play(scenario)


def test_a_stop_that_may_not_take_so_long_says_what_is_lost() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        provider = house.start()
        round_id = house.round_now().id + 1
        await house.until(round_id, 82)
        lost = await provider.drain(2.0)
        assert (round_id, SUBMIT2) in [(owed.round_id, owed.function) for owed in lost]

    play(scenario)


def test_a_lost_journal_keeps_us_silent_for_two_rounds_and_then_we_vote_again() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.start()
        round_id = house.round_now().id + 1
        await house.until(round_id + 1, 60)  # committed, revealed and signed in `round_id`
        await house.kill()
        house.log = MemoryLog()
        house.start()
        await house.until(round_id + 5)
        silent = [each for each in range(round_id + 1, round_id + 5) if not house.sent(SUBMIT1, each)]
        assert silent == [round_id + 1, round_id + 2, round_id + 3]
        report = house.reports.round(round_id + 2)
        assert report is not None
        assert report.reason is UNKNOWN_SUBMISSION
        assert house.watched[-1].strangers > 0
        assert len(house.sent(SUBMIT1, round_id + 4)) == 1

    play(scenario)


def test_a_full_disk_skips_rounds_and_the_voter_comes_back_with_it() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.start()
        round_id = house.round_now().id + 1
        await house.until(round_id, 60)
        house.log.full = True
        await house.until(round_id + 1, 60)
        assert house.sent(SUBMIT1, round_id) == []
        house.log.full = False
        await house.until(round_id + 3)
        assert len(house.sent(SUBMIT1, round_id + 1)) == 1
        assert all(not watched.offences for watched in house.watched)

    play(scenario)


def test_a_missed_reveal_is_told_and_counted() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.start()
        round_id = house.round_now().id + 1
        await house.until(round_id, 85)
        await house.kill()
        await house.until(round_id + 1, 46)  # too late
        house.start()
        await house.until(round_id + 2, 10)
        report = house.reports.round(round_id)
        assert report is not None
        assert report.reason is REVEAL_MISSED
        assert house.watched[-1].offences == 1
        assert house.sent(SUBMIT2, round_id) == []

    play(scenario)


def test_a_fault_of_ours_in_one_answer_costs_that_round_a_new_beginning_and_no_reveal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faults: list[str] = []
    heard = RoundDuty.answered

    def faulty(self: RoundDuty, action: Action, answer: Answer, now_ns: int) -> None:
        if isinstance(action, Settle) and not faults:
            faults.append(f"round {action.round_id}")
            raise ZeroDivisionError("a fault of ours")
        heard(self, action, answer, now_ns)

    monkeypatch.setattr(RoundDuty, "answered", faulty)

    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.start()
        round_id = house.round_now().id + 1
        await house.until(round_id + 3)
        assert len(faults) == 1
        for each in (round_id, round_id + 1):
            outcome = house.flare.rounds.outcome(each)
            assert outcome is not None
            assert house.entity.submit in outcome.valid
            assert len(house.sent(SIGNATURES, each)) == 1

    play(scenario)


def test_a_fault_of_ours_in_counting_a_round_crashes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*_: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(Counts, "over", faulty)

    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        provider = house.start()
        round_id = house.round_now().id + 1
        await house.until(round_id + 3)
        assert provider.states["rounds"].restarts == 0
        assert len(house.sent(SUBMIT2, round_id + 1)) == 1

    play(scenario)
