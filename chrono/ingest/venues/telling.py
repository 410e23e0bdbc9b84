"""From the values of a venue's message to what was said: the same checks for every venue, in one place.

A side that is absent (nothing, an empty string, zero) is None. A side that is there but is no price makes the whole
message unread: telling the rest would say that a side of the book is empty when we only failed to read it.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TypeVar

from msgspec import Raw
from msgspec.json import Decoder

from chrono.ingest.venues.reading import UNREADABLE, amount, number, price, unread
from chrono.ingest.venues.words import Dealt, Instrument, Offered, Said, Side, Ticked

T = TypeVar("T")


class NotAPriceError(ValueError):
    """A value stands where a price belongs, and is none; its text is the value, shortened."""


def shown(value: object) -> str:
    """A value of a message in a few letters; never costly and never raising, whatever it is."""
    if type(value) is int and value.bit_length() > 200:
        return "a huge number"
    return str(value)[:60] if type(value) in (str, int, Decimal) else type(value).__name__


def price_if_any(value: object) -> Decimal | None:
    """A price, or None where none is told (null, an empty string, zero). Raises: NotAPriceError for anything else."""
    found = price(value)
    if found is None and value is not None and value != "" and number(value) != 0:
        raise NotAPriceError(shown(value))
    return found


def dealt(symbol: str, at: object, size: object, taker: Side, at_ns: int | None, trade_id: object = "") -> Said:
    """A trade; unread without a readable price and amount."""
    paid, traded = price(at), amount(size)
    if paid is None or traded is None:
        return unread("a trade without a readable price or amount", f"{symbol} {shown(at)} {shown(size)}")
    return Dealt(symbol, paid, traded, taker, at_ns, shown(trade_id) if type(trade_id) in (str, int) else "")


def offered(symbol: str, bid: object, ask: object, at_ns: int | None, sequence: object = None) -> Said:
    """The best offers; unread when a side cannot be read. Both sides may be empty."""
    try:
        best_bid, best_ask = price_if_any(bid), price_if_any(ask)
    except NotAPriceError as value:
        return unread("an offer that is no price", f"{symbol} {value}")
    return Offered(symbol, best_bid, best_ask, at_ns, whole(sequence))


def ticked(symbol: str, last: object, bid: object, ask: object, at_ns: int | None, volume_24h: object = None) -> Said:
    """A summary; unread when a price in it cannot be read, or when it tells none."""
    try:
        prices = price_if_any(last), price_if_any(bid), price_if_any(ask)
    except NotAPriceError as value:
        return unread("a price that is none", f"{symbol} {value}")
    if prices == (None, None, None):
        return unread("no price in it", symbol)
    return Ticked(symbol, *prices, at_ns, amount(volume_24h))


def whole(value: object) -> int | None:
    """A sequence number from a whole number or its digits; None for anything else, and outside 64 bits."""
    if type(value) is str and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    return value if type(value) is int and 0 <= value < 2**63 else None


def listed(parts: Iterable[Raw], one: Decoder[T], tell: Callable[[T], Instrument | None]) -> list[Instrument]:
    """The instruments of a list. A row that cannot be read, or that `tell` gives None for, is absent."""
    found: list[Instrument] = []
    for part in parts:
        try:
            instrument = tell(one.decode(part))
        except UNREADABLE:
            continue
        if instrument is not None and instrument.symbol and instrument.base and instrument.quote:
            found.append(instrument)
    return found
