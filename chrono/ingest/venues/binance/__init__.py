"""Binance spot: aggregated trades and best offers of the market-data-only addresses."""
