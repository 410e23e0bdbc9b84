"""The suite is worth its name: each of ten mistakes is caught, and the plot that catches it ends well without it."""

import asyncio
from contextlib import nullcontext

import pytest

from chrono.simulation.flare.genesis import network_at
from chrono.simulation.virtual_time import VirtualClock
from tests.sim.house import KEYS, House
from tests.sim.judging import Judge
from tests.sim.planted import PLANTED, Planted
from tests.sim.scenario import live


def found_in(planted: Planted, *, plant: bool) -> list[str]:
    """What the judge says of the plot, with the mistake or without."""

    async def main(clock: VirtualClock) -> list[str]:
        house = House(clock, 1, network=network_at(clock.now_ns(), rounds=10))
        with house.on_disk(), planted.plant() if plant else nullcontext():
            await asyncio.sleep(1.0)
            house.start()
            first = house.round.id + 1
            last = await planted.plot(house)
            await house.until(last + 2)
            judge = Judge(house.flare, house.nodes, KEYS.entity())
            found = [*judge.faults(first, last), *judge.missed(first, last)]
            await house.close()
        return found

    return live(main, planted.name)


@pytest.mark.parametrize("planted", PLANTED, ids=lambda each: each.name)
def test_a_planted_mistake_is_caught(planted: Planted) -> None:
    found = found_in(planted, plant=True)
    assert any(planted.says in each for each in found), found


@pytest.mark.parametrize("planted", PLANTED, ids=lambda each: each.name)
def test_without_the_mistake_all_ends_well(planted: Planted) -> None:
    assert found_in(planted, plant=False) == []
