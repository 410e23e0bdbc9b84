"""Venues' spellings of pairs."""

import pytest

from chrono.market.spelling import Pair, pair_of


@pytest.mark.parametrize(
    ("symbol", "market"),
    [
        ("AVAXUSD", "AVAX/USD"),
        ("AVAX-USD", "AVAX/USD"),
        ("POLUSDT", "POL/USDT"),
        ("btc_usdc", "BTC/USDC"),
        ("BTC/EUR", "BTC/EUR"),
        ("XBTUSD", "BTC/USD"),
        ("1INCHUSDT", "1INCH/USDT"),
        ("USDTUSD", "USDT/USD"),
        ("USDCUSDT", "USDC/USDT"),
        ("FDUSDUSDT", "FDUSD/USDT"),
        ("EURUSD", "EUR/USD"),
        ("ETHBTC", "ETH/BTC"),
    ],
)
def test_a_venues_spelling_names_our_market(symbol, market):
    assert pair_of(symbol) == Pair(market, perpetual=False)


@pytest.mark.parametrize(("symbol", "market"), [("BNBUSD", "BNB/USD"), ("DOTUSD", "DOT/USD"), ("BTCBUSD", "BTCB/USD")])
def test_a_base_that_ends_in_b_or_t_is_not_torn_for_a_rare_stable_coin(symbol, market):
    assert pair_of(symbol).market == market


@pytest.mark.parametrize("symbol", ["AVAXUSD_PERP", "AVAX-USD-SWAP", "AVAXUSD-PERP", "AVAX/USD-PERPETUAL"])
def test_a_perpetual_is_told_from_spot(symbol):
    assert pair_of(symbol) == Pair("AVAX/USD", perpetual=True)


def test_upbits_quote_comes_first():
    assert pair_of("KRW-BTC", "upbit").market == "BTC/KRW"
    assert pair_of("KRW-BTC", "elsewhere").market == "KRW/BTC"


@pytest.mark.parametrize("symbol", ["", "USD", "NONSENSE", "AVAXUSD_250328", "A-B-C", "ÄVAX-USD", "x" * 60 + "USD"])
def test_an_unclear_spelling_names_nothing(symbol):
    assert pair_of(symbol) is None
