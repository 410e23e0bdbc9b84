"""What the other venues say of a market: the measure by which a frozen book is known."""

from decimal import Decimal
from typing import Final

from chrono.clock import SECOND_NS
from chrono.market.names import Market, Venue

FRESH_NS: Final = 60 * SECOND_NS
LEAST_PEERS: Final = 2
"""One peer may be wrong itself."""


class Peers:
    """The newest price of each venue and market. Times are monotonic nanoseconds."""

    def __init__(self) -> None:
        self._said: dict[Market, dict[Venue, tuple[Decimal, int]]] = {}

    def hear(self, venue: Venue, market: Market, price: Decimal, now_ns: int) -> None:
        """A venue quoted."""
        venues = self._said.get(market)
        if venues is None:
            venues = self._said[market] = {}
        venues[venue] = (price, now_ns)

    def of_others(self, market: Market, venue: Venue, now_ns: int) -> Decimal | None:
        """The (lower) median of what the others say now; None when fewer than two do."""
        said = self._said.get(market)
        if said is None:
            return None
        since_ns = now_ns - FRESH_NS
        prices = [price for name, (price, at_ns) in said.items() if name != venue and at_ns >= since_ns]
        if len(prices) < LEAST_PEERS:
            return None
        prices.sort()
        return prices[(len(prices) - 1) // 2]
