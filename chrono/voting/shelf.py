"""Events by their place in the chain, as they are told again, told late, and taken back. No I/O."""

from collections.abc import Iterable

from chrono.voting.membership import TimedEvent

Place = tuple[int, int]
"""Block, then index in the block."""


class Shelf:
    """Each event once, whatever the order in which it was told."""

    def __init__(self) -> None:
        self._events: dict[Place, TimedEvent] = {}

    def __len__(self) -> int:
        return len(self._events)

    @property
    def events(self) -> list[TimedEvent]:
        """In the order of the chain."""
        return [self._events[place] for place in sorted(self._events)]

    def tell(self, events: Iterable[TimedEvent], from_block: int) -> bool:
        """From `from_block` on these are the events; what is older stays. Whether anything changed."""
        told = {_place(each): each for each in events}
        known = sum(place[0] >= from_block for place in self._events)
        if known == len(told) and all(self._events.get(place) == each for place, each in told.items()):
            return False
        self.take_back(from_block)
        self._events |= told
        return True

    def add(self, events: Iterable[TimedEvent]) -> bool:
        """These are known besides. Whether anything changed.

        Another event at a known place means that the chain took back the block and told another.
        """
        changed = False
        for each in events:
            known = self._events.get(_place(each))
            if known == each:
                continue
            if known is not None:
                self.take_back(each.block_number)
            self._events[_place(each)] = each
            changed = True
        return changed

    def take_back(self, block_number: int) -> bool:
        """Forget this block and all above it. Whether anything changed."""
        return self._keep({place: each for place, each in self._events.items() if place[0] < block_number})

    def forget_before(self, time_s: int) -> bool:
        """Forget the events of blocks before a time. Whether anything changed."""
        return self._keep({place: each for place, each in self._events.items() if each.block_time_s >= time_s})

    def _keep(self, kept: dict[Place, TimedEvent]) -> bool:
        changed = len(kept) != len(self._events)
        self._events = kept
        return changed


def _place(told: TimedEvent) -> Place:
    return told.block_number, told.index
