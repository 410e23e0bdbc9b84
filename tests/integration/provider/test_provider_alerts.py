"""What a real provider tells the alert rules, in virtual time: silent while all is well, and each fault by its name."""

from collections.abc import Sequence

import pytest

from chrono.alerts.alarms import Alarms, Status
from chrono.alerts.watched import Watched
from chrono.flare.frames import SubmissionFunction
from chrono.flare.units import COIN_WEI
from chrono.simulation.flare.node import NodeFaults, Wire
from chrono.simulation.virtual_time import VirtualClock
from tests.fakes.voting_house import MemoryLog, VotingHouse, play


def told(life: Sequence[Watched]) -> list[tuple[str, Status]]:
    """What is told of this life, second by second."""
    alarms = Alarms()
    return [(notice.alert, notice.status) for watched in life for notice in alarms.look(watched)]


def fired(life: Sequence[Watched]) -> list[str]:
    return [alert for alert, status in told(life) if status is Status.FIRING]


def test_a_calm_hour_tells_nothing() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.start()
        await house.until(house.round_now().id + 40)
        assert len(house.watched) > 3000
        assert any(watched.owed for watched in house.watched)
        assert len(house.watched[-1].rounds) > 0
        assert told(house.watched) == []

    play(scenario)


def test_nodes_that_are_all_away_after_the_commit_put_the_reveal_at_risk_and_it_is_saved() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.start()
        round_id = house.round_now().id + 2
        await house.until(round_id, after_s=85)
        for node in house.nodes:
            node.faults.wire = Wire.DOWN
        await house.until(round_id + 1, after_s=33)
        for node in house.nodes:
            node.faults.wire = Wire.FINE
        await house.until(round_id + 3)
        assert told(house.watched) == [
            ("reveal_at_risk", Status.FIRING),
            ("reveal_at_risk", Status.RESOLVED),
        ]

    play(scenario)


def test_nodes_that_stay_away_are_told_and_so_is_the_reveal_that_they_cost() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.start()
        round_id = house.round_now().id + 2
        await house.until(round_id, after_s=85)
        for node in house.nodes:
            node.faults.wire = Wire.DOWN
        await house.until(round_id + 3)
        for node in house.nodes:
            node.faults.wire = Wire.FINE
        await house.until(round_id + 32)
        found = told(house.watched)
        for alert in ("reveal_at_risk", "no_healthy_node", "reveal_offence", "submissions_missed"):
            assert found.count((alert, Status.FIRING)) == 1, alert
            assert found.count((alert, Status.RESOLVED)) == 1, alert
        assert len(found) == 8

    play(scenario)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (NodeFaults(wire=Wire.DOWN), "too few nodes confirm it"),
        (NodeFaults(most_logs=0), "the history of the chain is not read on"),
    ],
)
def test_a_duty_that_too_few_nodes_let_begin_is_told_until_they_do(fault: NodeFaults, why: str) -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        for node in house.nodes[1:]:
            node.faults = fault
        house.start()
        round_id = house.round_now().id + 2
        await house.until(round_id)
        assert fired(house.watched) == ["voter_away"]
        assert why in house.watched[-1].away
        for node in house.nodes[1:]:
            node.faults = NodeFaults()
        await house.until(round_id + 2)
        assert told(house.watched) == [("voter_away", Status.FIRING), ("voter_away", Status.RESOLVED)]
        assert house.sent(SubmissionFunction.SUBMIT1, round_id + 1)

    play(scenario)


def test_an_empty_account_is_told_until_it_is_filled() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.start()
        await house.until(house.round_now().id + 2)
        house.flare.chain.fund(house.entity.submit, COIN_WEI)
        await house.until(house.round_now().id + 6)
        assert fired(house.watched) == ["balance_low", "submissions_missed"]
        house.flare.chain.fund(house.entity.submit, 1000 * COIN_WEI)
        await house.until(house.round_now().id + 8)
        assert {alert for alert, status in told(house.watched) if status is Status.RESOLVED} >= {"submissions_missed"}

    play(scenario)


def test_a_lost_journal_is_told_as_a_submission_that_nobody_knows() -> None:
    async def scenario(clock: VirtualClock) -> None:
        house = VotingHouse(clock)
        house.start()
        round_id = house.round_now().id + 2
        await house.until(round_id, after_s=85)
        await house.kill()
        house.log = MemoryLog()
        before = len(house.watched)
        house.start()
        await house.until(round_id + 2)
        assert "unknown_submission" in fired(house.watched[before:])

    play(scenario)
