"""What Hyperliquid's spot tokens are elsewhere called, and which of its coins are spot at all."""

from collections.abc import Mapping
from typing import Final

BRIDGED: Final[Mapping[str, str]] = {
    "UBTC": "BTC",
    "UETH": "ETH",
    "USOL": "SOL",
    "UFART": "FARTCOIN",
    "UPUMP": "PUMP",
    "UBONK": "BONK",
    "UXPL": "XPL",
    "UENA": "ENA",
    "UZEC": "ZEC",
    "USDT0": "USDT",
}
"""Claims on coins of other chains: those of Unit begin with U, USDT0 is Tether's own bridge.

They are redeemed one to one, which holds as long as the bridge does. A name that is not here stands for itself.
"""


def called(token: str) -> str:
    """The coin that a token stands for."""
    return BRIDGED.get(token, token)


def is_spot(coin: str) -> bool:
    """`@107` and `PURR/USDC` are spot books; `BTC`, `kPEPE` and `xyz:TSLA` perpetuals, `#12` a bet."""
    if coin[:1] == "@":
        return coin[1:].isdigit() and coin.isascii()
    base, slash, quote = coin.partition("/")
    return bool(slash) and base.isalnum() and quote.isalnum()
