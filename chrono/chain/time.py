"""The chain's time: a monotonic clock that block times keep right, whatever becomes of the wall clock.

Blocks come only with transactions, so their times may repeat, lag, or (by a proposer's clock) run ahead a little: no
single one says what time it is. What many fresh blocks of several nodes say together does. The wall clock gives the
first guess and is compared with ever after; its steps move nothing.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from statistics import median_low
from typing import Final

import structlog
from msgspec import Struct

from chrono.chain.answers import Head
from chrono.clock import MS_NS, SECOND_NS, Clock
from chrono.telemetry import CLOCK_SKEW

log = structlog.get_logger()

HALF_NS: Final = SECOND_NS // 2
"""Block times are whole seconds, cut: a block is half a second older than it says, on the average."""


class TimeRules(Struct, frozen=True, kw_only=True):
    """When the chain's time is corrected. Durations in nanoseconds."""

    steady_ns: int = SECOND_NS
    """Blocks that differ by less from our reckoning change nothing."""
    ahead_ns: int = 12 * SECOND_NS
    """A newest block so far ahead shows that we are late: no node takes one that is 10 s ahead of it."""
    way_ns: int = 250 * MS_NS
    """How long a block is on its way to us, about."""
    watched_ns: int = 2 * SECOND_NS
    """A block is fresh when its node was heard so shortly before it."""
    kept_ns: int = 600 * SECOND_NS
    """For so long a fresh block says something,"""
    heard_ns: int = 60 * SECOND_NS
    """and its node, when it was heard so shortly ago."""
    least_blocks: int = 3
    most_blocks: int = 31
    """So many fresh blocks of a node are weighed."""


