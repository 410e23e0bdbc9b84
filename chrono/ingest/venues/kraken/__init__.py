"""Kraken spot: WebSocket v2 trades and best offers; the arrays of v1 are still understood."""
