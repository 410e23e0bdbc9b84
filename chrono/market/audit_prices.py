"""What the prices of the other venues say about a book: inverted, ten-fold, in another currency, another asset, frozen.

Every book is held against the median of the other venues, brought into USD. The rates for that come from the same
prices: what BTC, ETH and all others cost in USD tells what each quote currency is worth, by the median over them, so
that no single faulty book moves a rate.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from statistics import median
from typing import NamedTuple

from chrono.clock import SECOND_NS
from chrono.market.audit_words import Finding, Heard, Kind, Told, of_book, shown, take_out
from chrono.market.map_reading import Book
from chrono.market.names import Venue, base_of, quote_of

TOLERANCE = Decimal("0.05")
"""Venues that agree lie within 5 %: even a thin book, even across a premium between countries."""

MOVED = Decimal("0.005")
"""Peers that went 50 bps away from a price that rests say that it is frozen. A pool's fee lets it rest for 30."""

OLD_NS = 6 * 3600 * SECOND_NS
"""By its own time no news for so long: no source of prices, whatever it says."""

QUOTING_COINS = ("BTC", "ETH", "BNB")
LEAST_PEERS = 2
MOST_POWER = 12


class Spot(NamedTuple):
    """One book's price in one round."""

    book: Book
    told: Told


