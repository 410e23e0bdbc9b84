"""`python -m tests.sim`: many seeded rounds on all cores, or one seed again, told step by step.

With --crash-points every point of a round is killed at, one by one; with --trio three nodes are at fault in turn.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import TypeVar

from tests.sim.crash_points import enumerate_points, kill_each
from tests.sim.features import PLAIN
from tests.sim.scenario import FAULTY, collect_rarely, run, run_batch
from tests.sim.trio import ORDERS, PLACES, play_batch

SEEDS_AT_ONCE = 4
POINTS_AT_ONCE = 25
TELL_EVERY_S = 30.0
BATCHES_PER_PROCESS = 25
"""After so many a worker ends, and gives its memory back."""

_Asked = TypeVar("_Asked")
_Found = TypeVar("_Found")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20_000, help="rounds with faults, at least so many")
    parser.add_argument("--from-seed", type=int, default=0)
    parser.add_argument("--seed", type=int, help="run this one only, and tell what happens")
    parser.add_argument("--plain", action="store_true", help="with --seed: without FIP.16 and a data connector")
    parser.add_argument("--log", action="store_true", help="with --seed: the provider's own log too")
    parser.add_argument("--crash-points", action="store_true", help="kill the process at every point of a round")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="with --crash-points: only each N-th")
    parser.add_argument("--trio", type=int, metavar="ROUNDS", help="one node lies, one lags, one dies, in every order")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    _same_order()
    if asked.seed is not None:
        return _one(asked.seed, log=asked.log, plain=asked.plain)
    if asked.crash_points:
        return _crash_points(asked.jobs, asked.every)
    if asked.trio is not None:
        return _trio(asked.trio, asked.jobs)
    return _many(asked.from_seed, -(-asked.rounds // FAULTY), asked.jobs)


def _same_order() -> None:
    """Sets of bytes are walked in the same order in every run: start anew with Python's hashing fixed."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        fixed = os.environ | {"PYTHONHASHSEED": "0"}
        os.execve(sys.executable, [sys.executable, "-m", "tests.sim", *sys.argv[1:]], fixed)


def _one(seed: int, *, log: bool, plain: bool) -> int:
    report = run(seed, features=PLAIN if plain else None, loud=log)
    print(*report.story, sep="\n")
    print(*(f"FOUND {found}" for found in report.found), sep="\n")
    print(f"seed {seed}: {report.rounds} rounds, {len(report.found)} faults found")
    return bool(report.found)


def _many(first: int, count: int, jobs: int) -> int:
    progress = _Progress("rounds", count * FAULTY)
    failed, kinds = [], Counter[str]()
    for reports in _each(run_batch, _parts(range(first, first + count), SEEDS_AT_ONCE), jobs):
        for report in reports:
            kinds.update(report.faults)
            progress.more(report.rounds, len(failed))
            if report.found:
                failed.append(report.seed)
                print(f"seed {report.seed}:", *report.found, sep="\n  ", flush=True)
    progress.end(len(failed))
    print("faults:", ", ".join(f"{name} {number}" for name, number in kinds.most_common()))
    for seed in failed:
        print(f"again: python -m tests.sim --seed {seed}")
    return bool(failed)


def _crash_points(jobs: int, every: int) -> int:
    points = enumerate_points()
    numbers = range(1, len(points.sites) + 1, every)
    print(f"{len(points.sites)} points at {len(points.first_of_each)} places, {len(points.syncs)} around a sync")
    progress, failed = _Progress("points", len(numbers)), 0
    for found in _each(kill_each, _parts(numbers, POINTS_AT_ONCE), jobs):
        failed += len(found.faults)
        print(*found.faults, sep="\n", end="\n" if found.faults else "", flush=True)
        progress.more(found.killed, failed)
    progress.end(failed)
    print(f"{progress.done} of {len(points.sites)} points were killed at")
    return bool(failed) or progress.done != len(numbers)


def _trio(rounds: int, jobs: int) -> int:
    seeds = range(len(ORDERS) * len(PLACES))
    each = -(-rounds // len(seeds))
    progress, failed = _Progress("rounds", each * len(seeds)), 0
    for found in _each(play_batch, [[(seed, each)] for seed in seeds], jobs):
        failed += len(found)
        print(*found, sep="\n", end="\n" if found else "", flush=True)
        progress.more(each, failed)
    progress.end(failed)
    return bool(failed)


class _Progress:
    """Tells now and then how far it is, and how fast."""

    def __init__(self, what: str, wanted: int) -> None:
        self.done = 0
        self._what = what
        self._wanted = wanted
        self._began = self._told = time.monotonic()

    def more(self, done: int, failed: int) -> None:
        self.done += done
        if time.monotonic() - self._told >= TELL_EVERY_S:
            self._told = time.monotonic()
            self._tell(failed)

    def end(self, failed: int) -> None:
        self._tell(failed)

    def _tell(self, failed: int) -> None:
        rate = self.done / max(time.monotonic() - self._began, 1e-9)
        told = f"{self.done} of {self._wanted} {self._what}, {rate:.1f} a second, {failed} failed"
        print(told, file=sys.stderr, flush=True)


def _each(work: Callable[[Sequence[_Asked]], _Found], parts: Sequence[Sequence[_Asked]], jobs: int) -> Iterator[_Found]:
    for first in range(0, len(parts), jobs * BATCHES_PER_PROCESS):
        several = parts[first : first + jobs * BATCHES_PER_PROCESS]
        # Not max_tasks_per_child: Python 3.11 sometimes waits for ever for a process that has ended.
        with ProcessPoolExecutor(jobs, get_context("spawn"), initializer=collect_rarely) as pool:
            for future in as_completed([pool.submit(work, part) for part in several]):
                yield future.result()


def _parts(all_of_them: Sequence[int], size: int) -> list[Sequence[int]]:
    return [all_of_them[at : at + size] for at in range(0, len(all_of_them), size)]


if __name__ == "__main__":
    sys.exit(main())
