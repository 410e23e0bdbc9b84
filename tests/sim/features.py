"""What a history is about beside its faults: FIP.16 that becomes active midway, and a data connector to share calls with.

Drawn apart from the faults, so that a seed's faults are the same with and without them.
"""

from dataclasses import dataclass
from random import Random

from chrono.flare.units import COIN_WEI
from chrono.simulation.flare.contracts.registrations import Power

MIDWAY = 2
"""A history begins in reward epoch 1, and the second one begins in the midst of it."""
FIP16_SHARE, FDC_SHARE = 0.35, 0.33
_WNAT = (300_000, 700_000, 3_000_000, 40_000_000)
"""Some below the cap of 2.5 % of all, some above: without FIP.16 these are the weights."""
_STAKES = (0, 1_000_000, 5_000_000, 20_000_000)
"""With it the stake counts as well: another order of weights, other medians, other roots."""
_FEE_BIPS = 2000


@dataclass(frozen=True)
class Features:
    """Of one history. `Features()` is a plain one."""

    fip16_from: int | None = None
    """The reward epoch from which FIP.16 is active; None: never."""
    attesting: tuple[int, ...] | None = None
    """Which simulated voters have a data connector; None: nobody has, and we have none either."""
    calm_connector: bool = False
    """Whether our connector answers at once, always."""

    @property
    def with_fdc(self) -> bool:
        """Whether a data connector shares our calls."""
        return self.attesting is not None

    def powers(self, seed: int, voters: int) -> list[Power]:
        """What each simulated voter weighs, where that matters; no two orders of them agree."""
        if self.fip16_from is None:
            return []
        chance = Random(f"powers {seed}")
        wnat, stakes = (chance.choices(each, k=voters) for each in (_WNAT, _STAKES))
        return [Power(held * COIN_WEI, stake * COIN_WEI, _FEE_BIPS) for held, stake in zip(wnat, stakes, strict=True)]

    def __str__(self) -> str:
        told = [] if self.fip16_from is None else [f"FIP.16 from reward epoch {self.fip16_from} on"]
        if self.attesting is not None:
            told.append(f"a data connector, and {len(self.attesting)} other voters with one")
        return "; ".join(told)


PLAIN = Features()


def features_of(seed: int, voters: int = 4) -> Features:
    """Those of a seed: plain, one of them, or both."""
    chance = Random(f"features {seed}")
    fip16, fdc = chance.random() < FIP16_SHARE, chance.random() < FDC_SHARE
    attesting = tuple(sorted(chance.sample(range(voters), chance.choice([2, 3, 3, 4]))))
    return Features(MIDWAY if fip16 else None, attesting if fdc else None)
