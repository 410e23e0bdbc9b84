"""Every point of a round at which the process can be killed: each step of each of its tasks, each operation of its disk.

`enumerate_points` lets a round pass and counts them. `killed_at` lets the same round pass again, kills the process at one
of them, and gives what the judge says of all that was ever sent.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from chrono.simulation.flare.genesis import network_at
from chrono.simulation.virtual_time import VirtualClock
from tests.sim.house import KEYS, House
from tests.sim.judging import Judge
from tests.sim.process import Process
from tests.sim.scenario import live

SEED = 7
AROUND_A_SYNC = ("disk: written, not synced", "disk: synced")
UNREACHED = "this point was not reached"
AWAY_S = (0.05, 1.0, 10.0)
"""How long the process is away, in turns."""
IN_TIME_S = 12.0
"""It is back so long before the reveal deadline, if it was killed before."""


@dataclass
class Points:
    """All points of a round, in their order, by what is about to happen there."""

    sites: list[str] = field(default_factory=list)

    @property
    def first_of_each(self) -> list[int]:
        """The first point of each distinct place in the code, counted from 1."""
        seen: dict[str, int] = {}
        for number, site in enumerate(self.sites, 1):
            seen.setdefault(site, number)
        return sorted(seen.values())

    @property
    def syncs(self) -> list[int]:
        """Every write of the disk, once before it is synced and once after."""
        return [number for number, site in enumerate(self.sites, 1) if site in AROUND_A_SYNC]


def enumerate_points() -> Points:
    """Let a round pass, from before its values to after its finalisation."""
    points = Points()
    process = Process(on_point=lambda _, site: points.sites.append(site))
    live(lambda clock: _round(clock, process, None, to_the_end=True), SEED)
    return points


def killed_at(number: int, *, to_the_end: bool = True) -> list[str]:
    """What the judge says when the process is killed at this point and started again a little later.

    `to_the_end`: until a whole round was voted after it, as without that no liveness can be seen.
    """
    process = Process(kill_at=number)
    away_s = AWAY_S[number % len(AWAY_S)]
    found = live(lambda clock: _round(clock, process, away_s, to_the_end=to_the_end), SEED)
    if process.alive or process.killed_in is None:
        found.append(UNREACHED)
    return [f"killed at point {number}, {process.killed_in}: {each}" for each in found]


@dataclass
class Killed:
    """What became of several kills."""

    killed: int = 0
    faults: list[str] = field(default_factory=list)


def kill_each(numbers: Sequence[int]) -> Killed:
    """Kill at each of these points; every eighth run goes on until a whole round was voted after it."""
    told = Killed()
    for number in numbers:
        found = killed_at(number, to_the_end=number % 8 == 0)
        told.killed += not any(UNREACHED in each for each in found)
        told.faults += found
    return told


async def _round(clock: VirtualClock, process: Process, away_s: float | None, *, to_the_end: bool) -> list[str]:
    house = House(clock, SEED, network=network_at(clock.now_ns(), rounds=10))
    with house.on_disk():
        await asyncio.sleep(1.0)
        house.start(process)
        round_id = house.round.id + 1
        await house.until(round_id, 70.0)
        process.counting = True
        over = asyncio.create_task(house.until(round_id + 1, 80.0))
        while process.alive and not over.done():
            await asyncio.sleep(0.01)
        process.counting = False
        if not process.alive and away_s is not None:
            await _come_back(house, round_id, away_s)
        await house.until(round_id + (4 if to_the_end else 2))
        found = _judged(house, round_id, round_id + (2 if to_the_end else 0), to_the_end=to_the_end)
        await house.close()
    return found


async def _come_back(house: House, round_id: int, away_s: float) -> None:
    """The power failed with the process: what was not synced is lost. It comes back in time for the reveal."""
    house.disk.crash()
    timing = house.flare.network.timing
    now_s = house.clock.now_ns() / 10**9
    deadline_s = house.flare.deployment.world.start_of(round_id + 1) + timing.reveal_s
    left_s = deadline_s - IN_TIME_S - now_s
    await asyncio.sleep(min(away_s, left_s) if now_s < deadline_s and left_s > 0 else away_s)
    house.start()


def _judged(house: House, first: int, last: int, *, to_the_end: bool) -> list[str]:
    """No offence and no conflict ever, and in the round after next all is done again."""
    house.note_crashes()
    judge = Judge(house.flare, house.nodes, KEYS.entity())
    faults = [str(process.fault) for process in house.processes if process.fault is not None]
    missed = judge.missed(last, last) if to_the_end else []
    return [*judge.faults(first, last), *missed, *faults, *house.crashed]
