"""What an audit of the market map hears of each venue, and what it can find."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from chrono.market.map_reading import Book
from chrono.market.names import Market, Venue


class Listing(Struct, frozen=True):
    """One line of a venue's instrument list, in the venue's own spelling."""

    symbol: str
    base: str
    quote: str
    active: bool


class Told(Struct, frozen=True):
    """What a ticker says of one symbol: the middle of its offers, else its last price. `quoted_at_ns` by the venue."""

    price: Decimal
    quoted_at_ns: int | None = None


class Round(Struct, frozen=True):
    """The prices of one bulk ticker by symbol, received at `at_ns`."""

    at_ns: int
    prices: Mapping[str, Told]


class Heard(Struct, frozen=True):
    """Everything that was heard of one venue. Rounds of the same number belong together over all venues.

    `listings` is None when the list could not be read; `trouble` then says why, also for missing rounds.
    """

    venue: Venue
    listings: tuple[Listing, ...] | None
    rounds: tuple[Round, ...]
    trouble: str = ""


class Kind(StrEnum):
    """What can be wrong with a book of the map; `MISSING` alone is a proposal and no fault."""

    UNHEARD = "unheard"
    """The venue did not answer: its books could not be looked at."""
    UNLISTED = "unlisted"
    INACTIVE = "inactive"
    UNPRICED = "unpriced"
    RENAMED = "renamed"
    INVERTED = "inverted"
    WRONG_QUOTE = "wrong_quote"
    TENFOLD = "tenfold"
    WRONG_ASSET = "wrong_asset"
    FROZEN = "frozen"
    DISPUTED = "disputed"
    """Two venues differ and there is no third to say who is right."""
    MISSING = "missing"
    """The venue lists the asset and the map does not know it."""


class Finding(Struct, frozen=True):
    """One finding: where, what in a sentence, and what to do in another. `market` is what the map says it is."""

    kind: Kind
    venue: Venue
    symbol: str
    market: Market | None
    sentence: str
    remedy: str

    @property
    def is_fault(self) -> bool:
        """Whether the map or the venue is at fault; else it is a proposal."""
        return self.kind is not Kind.MISSING


class Report(Struct, frozen=True):
    """The outcome: findings in order of venue and market, and how much could be judged.

    `books` were looked at; of them `priced` could be held against the prices of at least two other venues.
    """

    findings: tuple[Finding, ...]
    books: int
    priced: int

    @property
    def faults(self) -> tuple[Finding, ...]:
        """The findings that are no proposals."""
        return tuple(finding for finding in self.findings if finding.is_fault)


def of_book(kind: Kind, book: Book, sentence: str, remedy: str) -> Finding:
    """A finding about a book of the map."""
    return Finding(kind, book.venue, book.symbol, book.market, sentence, remedy)


def take_out(book: Book) -> str:
    """How to remove a book from the map, as a remedy."""
    return f"take {book.symbol} out of [{book.market.partition('/')[0]}.books] {book.venue}"


def shown(number: Decimal) -> str:
    """A price with at most six significant digits, never in exponents."""
    return f"{Decimal(f'{number:.6g}'):f}"
