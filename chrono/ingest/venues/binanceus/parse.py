"""What Binance.US's messages mean: the wire is Binance's."""

from chrono.ingest.venues.binance.parse import parse_instruments, parse_message, parse_tickers, refusal

__all__ = ["parse_instruments", "parse_message", "parse_tickers", "refusal"]
