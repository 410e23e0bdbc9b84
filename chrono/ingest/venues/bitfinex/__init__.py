"""Bitfinex spot, API v2."""
