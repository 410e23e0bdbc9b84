"""Seeded rounds with at least one fault each, as many as a check has time for. The long form: `make sim`."""

import pytest

from tests.sim.faults import FAULTS
from tests.sim.features import MIDWAY, PLAIN, Features, features_of
from tests.sim.scenario import FAULTY, drawn, run

SEEDS = 20
A_TEST = 2

ONCE_FOUND = {
    223: ("round 22 +85.08 s: all nodes garbage for 35 s", "round 23 +18.99 s: kill -9, back after 10.0 s"),
    241: (
        "round 24 +21.30 s: the wall clock jumps by -11.0 s for 75 s",
        "round 24 +86.15 s: kill -9, back after 1.0 s",
    ),
    1005: (
        "round 29 +58.25 s: kill -9, back after 40.0 s",
        "round 30 +0.20 s: the wall clock jumps by 120.0 s for 36 s",
    ),
    1015: (
        "round 31 +10.35 s: the wall clock jumps by 120.0 s for 112 s",
        "round 31 +29.28 s: kill -9, back after 0.7 s",
    ),
    2004: ("round 25 +80.57 s: disk: fsync fails with ENOSPC for 74 s", "round 26 +1.62 s: kill -9, back after 0.1 s"),
}
"""Seeds that were at fault once, and what it took: garbage of all nodes at once and a start soon after; a clock that was
late at a start, and a late commit by it; one that was ahead, a start on a disk that takes nothing, and a lost reveal. Their histories are plain, as they were then; one of which these lines are gone is another history."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(0, SEEDS, A_TEST))
def test_rounds_with_faults_bring_no_offence_and_end_in_rounds_without_a_miss(first: int) -> None:
    for seed in range(first, first + A_TEST):
        report = run(seed)
        assert report.found == [], f"again: python -m tests.sim --seed {seed}\n" + "\n".join(report.story)
        assert report.rounds == FAULTY
        assert sum(report.faults.values()) >= FAULTY
        # What is asked of protocol 200 is asked of it: some rounds of each history are quiet enough to judge.
        judged = [report.judged[what] for what in ("reveals in time", "submit2 owed", "submitSignatures owed")]
        assert all(judged) or not features_of(seed).with_fdc


@pytest.mark.parametrize("seed", ONCE_FOUND)
def test_what_seeds_found_once_stays_mended(seed: int) -> None:
    report = run(seed, features=PLAIN)
    assert set(ONCE_FOUND[seed]) <= set(report.story)
    assert report.found == [], "\n".join(report.story)


def test_a_signature_at_its_cap_that_all_nodes_dropped_keeps_no_later_one_from_a_block() -> None:
    """Seed 200307: since a spike of gas no signature was sent any more, for the nonce could not be outbid."""
    report = run(200307)
    assert {
        "round 21 +61.89 s: our waiting transactions are dropped for 44 s",
        "round 21 +80.64 s: gas costs 20 times as much for 32 s",
    } <= set(report.story)
    assert report.found == [], "\n".join(report.story)


def test_the_same_seed_gives_the_same_history_to_the_last_byte_whatever_ran_before() -> None:
    first = run(3, faulty=3)
    another = run(4, faulty=3)
    again = run(3, faulty=3)
    assert first.chain != another.chain
    assert (again.story, again.chain) == (first.story, first.chain)


def test_every_fault_is_drawn() -> None:
    assert {name for seed in range(SEEDS) for names in drawn(seed) for name in names} == set(FAULTS)


def test_plain_histories_and_each_feature_are_drawn() -> None:
    drawn_features = [features_of(seed) for seed in range(SEEDS)]
    assert PLAIN in drawn_features
    assert {each.fip16_from for each in drawn_features if each.with_fdc} == {None, MIDWAY}
    assert Features(fip16_from=MIDWAY) in drawn_features
