"""Who is selected to finalise a round in its grace period. Source: fsp.md section 4."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from chrono.flare.abi import word
from chrono.flare.address import Address
from chrono.flare.signing_policy import SigningPolicy
from chrono.flare.units import BIPS
from chrono_core import keccak256

SELECTED_BIPS: Final = 500
"""How much of the total weight the selected ones have at least."""


def initial_seed(policy_seed: int, protocol_id: int, voting_round_id: int) -> bytes:
    """Where the selection starts: 32 bytes that are other ones for each round and protocol."""
    return keccak256(word(policy_seed) + word(protocol_id) + word(voting_round_id))


def select(weights: Sequence[int], seed: bytes, threshold_bips: int = SELECTED_BIPS) -> list[int]:
    """The indices of the selected voters in the order of their draw, until their weight reaches the threshold.

    Shapes: `weights` (n,), not negative. A voter of weight 0 is never drawn. Raises: ValueError above 10000 bips.
    """
    if threshold_bips > BIPS:
        raise ValueError(f"no selection has {threshold_bips} bips of the weight")
    bounds = list(accumulate(weights))
    total = bounds[-1] if bounds else 0
    missing = total * threshold_bips // BIPS
    chosen: dict[int, None] = {}
    while missing > 0:
        drawn = int.from_bytes(seed, "big") % total
        index = next(i for i, bound in enumerate(bounds) if drawn < bound)
        if index not in chosen:
            chosen[index] = None
            missing -= weights[index]
        seed = keccak256(seed)
    return list(chosen)


def selected(policy: SigningPolicy, protocol_id: int, voting_round_id: int) -> list[Address]:
    """The signing-policy addresses that may finalise a round from +45 s to +65 s, in the order of their draw."""
    seed = initial_seed(policy.seed, protocol_id, voting_round_id)
    return [policy.voters[index] for index in select(policy.weights, seed)]
