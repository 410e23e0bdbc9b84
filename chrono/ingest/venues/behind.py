"""What venues say is kept behind: nothing that prices waits for PostgreSQL, which gets no more than it needs.

Of each book at most one quote is kept every `store_every_s`; its volume is that of all quotes since the last kept.
Trades are kept all, of the markets that the settings name.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Final, Generic, TypeVar

import structlog
from msgspec.structs import replace

from chrono.clock import SECOND_NS, Clock
from chrono.errors import ChronoError
from chrono.ingest.venues.ports import Store
from chrono.market.names import Market, Venue
from chrono.market.quote import Quote
from chrono.telemetry import VENUE_UNSTORED

MOST_WAITING: Final = 50_000
"""About a minute of everything, were each quote kept; the oldest go first."""

BATCH: Final = 1000
EVERY_S: Final = 0.5

Kept = TypeVar("Kept")

log = structlog.get_logger()


class Behind(Generic[Kept]):
    """Takes things at once, writes them later, in their order. `what` they are is for the log."""

    def __init__(
        self,
        write: Callable[[Sequence[Kept]], Awaitable[object]],
        clock: Clock,
        what: str,
        *,
        most: int = MOST_WAITING,
    ) -> None:
        self._write = write
        self._clock = clock
        self._what = what
        self._most = most
        self._waiting: deque[Kept] = deque()

    def add(self, things: Sequence[Kept]) -> None:
        """Keep these. Returns at once."""
        self._waiting.extend(things)
        while len(self._waiting) > self._most:
            self._waiting.popleft()
            VENUE_UNSTORED.labels("too_many").inc()

    async def run(self) -> None:
        """Write what waits, for ever. What the store refuses is counted and let go."""
        while True:
            await self._clock.sleep(EVERY_S)
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                try:
                    await self._write(batch)
                except ChronoError as error:
                    VENUE_UNSTORED.labels(error.reason.code).inc(len(batch))
                    log.warning(f"venue_{self._what}_unstored", reason=error.reason.code, **{self._what: len(batch)})
                    break


class WrittenBehind:
    """Takes quotes at once, writes of each book what is due later."""

    def __init__(self, write: Store, clock: Clock, every_s: float, *, most: int = MOST_WAITING) -> None:
        self._behind: Behind[Quote] = Behind(write, clock, "quotes", most=most)
        self._every_ns = int(every_s * SECOND_NS)
        self._kept: dict[tuple[Venue, Market], tuple[int, Decimal | None]] = {}

    def add(self, quotes: Sequence[Quote]) -> None:
        """Keep of these what is due. Returns at once."""
        due: list[Quote] = []
        for quote in quotes:
            book = (quote.venue, quote.market)
            kept_at_ns, volume = self._kept.get(book, (0, Decimal(0)))
            volume = None if volume is None or quote.volume is None else volume + quote.volume
            # Of a wall clock that was set back nothing follows but a quote too many.
            if 0 <= quote.received_at_ns - kept_at_ns < self._every_ns:
                self._kept[book] = (kept_at_ns, volume)
                continue
            self._kept[book] = (quote.received_at_ns, Decimal(0))
            due.append(replace(quote, volume=volume))
        self._behind.add(due)

    async def run(self) -> None:
        """Write what waits, for ever."""
        await self._behind.run()
