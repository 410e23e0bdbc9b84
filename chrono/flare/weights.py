"""How stake and delegations become the weights of a signing policy; all in integers, wei in.

The replicates of fast updates are in `fast_updates.sortition`. Source: fsp.md section 4; flare-smart-contracts-v2
264dab74: FlareSystemsCalculator.calculateRegistrationWeight, VoterRegistry.createSigningPolicySnapshot,
FlareSystemsManager._initializeNextSigningPolicy.
"""

from collections.abc import Sequence
from math import isqrt
from typing import Final

from chrono.flare.units import PPM

WNAT_CAP_PPM: Final = 25_000
THRESHOLD_PPM: Final = 500_000
NORMALISED_MAX: Final = 65_535
FIP16_STAKE_FACTOR: Final = 5
"""FIP.16 counts stake five times. The contract that does so is not in the snapshot that the rules were read from."""


def capped_wnat(wnat_wei: int, total_wnat_wei: int, cap_ppm: int = WNAT_CAP_PPM) -> int:
    """The delegated weight that counts: at most `cap_ppm` of the whole vote power at the vote power block."""
    return min(wnat_wei, total_wnat_wei * cap_ppm // PPM)


def registration_weight(stake_wei: int, capped_wnat_wei: int, *, stake_factor: int = 1) -> int:
    """The weight that a voter registers with: about the power of three quarters, rounded down at each root.

    `stake_wei` is the sum over the voter's nodes; `stake_factor` is FIP16_STAKE_FACTOR once FIP.16 is in force.
    """
    root = isqrt(stake_factor * stake_wei + capped_wnat_wei)
    return root * isqrt(root)


def normalised(registration_weights: Sequence[int]) -> list[int]:
    """The 16-bit weights of a signing policy, each rounded down. Shapes: (n,) to (n,). All zero stay zero."""
    total = sum(registration_weights)
    return [weight * NORMALISED_MAX // total if total else 0 for weight in registration_weights]


def threshold(normalised_sum: int, threshold_ppm: int = THRESHOLD_PPM) -> int:
    """The policy's threshold, rounded up; signatures need strictly more than it."""
    return -(-normalised_sum * threshold_ppm // PPM)
