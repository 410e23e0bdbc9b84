"""The venues and assets of the simulated market. All of it is made up; the names say so.

Prices are only where the walk begins. Nothing here was recorded anywhere.
"""

from msgspec import Struct

from chrono.market.names import Market, Venue


class SimulatedVenue(Struct, frozen=True):
    """How a venue behaves: the currencies its books are quoted in, its half-spread and standing bias in bps,
    the median delay until its quote arrives in ms, and its share of the world's turnover.
    """

    name: Venue
    quoted_in: tuple[str, ...]
    half_spread_bps: float
    bias_bps: float
    latency_ms: float
    share: float
    lists: str = "*"


class SimulatedAsset(Struct, frozen=True):
    """Where an asset's walk begins (USD), how much it moves with the market and by itself (both per square root
    of a day), and what the world turns over in a day (USD).
    """

    name: str
    start_usd: float
    daily_volatility: float
    turnover_usd: float
    market_beta: float = 1.0
    jumps_per_day: float = 6.0


VENUES: tuple[SimulatedVenue, ...] = (
    SimulatedVenue(Venue("sim-binance"), ("USDT", "USDC"), 0.5, 0.0, 40, 0.35),
    SimulatedVenue(Venue("sim-coinbase"), ("USD",), 0.8, 0.4, 60, 0.15),
    SimulatedVenue(Venue("sim-kraken"), ("USD", "EUR"), 1.0, -0.3, 80, 0.06),
    SimulatedVenue(Venue("sim-bybit"), ("USDT",), 0.7, 0.2, 120, 0.14),
    SimulatedVenue(Venue("sim-okx"), ("USDT",), 0.6, -0.2, 110, 0.12),
    SimulatedVenue(Venue("sim-bitstamp"), ("USD",), 1.5, 0.6, 70, 0.04, "BTC ETH XRP SOL ADA LTC LINK FLR SGB"),
    SimulatedVenue(Venue("sim-gate"), ("USDT",), 2.0, -0.8, 150, 0.05),
    SimulatedVenue(Venue("sim-kucoin"), ("USDT", "USDC"), 1.8, 0.5, 140, 0.05, "BTC ETH XRP SOL DOGE FLR SGB"),
    SimulatedVenue(Venue("sim-bitfinex"), ("USD",), 1.6, -0.5, 90, 0.04, "BTC ETH XRP SOL LTC DOT FLR SGB"),
)

ASSETS: tuple[SimulatedAsset, ...] = (
    SimulatedAsset("BTC", 67_000, 0.030, 2.0e10),
    SimulatedAsset("ETH", 2_600, 0.036, 1.2e10),
    SimulatedAsset("XRP", 2.3, 0.045, 3.0e9),
    SimulatedAsset("FLR", 0.018, 0.050, 1.5e7),
    SimulatedAsset("SGB", 0.0065, 0.060, 5.0e5),
    SimulatedAsset("SOL", 165, 0.045, 3.0e9),
    SimulatedAsset("DOGE", 0.21, 0.055, 1.5e9),
    SimulatedAsset("ADA", 0.62, 0.045, 8.0e8),
    SimulatedAsset("LTC", 92, 0.038, 4.0e8),
    SimulatedAsset("LINK", 17, 0.045, 5.0e8),
    SimulatedAsset("DOT", 4.1, 0.042, 2.0e8),
    SimulatedAsset("AVAX", 24, 0.048, 4.0e8),
    SimulatedAsset("POL", 0.24, 0.048, 1.0e8),
    SimulatedAsset("BNB", 1_050, 0.030, 2.0e9),
    SimulatedAsset("XLM", 0.33, 0.045, 2.0e8),
    SimulatedAsset("ALGO", 0.19, 0.047, 6.0e7),
    SimulatedAsset("ATOM", 4.0, 0.045, 8.0e7),
    SimulatedAsset("NEAR", 2.8, 0.050, 2.0e8),
    SimulatedAsset("UNI", 7.5, 0.050, 2.0e8),
    SimulatedAsset("AAVE", 265, 0.045, 3.0e8),
)

CURRENCIES: tuple[SimulatedAsset, ...] = (
    SimulatedAsset("USDT", 1.0002, 0.0003, 5.0e9, market_beta=0.0, jumps_per_day=0.2),
    SimulatedAsset("USDC", 0.9999, 0.0002, 2.0e9, market_beta=0.0, jumps_per_day=0.2),
    SimulatedAsset("EUR", 1.085, 0.004, 1.0e9, market_beta=0.0, jumps_per_day=0.2),
)

CURRENCY_VENUES = ("sim-coinbase", "sim-kraken", "sim-bitstamp", "sim-bitfinex")
"""Who quotes USDT, USDC and EUR in USD."""


class SimulatedBook(Struct, frozen=True):
    """One market of one venue."""

    venue: SimulatedVenue
    market: Market
    base: SimulatedAsset
    quote: str


def all_books() -> list[SimulatedBook]:
    """Every market of every venue, in a fixed order."""
    books = [
        SimulatedBook(venue, Market(f"{asset.name}/{quote}"), asset, quote)
        for venue in VENUES
        for asset in ASSETS
        if venue.lists == "*" or asset.name in venue.lists.split()
        for quote in venue.quoted_in
        if quote != "EUR" or asset.name in {"BTC", "ETH"}
    ]
    currencies = [
        SimulatedBook(venue, Market(f"{asset.name}/USD"), asset, "USD")
        for venue in VENUES
        if venue.name in CURRENCY_VENUES
        for asset in CURRENCIES
    ]
    return books + currencies
