"""Bitget spot, API v2."""
