"""Holding the market map against what the venues list and say: which books are dead, renamed, wrong or missing.

Pure: what was heard of the venues goes in, findings come out. `chrono markets audit` does the hearing.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from chrono.market.audit_lists import ListJudge, proposed
from chrono.market.audit_prices import Prices, Spot, judge_price, near
from chrono.market.audit_words import Finding, Heard, Kind, Report, Told, of_book, shown, take_out
from chrono.market.map import MarketMap
from chrono.market.map_reading import Book
from chrono.market.names import Market, Venue, base_of, quote_of


def audit(map_: MarketMap, heard: Sequence[Heard], *, feeds: Sequence[str] = ()) -> Report:
    """Look at every book of the venues that were heard; `feeds` (`BTC/USD`) narrows the findings to their bases.

    A book gets one finding at most: what the venue's list says of it goes before what its price says.
    """
    return _Audit(map_, heard, {base_of(feed) for feed in feeds}).report()


def candidates(map_: MarketMap, heard: Heard) -> list[str]:
    """The symbols whose prices an audit of this venue wants: those of the map, and those that could be added.

    Where the venue's list is known, only what is on it: many venues refuse a whole request for one unknown symbol.
    """
    judge = ListJudge(map_, heard)
    listed = {listing.symbol for listing in heard.listings or ()}
    wanted = [symbol for symbol in map_.books(heard.venue) if not listed or symbol in listed]
    for asset in map_.assets.values():
        if heard.venue not in {book.venue for book in asset.books}:
            wanted += [listing.symbol for listing in judge.proposals(asset)][:1]
    return wanted


class _Audit:
    """One run: the judges of the lists, and the prices of each round over all venues."""

    def __init__(self, map_: MarketMap, heard: Sequence[Heard], wanted: set[str]) -> None:
        self._map = map_
        self._heard = {one.venue: one for one in heard}
        self._wanted = wanted
        self._judges = {one.venue: ListJudge(map_, one) for one in heard if one.listings}
        count = max((len(one.rounds) for one in heard), default=0)
        self._listed = {book: found for book in self._books() if (found := self._by_list(book)) is not None}
        self._rounds = [Prices(self._spots(number)) for number in range(count)]

    def report(self) -> Report:
        looked = [book for book in self._books() if not self._wanted or base_of(book.market) in self._wanted]
        found = [*self._unheard(), *self._disputed()]
        found += [finding for book in looked if (finding := self._verdict(book)) is not None]
        found += self._proposals()
        order = sorted(found, key=lambda one: (one.venue, one.market or "", one.symbol, one.kind))
        return Report(tuple(order), len(looked), sum(self._is_priced(book) for book in looked))

    def _books(self) -> Iterator[Book]:
        return (book for book in self._map.all_books if book.venue in self._heard)

    def _by_list(self, book: Book) -> Finding | None:
        judge = self._judges.get(book.venue)
        return None if judge is None else judge.verdict(book)

    def _spots(self, number: int) -> Iterator[Spot]:
        """The prices of one round; books that their venue's list speaks against say nothing about others."""
        for book in self._books():
            rounds = self._heard[book.venue].rounds
            told = rounds[number].prices.get(book.symbol) if number < len(rounds) else None
            if told is not None and book not in self._listed:
                yield Spot(book, told)

    def _verdict(self, book: Book) -> Finding | None:
        if book in self._listed:
            return self._listed[book]
        heard = self._heard[book.venue]
        rounds = [one for one in heard.rounds if one.prices]
        if rounds and not any(book.symbol in one.prices for one in rounds):
            return of_book(Kind.UNPRICED, book, f"{book.venue} tells no price of {book.symbol}", take_out(book))
        return judge_price(book, self._rounds, heard)

    def _unheard(self) -> Iterator[Finding]:
        for heard in self._heard.values():
            if heard.trouble:
                remedy = f"see `chrono venues probe {heard.venue}`"
                told = f"{heard.venue} could not be read: {heard.trouble}"
                yield Finding(Kind.UNHEARD, heard.venue, "", None, told, remedy)

    def _disputed(self) -> Iterator[Finding]:
        """Assets that exactly two venues price, far apart."""
        if not self._rounds:
            return
        for asset, venues in self._rounds[-1].venues.items():
            prices = sorted(venues.items())
            if len(prices) != 2 or near(prices[0][1], prices[1][1]) or (self._wanted and asset not in self._wanted):
                continue
            told = " and ".join(f"{venue} says {shown(price)} USD" for venue, price in prices)
            market = Market(f"{asset}/USD")
            remedy = "find out which of them it is, and take the other out"
            yield Finding(Kind.DISPUTED, prices[0][0], "", market, f"{told}, and no third venue says which", remedy)

    def _proposals(self) -> Iterator[Finding]:
        for venue, judge in self._judges.items():
            for asset in self._map.assets.values():
                known = {book.venue for book in asset.books if book not in self._listed}
                if asset.feed is None or venue in known or (self._wanted and asset.ticker not in self._wanted):
                    continue
                if any(book in self._listed and book.venue == venue for book in asset.books):
                    continue  # what became of that book is a finding already
                best = next(judge.proposals(asset), None)
                if best is not None:
                    market = judge.market_of(best)
                    prices = self._agreeing(venue, best.symbol, market)
                    if prices is not None:
                        yield proposed(judge, best, self._heard[venue], prices)

    def _agreeing(self, venue: Venue, symbol: str, market: Market) -> Mapping[Market, Decimal] | None:
        """The price of an unmapped book if it fits the other venues'; empty when it cannot be held, None when not."""
        rounds = self._heard[venue].rounds
        told: Told | None = rounds[-1].prices.get(symbol) if rounds else None
        if told is None:
            return {} if not any(one.prices for one in rounds) else None
        prices = self._rounds[-1]
        peers, rate = prices.peers(base_of(market), venue), prices.rates.get(quote_of(market))
        if peers is None or rate is None:
            return {}
        return {market: told.price} if near(told.price * rate, peers) else None

    def _is_priced(self, book: Book) -> bool:
        return any(
            book in prices.by_book and prices.peers(base_of(book.market), book.venue) is not None
            for prices in self._rounds
        )
