"""Coinbase Exchange: the public match and ticker channels, and the public product list of Advanced Trade."""
