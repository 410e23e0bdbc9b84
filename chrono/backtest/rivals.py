"""Other rules that an oracle could have, on the very inputs of ours.

Each takes the fresh sources of one instant and gives a price, or None where it has nothing to go by.
"""

from collections.abc import Callable, Sequence
from math import exp
from operator import mul
from typing import NamedTuple

from chrono.clock import MS_NS
from chrono.market.names import Venue
from chrono.pricing.case import FUTURE_NS, Case

SIGMAS = 3.0
TRIMMED = 0.2
"""Share that a trimmed mean leaves out at each end; one source at least when there are three."""

FADING_PER_MS = 0.00005
"""How fast a price loses weight in the median of Flare's own example of a value provider."""


class Heard(NamedTuple):
    """One fresh source: its newest price in the target's currency, its age, and its VWAP over the window.

    `vwap` is None and `volume` 0 where it told of no volume.
    """

    venue: Venue
    last: float
    age_ns: int
    vwap: float | None
    volume: float


Rival = Callable[[Sequence[Heard]], float | None]
"""A rule: from the fresh sources to a price."""


def heard(case: Case) -> list[Heard]:
    """What every fresh source of this case says. Fresh: its newest point lies in the window, as in our rule."""
    found = []
    for source in case.sources:
        times, prices, volumes = source.points
        age_ns = case.at_ns - times[-1]
        if not -FUTURE_NS <= age_ns <= case.rule.window_ns:
            continue
        rate, volume = case.rate(source), sum(volumes)
        vwap = rate * (sum(map(mul, prices, volumes)) / volume) if volume > 0.0 else None
        found.append(Heard(source.venue, prices[-1] * rate, max(age_ns, 0), vwap, volume))
    return found


def median(sources: Sequence[Heard]) -> float | None:
    """The median of the newest prices."""
    return _middle([source.last for source in sources])


def mean(sources: Sequence[Heard]) -> float | None:
    """The mean of the newest prices."""
    return _mean([source.last for source in sources])


def volume_weighted(sources: Sequence[Heard]) -> float | None:
    """The mean of the newest prices, each weighted by what its source dealt in the window."""
    whole = sum(source.volume for source in sources)
    return sum(source.last * source.volume for source in sources) / whole if whole > 0.0 else None


def vwap(sources: Sequence[Heard]) -> float | None:
    """All that was dealt in the window, by volume, whoever dealt it."""
    whole = sum(source.volume for source in sources)
    parts = (source.vwap * source.volume for source in sources if source.vwap is not None)
    return sum(parts) / whole if whole > 0.0 else None


def median_of_vwaps(sources: Sequence[Heard]) -> float | None:
    """The median of the sources' own VWAPs."""
    return _middle([source.vwap for source in sources if source.vwap is not None])


def three_sigma(sources: Sequence[Heard]) -> float | None:
    """The mean of the newest prices without those that the three-sigma filter takes out."""
    out = beyond_three_sigma(sources)
    return _mean([source.last for source in sources if source.venue not in out])


def trimmed(sources: Sequence[Heard]) -> float | None:
    """The mean of the newest prices without the lowest and the highest fifth."""
    prices = sorted(source.last for source in sources)
    cut = max(int(len(prices) * TRIMMED), 1) if len(prices) >= 3 else 0
    return _mean(prices[cut : len(prices) - cut])


def latest_weighted(sources: Sequence[Heard]) -> float | None:
    """The weighted median of the newest prices with weights exp(-0.00005 x age in ms)."""
    if not sources:
        return None
    told = sorted((source.last, exp(-FADING_PER_MS * source.age_ns / MS_NS)) for source in sources)
    half, passed = sum(weight for _, weight in told) / 2.0, 0.0
    for price, weight in told:
        passed += weight
        if passed >= half:
            return price
    return told[-1][0]


def beyond_three_sigma(sources: Sequence[Heard]) -> set[Venue]:
    """The venues that a three-sigma filter takes out: farther than three standard deviations from the mean."""
    if len(sources) < 2:
        return set()
    prices = [source.last for source in sources]
    centre = sum(prices) / len(prices)
    deviation = (sum((price - centre) ** 2 for price in prices) / len(prices)) ** 0.5
    return {source.venue for source in sources if abs(source.last - centre) > SIGMAS * deviation}


RIVALS: dict[str, Rival] = {
    "median": median,
    "vwap": vwap,
    "latest-weighted": latest_weighted,
    "three-sigma": three_sigma,
    "mean": mean,
    "trimmed-mean": trimmed,
    "volume-weighted": volume_weighted,
    "median-of-vwaps": median_of_vwaps,
}
"""Every other rule by the name that tables and options give it."""


def _mean(prices: Sequence[float]) -> float | None:
    return sum(prices) / len(prices) if prices else None


def _middle(prices: Sequence[float]) -> float | None:
    ordered = sorted(prices)
    if not ordered:
        return None
    place = len(ordered) // 2
    return ordered[place] if len(ordered) % 2 else (ordered[place - 1] + ordered[place]) / 2.0
