"""Tables of bars and trades made for a test, as files that a tape is read from."""

from datetime import UTC, datetime, timedelta

import polars as pl

NOON = datetime(2025, 10, 10, 12, tzinfo=UTC)
BARS = ("ts", "source", "base", "quote", "close", "volume")


def bars(path, books, minutes, *, price=lambda minute, offset: 100_000.0 + offset):
    """One-minute bars of BTC/USD: of each book its offset and its volume; a volume of None leaves its bars out."""
    rows = [
        (NOON + timedelta(minutes=minute), venue, "BTC", "USD", price(minute, offset), volume)
        for minute in range(minutes)
        for venue, offset, volume in books
        if volume is not None
    ]
    pl.DataFrame(rows, schema=list(BARS), orient="row").write_parquet(path)
    return path


def trades(path, books, seconds, *, every_ms=250):
    """Trades of BTC-USD: of each venue its price, the same for all the time."""
    noon_us = int(NOON.timestamp()) * 1_000_000
    rows = [
        (
            noon_us + at_ms * 1000,
            noon_us + at_ms * 1000 + 40_000,
            venue,
            "BTC-USD",
            "buy",
            price + at_ms % 1000 / 1000,
            1.5,
        )
        for at_ms in range(0, seconds * 1000, every_ms)
        for venue, price in books
    ]
    names = ["ts_us", "local_ts_us", "exchange", "symbol", "side", "price", "amount"]
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(path)
    return path
