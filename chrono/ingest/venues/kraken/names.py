"""Kraken's three spellings of one pair, brought to that of WebSocket v2, such as `BTC/USD`.

REST keys are `XXBTZUSD`, `XBTUSDT`, `ADAUSD`; v1 names are `XBT/USD`. A tokenised share keeps its small x.
"""

from functools import lru_cache
from typing import Final

_RENAMED: Final = {"XBT": "BTC", "XDG": "DOGE"}
_QUOTES: Final = (
    *("USDT", "USDC", "USDG", "USDQ", "USDR", "EURQ", "EURR", "EURC", "PYUSD", "RLUSD", "DAI"),
    *("USD", "EUR", "GBP", "JPY", "CAD", "AUD", "CHF", "AED", "XBT", "ETH", "BTC", "DOT"),
)
"""The longer before the shorter that they end with."""


@lru_cache(maxsize=8192)
def symbol_of(name: str) -> str:
    """The v2 symbol of a pair in any spelling; the name itself when it cannot be split."""
    base, slash, quote = name.partition("/")
    if not slash:
        base, quote = _split(name)
    return f"{_asset(base)}/{_asset(quote)}" if base and quote else name


def _split(name: str) -> tuple[str, str]:
    # Old pairs are of two four-letter codes, X for coins and Z for currencies.
    if len(name) == 8 and (name[0] in "XZ" or name.startswith("USDT")) and name[4] in "XZ":
        return name[:4], name[4:]
    for quote in _QUOTES:
        if name.endswith(quote) and len(name) > len(quote):
            return name[: -len(quote)], quote
    return "", ""


def _asset(code: str) -> str:
    if len(code) == 4 and code[0] in "XZ" and (code[1:] in _OLD or code[0] == "Z"):
        code = code[1:]
    return _RENAMED.get(code, code)


_OLD: Final = frozenset(("XBT", "ETH", "ETC", "LTC", "XRP", "XLM", "XMR", "ZEC", "XDG", "REP", "MLN", "ICN"))
