"""`python -m tests.sim`: many seeded rounds on all cores, or one seed again, told step by step."""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed

import structlog

from tests.sim.scenario import FAULTY, Report, run, run_batch

BATCH = 4
"""Seeds that a worker runs before it gives its memory back."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20_000, help="rounds with faults, at least so many")
    parser.add_argument("--from-seed", type=int, default=0)
    parser.add_argument("--seed", type=int, help="run this one only, and tell what happens")
    parser.add_argument("--log", action="store_true", help="with --seed: the provider's own log too")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    _same_order()
    if asked.seed is not None:
        return _one(asked.seed, log=asked.log)
    return _many(asked.from_seed, -(-asked.rounds // FAULTY), asked.jobs)


def _same_order() -> None:
    """Sets of bytes are walked in the same order in every run: start anew with Python's hashing fixed."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(
            sys.executable, [sys.executable, "-m", "tests.sim", *sys.argv[1:]], os.environ | {"PYTHONHASHSEED": "0"}
        )


def _one(seed: int, *, log: bool) -> int:
    if log:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(20))
    report = run(seed)
    print(*report.story, sep="\n")
    print(*(f"FOUND {found}" for found in report.found), sep="\n")
    print(f"seed {seed}: {report.rounds} rounds, {len(report.found)} faults found")
    return bool(report.found)


def _many(first: int, count: int, jobs: int) -> int:
    began = time.monotonic()
    rounds, failed, kinds = 0, [], Counter[str]()
    for report in _reports(first, count, jobs):
        rounds += report.rounds
        kinds.update(report.faults)
        if report.found:
            failed.append(report.seed)
            print(f"seed {report.seed}:", *report.found, sep="\n  ", flush=True)
        if rounds % (50 * FAULTY) == 0:
            _tell(rounds, count * FAULTY, time.monotonic() - began, len(failed))
    _tell(rounds, count * FAULTY, time.monotonic() - began, len(failed))
    print("faults:", ", ".join(f"{name} {number}" for name, number in kinds.most_common()))
    for seed in failed:
        print(f"again: python -m tests.sim --seed {seed}")
    return bool(failed)


def _reports(first: int, count: int, jobs: int) -> Iterator[Report]:
    seeds = range(first, first + count)
    batches = [seeds[at : at + BATCH] for at in range(0, count, BATCH)]
    with ProcessPoolExecutor(jobs, max_tasks_per_child=25) as pool:
        for future in as_completed([pool.submit(run_batch, batch) for batch in batches]):
            yield from future.result()


def _tell(rounds: int, wanted: int, seconds: float, failed: int) -> None:
    rate = rounds / seconds if seconds else 0.0
    print(f"{rounds} of {wanted} rounds, {rate:.1f} a second, {failed} seeds failed", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
