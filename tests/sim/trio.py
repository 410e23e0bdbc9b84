"""Three nodes of which one lies, one lags and one dies, in every order: no phase of any round is missed.

The three follow one another without a pause, round after round: at every moment one of them is at fault.
"""

import asyncio
from collections.abc import Sequence
from itertools import permutations
from random import Random

from chrono.simulation.flare.genesis import network_at
from chrono.simulation.flare.node import NodeFaults, SimulatedNode, Wire
from chrono.simulation.virtual_time import VirtualClock
from tests.sim.house import KEYS, House
from tests.sim.judging import Judge
from tests.sim.scenario import live

ORDERS = tuple(permutations(("lies", "lags", "dies")))
PLACES = tuple(permutations(range(3)))
SETTLING = 1
"""Rounds before the trio begins."""


def play(seed: int, rounds: int) -> list[str]:
    """What is missed or wrong in so many rounds; the seed chooses the order and the places."""
    return live(lambda clock: _play(clock, seed, rounds), f"trio {seed}")


def play_batch(asked: Sequence[tuple[int, int]]) -> list[str]:
    """Several seeds, each with its number of rounds."""
    return [f"seed {seed}: {found}" for seed, rounds in asked for found in play(seed, rounds)]


async def _play(clock: VirtualClock, seed: int, rounds: int) -> list[str]:
    house = House(clock, seed, network=network_at(clock.now_ns(), rounds=20))
    with house.on_disk():
        await asyncio.sleep(1.0)
        house.start()
        first = house.round.id + SETTLING
        await house.until(first)
        trouble = asyncio.create_task(_trouble(house, seed))
        last = first + rounds - 1
        await house.until(last + 2)
        trouble.cancel()
        house.note_crashes()
        judge = Judge(house.flare, house.nodes, KEYS.entity())
        found = [*judge.faults(first, last), *judge.missed(first, last), *house.crashed]
        await house.close()
    return found


async def _trouble(house: House, seed: int) -> None:
    """One after the other, for 5 to 40 s each, and again: which node does what stays the same."""
    chance = Random(f"trio {seed}")
    turns = list(zip(ORDERS[seed % len(ORDERS)], PLACES[seed // len(ORDERS) % len(PLACES)], strict=True))
    while True:
        for what, place in turns:
            await _be(house.nodes, place, _faults(what, chance), chance.uniform(5.0, 40.0))


async def _be(nodes: Sequence[SimulatedNode], place: int, faults: NodeFaults, lasts_s: float) -> None:
    nodes[place].faults = faults
    await asyncio.sleep(lasts_s)
    nodes[place].faults = NodeFaults()


def _faults(what: str, chance: Random) -> NodeFaults:
    match what:
        case "lies":
            return NodeFaults(lies=True)
        case "lags":
            return NodeFaults(lag=chance.choice([2, 5, 20]))
        case _:
            return NodeFaults(wire=chance.choice([Wire.DOWN, Wire.HANGING]))
