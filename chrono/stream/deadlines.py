"""Things that fall due a fixed time after they were put in: kept in order for nothing, and given up at once."""

from collections.abc import Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Deadlines(Generic[Item]):
    """Items in the order in which they fall due, `after_ns` after `add`. An item is in it at most once."""

    def __init__(self, after_ns: int) -> None:
        self._after_ns = after_ns
        self._due_ns: dict[Item, int] = {}

    def __len__(self) -> int:
        return len(self._due_ns)

    def __contains__(self, item: Item) -> bool:
        return item in self._due_ns

    def __iter__(self) -> Iterator[Item]:
        return iter(self._due_ns)

    def add(self, item: Item, now_ns: int) -> None:
        """Let `item` fall due `after_ns` from now, whether or not it was in before."""
        self._due_ns.pop(item, None)
        self._due_ns[item] = now_ns + self._after_ns

    def discard(self, item: Item) -> None:
        """Forget `item`."""
        self._due_ns.pop(item, None)

    def take_due(self, now_ns: int, at_most: int | None = None) -> list[Item]:
        """What is due now, taken out, the longest due first; the rest of more than `at_most` stays due."""
        due: list[Item] = []
        for item, due_ns in self._due_ns.items():
            if due_ns > now_ns or len(due) == at_most:
                break
            due.append(item)
        for item in due:
            del self._due_ns[item]
        return due
