"""How much may be sent to a venue: one allowance for each of its limits, shared by everything we send there."""

from collections import deque
from typing import Final

from chrono.clock import SECOND_NS, Clock
from chrono.ingest.venues.spec import Budget

SHARE: Final = 0.9
"""We use this part of what a venue allows: its clock and ours do not count the same second."""


class Allowance:
    """A sliding window: within any `per_s` seconds no more than the venue's units are taken.

    What weighs more than all of it is let go alone, when nothing else was taken within the window.
    """

    def __init__(self, budget: Budget, *, share: float = SHARE) -> None:
        self.units = max(min(1.0, budget.units), budget.units * share)
        self._span_ns = int(budget.per_s * SECOND_NS)
        self._taken: deque[tuple[int, float]] = deque()
        self._sum = 0.0
        self._closed_until_ns = 0

    def due_ns(self, now_ns: int, weight: float = 1.0) -> int:
        """When `weight` may be taken: `now_ns` itself when at once. Monotonic nanoseconds."""
        self._forget(now_ns)
        due_ns = max(now_ns, self._closed_until_ns)
        left = self._sum
        for at_ns, taken in self._taken:
            if left + weight <= self.units:
                break
            left -= taken
            due_ns = max(due_ns, at_ns + self._span_ns)
        return due_ns

    def take(self, now_ns: int, weight: float = 1.0) -> bool:
        """Take `weight` now; False, and nothing is taken, when it is not due yet."""
        if self.due_ns(now_ns, weight) > now_ns:
            return False
        self._taken.append((now_ns, weight))
        self._sum += weight
        return True

    async def wait(self, clock: Clock, weight: float = 1.0) -> None:
        """Take `weight` as soon as it is due."""
        while not self.take(clock.monotonic_ns(), weight):
            now_ns = clock.monotonic_ns()
            await clock.sleep((self.due_ns(now_ns, weight) - now_ns) / SECOND_NS)

    def close_until(self, at_ns: int) -> None:
        """Take nothing before `at_ns`: the venue said so."""
        self._closed_until_ns = max(self._closed_until_ns, at_ns)

    def _forget(self, now_ns: int) -> None:
        while self._taken and self._taken[0][0] + self._span_ns <= now_ns:
            self._sum -= self._taken.popleft()[1]
        if not self._taken:
            self._sum = 0.0
