"""100,000 random medians beside py-flare-common, whose one fault (nobody has weight) is allowed for."""

import os
import random

import pytest
from py_flare_common.ftso.median import FtsoVote, calculate_median

from chrono.flare.median import weighted_median

SEED = int(os.environ.get("CHRONO_FUZZ_SEED", "20251121"))
CASES = 100_000


def _case(dice: random.Random) -> tuple[list[int], list[int]]:
    voters = dice.choice((0, 1, 2, 3, 5, 8, 13, 30))
    spread = dice.choice((1, 3, 1000, 2**31 - 1))
    heaviest = dice.choice((0, 1, 3, 65_535, 2**90))
    values = [dice.randint(-spread, spread) for _ in range(voters)]
    return values, [dice.randint(0, heaviest) for _ in range(voters)]


def test_medians_and_quartiles_are_those_of_py_flare_common():
    dice = random.Random(SEED)
    weightless = 0
    for number in range(CASES):
        values, weights = _case(dice)
        ours = weighted_median(values, weights)
        votes = [FtsoVote(value, weight) for value, weight in zip(values, weights, strict=True)]
        if votes and not any(weights):
            weightless += 1
            with pytest.raises((IndexError, AssertionError)):
                calculate_median(votes)
            first = sorted(values)[:2]
            assert (ours and ours.value) == (sum(first) // 2 if len(first) == 2 else None)
            continue
        theirs = calculate_median(votes)
        got = ours and (ours.value, ours.quartile1, ours.quartile3)
        wanted = theirs and (theirs.value, theirs.first_quartile, theirs.third_quartile)
        assert got == wanted, f"CHRONO_FUZZ_SEED={SEED}, case {number}: {values} {weights}"
    assert 0 < weightless < CASES // 2
