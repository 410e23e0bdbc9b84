"""What venues say: quotes and trades, as every room passes them on."""

from decimal import Decimal

from msgspec import Struct

from chrono.market.names import Market, Venue


class Quote(Struct, frozen=True, gc=False):
    """What one venue offered at one time.

    `volume` is base units traded since the venue's previous quote; None means unknown, which leaves the quote
    out of VWAP only. `quoted_at_ns` is the venue's time in whole microseconds (the store's precision), and
    (venue, market, quoted_at_ns) is its identity: of two quotes with one identity the first wins.
    `metadata` is the JSON object the sender gave, as bytes.
    """

    venue: Venue
    market: Market
    price: Decimal
    volume: Decimal | None
    quoted_at_ns: int
    received_at_ns: int
    worker_id: str = ""
    metadata: bytes | None = None


class Trade(Struct, frozen=True, gc=False):
    """What one venue dealt. `amount` is in base units; `side` is the taker's, empty when unknown.

    Several trades may share a venue's microsecond: `sequence` tells them apart.
    """

    venue: Venue
    market: Market
    price: Decimal
    amount: Decimal
    side: str
    traded_at_ns: int
    received_at_ns: int
    sequence: int


class Candle(Struct, frozen=True):
    """Open, high, low and close of the quotes of one interval; `volume` is None when no quote told it."""

    opened_at_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal | None
    num_feeds: int


class FeedFault(Struct, frozen=True):
    """Why one feed of a batch was refused; the others of the batch are not touched by it."""

    index: int
    code: str
    message: str
    outcome: str = "rejected"


class Receipt(Struct, frozen=True):
    """What became of a batch: `ingested` feeds are durable, each refused one is in `faults`."""

    ingested: int
    faults: tuple[FeedFault, ...]
