"""One book of one venue: what was last said of it, and the quote that follows."""

from decimal import Decimal
from typing import Final

from chrono.clock import SECOND_NS, US_NS
from chrono.ingest.venues.stalls import Standing
from chrono.ingest.venues.words import Dealt, Offered, Ticked
from chrono.market.names import Market, Venue
from chrono.market.quote import Quote

EVERY_NS: Final = SECOND_NS // 4
"""At most four quotes a second of each book."""

FRESH_NS: Final = 60 * SECOND_NS
"""Offers that were not told again for so long give way to a newer trade."""

WIDEST: Final = Decimal("0.02")
"""Offers further apart than 2 % say little about the price between them."""

AHEAD_NS: Final = SECOND_NS
"""A venue's time further ahead of ours is not believed: the time of receipt stands for it."""

STREAM_FIRST_NS: Final = 5 * SECOND_NS
"""What REST says of a book that the stream spoke of within so long is older than what we know."""

OLD_NS: Final = 60 * SECOND_NS
"""A trade that reaches us so late, as the last ones after subscribing do, is no volume of now."""

DISORDER_NS: Final = SECOND_NS
"""Trades come out of order by less; an older one was heard before the connection was lost."""

_ZERO: Final = Decimal(0)


class Book:
    """One symbol of a venue. Times ending in `_at_ns` are wall time, others are monotonic."""

    __slots__ = (
        "_counted_at_ns", "_quoted_at_ns", "_quoted_ns", "_received_at_ns", "_told_at_ns", "ask", "bid", "by_rest",
        "last", "last_at_ns", "left_out", "market", "new_deals", "offers_at_ns", "said", "standing", "streamed_ns",
        "symbol", "traded",
    )  # fmt: skip

    def __init__(self, symbol: str, market: Market, frozen_s: float) -> None:
        self.symbol = symbol
        self.market = market
        self.standing = Standing(frozen_s)
        self.left_out: set[str] = set()
        self.said = self.by_rest = False
        self.bid: Decimal | None = None
        self.ask: Decimal | None = None
        self.last: Decimal | None = None
        self.offers_at_ns = self.last_at_ns = 0
        self.new_deals = 0
        self.traded = _ZERO
        self.streamed_ns = -STREAM_FIRST_NS
        self._counted_at_ns = 0
        self._told_at_ns: int | None = None
        self._received_at_ns = 0
        self._quoted_ns = -EVERY_NS
        self._quoted_at_ns = 0

    def hear(self, word: Offered | Dealt | Ticked, received_at_ns: int, now_ns: int, *, by_rest: bool) -> int | None:
        """Note one word; gives the venue's time in it. `said` tells whether there is something to quote."""
        told_at_ns = word.traded_at_ns if type(word) is Dealt else word.quoted_at_ns  # type: ignore[union-attr]
        if by_rest:
            if not self.left_out and now_ns - self.streamed_ns < STREAM_FIRST_NS:
                return told_at_ns
        else:
            self.streamed_ns = now_ns
            if type(word) is Dealt:
                self.standing.dealt(word.price)
                self._count(word, received_at_ns)
            else:
                self.standing.offered(word.bid, word.ask, now_ns)  # type: ignore[union-attr]
            if self.left_out:
                return told_at_ns
        self._take(word, received_at_ns, told_at_ns)
        self.said, self.by_rest, self._received_at_ns = True, by_rest, received_at_ns
        if told_at_ns is not None and (self._told_at_ns is None or told_at_ns > self._told_at_ns):
            self._told_at_ns = told_at_ns
        return told_at_ns

    def _count(self, deal: Dealt, received_at_ns: int) -> None:
        """Add to the volume what was not counted before."""
        at_ns = received_at_ns if deal.traded_at_ns is None else deal.traded_at_ns
        if at_ns >= received_at_ns - OLD_NS and at_ns >= self._counted_at_ns - DISORDER_NS:
            self.traded += deal.amount
            self._counted_at_ns = max(self._counted_at_ns, at_ns)

    def is_due(self, now_ns: int) -> bool:
        """Whether its turn has come."""
        return now_ns - self._quoted_ns >= EVERY_NS

    def quote(self, venue: Venue, now_ns: int, *, trades_heard: bool = True) -> Quote | None:
        """What was said since the last quote, as one; None when it gives no price, or only one that was told.

        Where no trade of the venue was heard yet, it may tell none: the volume is unknown then.
        """
        middle = self._middle()
        price = self.last if middle is None else middle
        new_deals, self.new_deals, self.said = self.new_deals, 0, False
        self._quoted_ns = now_ns
        told_at_ns, self._told_at_ns = self._told_at_ns, None
        if price is None or (middle is None and not new_deals):
            # An old trade must not look fresh because its book's offers changed.
            return None
        if middle is None:
            told_at_ns = self.last_at_ns
        volume = self.traded if trades_heard and not self.by_rest else None
        self.traded = _ZERO
        at_ns = self._time(told_at_ns)
        return Quote(venue, self.market, price, volume, at_ns, self._received_at_ns, "", self._metadata())

    def forget_offers(self) -> None:
        """The offers are not known to stand any more: a gap, or no connection."""
        self.bid = self.ask = None

    def _take(self, word: Offered | Dealt | Ticked, received_at_ns: int, told_at_ns: int | None) -> None:
        at_ns = received_at_ns if told_at_ns is None else told_at_ns
        if type(word) is Dealt:
            last: Decimal | None = word.price
        else:
            self.bid, self.ask = word.bid, word.ask  # type: ignore[union-attr]
            self.offers_at_ns = received_at_ns
            last = word.last if type(word) is Ticked else None
        if last is not None and at_ns >= self.last_at_ns:
            self.last, self.last_at_ns = last, at_ns
            self.new_deals += 1

    def _middle(self) -> Decimal | None:
        bid, ask = self.bid, self.ask
        if bid is None or ask is None or bid > ask:
            return None
        middle = (bid + ask) / 2
        fresh = self._received_at_ns - self.offers_at_ns <= FRESH_NS
        return middle if fresh and ask - bid <= middle * WIDEST else None

    def _time(self, told_at_ns: int | None) -> int:
        """The venue's time in whole microseconds, and later than that of the last quote.

        Of two quotes with one time the second would be lost, and some venues tell whole seconds.
        """
        received_at_ns = self._received_at_ns
        at_ns = received_at_ns if told_at_ns is None or told_at_ns > received_at_ns + AHEAD_NS else told_at_ns
        at_ns = max(at_ns // US_NS * US_NS, self._quoted_at_ns + US_NS if self._quoted_at_ns else 0)
        self._quoted_at_ns = at_ns
        return at_ns

    def _metadata(self) -> bytes:
        """The JSON object that goes with the quote: what it was made from."""
        parts = []
        if self.bid is not None:
            parts.append(f'"bid":"{self.bid:f}"')
        if self.ask is not None:
            parts.append(f'"ask":"{self.ask:f}"')
        if self.last is not None:
            parts.append(f'"last":"{self.last:f}"')
        return f"{{{','.join(parts)}}}".encode()
