"""The trades of one venue as they are kept: each once, told apart where several share the venue's microsecond."""

from collections import OrderedDict, deque
from collections.abc import Container
from typing import Final

from chrono.clock import SECOND_NS, US_NS
from chrono.ingest.venues.book import AHEAD_NS
from chrono.ingest.venues.words import Dealt
from chrono.market.names import Market, Venue
from chrono.market.quote import Trade

REMEMBERED: Final = 1024
"""Trades and microseconds of each book that are remembered: more than a venue repeats after a connection was lost."""

OLDEST_NS: Final = 3600 * SECOND_NS
"""An older trade is not kept: a venue repeats the last ones of a quiet market, however old."""


class _Numbers:
    """One book: which trades were heard, and how many each of the last microseconds had."""

    __slots__ = ("_heard", "_order", "_used")

    def __init__(self) -> None:
        self._heard: set[str] = set()
        self._order: deque[str] = deque()
        self._used: OrderedDict[int, int] = OrderedDict()

    def is_new(self, trade_id: str) -> bool:
        """Whether this trade was not heard lately; one without an id is always new."""
        if not trade_id:
            return True
        if trade_id in self._heard:
            return False
        self._heard.add(trade_id)
        self._order.append(trade_id)
        if len(self._order) > REMEMBERED:
            self._heard.discard(self._order.popleft())
        return True

    def next(self, at_ns: int) -> int:
        """The place of one more trade of this microsecond."""
        number = self._used.get(at_ns, -1) + 1
        self._used[at_ns] = number
        if len(self._used) > REMEMBERED:
            self._used.popitem(last=False)
        return number


class Deals:
    """Turns what a venue dealt into trades to be kept. `markets` are those whose trades are wanted."""

    def __init__(self, venue: Venue, markets: Container[Market]) -> None:
        self._venue = venue
        self._markets = markets
        self._books: dict[Market, _Numbers] = {}
        self._ready: list[Trade] = []

    def hear(self, deal: Dealt, market: Market, received_at_ns: int) -> None:
        """Take one trade, unless it was heard before or is nothing to be kept."""
        if market not in self._markets:
            return
        told_at_ns = received_at_ns if deal.traded_at_ns is None else deal.traded_at_ns
        at_ns = (received_at_ns if told_at_ns > received_at_ns + AHEAD_NS else told_at_ns) // US_NS * US_NS
        numbers = self._books.get(market)
        if numbers is None:
            numbers = self._books[market] = _Numbers()
        if at_ns < received_at_ns - OLDEST_NS or not numbers.is_new(deal.trade_id):
            return
        number = numbers.next(at_ns)
        self._ready.append(
            Trade(self._venue, market, deal.price, deal.amount, deal.side, at_ns, received_at_ns, number)
        )

    def taken(self) -> list[Trade]:
        """The trades taken since this was last asked, in the order in which they were heard."""
        ready, self._ready = self._ready, []
        return ready
