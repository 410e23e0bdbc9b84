"""Slow, obvious twins of the other rules of a backtest, in exact fractions. A source is (price, age in ns, deals)."""

import math
from fractions import Fraction

from tests.reference.estimators import mean, median, variance


def last_median(sources):
    return median([Fraction(price) for price, _, _ in sources])


def last_mean(sources):
    return mean([Fraction(price) for price, _, _ in sources])


def _volume(deals):
    return sum((Fraction(volume) for _, volume in deals), Fraction(0))


def volume_weighted(sources):
    whole = sum(_volume(deals) for _, _, deals in sources)
    return sum(Fraction(price) * _volume(deals) for price, _, deals in sources) / whole if whole else None


def vwap(sources):
    deals = [deal for _, _, deals in sources for deal in deals]
    whole = sum(Fraction(volume) for _, volume in deals)
    return sum(Fraction(price) * Fraction(volume) for price, volume in deals) / whole if whole else None


def median_of_vwaps(sources):
    own = [vwap([source]) for source in sources]
    told = [one for one in own if one is not None]
    return median(told) if told else None


def within_three_sigma(sources):
    prices = [Fraction(price) for price, _, _ in sources]
    centre, spread = mean(prices), variance(prices)
    return mean([price for price in prices if (price - centre) ** 2 <= 9 * spread])


def trimmed(sources):
    ordered = sorted(Fraction(price) for price, _, _ in sources)
    cut = max(len(ordered) // 5, 1) if len(ordered) >= 3 else 0
    return mean(ordered[cut : len(ordered) - cut])


def latest_weighted(sources):
    """The first price, from the lowest on, at which half of the weight is reached."""
    told = sorted((price, math.exp(-0.00005 * age_ns / 1e6)) for price, age_ns, _ in sources)
    for place in range(len(told)):
        if 2 * sum(weight for _, weight in told[: place + 1]) >= sum(weight for _, weight in told):
            return Fraction(told[place][0])
    raise AssertionError(told)


TWINS = {
    "median": last_median,
    "mean": last_mean,
    "volume-weighted": volume_weighted,
    "vwap": vwap,
    "median-of-vwaps": median_of_vwaps,
    "three-sigma": within_three_sigma,
    "trimmed-mean": trimmed,
    "latest-weighted": latest_weighted,
}
