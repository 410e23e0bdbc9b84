"""Binance.US: an exchange of its own with Binance's wire."""
