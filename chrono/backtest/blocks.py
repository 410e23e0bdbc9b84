"""Errors by stretch of time: what pictures over time are drawn from, and what intervals are resampled from.

Neighbouring instants are alike, so that not instants but whole stretches are drawn. Memory is bounded: when there
are too many stretches, two neighbours become one.
"""

from collections.abc import Iterator, Sequence

from chrono.backtest.histogram import Histogram, bin_of, joined
from chrono.clock import SECOND_NS

BLOCK_NS = 3600 * SECOND_NS
LEAST_BLOCK_NS = 60 * SECOND_NS
FEW = 24
"""A recording shorter than so many hours has so many shorter stretches."""

MOST = 128

Errors = Sequence[float]
"""Of every rule, in bps, in the order of the rules."""


def block_ns(span_ns: int, every_ns: int) -> int:
    """How long the stretches of a recording are, before any are joined: whole minutes where that is enough."""
    whole_ns = span_ns // FEW // LEAST_BLOCK_NS * LEAST_BLOCK_NS
    return max(min(BLOCK_NS, whole_ns), LEAST_BLOCK_NS, every_ns)


class Blocks:
    """The errors of all rules at the same instants, counted by stretch."""

    def __init__(self, rules: int, length_ns: int, most: int = MOST) -> None:
        self.length_ns = length_ns
        self.rules = rules
        """How many are compared."""
        self._most = most
        self._closed: dict[int, list[Histogram]] = {}
        self._start_ns = 0
        self._open: list[dict[int, int]] = []

    def add(self, at_ns: int, errors: Errors) -> None:
        """Count the errors of one instant; instants go forward."""
        start_ns = at_ns // self.length_ns * self.length_ns
        if start_ns != self._start_ns or not self._open:
            self._close()
            self._start_ns = at_ns // self.length_ns * self.length_ns
            self._open = [{} for _ in range(self.rules)]
        for counts, error in zip(self._open, errors, strict=True):
            bin_ = bin_of(error)
            counts[bin_] = counts.get(bin_, 0) + 1

    def starts(self) -> list[int]:
        """When each stretch begins, oldest first."""
        self._close()
        return sorted(self._closed)

    def of_rule(self, rule: int) -> Iterator[Histogram]:
        """The errors of one rule, stretch by stretch."""
        return (self._closed[start][rule] for start in self.starts())

    def of_stretch(self, start_ns: int) -> list[Histogram]:
        """The errors of all rules in the stretch that begins then."""
        return self._closed[start_ns]

    @classmethod
    def pooled(cls, many: "Sequence[Blocks]", rules: int) -> "Blocks":
        """The errors of several markets as those of one, of so many rules from the first on."""
        whole = cls(rules, max(blocks.length_ns for blocks in many))
        for blocks in many:
            for start in blocks.starts():
                whole._keep(start, blocks.of_stretch(start)[:rules])
        whole._shrink()
        return whole

    def _close(self) -> None:
        if self._open:
            self._keep(self._start_ns, [Histogram(counts.items()) for counts in self._open])
            self._open = []
        self._shrink()

    def _keep(self, start_ns: int, found: list[Histogram]) -> None:
        start_ns = start_ns // self.length_ns * self.length_ns
        known = self._closed.get(start_ns)
        self._closed[start_ns] = found if known is None else [joined(pair) for pair in zip(known, found, strict=True)]

    def _shrink(self) -> None:
        """Join neighbours while there are too many stretches: they become twice as long."""
        while len(self._closed) > self._most:
            self.length_ns *= 2
            before, self._closed = self._closed, {}
            for start_ns, found in before.items():
                self._keep(start_ns, found)
