"""Bitstamp spot, API v2."""
