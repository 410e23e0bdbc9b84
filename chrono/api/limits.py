"""How often: a true sliding window per bucket, exact to one request, in bounded memory, and never open on failure."""

from array import array
from collections.abc import Coroutine, Sequence
from typing import Final

import structlog
from msgspec import Struct

from chrono.api.ports import Shared
from chrono.clock import SECOND_NS, Clock
from chrono.errors import CACHE_AWAY, ChronoError

WINDOW_S: Final = 60
WINDOW_NS: Final = WINDOW_S * SECOND_NS
MOST_BUCKETS: Final = 10_000
"""Callers told apart at once. Beyond, newcomers share `OVERFLOW` buckets rather than go uncounted."""

OVERFLOW: Final = 64

log = structlog.get_logger()


class Bucket(Struct, frozen=True):
    """Something that is counted: `limit` requests a minute under `key`. `tier` is its metric label."""

    key: str
    limit: int
    tier: str


class Allowance(Struct, frozen=True):
    """What the tightest of a caller's limits has left. `reset_ns` is the wall time when its next place is free."""

    allowed: bool
    limit: int
    remaining: int
    reset_ns: int
    tier: str


class Log:
    """When the requests of one bucket were let in, oldest first: those of the last minute, no more than `limit`."""

    __slots__ = ("_first", "_times")

    def __init__(self) -> None:
        self._times = array("q")
        self._first = 0

    def count(self, now_ns: int) -> int:
        """Requests within the minute before now. A request exactly a minute old has left it."""
        times, first = self._times, self._first
        end = len(times)
        while first < end and times[first] <= now_ns - WINDOW_NS:
            first += 1
        if first > 32 and first * 2 > end:
            del times[:first]
            first = 0
        self._first = first
        return len(times) - first

    def add(self, now_ns: int) -> None:
        """Let one in."""
        self._times.append(now_ns)

    def withdraw(self) -> None:
        """Take the newest back: somebody else has refused it."""
        if len(self._times) > self._first:
            self._times.pop()

    def oldest_ns(self, now_ns: int) -> int:
        """When the oldest that counts was let in; now when there is none."""
        return self._times[self._first] if self._first < len(self._times) else now_ns

    def newest_ns(self) -> int:
        """When the newest was let in."""
        return self._times[-1] if self._times else 0


class SlidingWindow:
    """The logs of all buckets of this process."""

    def __init__(self, most: int = MOST_BUCKETS) -> None:
        self._most = most
        # In the order of the last request let in, so that the front is what can be forgotten first.
        self._logs: dict[str, Log] = {}

    def take(self, buckets: Sequence[Bucket], now_ns: int) -> Allowance:
        """Let a request in if every bucket has room, and count it in all of them; else in none.

        `reset_ns` is in the time of `now_ns`. `buckets` is not empty.
        """
        logs = [self._log(bucket.key, now_ns) for bucket in buckets]
        counts = [held.count(now_ns) for held in logs]
        room = [bucket.limit - count for bucket, count in zip(buckets, counts, strict=True)]
        tightest = min(range(len(room)), key=room.__getitem__)
        allowed = room[tightest] > 0
        if allowed:
            for bucket, held in zip(buckets, logs, strict=True):
                held.add(now_ns)
                self._touch(bucket.key, held)
        bucket = buckets[tightest]
        reset_ns = logs[tightest].oldest_ns(now_ns) + WINDOW_NS
        return Allowance(allowed, bucket.limit, max(0, room[tightest] - allowed), reset_ns, bucket.tier)

    def exhausted(self, bucket: Bucket, now_ns: int) -> Allowance | None:
        """What a refusal would say if `bucket` has no room, counting nothing; None when it has."""
        held = self._logs.get(self._name(bucket.key))
        if held is None or held.count(now_ns) < bucket.limit:
            return None
        return Allowance(False, bucket.limit, 0, held.oldest_ns(now_ns) + WINDOW_NS, bucket.tier)

    def fill(self, bucket: Bucket, now_ns: int) -> None:
        """Leave no room in a bucket for a minute."""
        while self.take([bucket], now_ns).allowed:
            pass

    def withdraw(self, bucket: Bucket) -> None:
        """Take back the newest request of a bucket."""
        held = self._logs.get(self._name(bucket.key))
        if held is not None:
            held.withdraw()

    def _name(self, key: str) -> str:
        return key if key in self._logs else f"overflow:{hash(key) % OVERFLOW}"

    def _log(self, key: str, now_ns: int) -> Log:
        held = self._logs.get(key)
        if held is None and len(self._logs) >= self._most:
            self._forget(now_ns)
            if len(self._logs) >= self._most:
                key = self._name(key)
                held = self._logs.get(key)
        return Log() if held is None else held

    def _touch(self, key: str, held: Log) -> None:
        if self._logs.pop(key, None) is None and len(self._logs) >= self._most:
            key = self._name(key)
            self._logs.pop(key, None)
        self._logs[key] = held

    def _forget(self, now_ns: int) -> None:
        gone = []
        for key, held in self._logs.items():
            if held.newest_ns() > now_ns - WINDOW_NS:
                break
            gone.append(key)
        for key in gone:
            del self._logs[key]


