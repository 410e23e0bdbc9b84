"""What is to happen when, in the order of its time."""

import heapq
from collections.abc import Callable
from typing import Any

from msgspec import Struct

NEVER_NS = 2**63 - 1


class _Entry(Struct, order=True):
    at_ns: int
    order: int
    action: Any


class Agenda:
    """Actions by their time; of the same time, the earlier entered first."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._entered = 0

    @property
    def next_ns(self) -> int:
        """When the next action is due."""
        return self._entries[0].at_ns if self._entries else NEVER_NS

    def at(self, at_ns: int, action: Callable[[int], None]) -> None:
        """Let this happen then; it is told its time."""
        self._entered += 1
        heapq.heappush(self._entries, _Entry(at_ns, self._entered, action))

    def run(self, until_ns: int) -> None:
        """Everything that is due by then."""
        while self.next_ns <= until_ns:
            entry = heapq.heappop(self._entries)
            entry.action(entry.at_ns)
