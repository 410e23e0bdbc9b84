"""Killed at each distinct place of a round, and at every operation of its disk: no offence, no conflict, and on it goes.

All points, one by one: `make sim`.
"""

from functools import cache

import pytest

from tests.sim.crash_points import Points, enumerate_points, killed_at

PARTS = 12


@cache
def points() -> Points:
    return enumerate_points()


def test_a_round_has_points_of_every_kind() -> None:
    found = points()
    for kind in ("disk: before write", "disk: written, not synced", "disk: before fsync", "disk: synced"):
        assert kind in found.sites
    assert len(found.syncs) == 2 * found.sites.count("disk: synced")
    for part in ("provider/hands.py", "chain/sender.py", "chain/pool.py", "chain/indexer.py", "provider/rounds.py"):
        assert any(part in site for site in found.sites), part
    assert len(found.sites) > 1000


@pytest.mark.parametrize("part", range(PARTS))
def test_killed_at_each_distinct_place_it_neither_offends_nor_contradicts_itself(part: int) -> None:
    chosen = sorted({*points().first_of_each, *points().syncs})[part::PARTS]
    assert [found for number in chosen for found in killed_at(number, to_the_end=number % 8 == 0)] == []
