"""What every tape offers, whatever its layout."""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Protocol

from msgspec import Struct, field

from chrono.market.names import Market, Venue, is_market
from chrono.market.quote import Quote, Trade

Event = Quote | Trade
"""One row of a tape. It is known from its `received_at_ns` on, never earlier."""

SLICE_ROWS = 50_000
"""Rows of one file held at once."""

END_NS = 2**63 - 1
"""Later than everything."""


class Selection(Struct, frozen=True):
    """Which rows of a tape count. An entry is a venue (`kraken`), a market (`BTC/USD`) or one book of a venue
    (`kraken:BTC/USD`). With `books`, only what one of its entries names; never what `without` names. Only rows
    that became known from `from_ns` on, up to but not including `until_ns`.
    """

    books: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    perpetuals: bool = False
    from_ns: int = 0
    until_ns: int = END_NS

    def takes(self, venue: Venue, market: Market) -> bool:
        """Whether this book of this venue counts."""
        names = {venue, market, f"{venue}:{market}"}
        return (not self.books or not names.isdisjoint(self.books)) and names.isdisjoint(self.without)

    def unknown(self, found: dict[Market, set[Venue]]) -> list[str]:
        """Entries that name nothing of what was `found`: most likely a slip of the pen."""
        names = {name for market, venues in found.items() for v in venues for name in (v, market, f"{v}:{market}")}
        return [entry for entry in (*self.books, *self.without) if entry not in names]


EVERYTHING = Selection()


class Survey(Struct):
    """What lies on a tape, found in one cheap pass: markets and who quoted them, and when.

    `books` holds every book on the tape, `taken` those of them that the selection takes. Times are those at
    which the first and last row became known, nanoseconds; 0 when the tape is empty.
    """

    books: dict[Market, set[Venue]] = field(default_factory=dict)
    taken: dict[Market, set[Venue]] = field(default_factory=dict)
    first_ns: int = 0
    last_ns: int = 0
    rows: int = 0

    def add(self, venue: Venue, market: Market, *, taken: bool) -> None:
        """Note one book."""
        self.books.setdefault(market, set()).add(venue)
        if taken:
            self.taken.setdefault(market, set()).add(venue)

    def spread(self, first_ns: int, last_ns: int, rows: int) -> None:
        """Note `rows` rows known between these times."""
        if rows:
            self.first_ns = min(self.first_ns or first_ns, first_ns)
            self.last_ns = max(self.last_ns, last_ns)
            self.rows += rows

    def join(self, other: "Survey") -> None:
        """Take another tape's survey into this one."""
        for market, venues in other.books.items():
            for venue in venues:
                self.add(venue, market, taken=venue in other.taken.get(market, ()))
        self.spread(other.first_ns, other.last_ns, other.rows)


class Tape(Protocol):
    """A recording. Fits: TradesTape, BarsTape, FeedsTape.

    `skipped` counts the rows that gave nothing, by reason, as far as the tape has been read;
    `faults` tells of the first few of them by file and line, where the layout has lines.
    """

    path: Path
    layout: str
    skipped: Counter[str]
    faults: list[str]

    def survey(self) -> Survey:
        """What lies on it."""
        ...

    def slices(self) -> Iterator[list[Event]]:
        """Every row, in order of `received_at_ns`, a bounded number at a time."""
        ...


def merged(tapes: Iterable[Tape]) -> Iterator[Event]:
    """The rows of all tapes as one, in the order in which they became known; ties in the order of the tapes."""
    streams = [chain.from_iterable(tape.slices()) for tape in tapes]
    if len(streams) == 1:
        return iter(streams[0])
    return heapq.merge(*streams, key=attrgetter("received_at_ns"))


def base_markets(books: Iterable[Market]) -> list[Market]:
    """BASE/USD of every base among the books, sorted; what a replay asks for when nobody says."""
    asked = {f"{market.partition('/')[0]}/USD" for market in books}
    return sorted(Market(market) for market in asked if is_market(market) and market != "USD/USD")
