"""Markets by name."""

import pytest

from chrono.errors import ChronoError
from chrono.market.names import base_of, is_market, is_venue, parse_market, quote_of


@pytest.mark.parametrize(("text", "market"), [("BTC", "BTC/USD"), ("BTC/USDT", "BTC/USDT"), ("1INCH/USD", "1INCH/USD")])
def test_a_market_is_known_by_its_own_spelling(text: str, market: str) -> None:
    assert parse_market(text) == market


@pytest.mark.parametrize(
    ("text", "expected"), [("BTC-USD", "BTC/USD"), ("eth_usdt", "ETH/USDT"), ("", "BTC/USD"), ("../etc", "BTC/USD")]
)
def test_another_spelling_is_refused_with_what_was_expected(text: str, expected: str) -> None:
    with pytest.raises(ChronoError) as refused:
        parse_market(text)
    assert refused.value.facts == {"received": text, "expected": expected}
    assert "BASE/QUOTE" in str(refused.value)


@pytest.mark.parametrize("text", ["BTC/USD\n", "ＢＴＣ/USD", "BTC/USD/X", "BTC/", "/USD", "btc/usd", "B" * 21 + "/USD"])
def test_what_is_not_ascii_upper_case_is_no_market(text: str) -> None:
    assert not is_market(text)


def test_a_venue_name_is_lower_case_ascii() -> None:
    assert is_venue("binance-us_1")
    assert not is_venue("Binance")
    assert not is_venue("")
    assert not is_venue("a" * 101)
    assert not is_venue("binance\n")


def test_a_market_tells_its_sides() -> None:
    assert (base_of("BTC/USDT"), quote_of("BTC/USDT")) == ("BTC", "USDT")
