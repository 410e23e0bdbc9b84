"""Fair values of the simulated assets: walks that wander, jump and come back, so that a week still looks sane."""

import math
from collections.abc import Sequence
from random import Random

from chrono.clock import MS_NS, SECOND_NS
from chrono.simulation.venues import SimulatedAsset

STEP_NS = 250 * MS_NS
"""Fair values change four times a second."""

_DAY_S = 86_400.0
_RETURN_S = 2 * _DAY_S  # mean reversion: what is left of a distance after two days is 1/e
_MARKET_VOLATILITY = 0.02  # of the factor that all assets share, per square root of a day
_JUMP = 0.004  # standard deviation of a jump, as a log return


class Walks:
    """The fair USD value of each asset at the time reached. Time only goes forward."""

    def __init__(self, seed: int, assets: Sequence[SimulatedAsset], start_ns: int) -> None:
        self._random = Random(f"walks:{seed}")
        self._assets = {asset.name: asset for asset in assets}
        self._own = dict.fromkeys(self._assets, 0.0)
        self._market = 0.0
        self._reached_ns = start_ns

    def advance(self, at_ns: int) -> None:
        """Walk on to the last step at or before `at_ns`."""
        while at_ns - self._reached_ns >= STEP_NS:
            self._step(STEP_NS)

    def leap(self, at_ns: int) -> None:
        """Walk on in one long step: for a machine that slept."""
        steps = (at_ns - self._reached_ns) // STEP_NS
        if steps > 0:
            self._step(steps * STEP_NS)

    def usd(self, name: str) -> float:
        """The fair value of one unit; of USD itself, 1."""
        if name == "USD":
            return 1.0
        asset = self._assets[name]
        return asset.start_usd * math.exp(asset.market_beta * self._market + self._own[name])

    def _step(self, ns: int) -> None:
        seconds = ns / SECOND_NS
        keep = math.exp(-seconds / _RETURN_S)
        self._market = self._market * keep + self._random.gauss(0.0, self._width(_MARKET_VOLATILITY, seconds))
        for asset in self._assets.values():
            moved = self._own[asset.name] * keep
            moved += self._random.gauss(0.0, self._width(asset.daily_volatility, seconds))
            if self._random.random() < asset.jumps_per_day * seconds / _DAY_S:
                moved += self._random.gauss(0.0, _JUMP * min(asset.daily_volatility / 0.03, 2.0))
            self._own[asset.name] = moved
        self._reached_ns += ns

    @staticmethod
    def _width(daily: float, seconds: float) -> float:
        """Standard deviation of a step of a walk that is pulled back, exact for any length of step."""
        left = 1.0 - math.exp(-2.0 * seconds / _RETURN_S)
        return daily * math.sqrt(_RETURN_S / _DAY_S / 2.0 * left)
