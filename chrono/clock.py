"""The one place that reads a clock, so that everything else can be run on another time.

Wall time decides what a timestamp says; monotonic time decides how long something took or when it is due.
"""

import asyncio
import heapq
import time
from datetime import UTC, datetime
from typing import Protocol

SECOND_NS = 1_000_000_000
MS_NS = 1_000_000
US_NS = 1_000


class Clock(Protocol):
    """Time as a part sees it. Fits: SystemClock, ManualClock."""

    def now_ns(self) -> int:
        """Wall time, nanoseconds since 1970 UTC."""
        ...

    def monotonic_ns(self) -> int:
        """Nanoseconds that never go back; only differences mean something."""
        ...

    async def sleep_until(self, at_ns: int) -> None:
        """Return when `now_ns()` has reached `at_ns`; at once when it already has."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait this long, whatever happens to the wall time meanwhile; 0 lets the others go first."""
        ...


class SystemClock:
    """The machine's own time."""

    def now_ns(self) -> int:
        """Wall time of this machine, nanoseconds since 1970 UTC."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Monotonic time of this machine, nanoseconds."""
        return time.monotonic_ns()

    async def sleep_until(self, at_ns: int) -> None:
        """Wait for the wall time `at_ns`; a wall clock that was set back is waited for again."""
        while (left := at_ns - time.time_ns()) > 0:
            await asyncio.sleep(left / SECOND_NS)

    async def sleep(self, seconds: float) -> None:
        """Wait by the monotonic clock: a wall clock that is set back stalls nobody."""
        await asyncio.sleep(seconds)


class ManualClock:
    """Time that moves only when told: a tape's, or a test's."""

    def __init__(self, now_ns: int = 0) -> None:
        self._now_ns = now_ns
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = 0

    def now_ns(self) -> int:
        """The time last set, nanoseconds since 1970 UTC."""
        return self._now_ns

    def monotonic_ns(self) -> int:
        """The same time: it never goes back."""
        return self._now_ns

    def set(self, at_ns: int) -> None:
        """Move to `at_ns` and wake whoever waited for it. Raises: ValueError when that lies in the past."""
        if at_ns < self._now_ns:
            raise ValueError(f"time goes forward: {at_ns} < {self._now_ns}")
        self._now_ns = at_ns
        while self._waiting and self._waiting[0][0] <= at_ns:
            future = heapq.heappop(self._waiting)[2]
            if not future.done():
                future.set_result(None)

    def advance(self, ns: int) -> None:
        """Move forward by `ns`."""
        self.set(self._now_ns + ns)

    async def sleep_until(self, at_ns: int) -> None:
        """Wait until the clock is set to `at_ns` or later."""
        if at_ns <= self._now_ns:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._order += 1
        heapq.heappush(self._waiting, (at_ns, self._order, future))
        await future

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was moved on by this much."""
        if seconds <= 0:
            await asyncio.sleep(0)
        await self.sleep_until(self._now_ns + int(seconds * SECOND_NS))


def to_rfc3339(at_ns: int) -> str:
    """The instant as `2025-10-09T12:34:56.789Z`: UTC, milliseconds, cut (never rounded up)."""
    seconds, rest = divmod(at_ns, SECOND_NS)
    stamp = datetime.fromtimestamp(seconds, UTC)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{rest // MS_NS:03d}Z"
