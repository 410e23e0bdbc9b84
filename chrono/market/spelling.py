"""How venues spell their pairs, and which of our markets they mean."""

import re

from msgspec import Struct

from chrono.market.names import Market, is_market

QUOTED_IN = ("USDT", "USDC", "FDUSD", "USD", "EUR", "GBP", "KRW", "JPY", "BTC", "ETH")
"""Currencies that a spelling without a separator may end in, the longest meaning first. BUSD and TUSD are left
out on purpose: BNBUSD and DOTUSD are dollar books of BNB and DOT. Write a separator to name such a book."""

QUOTE_FIRST = frozenset({"upbit"})
"""Venues that write `KRW-BTC` for what everybody else calls BTC/KRW."""

_PERPETUAL = re.compile(r"[-_](PERP|PERPETUAL|SWAP)$")
_SEPARATED = re.compile(r"([A-Z0-9]{1,20})[-_/:]([A-Z][A-Z0-9]{0,19})", re.ASCII)
_RENAMED = {"XBT": "BTC"}


class Pair(Struct, frozen=True):
    """What a venue's symbol names: the market, and whether it is a perpetual future on it (amounts: contracts)."""

    market: Market
    perpetual: bool = False


def pair_of(symbol: str, venue: str = "") -> Pair | None:
    """The pair that `venue` means by `symbol`, such as AVAX-USD, POLUSDT or AVAXUSD_PERP; None when unclear."""
    spelled = symbol.strip().upper()
    bare = _PERPETUAL.sub("", spelled)
    sides = _sides(bare)
    if sides is None:
        return None
    base, quote = reversed(sides) if venue in QUOTE_FIRST else sides
    market = f"{_RENAMED.get(base, base)}/{_RENAMED.get(quote, quote)}"
    return Pair(Market(market), perpetual=bare != spelled) if is_market(market) else None


def _sides(bare: str) -> tuple[str, str] | None:
    separated = _SEPARATED.fullmatch(bare)
    if separated is not None:
        return separated[1], separated[2]
    for quote in QUOTED_IN:
        if bare.endswith(quote) and len(bare) > len(quote):
            return bare.removesuffix(quote), quote
    return None
