"""Hyperliquid's spot books. Its perpetuals are not told."""
