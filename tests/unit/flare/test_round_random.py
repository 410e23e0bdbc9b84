"""The random of a round: the sum of what was revealed, without those who are benched."""

import pytest

from chrono.flare.random import RoundRandom, round_random
from tests.fakes.flare_round import sender

A, B, C, OUTSIDER = map(sender, (1, 2, 3, 99))


def revealed(**randoms: int) -> dict:
    return {{"a": A, "b": B, "c": C}[name]: value.to_bytes(32, "big") for name, value in randoms.items()}


def test_the_sum_wraps_at_2_to_the_256() -> None:
    assert round_random(revealed(a=2**256 - 1, b=3), set(), set()) == RoundRandom(2, is_secure=True)


def test_whoever_is_benched_adds_nothing_and_does_not_count() -> None:
    assert round_random(revealed(a=1, b=2, c=4), set(), {A}) == RoundRandom(6, is_secure=True)
    assert round_random(revealed(a=1, b=2), set(), {A}) == RoundRandom(2, is_secure=False)


@pytest.mark.parametrize(
    ("offenders", "benched", "is_secure"),
    [
        (set(), set(), True),
        ({C}, set(), False),
        ({C}, {C}, True),
        ({C, OUTSIDER}, {C}, False),
        (set(), {OUTSIDER}, True),
    ],
)
def test_it_is_secure_when_nobody_withheld_who_was_not_benched_already(
    offenders: set, benched: set, is_secure: bool
) -> None:
    assert round_random(revealed(a=1, b=2), offenders, benched).is_secure is is_secure


@pytest.mark.parametrize("randoms", [{}, {"a": 5}])
def test_fewer_than_two_revealers_are_not_secure(randoms: dict[str, int]) -> None:
    assert round_random(revealed(**randoms), set(), set()) == RoundRandom(sum(randoms.values()), is_secure=False)
