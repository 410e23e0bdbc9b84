"""The shipped market map against the list of feeds, the venues of the roster, the conversions and recorded lists."""

import json
import re

import polars as pl
import pytest

from chrono.ingest.venues.roster import NAMES
from chrono.market.graph import QuoteGraph
from chrono.market.map import MarketMap
from chrono.market.names import base_of, quote_of
from chrono.settings import Pricing
from tests.fakes.map_world import recorded_lists
from tests.fakes.recordings import FOLDER, needs_recordings

MAP = MarketMap.load()
DATA = FOLDER.parent / "ftso"
LEAST = 5

SPELT = {
    "coinbase": "{base}-{quote}",
    "binance": "{base}{quote}",
    "binanceus": "{base}{quote}",
    "kraken": "{base}/{quote}",
    "bybit": "{base}{quote}",
    "okx": "{base}-{quote}",
    "gate": "{base}_{quote}",
    "kucoin": "{base}-{quote}",
    "bitget": "{base}{quote}",
    "mexc": "{base}{quote}",
    "htx": "{base}{quote}",
    "cryptocom": "{base}_{quote}",
    "bitstamp": "{base}{quote}",
    "gemini": "{base}{quote}",
    "upbit": "{quote}-{base}",
    "bithumb": "{quote}-{base}",
    "whitebit": "{base}_{quote}",
    "deribit": "{base}_{quote}",
}
"""How each venue spells a pair; htx, bitstamp and gemini in lower case."""

LOWER = {"htx", "bitstamp", "gemini"}
ELSE = {"bitfinex": r"t[A-Z]{6}|t[A-Z]{3,8}:[A-Z]{3,4}", "hyperliquid": r"@[0-9]+", "uniswap_v3": r"0x[0-9a-f]{40}"}


def edges() -> QuoteGraph:
    """The default conversions."""
    return QuoteGraph.build(Pricing().edges)


def test_each_feed_has_five_venues_or_says_why_it_has_fewer() -> None:
    for feed in MAP.feeds:
        asset = MAP.assets[base_of(feed.market)]
        assert bool(asset.few) == (len(MAP.venues_of(feed.market)) < LEAST), asset.ticker


def test_only_a_handful_of_feeds_are_thin() -> None:
    assert {asset.ticker for asset in MAP.assets.values() if asset.few} == {"SGB", "LEO", "USDX"}


def test_every_venue_of_the_map_is_on_the_roster_and_every_one_of_the_roster_has_books() -> None:
    assert set(MAP.venues) == set(NAMES)


def test_every_book_leads_into_usd_through_conversions_that_have_books_of_their_own() -> None:
    graph = edges()
    assert MAP.without_path(graph) == []
    markets = [book.market for book in MAP.all_books]
    for book in MAP.all_books:
        for path in graph.paths(f"{base_of(book.market)}/USD", (book.market,)):
            for step in path.steps:
                assert step.edge in markets or graph.paths(step.edge, markets), (book, step)


@pytest.mark.parametrize("venue", sorted(SPELT))
def test_symbols_are_spelt_as_the_venue_spells_them(venue: str) -> None:
    for symbol, market in MAP.books(venue).items():
        base, quote = base_of(market), quote_of(market)
        names = {base, *MAP.assets[base].other_names}
        told = {SPELT[venue].format(base=name, quote=quote) for name in names}
        assert symbol in ({name.lower() for name in told} if venue in LOWER else told)


@pytest.mark.parametrize("venue", sorted(ELSE))
def test_symbols_of_venues_with_a_spelling_of_their_own_have_its_form(venue: str) -> None:
    assert all(re.fullmatch(ELSE[venue], symbol) for symbol in MAP.books(venue))


def test_a_renamed_coin_is_mapped_under_its_present_ticker_only() -> None:
    assert all("GRAM" in book.symbol.upper() for book in MAP.assets["TON"].books)
    former = {name for asset in MAP.assets.values() for name in asset.formerly}
    assert former >= {"MATIC", "FTM", "RNDR"}
    pattern = re.compile("MATIC|FTM|RNDR")
    assert not any(pattern.search(book.symbol.upper()) for book in MAP.all_books)


def test_dollars_that_share_a_ticker_with_others_have_no_book_where_the_other_was() -> None:
    assert MAP.venues_of("USDX/USD") == ()
    assert {"binance", "binanceus"}.isdisjoint(MAP.venues_of("USDS/USD"))


@pytest.mark.data
@needs_recordings
def test_the_feeds_and_their_decimals_are_those_of_flare() -> None:
    listed = json.loads((DATA / "developer_hub_feeds.json").read_text())
    rows = pl.read_parquet(DATA / "canonical_feeds.parquet").filter(pl.col("network") == "flare")
    newest = rows.filter(pl.col("reward_epoch") == rows["reward_epoch"].max())
    decimals = dict(zip(newest["feed_name"], newest["decimals"], strict=True))
    assert len(listed) == 63
    wanted = [(one["feed_name"], decimals[one["feed_name"]]) for one in listed]
    assert [(feed.market, feed.decimals) for feed in MAP.feeds] == wanted


@pytest.mark.data
@needs_recordings
def test_where_a_recorded_list_has_a_mapped_symbol_it_means_the_same_pair() -> None:
    compared = 0
    for venue, listings in recorded_lists().items():
        books = MAP.books(venue)
        for listing in listings:
            market = books.get(listing.symbol)
            if market is not None:
                compared += 1
                told = f"{MAP.asset_of(listing.base, venue)}/{MAP.asset_of(listing.quote, venue)}"
                assert told == market, (venue, listing)
    assert compared > 250
