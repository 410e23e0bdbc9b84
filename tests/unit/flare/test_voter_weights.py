"""From wei to weights: the contract's integer sums at their edges."""

from math import isqrt

import pytest

from chrono.flare.weights import FIP16_STAKE_FACTOR, capped_wnat, normalised, registration_weight, threshold


def test_delegations_count_up_to_two_and_a_half_percent_of_all() -> None:
    assert capped_wnat(25, 1000) == 25
    assert capped_wnat(26, 1000) == 25
    assert capped_wnat(24, 1000) == 24
    assert capped_wnat(1, 39) == 0, "the cap is rounded down"


def test_the_registration_weight_is_rounded_down_at_each_root() -> None:
    for wei in (0, 1, 15, 16, 17, 10**18 - 1, 10**27 + 12345):
        assert registration_weight(wei, 0) == registration_weight(0, wei) == isqrt(wei) * isqrt(isqrt(wei))
    assert registration_weight(81, 175) == 16 * 4


def test_fip16_counts_stake_five_times() -> None:
    assert registration_weight(100, 50, stake_factor=FIP16_STAKE_FACTOR) == registration_weight(500, 50)


def test_normalised_weights_are_rounded_down_and_of_nothing_come_nothing() -> None:
    assert normalised([1, 1, 1]) == [21845] * 3
    assert normalised([1, 2, 4]) == [9362, 18724, 37448]
    assert normalised([0, 0]) == [0, 0]
    assert normalised([]) == []


@pytest.mark.parametrize(("total", "half"), [(65_535, 32_768), (65_534, 32_767), (1, 1), (0, 0)])
def test_the_threshold_is_half_rounded_up(total: int, half: int) -> None:
    assert threshold(total) == half
