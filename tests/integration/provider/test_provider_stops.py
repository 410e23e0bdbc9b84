"""A stop at an awkward moment: what is owed is known by the journal, and what is on its way to be sent counts as well."""

import asyncio

import pytest

from chrono.flare.address import Address
from chrono.flare.frames import SubmissionFunction
from chrono.provider.handed_rounds import Status
from chrono.provider.setup import Seat
from chrono.simulation.virtual_time import VirtualClock
from tests.fakes.voting_house import VotingHouse, play

SUBMIT1, SUBMIT2 = SubmissionFunction.SUBMIT1, SubmissionFunction.SUBMIT2
REST_S = 1.0
"""How long the rest of a process takes to end, while the duty's loop still turns."""


async def stopped(house: VotingHouse) -> None:
    """The process is asked to stop, and ends."""
    assert house.provider is not None
    await house.provider.drain(145.0)
    await house.clock.sleep(REST_S)
    await house.kill()


def test_a_stop_before_the_chain_is_open_waits_for_what_the_journal_owes() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.start()
        round_id = house.round_now().id + 1
        await house.until(round_id, 85)
        await house.kill()
        provider = house.start()
        await asyncio.sleep(0)
        assert provider._work is None
        assert [(each.round_id, each.function) for each in provider.owed] == [(round_id, SUBMIT2)]
        await stopped(house)
        assert len(house.sent(SUBMIT2, round_id)) == 1

    play(scenario)


def test_a_stop_while_a_round_begins_anew_waits_for_its_reveal() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        provider = house.start()
        round_id = house.round_now().id + 1
        await house.until(round_id, 85)
        assert provider._work is not None
        provider._work.rounds._running.clear()  # as after a fault of ours, or a crash of the part
        await stopped(house)
        assert len(house.sent(SUBMIT2, round_id)) == 1

    play(scenario)


@pytest.mark.parametrize("after_s", [75.05, 75.5, 76.0, 77.0])
def test_a_commit_that_is_about_to_leave_is_waited_for(after_s: float) -> None:
    """The nodes are slow, so the lane has the commit, and nothing of it is kept or sent yet."""

    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.start()
        round_id = house.round_now().id + 1
        for node in house.nodes:
            asked = node.nonce

            async def slow(account: Address, asked: object = asked) -> int:
                await clock.sleep(1.5)
                return await asked(account)  # type: ignore[operator, no-any-return]

            node.nonce = slow  # type: ignore[method-assign]
        await house.until(round_id, after_s)
        await stopped(house)
        await house.until(round_id + 2)
        assert house.sent(SUBMIT1, round_id)
        assert len(house.sent(SUBMIT2, round_id)) == 1

    play(scenario)


def test_the_system_client_is_told_to_ask_again_while_a_round_begins_anew() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock, seat=Seat.DATA_PROVIDER)
        provider = house.start()
        round_id = house.round_now().id + 1
        await house.until(round_id, 75)
        assert (await provider.hand(SUBMIT1, round_id, house.entity.submit)).status is Status.OK
        await house.until(round_id + 1, 20)
        assert provider._work is not None
        provider._work.rounds._running.clear()
        assert (await provider.hand(SUBMIT2, round_id, house.entity.submit)).status is Status.RETRY
        await house.until(round_id + 1, 22)
        assert (await provider.hand(SUBMIT2, round_id, house.entity.submit)).status is Status.OK
        assert (await provider.hand(SUBMIT2, round_id - 2, house.entity.submit)).status is Status.EMPTY

    play(scenario)
