"""The market map: which symbol of which venue is which of our markets. Written as data in `markets.toml` beside this.

The map is the only place where a venue's symbol meets our spelling, so a fault in it is a wrong price with a good
conscience. Reading is strict, and `chrono markets audit` holds it against what the venues really list and say.
"""

from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files

from msgspec import Struct

from chrono.market.graph import QuoteGraph
from chrono.market.map_reading import Book, MappedAsset, read_map
from chrono.market.names import Market, Venue, base_of


class MappedFeed(Struct, frozen=True):
    """A feed as Flare names it: `BTC/USD`, of category 1 (crypto), with the decimals of its newest reward epoch."""

    market: Market
    decimals: int
    category: int = 1


class MarketMap(Struct, frozen=True, dict=True):
    """Every mapped asset by its ticker, and how venues spell assets in their instrument lists."""

    assets: Mapping[str, MappedAsset]
    spelled: Mapping[Venue, Mapping[str, str]]

    @classmethod
    def load(cls) -> "MarketMap":
        """The map that Chrono ships. Raises: ChronoError(BAD_MARKET_MAP) with every fault."""
        return cls.read(files("chrono.market").joinpath("markets.toml").read_text("utf-8"), "markets.toml")

    @classmethod
    def read(cls, text: str, name: str = "map") -> "MarketMap":
        """A map from its TOML; `name` is what its faults are told under.

        Raises: ChronoError(BAD_MARKET_MAP) with every fault and its line.
        """
        return cls(*read_map(text, name))

    @cached_property
    def feeds(self) -> tuple[MappedFeed, ...]:
        """The feeds, in the order of the map."""
        feeds = ((asset.feed, asset.decimals) for asset in self.assets.values())
        return tuple(
            MappedFeed(feed, decimals) for feed, decimals in feeds if feed is not None and decimals is not None
        )

    @cached_property
    def all_books(self) -> tuple[Book, ...]:
        """Every book of every venue."""
        return tuple(book for asset in self.assets.values() for book in asset.books)

    @cached_property
    def venues(self) -> tuple[Venue, ...]:
        """The venues that have books here, by name."""
        return tuple(sorted({book.venue for book in self.all_books}))

    def books(self, venue: str) -> dict[str, Market]:
        """The market of each of the venue's symbols; empty for a venue without any."""
        return self._by_venue.get(Venue(venue), {})

    def markets(self) -> dict[Venue, dict[str, Market]]:
        """`books` of every venue: what the venue door is built with."""
        return {venue: dict(books) for venue, books in self._by_venue.items()}

    def venues_of(self, feed: str) -> tuple[Venue, ...]:
        """The venues that list the base of this feed (`BTC/USD`), in any quote, by name."""
        asset = self.assets.get(base_of(feed))
        return () if asset is None else tuple(sorted({book.venue for book in asset.books}))

    def asset_of(self, ticker: str, venue: str) -> str:
        """Our ticker for what `venue` calls `ticker` in its list; the ticker itself, in upper case, when we map none.

        An asset's present names count; its former names do not: they may be another's by now.
        """
        spelled = self.spelled.get(Venue(venue), {}).get(ticker.upper(), ticker.upper())
        return self._renamed.get(spelled, spelled)

    def without_path(self, graph: QuoteGraph) -> list[Book]:
        """The books that these conversions do not bring into USD: nobody would hear them."""
        return [book for book in self.all_books if not _leads(book.market, graph)]

    @cached_property
    def _by_venue(self) -> dict[Venue, dict[str, Market]]:
        found: dict[Venue, dict[str, Market]] = {}
        for book in self.all_books:
            found.setdefault(book.venue, {})[book.symbol] = book.market
        return found

    @cached_property
    def _renamed(self) -> dict[str, str]:
        return {name: asset.ticker for asset in self.assets.values() for name in asset.now}


def _leads(market: Market, graph: QuoteGraph) -> bool:
    """Whether the book prices its base in USD, or is an edge by which other prices come there."""
    return bool(graph.paths(Market(f"{base_of(market)}/USD"), (market,))) or market in graph.edges
