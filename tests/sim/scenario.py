"""One seeded run: rounds with at least one fault each, then calm ones in which everything must be done again."""

import asyncio
import gc
import logging
import random
import warnings
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random
from typing import Any, TypeVar

import structlog
from msgspec import structs

from chrono.clock import SECOND_NS
from chrono.simulation.flare.genesis import network_at
from chrono.simulation.flare.node import NodeFaults
from chrono.simulation.flare.offences import Offence
from chrono.simulation.virtual_time import VirtualClock, run_virtual
from tests.sim.faults import FAULTS, HARMLESS, LEAVES_PROCESS, LIKELY, Scene
from tests.sim.fdc_client import FdcClient
from tests.sim.features import PLAIN, Features, features_of
from tests.sim.house import KEYS, START_NS, House
from tests.sim.judging import Judge
from tests.sim.judging_co_duty import CoDuty, Trouble
from tests.sim.process import fresh_order, make_task

FAULTY, SETTLING, CALM = 16, 2, 2
"""Rounds with faults, rounds in which the last of them may still act, and rounds without any."""
EPOCH_ROUNDS = 14
RANDOM_ONLY_SHARE = 0.3


Result = TypeVar("Result")


@dataclass
class Report:
    """What one seed gave. Without faults found, all was well."""

    seed: int
    rounds: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    chain: str = ""
    """A digest of every transaction that came into a block, and when."""
    judged: Counter[str] = field(default_factory=Counter)
    """How many rounds could be judged, by what."""


def run(seed: int, faulty: int = FAULTY, features: Features | None = None, *, loud: bool = False) -> Report:
    """Run a seed to its end, and judge it. Its faults are the same with any features; without any given, its own."""
    report = Report(seed)
    chosen = features_of(seed) if features is None else features
    live(lambda clock: _play(clock, report, faulty, chosen), seed, loud=loud)
    return report


def live(
    main: Callable[[VirtualClock], Coroutine[Any, Any, Result]], seed: object = 0, *, loud: bool = False
) -> Result:
    """Run a world of processes in virtual time; the same seed gives the same run. `loud`: with what they log."""
    fresh_order()
    random.seed(f"{seed}")
    # What was about to be awaited when its process died, is never awaited.
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    with _logged(logging.INFO if loud else logging.CRITICAL):
        return run_virtual(main, start_ns=START_NS, tasks=make_task)