class ChainClock:
    """A Clock whose `now_ns` is chain time. `clock` is the machine's, `nodes` names all that are configured.

    Give it every head that a node names (`told`), in one loop. Fits: chrono.clock.Clock.
    """

    def __init__(self, clock: Clock, nodes: Iterable[str], rules: TimeRules | None = None) -> None:
        self._clock = clock
        self._rules = rules or TimeRules()
        self._offset_ns = self._wall_seen_ns = self._wall_offset_ns
        self._witnesses = {name: _Witness(self._rules) for name in nodes}
        self._moved = asyncio.Event()

    def now_ns(self) -> int:
        """Chain time, nanoseconds since 1970 UTC: what a block that is made now will say."""
        return self._clock.monotonic_ns() + self._offset_ns

    def monotonic_ns(self) -> int:
        """The machine's monotonic time."""
        return self._clock.monotonic_ns()

    async def sleep_until(self, at_ns: int) -> None:
        """Return when chain time has reached `at_ns`, also when it was corrected meanwhile."""
        while (left_ns := at_ns - self.now_ns()) > 0:
            waiting = [
                asyncio.ensure_future(self._clock.sleep(left_ns / SECOND_NS)),
                asyncio.ensure_future(_set(self._moved)),
            ]
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in waiting:
                    each.cancel()

    async def sleep(self, seconds: float) -> None:
        """Wait this long by the monotonic clock."""
        await self._clock.sleep(seconds)

    @property
    def skew_ns(self) -> int:
        """How far the machine's wall clock is ahead of the chain; negative when it is behind."""
        return self._wall_offset_ns - self._offset_ns

    @property
    def late_ns(self) -> int | None:
        """How far blocks of two nodes, or of the only one, are ahead of our time; None while too few name any."""
        now_ns = self.now_ns()
        return _of_two([None if time_ns is None else time_ns - now_ns for time_ns in self._newest_ns])

    @property
    def _newest_ns(self) -> list[int | None]:
        return [witness.newest_ns for witness in self._witnesses.values()]

    def told(self, node: str, head: Head, *, pushed: bool = False) -> None:
        """A node named its newest block: asked for it, or (`pushed`) by itself. Raises: KeyError for a stranger."""
        now_ns = self._clock.monotonic_ns()
        self._heed_steps()
        self._witnesses[node].told(head, now_ns, pushed=pushed)
        found_ns = self._found(now_ns)
        if found_ns is not None and abs(found_ns - self._offset_ns) > self._rules.steady_ns:
            self._move(found_ns)
        CLOCK_SKEW.set(self.skew_ns / SECOND_NS)

    @property
    def _wall_offset_ns(self) -> int:
        return self._clock.now_ns() - self._clock.monotonic_ns()

    def _heed_steps(self) -> None:
        """The wall clock stepped, or the machine slept: what was heard before may be of another monotonic time."""
        wall_ns = self._wall_offset_ns
        if abs(wall_ns - self._wall_seen_ns) > self._rules.steady_ns:
            for witness in self._witnesses.values():
                witness.forget()
        self._wall_seen_ns = wall_ns

    def _found(self, now_ns: int) -> int | None:
        """What the nodes say together; None when they say nothing.

        One of several that speaks alone decides nothing, and two that differ do not either: our own reckoning stands in
        the middle then.
        """
        told = (witness.offset_ns(now_ns, self._offset_ns) for witness in self._witnesses.values())
        found = [offset_ns for offset_ns in told if offset_ns is not None]
        if not found:
            return None
        if len(found) == 1 and len(self._witnesses) > 1:
            found += [self._offset_ns, self._wall_offset_ns]
        elif len(found) % 2 == 0:
            found.append(self._offset_ns)
        middle_ns, least_ns = sorted(found)[len(found) // 2], self._least_ns(now_ns)
        return middle_ns if least_ns is None or least_ns <= middle_ns + self._rules.ahead_ns else least_ns

    def _least_ns(self, now_ns: int) -> int | None:
        """What two nodes, or the only one, show to be the least; None when they show nothing.

        A late node and a late wall clock agree for once. They do not stand against blocks that others have already.
        """
        return _of_two([witness.least_ns(now_ns) for witness in self._witnesses.values()])

    def _move(self, offset_ns: int) -> None:
        log.warning("chain_time_corrected", by_s=(offset_ns - self._offset_ns) / SECOND_NS)
        self._offset_ns = offset_ns
        self._moved.set()
        self._moved = asyncio.Event()


class _Witness:
    """What one node's blocks say of the difference between chain time and our monotonic clock."""

    def __init__(self, rules: TimeRules) -> None:
        self._rules = rules
        self._samples: deque[tuple[int, int]] = deque(maxlen=rules.most_blocks)
        self._newest: Head | None = None
        self._heard_ns = 0
        self._least: tuple[int, int] | None = None  # when it was shown, and the least difference

    def told(self, head: Head, now_ns: int, *, pushed: bool) -> None:
        """It named its newest block, when the monotonic clock showed `now_ns`."""
        before, before_ns = self._newest, self._heard_ns
        self._newest, self._heard_ns = head, now_ns
        self._show(head.time_s * SECOND_NS - now_ns, now_ns)
        seen_coming = pushed or now_ns - before_ns <= self._rules.watched_ns
        if before is None or head.number <= before.number or not seen_coming:
            return  # nobody knows how long it has been there
        came_ns = now_ns if pushed else (before_ns + now_ns) // 2
        at_ns = head.time_s * SECOND_NS + HALF_NS + self._rules.way_ns
        self._samples.append((now_ns, at_ns - came_ns))

    def forget(self) -> None:
        """What it said before counts no more, but what it showed to be the least: a sleep only adds to that."""
        self._samples.clear()

    @property
    def newest_ns(self) -> int | None:
        """The time of its newest block; None before it named one."""
        return None if self._newest is None else self._newest.time_s * SECOND_NS

    def least_ns(self, now_ns: int) -> int | None:
        """The least that chain time minus monotonic time can be, by this node; None when it has shown nothing lately.

        A block is never younger than now. The least may be too much by as much as a proposer's clock may be ahead.
        """
        if self._least is None or now_ns - self._least[0] > self._rules.kept_ns:
            return None
        return self._least[1]

    def offset_ns(self, now_ns: int, reckoned_ns: int) -> int | None:
        """Chain time minus monotonic time, by this node; None when it cannot tell. `reckoned_ns` is ours."""
        if now_ns - self._heard_ns > self._rules.heard_ns:
            return None
        while self._samples and self._samples[0][0] < now_ns - self._rules.kept_ns:
            self._samples.popleft()
        told = [offset_ns for _, offset_ns in self._samples]
        middle = median_low(told) if len(told) >= self._rules.least_blocks else None
        least_ns = self.least_ns(now_ns)
        if middle is None and least_ns is not None and least_ns > reckoned_ns + self._rules.ahead_ns:
            return least_ns
        return middle

    def _show(self, least_ns: int, now_ns: int) -> None:
        """A block is there already: the machine slept, or the wall clock was late when we began."""
        known_ns = self.least_ns(now_ns)
        if known_ns is None or least_ns >= known_ns:
            self._least = (now_ns, least_ns)
        while self._samples and self._samples[0][1] < least_ns - self._rules.ahead_ns:
            self._samples.popleft()  # of before the sleep


def _of_two(shown: list[int | None]) -> int | None:
    """The most that two of several reach, or that the only one says; None when too few say anything."""
    known = sorted(each for each in shown if each is not None)
    return known[-2] if len(known) > 1 else known[0] if len(shown) == len(known) else None


async def _set(event: asyncio.Event) -> None:
    await event.wait()
