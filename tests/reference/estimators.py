"""Slow, obvious twins of the single estimators, in exact fractions.

They exist to be compared with `chrono_core`: no floats, no shortcuts, one line per sentence of
`docs/estimators.md`.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction

Number = int | float | Fraction


def exact(values: Iterable[Number]) -> list[Fraction]:
    """The values as fractions; a float is a fraction already, so nothing is rounded."""
    return [Fraction(value) for value in values]


def median(values: Iterable[Number]) -> Fraction:
    """The middle value, or the mean of the middle two."""
    ordered = sorted(exact(values))
    n = len(ordered)
    return (ordered[(n - 1) // 2] + ordered[n // 2]) / 2


def mad(values: Iterable[Number]) -> Fraction:
    """The median distance from the median."""
    values = exact(values)
    middle = median(values)
    return median(abs(value - middle) for value in values)


def weighted_median(values: Iterable[Number], weights: Iterable[Number]) -> Fraction:
    """The lowest value where half is passed; where half is met exactly, the mean with the next."""
    pairs = sorted((value, weight) for value, weight in zip(exact(values), exact(weights), strict=True) if weight > 0)
    half = sum(weight for _, weight in pairs) / 2
    passed = Fraction(0)
    for at, (value, weight) in enumerate(pairs):
        passed += weight
        if passed > half:
            return value
        if passed == half:
            return (value + pairs[at + 1][0]) / 2
    raise AssertionError("the weights never reach half of their sum")


def vwap(prices: Iterable[Number], volumes: Iterable[Number]) -> Fraction:
    """All that was paid, over all that was traded."""
    prices, volumes = exact(prices), exact(volumes)
    return sum(price * volume for price, volume in zip(prices, volumes, strict=True)) / sum(volumes)


def twap(prices: Sequence[Number], timestamps_ns: Sequence[int], end_ns: int | None = None) -> Fraction:
    """Each price for as long as it held; over no time at all, the last one."""
    end_ns = timestamps_ns[-1] if end_ns is None else end_ns
    prices = exact(prices)
    ends = [*timestamps_ns[1:], end_ns]
    held = [end - start for start, end in zip(timestamps_ns, ends, strict=True)]
    if sum(held) == 0:
        return prices[-1]
    return sum(price * time for price, time in zip(prices, held, strict=True)) / sum(held)


def mean(values: Iterable[Number]) -> Fraction:
    """The sum over the number."""
    values = exact(values)
    return sum(values, Fraction(0)) / len(values)


def variance(values: Iterable[Number]) -> Fraction:
    """The mean squared distance from the mean: the square of the population's standard deviation."""
    values = exact(values)
    centre = mean(values)
    return mean((value - centre) ** 2 for value in values)


def quantile(values: Iterable[Number], part: Fraction) -> Fraction:
    """The value at `part` of the way through the ordered values, interpolated between neighbours."""
    ordered = sorted(exact(values))
    place = (len(ordered) - 1) * part
    low = ordered[int(place)]
    high = ordered[min(int(place) + 1, len(ordered) - 1)]
    return low + (high - low) * (place - int(place))


def mad_band(values: Sequence[Number], threshold: Number, floor_bps: Number) -> tuple[Fraction, Fraction]:
    """Lowest and highest accepted value around the median."""
    middle = median(values)
    reach = max(
        Fraction(threshold) * Fraction(1.4826) * mad(values),
        middle * Fraction(floor_bps) / 10_000,
    )
    return middle - reach, middle + reach


def iqr_band(values: Sequence[Number], threshold: Number, floor_bps: Number) -> tuple[Fraction, Fraction]:
    """Lowest and highest accepted value around the quartiles."""
    low, high = quantile(values, Fraction(1, 4)), quantile(values, Fraction(3, 4))
    reach = Fraction(threshold) * (high - low)
    floor = median(values) * Fraction(floor_bps) / 10_000
    return min(low - reach, median(values) - floor), max(high + reach, median(values) + floor)
