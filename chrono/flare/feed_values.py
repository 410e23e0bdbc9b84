"""Feed values on the wire: 4 bytes each, in the feed order of the reward epoch. Source: fsp.md section 2.

How a provider rounds is its own business, for only the bytes are hashed. How bytes are read is consensus.
"""

import struct
from collections.abc import Sequence
from decimal import MAX_EMAX, MIN_EMIN, ROUND_FLOOR, Context, Decimal
from typing import Final

from chrono.flare.refusal import Fault, Refused

VALUE_BYTES: Final = 4
OFFSET: Final = 2**31
MOST_VALUE: Final = OFFSET - 1
LEAST_VALUE: Final = 1 - OFFSET
"""-2**31 cannot be said: its bytes are those of the empty value."""

EMPTY: Final = 0
_HALF: Final = Decimal("0.5")
_MOST_DIGITS: Final = 10
"""A value of more digits before the point is out of range."""


def feed_value(price: Decimal, decimals: int) -> int:
    """The price in units of 10**-decimals, half a unit rounded up (towards plus infinity).

    Raises: Refused, when it is not finite or not in -(2**31 - 1) .. 2**31 - 1.
    """
    if not price.is_finite():
        raise Refused(Fault.VALUE_NOT_FINITE, f"{price} is not a number that can be voted for")
    # How large it is shows in the exponent; 1e999999 is never written out.
    magnitude = price.adjusted() + decimals
    if not price or magnitude < -1:
        return 0
    if magnitude < _MOST_DIGITS:
        value = _rounded(price, decimals)
        if LEAST_VALUE <= value <= MOST_VALUE:
            return value
    raise Refused(Fault.VALUE_RANGE, f"{price:.12g} with {decimals} decimals does not fit in a feed value")


def feed_values(prices: Sequence[Decimal | None], decimals: Sequence[int]) -> list[int | None]:
    """The value of each feed, empty (None) where there is no price or it cannot be said: one bad price empties itself.

    Shapes: (n,), (n,) to (n,). Raises: ValueError for different lengths.
    """
    return [_value_or_empty(price, places) for price, places in zip(prices, decimals, strict=True)]


def encode_values(values: Sequence[int | None], *, strip: bool = True) -> bytes:
    """The values on the wire. `strip` leaves out empty ones at the end, but for the first value of all.

    Shape: (n,) to 4 bytes for each kept. Raises: Refused for a value out of range.
    """
    raw = [EMPTY if value is None else _offset(value) for value in values]
    while strip and len(raw) > 1 and raw[-1] == EMPTY:
        raw.pop()
    return struct.pack(f">{len(raw)}I", *raw)


def decode_values(data: bytes, feed_count: int) -> list[int | None]:
    """The value of each of `feed_count` feeds; None where it is empty, or missing at the end.

    Raises: Refused, when the length is no multiple of 4 or there are more values than feeds.
    """
    count, rest = divmod(len(data), VALUE_BYTES)
    if rest:
        raise Refused(
            Fault.VALUES_LENGTH, f"values have {VALUE_BYTES} bytes each, {len(data)} is no multiple", len(data) - rest
        )
    if count > feed_count:
        raise Refused(Fault.VALUES_COUNT, f"{count} values for {feed_count} feeds", feed_count * VALUE_BYTES)
    values = [raw - OFFSET if raw else None for raw in struct.unpack(f">{count}I", data)]
    return values + [None] * (feed_count - count)


def _rounded(price: Decimal, decimals: int) -> int:
    # Wide enough for every digit there is, so that only the last step rounds.
    wide = Context(prec=len(price.as_tuple().digits) + 3 * _MOST_DIGITS, Emax=MAX_EMAX, Emin=MIN_EMIN)
    scaled = wide.add(wide.scaleb(price, decimals), _HALF)
    return int(scaled.to_integral_value(rounding=ROUND_FLOOR))


def _value_or_empty(price: Decimal | None, decimals: int) -> int | None:
    if price is None:
        return None
    try:
        return feed_value(price, decimals)
    except Refused:
        return None


def _offset(value: int) -> int:
    if not LEAST_VALUE <= value <= MOST_VALUE:
        raise Refused(Fault.VALUE_RANGE, f"{value} does not fit in a feed value")
    return value + OFFSET
