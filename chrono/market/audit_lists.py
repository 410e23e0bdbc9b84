"""What a venue's own instrument list says about the books that the map ascribes to it."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from chrono.market.audit_words import Finding, Heard, Kind, Listing, of_book, take_out
from chrono.market.map import MarketMap
from chrono.market.map_reading import Book, MappedAsset
from chrono.market.names import Market, base_of, quote_of

QUOTES = ("USD", "USDT", "USDC", "EUR", "KRW")
"""Quotes that an addition is proposed in, the best first."""


class ListJudge:
    """One venue's list against the map."""

    def __init__(self, map_: MarketMap, heard: Heard) -> None:
        self._map = map_
        self._venue = heard.venue
        self._listed = {listing.symbol: listing for listing in heard.listings or ()}
        self._mapped = map_.books(heard.venue)

    def verdict(self, book: Book) -> Finding | None:
        """What the list says against this book; None when the two agree."""
        asset = self._map.assets[base_of(book.market)]
        listing = self._listed.get(book.symbol)
        if listing is None or not listing.active:
            return self._gone(book, asset, is_listed=listing is not None)
        return self._compared(book, asset, listing)

    def proposals(self, asset: MappedAsset) -> Iterator[Listing]:
        """Active books of the asset that the map does not have, the best first."""
        found = [
            listing
            for listing in self._listed.values()
            if listing.active
            and listing.symbol not in self._mapped
            and self._ours(listing.base) == asset.ticker
            and self._ours(listing.quote) in QUOTES
        ]
        yield from sorted(found, key=lambda listing: (QUOTES.index(self._ours(listing.quote)), listing.symbol))

    def market_of(self, listing: Listing) -> Market:
        """What the listed book would be in the map."""
        return Market(f"{self._ours(listing.base)}/{self._ours(listing.quote)}")

    def _ours(self, ticker: str) -> str:
        return self._map.asset_of(ticker, self._venue)

    def _gone(self, book: Book, asset: MappedAsset, *, is_listed: bool) -> Finding:
        state = "lists it, but does not trade it now" if is_listed else "does not list it any more"
        heir = self._heir(book, asset)
        if heir is not None:
            return of_book(
                Kind.RENAMED,
                book,
                f"{book.venue} {state}; it trades {heir.symbol} ({heir.base}/{heir.quote}) instead",
                f"make sure that it is the same coin, then write {heir.symbol} instead of {book.symbol}",
            )
        if is_listed:
            return of_book(Kind.INACTIVE, book, f"{book.venue} {state}", f"wait, or {take_out(book)}")
        return of_book(Kind.UNLISTED, book, f"{book.venue} {state}", take_out(book))

    def _heir(self, book: Book, asset: MappedAsset) -> Listing | None:
        """An active, unmapped book of the same asset under another name or spelling, in the same quote."""
        names = (asset.ticker, *asset.other_names)
        heirs = [
            listing
            for listing in self._listed.values()
            if listing.active
            and listing.symbol not in self._mapped
            and (self._ours(listing.base) == asset.ticker or listing.base.upper() in names)
            and self._ours(listing.quote) == quote_of(book.market)
        ]
        return min(heirs, key=lambda listing: listing.symbol) if heirs else None

    def _compared(self, book: Book, asset: MappedAsset, listing: Listing) -> Finding | None:
        base, quote = self._ours(listing.base), self._ours(listing.quote)
        same_base = base == asset.ticker or listing.base.upper() in asset.other_names
        wanted = quote_of(book.market)
        told = f"{book.venue} lists {book.symbol} as {listing.base}/{listing.quote}, the map has it as {book.market}"
        if same_base and quote == wanted:
            return None
        if base == wanted and quote == asset.ticker:
            return of_book(Kind.INVERTED, book, told, f'move it to [{base}.books], as {book.symbol} = "{quote}"')
        if same_base:
            return of_book(Kind.WRONG_QUOTE, book, told, f'write {book.symbol} = "{quote}"')
        return of_book(Kind.WRONG_ASSET, book, told, take_out(book))


def proposed(judge: ListJudge, listing: Listing, heard: Heard, prices: Mapping[Market, Decimal]) -> Finding:
    """An addition to the map. `prices` are those that were held against the other venues'."""
    market = judge.market_of(listing)
    checked = "at the price of the other venues" if market in prices else "whose price was not seen"
    return Finding(
        Kind.MISSING,
        heard.venue,
        listing.symbol,
        market,
        f"{heard.venue} trades {listing.symbol}, {checked}, and the map has no book of {base_of(market)} there",
        f'add {listing.symbol} = "{quote_of(market)}" to [{base_of(market)}.books] {heard.venue}',
    )
