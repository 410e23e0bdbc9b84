"""Whether a source is a fair yardstick: how near it stood to the rest during the hour before."""

from bisect import bisect_left, insort
from collections import deque
from math import ceil

from chrono.clock import SECOND_NS

HOUR_NS = 3600 * SECOND_NS
KNOWN = 10
"""Instants of the hour before at which both must have been known, to say that a source agreed with the rest."""


class Agreement:
    """The distances of one source from the rest during the hour before an instant."""

    def __init__(self) -> None:
        self._known: deque[tuple[int, float]] = deque()
        self._sorted: list[float] = []

    def lately(self, at_ns: int, shares: tuple[float, ...]) -> tuple[float | None, ...]:
        """The distance that each of these shares of the hour before `at_ns` did not exceed, `at_ns` left out.

        None of fewer than KNOWN instants. Of two neighbours the larger one.
        """
        while self._known and self._known[0][0] < at_ns - HOUR_NS:
            _, distance = self._known.popleft()
            del self._sorted[bisect_left(self._sorted, distance)]
        n = len(self._sorted)
        if n < KNOWN:
            return (None,) * len(shares)
        return tuple(self._sorted[ceil(share * (n - 1))] for share in shares)

    def add(self, at_ns: int, distance: float) -> None:
        """Note the distance at `at_ns`; instants go forward."""
        self._known.append((at_ns, distance))
        insort(self._sorted, distance)