class Prices:
    """All prices of one round."""

    def __init__(self, spots: Iterable[Spot]) -> None:
        self.by_book = {spot.book: spot.told for spot in spots}

    @cached_property
    def rates(self) -> Mapping[str, Decimal]:
        """What one unit of each quote currency is worth in USD, as far as the prices tell."""
        known = {"USD": Decimal(1)}
        quotes = {quote_of(book.market) for book in self.by_book} - known.keys()
        for _ in range(3):  # dollar books first, then what they price, then what that prices
            worth = self._worth(known)
            known |= {quote: rate for quote in quotes if (rate := self._rate(quote, worth, known)) is not None}
        return known

    @cached_property
    def venues(self) -> Mapping[str, Mapping[Venue, Decimal]]:
        """The USD price of each asset at each venue: the median of its books there."""
        found: dict[str, dict[Venue, list[Decimal]]] = defaultdict(lambda: defaultdict(list))
        for book, told in self.by_book.items():
            rate = self.rates.get(quote_of(book.market))
            if rate is not None:
                found[base_of(book.market)][book.venue].append(told.price * rate)
        return {asset: {venue: median(prices) for venue, prices in at.items()} for asset, at in found.items()}

    @cached_property
    def currencies(self) -> Mapping[str, Decimal]:
        """The rates, and those of coins that venues quote others in."""
        coins = {coin: median(self.venues[coin].values()) for coin in QUOTING_COINS if coin in self.venues}
        return {**coins, **self.rates}

    def peers(self, asset: str, venue: Venue) -> Decimal | None:
        """The median of the other venues, in USD; None when fewer than two agree, or most of them do not."""
        others = [price for name, price in self.venues.get(asset, {}).items() if name != venue]
        if len(others) < LEAST_PEERS:
            return None
        return median(others) if agreed(others) else None

    def _worth(self, known: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
        """The USD price of each asset by the currencies known so far, where most of its prices agree."""
        told: dict[str, list[Decimal]] = defaultdict(list)
        for book, said in self.by_book.items():
            rate = known.get(quote_of(book.market))
            if rate is not None:
                told[base_of(book.market)].append(said.price * rate)
        return {asset: median(prices) for asset, prices in told.items() if agreed(prices)}

    def _rate(self, quote: str, worth: Mapping[str, Decimal], known: Mapping[str, Decimal]) -> Decimal | None:
        """By every asset that is quoted in it; an asset counts only by prices in other currencies."""
        told = [
            worth[base] / said.price
            for book, said in self.by_book.items()
            if quote_of(book.market) == quote and (base := base_of(book.market)) in worth and quote not in known
        ]
        told += [
            said.price * known[quote_of(book.market)]
            for book, said in self.by_book.items()
            if base_of(book.market) == quote and quote_of(book.market) in known and quote not in known
        ]
        return median(told) if told else None


def agreed(prices: Sequence[Decimal]) -> bool:
    """Whether more than half of the prices lie near their median."""
    middle = median(prices)
    return 2 * sum(near(price, middle) for price in prices) > len(prices)


def near(one: Decimal, other: Decimal, tolerance: Decimal = TOLERANCE) -> bool:
    """Whether two prices lie within the tolerance of each other, whichever is the larger."""
    return apart(one, other) <= tolerance


def apart(one: Decimal, other: Decimal) -> Decimal:
    """How far the larger lies above the smaller: 0 when equal, 0.05 when 5 % apart, 1 at twice."""
    return max(one, other) / min(one, other) - 1


def judge_price(book: Book, rounds: Sequence[Prices], heard: Heard) -> Finding | None:
    """What the prices of all rounds say against this book; None when nothing, or when it cannot be judged."""
    seen = [(prices, prices.by_book[book]) for prices in rounds if book in prices.by_book]
    if not seen:
        return None
    found = [_unlike(book, prices, told) for prices, told in seen]
    last = found[-1]
    if last is not None and all(one is not None for one in found):
        return _stands(book, seen) or last
    return _frozen(book, seen, heard)


def _unlike(book: Book, prices: Prices, told: Told) -> Finding | None:
    """A price unlike the peers', and the best explanation of it."""
    rate, peers = prices.rates.get(quote_of(book.market)), prices.peers(base_of(book.market), book.venue)
    if rate is None or peers is None or near(told.price * rate, peers):
        return None
    expected = peers / rate
    fits = [fit for fit in _explanations(book, prices, told.price, expected) if fit[0] <= TOLERANCE]
    if fits:
        return min(fits, key=lambda fit: fit[0])[1]
    sentence = f"says {shown(told.price)} where the other venues say {shown(expected)}: probably another asset"
    return of_book(Kind.WRONG_ASSET, book, f"{book.venue} {book.symbol} {sentence}", take_out(book))


def _explanations(book: Book, prices: Prices, price: Decimal, expected: Decimal) -> list[tuple[Decimal, Finding]]:
    base, quote = book.market.split("/")
    said = f"{book.venue} {book.symbol} says {shown(price)} where the other venues say {shown(expected)}"
    found = [
        (
            apart(1 / price, expected),
            of_book(
                Kind.INVERTED, book, f"{said}: one over the price", f'move it to [{quote}.books], quoted in "{base}"'
            ),
        )
    ]
    for other, rate in prices.currencies.items():
        if other != base and not near(rate, prices.rates[quote]):
            fits = apart(price * rate, expected * prices.rates[quote])
            remedy = f'write {book.symbol} = "{other}"'
            found.append((fits, of_book(Kind.WRONG_QUOTE, book, f"{said}: the price in {other}", remedy)))
    power = round((price / expected).log10())
    if power and abs(power) <= MOST_POWER:
        fits = apart(price / Decimal(10) ** power, expected)
        told = f"{said}: ten to the {power} times the price, perhaps a contract of many units"
        found.append((fits, of_book(Kind.TENFOLD, book, told, take_out(book))))
    return found


def _stands(book: Book, seen: Sequence[tuple[Prices, Told]]) -> Finding | None:
    """A price that left the peers by resting: less than twice away, and without any change while they changed."""
    prices, told = seen[-1]
    expected = _expected(book, prices)
    if len(seen) < 2 or expected is None or apart(told.price, expected) > 1 or not _rests(book, seen):
        return None
    sentence = f"{book.venue} {book.symbol} stands at {shown(told.price)} while the other venues are at"
    return of_book(Kind.FROZEN, book, f"{sentence} {shown(expected)}", f"wait, or {take_out(book)}")


def _frozen(book: Book, seen: Sequence[tuple[Prices, Told]], heard: Heard) -> Finding | None:
    """A price among its peers that rests while they move, or that is old by its own time."""
    if len(seen) < 2 or not _rests(book, seen):
        return None
    first, last = _expected(book, seen[0][0]), _expected(book, seen[-1][0])
    told = seen[-1][1]
    if first is not None and last is not None and apart(first, last) >= MOVED:
        sentence = f"rests at {shown(told.price)} while the other venues went from {shown(first)} to {shown(last)}"
    elif told.quoted_at_ns is not None and heard.rounds[-1].at_ns - told.quoted_at_ns > OLD_NS:
        hours = (heard.rounds[-1].at_ns - told.quoted_at_ns) // (3600 * SECOND_NS)
        sentence = f"rests at {shown(told.price)} and is {hours} hours old by its own time"
    else:
        return None
    return of_book(Kind.FROZEN, book, f"{book.venue} {book.symbol} {sentence}", f"wait, or {take_out(book)}")


def _rests(book: Book, seen: Sequence[tuple[Prices, Told]]) -> bool:
    """Whether its price never changed while those of at least two other venues did."""
    if len({told.price for _, told in seen}) > 1:
        return False
    asset = base_of(book.market)
    first, last = seen[0][0].venues.get(asset, {}), seen[-1][0].venues.get(asset, {})
    moved = [name for name in first.keys() & last.keys() if name != book.venue and first[name] != last[name]]
    return len(moved) >= LEAST_PEERS


def _expected(book: Book, prices: Prices) -> Decimal | None:
    """The peers' price in the book's own quote."""
    peers, rate = prices.peers(base_of(book.market), book.venue), prices.rates.get(quote_of(book.market))
    return None if peers is None or rate is None else peers / rate
