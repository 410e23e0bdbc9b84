"""Quotes of venues are kept behind: nothing that prices waits for PostgreSQL, which gets no more than it needs.

Of each book at most one quote is kept every `store_every_s`; its volume is that of all quotes since the last kept.
"""

from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

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

log = structlog.get_logger()


class WrittenBehind:
    """Takes quotes at once, writes them later."""

    def __init__(self, write: Store, clock: Clock, every_s: float, *, most: int = MOST_WAITING) -> None:
        self._write = write
        self._clock = clock
        self._every_ns = int(every_s * SECOND_NS)
        self._most = most
        self._waiting: deque[Quote] = deque()
        self._kept: dict[tuple[Venue, Market], tuple[int, Decimal | None]] = {}

    def add(self, quotes: Sequence[Quote]) -> None:
        """Keep of these what is due. Returns at once."""
        for quote in quotes:
            book = (quote.venue, quote.market)
            kept_at_ns, volume = self._kept.get(book, (0, Decimal(0)))
            volume = None if volume is None or quote.volume is None else volume + quote.volume
            # Of a wall clock that was set back nothing follows but a quote too many.
            if 0 <= quote.received_at_ns - kept_at_ns < self._every_ns:
                self._kept[book] = (kept_at_ns, volume)
                continue
            self._kept[book] = (quote.received_at_ns, Decimal(0))
            self._waiting.append(replace(quote, volume=volume))
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
                    log.warning("venue_quotes_unstored", quotes=len(batch), reason=error.reason.code)
                    break
