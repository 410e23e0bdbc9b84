"""Reading the market map strictly: every fault at once, each with its line, so that a typing error is no lost venue."""

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from msgspec import Struct

from chrono.errors import BAD_MARKET_MAP, ChronoError
from chrono.market.names import Market, Venue, is_market, is_venue
from chrono.settings.toml_lines import key_lines

MOST_DECIMALS = 18
SPELLED = "spelled"
_KEYS = frozenset(("feed", "name", "decimals", "formerly", "now", "few", "books"))


class Book(Struct, frozen=True):
    """One book of the map: the venue's own symbol, and the market that it is."""

    venue: Venue
    symbol: str
    market: Market


class MappedAsset(Struct, frozen=True):
    """One table of the map. `formerly` and `now` are other tickers of the same coin, older and newer than ours."""

    ticker: str
    name: str
    feed: Market | None
    decimals: int | None
    formerly: tuple[str, ...]
    now: tuple[str, ...]
    few: str
    books: tuple[Book, ...]

    @property
    def other_names(self) -> tuple[str, ...]:
        """Under which tickers a lost book may be found again, the newest first."""
        return (*self.now, *self.formerly)


class MapFault(NamedTuple):
    """One thing to mend. `line` is 0 when the whole text cannot be read."""

    line: int
    text: str


class MapError(ChronoError):
    """The map cannot be used. Carries every fault, by line."""

    def __init__(self, name: str, faults: tuple[MapFault, ...]) -> None:
        super().__init__(BAD_MARKET_MAP)
        self.name = name
        self.faults = faults

    def __str__(self) -> str:
        told = "\n".join(f"  {self.name}:{fault.line}: {fault.text}" for fault in self.faults)
        return f"{self.reason.message}; {self.reason.remedy}:\n{told}"


Read = tuple[dict[str, MappedAsset], dict[Venue, dict[str, str]]]


def read_map(text: str, name: str) -> Read:
    """The assets by ticker, and each venue's own tickers. Raises: MapError with every fault."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MapError(name, (MapFault(0, str(error)),)) from error
    reading = _Reading(key_lines(text))
    spelled = reading.spelled(document.pop(SPELLED, {}))
    assets = {ticker: reading.asset(ticker, table) for ticker, table in document.items()}
    reading.compare(assets)
    if reading.faults:
        raise MapError(name, tuple(sorted(reading.faults)))
    return assets, spelled


class _Reading:
    """One pass over the document. What is faulty is told and left out, so that the rest is looked at as well."""

    def __init__(self, lines: Mapping[tuple[str, ...], int]) -> None:
        self.faults: list[MapFault] = []
        self._lines = lines

    def spelled(self, tables: Any) -> dict[Venue, dict[str, str]]:
        found: dict[Venue, dict[str, str]] = {}
        for venue, names in self._table(tables, SPELLED).items():
            path = (SPELLED, venue)
            self._expect(is_venue(venue), path, f"{venue!r} is no venue's name")
            for theirs, ours in self._table(names, *path).items():
                good = _is_ticker(theirs) and isinstance(ours, str) and _is_ticker(ours)
                if self._expect(good, (*path, theirs), f"{theirs} = {ours!r}: expected two tickers"):
                    found.setdefault(Venue(venue), {})[theirs] = ours
        return found

    def asset(self, ticker: str, raw: Any) -> MappedAsset:
        table = self._table(raw, ticker)
        self._expect(_is_ticker(ticker), (ticker,), f"{ticker!r} is no ticker: expected upper case, such as BTC")
        for key in table.keys() - _KEYS:
            self._tell((ticker, key), f"there is no key {key!r}; there are {', '.join(sorted(_KEYS))}")
        name = table.get("name")
        self._expect(isinstance(name, str) and bool(name), (ticker, "name"), "expected the asset's name")
        feed, decimals = self._feed(ticker, table)
        books = tuple(self._books(ticker, table.get("books", {})))
        few = table.get("few", "")
        self._expect(isinstance(few, str), (ticker, "few"), "expected a sentence")
        formerly, now = self._names(ticker, table, "formerly"), self._names(ticker, table, "now")
        return MappedAsset(ticker, str(name), feed, decimals, formerly, now, str(few), books)

    def compare(self, assets: Mapping[str, MappedAsset]) -> None:
        """What no table can tell alone: a symbol or a name that two assets claim."""
        owners: dict[tuple[str, str], str] = {}
        for asset in assets.values():
            for book in asset.books:
                owner = owners.setdefault((book.venue, book.symbol), asset.ticker)
                path = (asset.ticker, "books", book.venue, book.symbol)
                self._expect(owner == asset.ticker, path, f"{book.symbol} of {book.venue} is {owner} already")
            for key, names in (("formerly", asset.formerly), ("now", asset.now)):
                for name in names:
                    self._expect(name not in assets, (asset.ticker, key), f"{name} is an asset of its own here")

    def _feed(self, ticker: str, table: Mapping[str, Any]) -> tuple[Market | None, int | None]:
        feed, decimals = table.get("feed"), table.get("decimals")
        if feed is None:
            self._expect(decimals is None, (ticker, "decimals"), "decimals belong to a feed, and there is none")
            return None, None
        self._expect(feed == f"{ticker}/USD", (ticker, "feed"), f"{feed!r}: expected {ticker}/USD")
        good = type(decimals) is int and 0 <= decimals <= MOST_DECIMALS
        self._expect(good, (ticker, "decimals"), f"{decimals!r}: expected the feed's decimals, 0 to {MOST_DECIMALS}")
        return Market(str(feed)), decimals if good else None

    def _names(self, ticker: str, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        names = table.get(key, [])
        good = isinstance(names, list) and all(isinstance(name, str) and _is_ticker(name) for name in names)
        good = good and ticker not in names
        return tuple(names) if self._expect(good, (ticker, key), "expected other tickers of the asset") else ()

    def _books(self, ticker: str, raw: Any) -> Iterator[Book]:
        for venue, symbols in self._table(raw, ticker, "books").items():
            path = (ticker, "books", venue)
            if not self._expect(is_venue(venue), path, f"{venue!r} is no venue's name"):
                continue
            quotes = Counter(quote for quote in self._table(symbols, *path).values() if isinstance(quote, str))
            for symbol, quote in self._table(symbols, *path, quietly=True).items():
                place = (*path, symbol)
                if self._is_quote(ticker, quote, place):
                    self._expect(quotes[quote] == 1, place, f"{venue} has several books of {ticker}/{quote}")
                    yield Book(Venue(venue), symbol, Market(f"{ticker}/{quote}"))

    def _is_quote(self, ticker: str, quote: Any, place: tuple[str, ...]) -> bool:
        good = isinstance(quote, str) and is_market(f"{ticker}/{quote}") and quote != ticker
        return self._expect(good, place, f"{quote!r}: expected the currency that it is quoted in, such as USDT")

    def _table(self, raw: Any, *path: str, quietly: bool = False) -> Mapping[str, Any]:
        if isinstance(raw, dict):
            return raw
        if not quietly:
            self._tell(path, f"expected a table, not {raw!r}")
        return {}

    def _expect(self, good: bool, path: tuple[str, ...], text: str) -> bool:
        if not good:
            self._tell(path, text)
        return good

    def _tell(self, path: tuple[str, ...], text: str) -> None:
        while path and path not in self._lines:
            path = path[:-1]
        self.faults.append(MapFault(self._lines.get(path, 1), text))


def _is_ticker(text: str) -> bool:
    return is_market(f"{text}/USD")
