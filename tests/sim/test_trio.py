"""A short form of the trio: each order of troubles once. 1,000 rounds: `make sim`."""

import pytest

from tests.sim.trio import ORDERS, play


@pytest.mark.parametrize("seed", range(len(ORDERS)), ids=["-".join(order) for order in ORDERS])
def test_no_phase_is_missed_while_one_node_lies_one_lags_and_one_dies(seed: int) -> None:
    assert play(seed, rounds=6) == []