@contextmanager
def _logged(level: int) -> Iterator[None]:
    """Nothing below the level is written meanwhile; other tests of the same process log as they did."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(level))
    try:
        yield
    finally:
        structlog.configure(**before)


def collect_rarely() -> None:
    """A run leaves much garbage at once: a process that looks for it less often takes a third less time."""
    gc.set_threshold(50_000, 20, 50)


def run_batch(seeds: Sequence[int]) -> list[Report]:
    """Several seeds, one after another."""
    return [run(seed) for seed in seeds]


async def _play(clock: VirtualClock, report: Report, faulty: int, features: Features) -> None:
    chance = Random(f"scenario {report.seed}")
    network = network_at(clock.now_ns(), rounds=EPOCH_ROUNDS)
    network = structs.replace(network, fip16_activation_reward_epoch=features.fip16_from)
    house = House(clock, report.seed, network=network, features=features)
    report.story += [str(features)] if features != PLAIN else []
    with house.on_disk():
        await asyncio.sleep(chance.uniform(0.0, 60.0))
        house.start()
        first = house.round.id + 1
        _vary(house, range(first, first + faulty))
        for round_id, names in enumerate(drawn(report.seed, faulty), first):
            await house.until(round_id)
            _spoil(house, chance, round_id, names, report)
        await house.until(first + faulty + SETTLING)
        _mend(house)
        last = first + faulty + SETTLING + CALM
        await house.until(last + 2)
        report.rounds, report.chain = faulty, _digest(house)
        _judge(house, report, first, last)
        await house.close()


def drawn(seed: int, faulty: int = FAULTY) -> list[list[str]]:
    """Which faults each round of a seed has: at least one, sometimes several; of those that end the process, one."""
    chance = Random(f"faults {seed}")
    weights = [LIKELY.get(name, 1) for name in FAULTS]
    rounds = []
    for _ in range(faulty):
        names = dict.fromkeys(chance.choices(list(FAULTS), weights, k=chance.choice([1, 1, 1, 2, 3])))
        lives = [name for name in names if name in LEAVES_PROCESS]
        rounds.append([*(name for name in names if name not in LEAVES_PROCESS), *lives[:1]])
    return rounds


def _spoil(house: House, chance: Random, round_id: int, names: Sequence[str], report: Report) -> None:
    """Let these faults begin at some moment of this round."""
    for name in names:
        report.faults[name] = report.faults.get(name, 0) + 1
        at_s, own = chance.uniform(0.0, 89.0), Random(chance.random())
        house.faults.append(asyncio.create_task(_later(house, own, round_id, name, at_s, report)))


def _vary(house: House, rounds: range) -> None:
    """Where FIP.16 comes, some voters reveal nothing but their random: an offence before it, and a reveal after."""
    if house.features.fip16_from is None:
        return
    chance = Random(f"random only {house.seed}")
    for round_id in rounds:
        if chance.random() < RANDOM_ONLY_SHARE:
            house.flare.offend(chance.choice(house.flare.voters), round_id, Offence.RANDOM_ONLY)


async def _later(house: House, chance: Random, round_id: int, name: str, at_s: float, report: Report) -> None:
    await asyncio.sleep(at_s)
    scene = Scene(house, chance, round_id, report.story)
    async with house.lives if name in LEAVES_PROCESS else nullcontext():
        since_ns = house.clock.now_ns()
        try:
            await FAULTS[name](scene)
        finally:
            if name not in HARMLESS:
                house.troubles.append(Trouble(name, since_ns, house.clock.now_ns()))


def _mend(house: House) -> None:
    """Nothing is broken any more."""
    for task in house.faults:
        if not task.done() and not house.lives.locked():
            task.cancel()
    for node in house.nodes:
        node.faults = NodeFaults()
    if house.fdc is not None:
        house.fdc.calm_from = house.round.id
    house.disk.fails.clear()
    house.wall.offset_ns = 0
    house.values, house.store_fails = "all", False
    house.flare.set_base_fee(25 * 10**9)
    house.flare.chain.fund(KEYS.entity().submit, 10_000 * 10**18)
    if house.process is None or not house.process.alive:
        house.start()


def _digest(house: House) -> str:
    found = sha256()
    for block in house.flare.chain.blocks:
        found.update(b"%d %d" % (block.head.number, block.head.time_s))
        found.update(b"".join(signed.hash for signed, _, _ in block.mined))
    return found.hexdigest()


def _judge(house: House, report: Report, first: int, last: int) -> None:
    house.note_crashes()
    judge = Judge(house.flare, house.nodes, KEYS.entity())
    report.found += judge.faults(first, last)
    report.found += judge.missed(last - CALM + 1, last)
    if house.fdc is not None:
        _judge_co_duty(house, house.fdc, judge, report, first, last)
    report.found += [f"a fault failed: {task.exception()!r}" for task in house.faults if _failed(task)]
    for process in house.processes:
        if process.fault is not None:
            report.found.append(f"the process ended: {process.fault!r}")
    report.found += house.crashed
    now_s = house.clock.now_ns() / SECOND_NS
    report.story.append(f"{len(house.processes)} processes, {len(judge.told)} sendings, ended at {now_s:.0f}")


def _judge_co_duty(house: House, client: FdcClient, judge: Judge, report: Report, first: int, last: int) -> None:
    co_duty = CoDuty(judge, house.flare, KEYS.entity(), client, house.troubles)
    co_duty.closed_through = house.journal().mark
    report.found += co_duty.faults(first, last)
    report.found += co_duty.missed(last - CALM + 1, last)
    report.faults |= client.counted
    report.judged = co_duty.counted
    report.story.append(", ".join(f"{what} {count}" for what, count in sorted(co_duty.counted.items())))


def _failed(task: "asyncio.Task[None]") -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None
