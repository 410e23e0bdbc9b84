"""The venues that Chrono reads directly, one line each: adding a venue is adding its folder and a line here."""

from importlib import import_module
from typing import Final

from chrono.ingest.venues.spec import VenueSpec

NAMES: Final = (
    "coinbase",
    "binance",
    "binanceus",
    "kraken",
    "bybit",
    "okx",
    "gate",
    "kucoin",
    "bitget",
    "mexc",
    "htx",
    "cryptocom",
    "bitstamp",
    "bitfinex",
    "gemini",
    "upbit",
    "bithumb",
    "whitebit",
    "hyperliquid",
    "deribit",
    "uniswap_v3",
)


def specs() -> dict[str, VenueSpec]:
    """Every venue by name, in the order of the list. A folder is imported when this is first asked."""
    return {name: spec_of(name) for name in NAMES}


def spec_of(name: str) -> VenueSpec:
    """One venue's spec. Raises: KeyError for a name that is not on the list."""
    if name not in NAMES:
        raise KeyError(name)
    spec: VenueSpec = import_module(f"chrono.ingest.venues.{name}.endpoint").SPEC
    return spec
