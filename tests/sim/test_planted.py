"""The suite is worth its name: each of these mistakes is caught, and the plot that catches it ends well without it."""

import asyncio
from contextlib import nullcontext

import pytest
from msgspec import structs

from chrono.simulation.flare.genesis import network_at
from chrono.simulation.virtual_time import VirtualClock
from tests.sim.house import KEYS, House
from tests.sim.judging import Judge
from tests.sim.judging_co_duty import CoDuty
from tests.sim.planted import PLANTED, Planted
from tests.sim.planted_co_duty import CO_DUTY
from tests.sim.scenario import live

ALL = (*PLANTED, *CO_DUTY)


def found_in(planted: Planted, *, plant: bool) -> list[str]:
    """What the judge says of the plot, with the mistake or without."""

    async def main(clock: VirtualClock) -> list[str]:
        network = network_at(clock.now_ns(), rounds=10)
        network = structs.replace(network, fip16_activation_reward_epoch=planted.features.fip16_from)
        house = House(clock, 1, network=network, features=planted.features)
        with house.on_disk(), planted.plant() if plant else nullcontext():
            await asyncio.sleep(1.0)
            house.start()
            first = house.round.id + 1
            last = await planted.plot(house)
            await house.until(last + 2)
            judge = Judge(house.flare, house.nodes, KEYS.entity())
            found = [*judge.faults(first, last), *judge.missed(first, last), *co_duty(house, judge, first, last)]
            await house.close()
        return found

    return live(main, planted.name)


def co_duty(house: House, judge: Judge, first: int, last: int) -> list[str]:
    """What is wrong with protocol 200; where its client was in no mood, also what is missing."""
    if house.fdc is None:
        return []
    judged = CoDuty(judge, house.flare, KEYS.entity(), house.fdc, house.troubles)
    is_calm = not house.fdc.moods and len(house.processes) == 1
    return [*judged.faults(first, last), *(judged.missed(first, last) if is_calm else ())]


@pytest.mark.parametrize("planted", ALL, ids=lambda each: each.name)
def test_a_planted_mistake_is_caught(planted: Planted) -> None:
    found = found_in(planted, plant=True)
    assert any(planted.says in each for each in found), found


@pytest.mark.parametrize("planted", ALL, ids=lambda each: each.name)
def test_without_the_mistake_all_ends_well(planted: Planted) -> None:
    assert found_in(planted, plant=False) == []
