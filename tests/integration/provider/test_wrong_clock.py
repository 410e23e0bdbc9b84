"""The machine's clock is hours ahead when a process begins, as one that kept local time: it may cost no reveal."""

import pytest

from chrono.flare.frames import SubmissionFunction
from chrono.provider import rounds
from chrono.simulation.virtual_time import VirtualClock
from tests.fakes.voting_house import VotingHouse, play

SUBMIT1, SUBMIT2 = SubmissionFunction.SUBMIT1, SubmissionFunction.SUBMIT2
HOUR_S = 3600


@pytest.mark.parametrize("ahead_s", [2 * HOUR_S, 12 * HOUR_S, 400 * 24 * HOUR_S])
def test_a_start_with_a_clock_that_is_hours_ahead_closes_no_round_and_reveals(ahead_s: int) -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.start()
        round_id = house.round_now().id + 1
        await house.until(round_id, 85)
        await house.kill()
        assert len(house.sent(SUBMIT1, round_id)) == 1
        house.wall.jump(ahead_s)
        house.start()
        await house.until(round_id + 1, 45)
        assert len(house.sent(SUBMIT2, round_id)) == 1
        outcome = house.flare.rounds.outcome(round_id)
        assert outcome is not None
        assert house.entity.submit in outcome.valid
        house.wall.jump(-ahead_s)
        await house.until(round_id + 4)
        assert len(house.sent(SUBMIT1, round_id + 3)) == 1  # and votes again as soon as the clock is right

    play(scenario)


@pytest.mark.parametrize("ahead_s", [45, 81, 84, 86, 175])
def test_a_round_that_a_fast_clock_ended_too_early_begins_anew(ahead_s: int) -> None:
    """The chain's time is found some seconds after a start; by then the round seemed to be over."""

    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.start()
        round_id = house.round_now().id + 1
        await house.until(round_id, 85)
        await house.kill()
        await house.until(round_id + 1, 2)
        house.wall.jump(ahead_s)
        house.start()
        await house.until(round_id + 1, 45)
        assert len(house.sent(SUBMIT2, round_id)) == 1

    play(scenario)


@pytest.mark.parametrize("ahead_s", [36, 40])
def test_a_reveal_that_was_lost_while_a_clock_was_fast_is_sent_again_in_time(ahead_s: int) -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.start()
        round_id = house.round_now().id + 1
        await house.until(round_id, 85)
        await house.kill()
        await house.until(round_id + 1, 2)
        house.wall.jump(ahead_s)
        for node in house.nodes:
            node.faults.swallows = True
        house.start()
        await house.until(round_id + 1, 10)
        for node in house.nodes:
            node.faults.swallows = False
        await house.until(round_id + 1, 45)
        assert len(house.sent(SUBMIT2, round_id)) == 1

    play(scenario)


def test_what_is_old_by_the_chain_is_forgotten_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "KEPT_ROUNDS", 3)

    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        provider = house.start()
        first = house.round_now().id + 1
        await house.until(first + 7, 30)
        assert provider._work is not None
        # By the newest block, which was of the voting epoch before when the last round was opened.
        assert provider._work.journal.mark == first + 7 - 1 - 3 - 1
        assert min(provider._work.journal.rounds()) == first + 7 - 1 - 3

    play(scenario)
