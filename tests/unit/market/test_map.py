"""Reading the market map: what it gives, and every fault at once with its line."""

import pytest

from chrono.market.graph import QuoteGraph
from chrono.market.map import MarketMap
from chrono.market.map_reading import MapError

TEXT = """\
[spelled.bitfinex]
UST = "USDT"

[BTC]
feed = "BTC/USD"
name = "Bitcoin"
decimals = 2
[BTC.books]
coinbase = { BTC-USD = "USD", BTC-EUR = "EUR" }
bitfinex = { tBTCUST = "USDT" }

[TON]
feed = "TON/USD"
name = "Toncoin"
decimals = 5
formerly = ["OLD"]
now = ["GRAM"]
few = "young"
[TON.books]
bitfinex = { "tGRAM:UST" = "USDT" }

[EUR]
name = "Euro"
"""


def faults(text: str) -> list[tuple[int, str]]:
    with pytest.raises(MapError) as caught:
        MarketMap.read(text)
    return [(fault.line, fault.text) for fault in caught.value.faults]


def table(lines: str) -> str:
    return f'[BTC]\nname = "B"\n{lines}\n'


def test_a_venue_has_the_markets_of_its_symbols_over_all_assets() -> None:
    map_ = MarketMap.read(TEXT)
    assert map_.books("bitfinex") == {"tBTCUST": "BTC/USDT", "tGRAM:UST": "TON/USDT"}
    assert map_.books("nobody") == {}
    assert map_.markets()["coinbase"] == {"BTC-USD": "BTC/USD", "BTC-EUR": "BTC/EUR"}
    assert map_.venues == ("bitfinex", "coinbase")


def test_feeds_come_with_decimals_and_in_the_order_of_the_map() -> None:
    map_ = MarketMap.read(TEXT)
    assert [(feed.market, feed.decimals) for feed in map_.feeds] == [("BTC/USD", 2), ("TON/USD", 5)]
    assert map_.venues_of("BTC/USD") == ("bitfinex", "coinbase")
    assert map_.venues_of("XMR/USD") == ()


def test_a_venues_ticker_is_ours_by_its_spelling_and_by_the_assets_present_name() -> None:
    map_ = MarketMap.read(TEXT)
    assert map_.asset_of("UST", "bitfinex") == "USDT"
    assert map_.asset_of("UST", "coinbase") == "UST"
    assert map_.asset_of("gram", "coinbase") == "TON"


def test_a_former_name_is_not_taken_for_the_asset_because_another_may_have_it_now() -> None:
    assert MarketMap.read(TEXT).asset_of("OLD", "coinbase") == "OLD"


def test_books_that_no_conversion_leads_from_are_told() -> None:
    map_ = MarketMap.read(TEXT)
    assert [book.symbol for book in map_.without_path(QuoteGraph.build(["USDT/USD"]))] == ["BTC-EUR"]
    assert map_.without_path(QuoteGraph.build(["USDT/USD", "EUR/USD"])) == []


@pytest.mark.parametrize(
    ("lines", "line", "told"),
    [
        ('feed = "ETH/USD"\ndecimals = 2', 3, "expected BTC/USD"),
        ('feed = "BTC/USD"', 1, "expected the feed's decimals"),
        ('feed = "BTC/USD"\ndecimals = "2"', 4, "expected the feed's decimals"),
        ("decimals = 2", 3, "there is none"),
        ("quote = 1", 3, "there is no key 'quote'"),
        ('formerly = ["btc"]', 3, "expected other tickers"),
        ('now = "GRAM"', 3, "expected other tickers"),
        ("few = 3", 3, "expected a sentence"),
        ("books = 3", 3, "expected a table"),
        ("[BTC.books]\nBinance = {}", 4, "no venue's name"),
        ('[BTC.books]\nbinance = { X = "usdt" }', 4, "expected the currency"),
        ('[BTC.books]\nbinance = { X = "BTC" }', 4, "expected the currency"),
        ('[BTC.books]\nbinance = { X = "USDT", Y = "USDT" }', 4, "several books of BTC/USDT"),
        ('[btc]\nname = "x"', 3, "no ticker"),
        ('[ETH]\nname = "E"\nformerly = ["BTC"]', 5, "an asset of its own here"),
        ("[ETH]", 3, "expected the asset's name"),
        ('[spelled.bitfinex]\nUST = "usdt"', 4, "expected two tickers"),
    ],
)
def test_a_fault_is_told_with_its_line(lines: str, line: int, told: str) -> None:
    found = faults(table(lines))
    assert any(at == line and told in text for at, text in found), found


def test_a_symbol_that_two_assets_claim_is_a_fault() -> None:
    text = table('[BTC.books]\nkraken = { X = "USD" }\n[ETH]\nname = "E"\n[ETH.books]\nkraken = { X = "USD" }')
    assert faults(text) == [(8, "X of kraken is BTC already")]


def test_every_fault_is_told_at_once_from_top_to_bottom() -> None:
    found = faults(table('few = 1\nquote = 2\n[BTC.books]\nkraken = { X = "usd" }'))
    assert [line for line, _ in found] == [3, 4, 6]


def test_what_is_no_toml_is_one_fault() -> None:
    assert [line for line, _ in faults("[BTC")] == [0]
