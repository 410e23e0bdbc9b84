"""What a venue says, gathered book by book and told as quotes.

Nothing is told of a book of which nothing was said, and nothing that the stream says of one that is left out.
"""

from collections.abc import Container, Iterable, Mapping

from chrono.ingest.venues.book import Book
from chrono.ingest.venues.deals import Deals
from chrono.ingest.venues.stalls import Lag
from chrono.ingest.venues.words import Dealt, Offered, Resync, Said, Ticked
from chrono.market.names import Market, Venue
from chrono.market.quote import Quote


class Books:
    """All books of a venue. `markets` says which market each symbol is; words of other symbols are counted only.

    `deals` hears every trade of the stream, whether its book is left out or not: it was dealt.
    """

    def __init__(
        self, venue: Venue, markets: Mapping[str, Market], frozen_s: float, deals: Deals | None = None
    ) -> None:
        self.venue = venue
        self.deals = deals
        self.by_symbol = {symbol: Book(symbol, market, frozen_s) for symbol, market in markets.items()}
        self.aside: dict[str, Market] = {}
        self.unknown = 0
        self.trades_heard = False
        self._frozen_s = frozen_s
        self._waiting: dict[str, Book] = {}

    def hear(
        self,
        said: Iterable[Said],
        received_at_ns: int,
        now_ns: int,
        *,
        scope: Iterable[str] = (),
        lag: Lag | None = None,
        by_rest: bool = False,
    ) -> list[Quote]:
        """Take what was said; gives the quotes that are due at once, the others come with `due`.

        `lag` watches the times of the connection that said it, `scope` are its symbols.
        """
        touched: list[Book] = []
        for word in said:
            kind = type(word)
            if kind is Offered or kind is Dealt or kind is Ticked:
                book = self.by_symbol.get(word.symbol)  # type: ignore[union-attr]
                if book is None:
                    self.unknown += 1
                    continue
                told_at_ns = book.hear(word, received_at_ns, now_ns, by_rest=by_rest)  # type: ignore[arg-type]
                if kind is Dealt:
                    self.trades_heard = True
                    if self.deals is not None and not by_rest:
                        self.deals.hear(word, book.market, received_at_ns)  # type: ignore[arg-type]
                if told_at_ns is not None and lag is not None:
                    lag.heard(received_at_ns, told_at_ns)
                if book.said:
                    touched.append(book)
            elif kind is Resync:
                self.forget_offers(scope)
        return self._due_of(touched, now_ns) if touched else []

    def due(self, now_ns: int) -> list[Quote]:
        """The quotes that waited for their turn and have it now."""
        if not self._waiting:
            return []
        waiting, self._waiting = self._waiting, {}
        return self._due_of(waiting.values(), now_ns)

    def leave_out(self, symbols: Iterable[str], why: str) -> None:
        """Tell nothing of what the stream says of these books until `take_back`."""
        for symbol in symbols:
            book = self.by_symbol[symbol]
            if why not in book.left_out:
                book.left_out.add(why)
                book.said = False
                book.forget_offers()

    def take_back(self, symbols: Iterable[str], why: str) -> None:
        """The reason is gone; a book speaks again when no other reason stands."""
        for symbol in symbols:
            self.by_symbol[symbol].left_out.discard(why)

    def forget_offers(self, symbols: Iterable[str]) -> None:
        """The offers of these books are not known to stand any more."""
        for symbol in symbols:
            self.by_symbol[symbol].forget_offers()

    def set_aside(self, unlisted: Container[str]) -> list[str]:
        """Tell nothing of these, whoever speaks of them, and begin anew with those set aside before that are not among
        them; gives those that are back.
        """
        back = [symbol for symbol in self.aside if symbol not in unlisted]
        for symbol in [symbol for symbol in self.by_symbol if symbol in unlisted]:
            self.aside[symbol] = self.by_symbol.pop(symbol).market
            self._waiting.pop(symbol, None)
        for symbol in back:
            self.by_symbol[symbol] = Book(symbol, self.aside.pop(symbol), self._frozen_s)
        return back

    def _due_of(self, books: Iterable[Book], now_ns: int) -> list[Quote]:
        quotes: list[Quote] = []
        for book in books:
            if not book.said:
                continue
            if not book.is_due(now_ns):
                self._waiting[book.symbol] = book
                continue
            quote = book.quote(self.venue, now_ns, trades_heard=self.trades_heard)
            if quote is not None:
                quotes.append(quote)
        return quotes
