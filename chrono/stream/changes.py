"""How far a market moved in 24 hours, from a small table that is refreshed beside the streams, never in them."""

import asyncio
from decimal import Decimal
from typing import Final

import structlog

from chrono.clock import SECOND_NS, Clock
from chrono.errors import ChronoError
from chrono.market.names import Market
from chrono.stream.ports import DayAgo, Listed

REFRESH_NS: Final = 60 * SECOND_NS
NEWCOMER_NS: Final = 5 * SECOND_NS
"""How soon a market listed since is looked up."""

TRUSTED_NS: Final = 15 * 60 * SECOND_NS
"""A price of "24 hours ago" that was looked up longer ago than this says nothing; null is sent instead."""

log = structlog.get_logger()


class Changes:
    """The prices of 24 hours ago, at most `TRUSTED_NS` old."""

    def __init__(self, clock: Clock, day_ago: DayAgo, listed: Listed) -> None:
        self._clock, self._day_ago, self._listed = clock, day_ago, listed
        self._prices: dict[Market, Decimal] = {}
        self._asked: frozenset[Market] = frozenset()
        self._read_at_ns = 0
        self._tried_at_ns = -REFRESH_NS

    def percent(self, market: Market, price: Decimal) -> str | None:
        """The change of `market` in percent, four decimals; None without 24 h of history."""
        before = self._prices.get(market)
        if before is None or self._clock.monotonic_ns() - self._read_at_ns > TRUSTED_NS:
            return None
        told = f"{(price - before) / before * 100:.4f}"
        return told.removeprefix("-") if told == "-0.0000" else told

    @property
    def due(self) -> bool:
        """Whether `refresh` has something to look up: a minute has passed, or a market was listed since."""
        waited_ns = self._clock.monotonic_ns() - self._tried_at_ns
        if waited_ns > REFRESH_NS:
            return True
        return waited_ns > NEWCOMER_NS and not self._asked.issuperset(self._listed())

    async def refresh(self) -> None:
        """Look up every listed market. The store being away leaves the old table in use while it is trusted."""
        asked = frozenset(self._listed())
        self._tried_at_ns = self._clock.monotonic_ns()
        try:
            found = await self._day_ago(asked) if asked else {}
        except ChronoError as error:
            log.warning("change_24h_not_refreshed", reason=error.reason.code)
            return
        self._prices = {market: price for market, price in found.items() if price > 0}
        self._asked, self._read_at_ns = asked, self._clock.monotonic_ns()

    async def run(self) -> None:
        """`refresh` whenever it is due, for ever."""
        while True:
            if self.due:
                await self.refresh()
            await asyncio.sleep(1.0)
