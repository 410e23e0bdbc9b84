"""Quotes for tests of the store: whole microseconds, keys told apart by a number."""

from collections.abc import Iterable
from decimal import Decimal

from chrono.clock import MS_NS
from chrono.market.names import Market, Venue
from chrono.market.quote import Quote


def quote(
    at_ns: int,
    *,
    price: str = "67234.56",
    volume: str | None = "1.5",
    venue: str = "binance",
    market: str = "BTC/USD",
    worker_id: str = "worker-1",
    metadata: bytes | None = b'{"bid": "1"}',
    received_at_ns: int | None = None,
) -> Quote:
    return Quote(
        Venue(venue), Market(market), Decimal(price), None if volume is None else Decimal(volume),
        at_ns // 1000 * 1000, (received_at_ns or at_ns) // 1000 * 1000, worker_id, metadata,
    )  # fmt: skip


def numbered(start_ns: int, numbers: Iterable[int], **how: str) -> list[Quote]:
    """One quote per number, a millisecond apart, whose price tells its number."""
    return [quote(start_ns + n * MS_NS, price=f"{n + 1}", **how) for n in numbers]
