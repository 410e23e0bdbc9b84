"""The recent past of every market, in memory: what the vote, the streams and the newest prices are made from.

It is bounded in every direction, because what comes in is written by others: points per venue's book, venues per
market, and books in all. What is not taken is counted in `chrono_window_dropped_total`.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType

from chrono.clock import SECOND_NS
from chrono.market.names import Market, Venue
from chrono.market.quote import Quote, Trade
from chrono.pricing.rounding import price_of
from chrono.pricing.series import NO_SEQUENCE, Series
from chrono.telemetry import WINDOW_DROPPED

SPAN_NS = 180 * SECOND_NS
LISTED_NS = 86_400 * SECOND_NS
"""A venue lists a market for a day after its last word on it."""

MAX_VENUES = 64
"""Books of one market. The largest venues' list has about forty names."""

MAX_BOOKS = 8192
"""Books in all: about 8 KB each when full."""

_INFINITY = float("inf")
_NOBODY: Mapping[Venue, Series] = MappingProxyType({})


class Window:
    """Recent quotes and trades by market and venue: of each book what lies within `span_ns` of its newest point.

    Quotes may come late, twice, or out of order: each book is kept in the order of the venue's time, the first of
    two quotes with one identity wins, and nothing older displaces anything newer. A quote that tells of no trade
    (volume 0) and of no other price is not a point: a book that stands still must not look fresh.
    """

    def __init__(
        self,
        span_ns: int = SPAN_NS,
        points_per_source: int = 256,
        *,
        max_venues: int = MAX_VENUES,
        max_books: int = MAX_BOOKS,
    ) -> None:
        self.span_ns = span_ns
        self.version = 0
        self._keep = points_per_source
        self._max_venues = max_venues
        self._max_books = max_books
        self._books: dict[Market, dict[Venue, Series]] = {}
        self._count = 0
        self._changed: set[Market] = set()
        self._declared: dict[Market, set[Venue]] = {}
        self._newest_ns = 0
        self._room_made_ns = 0

    def add(self, quotes: Iterable[Quote]) -> None:
        """Take these quotes. This is the hot path: about a microsecond each."""
        books, changed = self._books, self._changed
        for quote in quotes:
            price = float(quote.price)
            volume = 0.0 if quote.volume is None else float(quote.volume)
            if not (0.0 < price < _INFINITY and 0.0 <= volume < _INFINITY):
                WINDOW_DROPPED.labels("out_of_range").inc()
                continue
            at_ns = quote.quoted_at_ns
            venues = books.get(quote.market)
            series = None if venues is None else venues.get(quote.venue)
            if series is None:
                series = self._open(quote.market, quote.venue, quote, at_ns)
                if series is None:
                    continue
            times = series.times
            if times and at_ns <= times[-1]:
                self._add_late(series, quote.market, at_ns, price, volume, NO_SEQUENCE, quote)
                continue
            if at_ns > series.said_ns:
                series.newest, series.said_ns = quote, at_ns
            if volume == 0.0 and quote.volume is not None and times and price == series.prices[-1]:
                continue
            times.append(at_ns)
            series.prices.append(price)
            series.volumes.append(volume)
            series.sequences.append(NO_SEQUENCE)
            if len(times) >= series.limit:
                series.trim()
            changed.add(quote.market)
            if at_ns > self._newest_ns:
                self._newest_ns = at_ns

    def add_trades(self, trades: Iterable[Trade]) -> None:
        """Take these trades: several may share a venue's microsecond, their sequence tells them apart."""
        for trade in trades:
            price, amount = float(trade.price), float(trade.amount)
            if not (0.0 < price < _INFINITY and 0.0 <= amount < _INFINITY):
                WINDOW_DROPPED.labels("out_of_range").inc()
                continue
            at_ns = trade.traded_at_ns
            series = self._books.get(trade.market, _NOBODY).get(trade.venue)
            if series is None:
                series = self._open(trade.market, trade.venue, trade, at_ns)
            if series is not None:
                self._add_late(series, trade.market, at_ns, price, amount, trade.sequence, trade)

    def declare(self, market: Market, venue: Venue) -> None:
        """Say that `venue` lists `market` before it has quoted it, as a tape's table of contents does."""
        self._declared.setdefault(market, set()).add(venue)
        if market not in self._books:
            self._books[market] = {}
            self.version += 1

    def markets(self) -> list[Market]:
        """The books there are, in the order in which they were first quoted or declared."""
        return list(self._books)

    def books(self, market: Market) -> Mapping[Venue, Series]:
        """Every venue's book of `market`, as columns."""
        return self._books.get(market, _NOBODY)

    def newest(self, market: Market, venue: Venue) -> Quote | None:
        """The newest quote of one venue, with the price as it was received; None when it has not quoted."""
        series = self.books(market).get(venue)
        return None if series is None else series.newest_quote()

    def newest_of(self, market: Market) -> dict[Venue, Quote]:
        """The newest quote of every venue."""
        return {venue: series.newest_quote() for venue, series in self.books(market).items()}

    def changed(self) -> set[Market]:
        """The books that have new points since this was last asked."""
        drained, self._changed = self._changed, set()
        return drained

    def listing(self, market: Market, at_ns: int | None = None) -> set[Venue]:
        """The venues that have quoted `market` in the day before `at_ns` (default: the newest time known)."""
        since_ns = (self._newest_ns if at_ns is None else at_ns) - LISTED_NS
        quoted = {venue for venue, series in self.books(market).items() if series.said_ns >= since_ns}
        return quoted | self._declared.get(market, set())

    def volumes(self, market: Market, window_ns: int, at_ns: int) -> dict[Venue, Decimal]:
        """Base units that each venue told of within (at_ns - window_ns, at_ns]; venues that told none are missing."""
        told: dict[Venue, Decimal] = {}
        for venue, series in self.books(market).items():
            points = series.between(at_ns - window_ns + 1, at_ns)
            pairs = zip(points.times, points.volumes, strict=True)
            total = sum(volume for time_ns, volume in pairs if at_ns - window_ns < time_ns <= at_ns)
            if total > 0.0:
                told[venue] = price_of(total)
        return told

    def points(self) -> int:
        """How many points are held."""
        return sum(len(series) for venues in self._books.values() for series in venues.values())

    def _add_late(
        self,
        series: Series,
        market: Market,
        at_ns: int,
        price: float,
        volume: float,
        sequence: int,
        said: Quote | Trade,
    ) -> None:
        too_late = len(series) > 0 and at_ns < series.times[-1] - self.span_ns
        refused = "late" if too_late else series.insert(at_ns, price, volume, sequence)
        if refused is not None:
            WINDOW_DROPPED.labels(refused).inc()
            return
        series.say(said, at_ns, sequence)
        self._changed.add(market)
        self._newest_ns = max(self._newest_ns, at_ns)

    def _open(self, market: Market, venue: Venue, said: Quote | Trade, at_ns: int) -> Series | None:
        """A new book, or None when there is no room for it."""
        if self._count >= self._max_books and not self._make_room(at_ns):
            WINDOW_DROPPED.labels("too_many_books").inc()
            return None
        venues = self._books.setdefault(market, {})
        if len(venues) >= self._max_venues:
            WINDOW_DROPPED.labels("too_many_venues").inc()
            return None
        series = venues[venue] = Series(self._keep, said)
        self._count += 1
        self.version += 1
        return series

    def _make_room(self, at_ns: int) -> bool:
        """Forget the books of which nothing was heard for a day. Looked for once a minute at most."""
        now_ns = max(self._newest_ns, at_ns)
        if now_ns - self._room_made_ns < 60 * SECOND_NS:
            return False
        self._room_made_ns = now_ns
        for market in list(self._books):
            kept = {v: s for v, s in self._books[market].items() if s.said_ns >= now_ns - LISTED_NS}
            self._count -= len(self._books[market]) - len(kept)
            self._books[market] = kept
            if not kept and market not in self._declared:
                del self._books[market]
        self.version += 1
        return self._count < self._max_books
