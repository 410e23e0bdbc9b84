"""Prices and volumes as senders write them. The digits are checked before any Decimal is made.

A Decimal would take "NaN", "1e999999999", "1_000" and Arabic digits; a nine-byte bomb then stops the loop for half
a minute as soon as somebody turns it into an integer.
"""

import re
from decimal import Decimal
from typing import Final

PRICE_PATTERN: Final = r"^[0-9]{1,12}(\.[0-9]{1,18})?$"
VOLUME_PATTERN: Final = r"^[0-9]{1,18}(\.[0-9]{1,18})?$"

_price_text = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,18})?", re.ASCII).fullmatch
_volume_text = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})?", re.ASCII).fullmatch
# JavaScript writes 1e-7 for a small price, so JSON numbers may have a short exponent.
_NUMERAL = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)

_MOST_PRICE: Final = Decimal(10**12)
_MOST_VOLUME: Final = Decimal(10**18)
_FINEST: Final = -30
"""Decimal places that a JSON number may end up with; a double's own digits of a price near 1e-12 fit."""


class Numeral(str):
    """The digits of a JSON number with a point or an exponent, exactly as they were sent."""

    __slots__ = ()


def price_of(value: object) -> Decimal | None:
    """The price that a JSON string or number tells: above zero, below 10**12. None when it is none."""
    if type(value) is str:
        return (Decimal(value) or None) if _price_text(value) else None
    return _number(value, _MOST_PRICE) or None


def volume_of(value: object) -> Decimal | None:
    """The volume that a JSON string or number tells: zero or more, below 10**18. None when it is none."""
    if type(value) is str:
        return Decimal(value) if _volume_text(value) else None
    return _number(value, _MOST_VOLUME)


def _number(value: object, most: Decimal) -> Decimal | None:
    if type(value) is int:
        return Decimal(value) if 0 <= value < most else None
    if type(value) is Numeral and _NUMERAL.fullmatch(value):
        number = Decimal(str(value))
        exponent = number.as_tuple().exponent
        if number < most and isinstance(exponent, int) and exponent >= _FINEST:
            # In plain digits: 1E+3 and 1000 are one price and must be written alike.
            return number if exponent <= 0 else number.quantize(Decimal(1))
    return None
