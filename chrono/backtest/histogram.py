"""Errors counted in narrow bins: quantiles of any number of them in bounded memory."""

from array import array
from collections.abc import Iterable, Iterator
from math import exp, log

LEAST_BPS = 1e-4
"""Smaller errors count as none."""

WIDTH = 0.001
"""Of a bin, as a share of its error: a quantile is at most so far off, and mostly far less."""

MOST = 27_700
"""Bins up to an error of a hundred million bps; what is larger falls into the last one."""


def bin_of(error: float) -> int:
    """The bin of an error in bps; 0 for none."""
    if error < LEAST_BPS:
        return 0
    return min(1 + int(log(error / LEAST_BPS) / WIDTH), MOST)


def error_at(place: float) -> float:
    """The error in bps at a place on the scale of the bins, between two of them too."""
    return 0.0 if place < 1.0 else LEAST_BPS * exp((place - 1.0) * WIDTH)


class Histogram:
    """How many errors fell into each bin; whole bins only, in ascending order."""

    __slots__ = ("bins", "counts")

    def __init__(self, told: Iterable[tuple[int, int]] = ()) -> None:
        self.bins = array("H")
        self.counts = array("Q")
        for bin_, count in sorted(told):
            self.bins.append(bin_)
            self.counts.append(count)

    @property
    def total(self) -> int:
        """All errors counted."""
        return sum(self.counts)

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Every bin with its count, ascending."""
        return zip(self.bins, self.counts, strict=True)

    def quantile(self, share: float) -> float | None:
        """The error in bps that `share` of all do not exceed; None of nothing."""
        return quantile(self.bins, self.counts, share)


def joined(histograms: Iterable[Histogram]) -> Histogram:
    """All of them as one."""
    counts: dict[int, int] = {}
    for histogram in histograms:
        for bin_, count in histogram.pairs():
            counts[bin_] = counts.get(bin_, 0) + count
    return Histogram(counts.items())


def quantile(bins: Iterable[int], counts: Iterable[int], share: float, width: int = 1) -> float | None:
    """The quantile of counts in ascending bins of `width`, with errors spread evenly within each."""
    counts = list(counts)
    wanted, passed = share * sum(counts), 0
    for bin_, count in zip(bins, counts, strict=True):
        if count and passed + count >= wanted:
            return error_at(bin_ + width * (wanted - passed) / count)
        passed += count
    return None