class Limiter:
    """Takes from this process's window first and then, when there is one, from the one that all instances share."""

    def __init__(self, clock: Clock, shared: Shared | None = None, most: int = MOST_BUCKETS) -> None:
        self._clock = clock
        self._shared = shared
        self._own = SlidingWindow(most)
        self._shared_away = False

    async def take(self, *buckets: Bucket) -> Allowance:
        """Let a request in, or not; what the tightest of its limits says."""
        now_ns = self._clock.monotonic_ns()
        allowance = self._on_wall(self._own.take(buckets, now_ns), now_ns)
        if self._shared is None or not allowance.allowed:
            # What this process alone let in is never more than what all did: its refusal holds for all.
            return allowance
        try:
            return await self._take_shared(self._shared, buckets, allowance)
        except ChronoError as away:
            if away.reason is not CACHE_AWAY:
                raise
            self._note(away=True)
            return allowance

    def exhausted(self, bucket: Bucket) -> Allowance | None:
        """What a refusal would say if this process's `bucket` has no room, counting nothing; None when it has."""
        now_ns = self._clock.monotonic_ns()
        found = self._own.exhausted(bucket, now_ns)
        return None if found is None else self._on_wall(found, now_ns)

    def count(self, bucket: Bucket) -> Coroutine[None, None, None] | None:
        """Count one that has happened already. What it returns, run soon, counts it for the other instances too."""
        counted = self._own.take([bucket], self._clock.monotonic_ns())
        return None if self._shared is None or not counted.allowed else self._count_shared(self._shared, bucket)

    async def _count_shared(self, shared: Shared, bucket: Bucket) -> None:
        try:
            allowed, _, _ = await shared.take(bucket.key, bucket.limit, WINDOW_S, self._clock.now_ns())
        except ChronoError as away:
            if away.reason is not CACHE_AWAY:
                raise
            self._note(away=True)
            return
        self._note(away=False)
        if not allowed:
            self._own.fill(bucket, self._clock.monotonic_ns())

    async def _take_shared(self, shared: Shared, buckets: Sequence[Bucket], own: Allowance) -> Allowance:
        tightest = own
        for bucket in buckets:
            allowed, left, reset_ns = await shared.take(bucket.key, bucket.limit, WINDOW_S, self._clock.now_ns())
            told = Allowance(allowed, bucket.limit, left, reset_ns, bucket.tier)
            if not allowed:
                for taken in buckets:
                    self._own.withdraw(taken)
                tightest = told
                break
            if left < tightest.remaining:
                tightest = told
        self._note(away=False)
        return tightest

    def _on_wall(self, allowance: Allowance, monotonic_ns: int) -> Allowance:
        wait_ns = allowance.reset_ns - monotonic_ns
        return Allowance(
            allowance.allowed, allowance.limit, allowance.remaining, self._clock.now_ns() + wait_ns, allowance.tier
        )

    def _note(self, *, away: bool) -> None:
        if away != self._shared_away:
            self._shared_away = away
            log.warning("shared_limits", away=away, serving="memory" if away else "redis")
