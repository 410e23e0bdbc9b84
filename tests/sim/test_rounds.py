"""Seeded rounds with at least one fault each, as many as a check has time for. The long form: `make sim`."""

import pytest

from tests.sim.faults import FAULTS
from tests.sim.scenario import FAULTY, drawn, run

SEEDS = 20
A_TEST = 2

ONCE_FOUND = (1005, 1015, 2004)
"""Seeds that lost a reveal once: a clock that was ahead at a start, a start on a disk that takes nothing."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(0, SEEDS, A_TEST))
def test_rounds_with_faults_bring_no_offence_and_end_in_rounds_without_a_miss(first: int) -> None:
    for seed in range(first, first + A_TEST):
        report = run(seed)
        assert report.found == [], f"again: python -m tests.sim --seed {seed}\n" + "\n".join(report.story)
        assert report.rounds == FAULTY
        assert sum(report.faults.values()) >= FAULTY


@pytest.mark.parametrize("seed", ONCE_FOUND)
def test_what_seeds_found_once_stays_mended(seed: int) -> None:
    report = run(seed)
    assert report.found == [], "\n".join(report.story)


def test_the_same_seed_gives_the_same_story() -> None:
    assert run(3, faulty=3).story == run(3, faulty=3).story


def test_every_fault_is_drawn() -> None:
    assert {name for seed in range(SEEDS) for names in drawn(seed) for name in names} == set(FAULTS)
