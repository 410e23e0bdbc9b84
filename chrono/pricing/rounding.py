"""Where floats become decimals, and decimals text: the only such place, so that it is the same everywhere."""

from decimal import Decimal

SIGNIFICANT_DIGITS = 12
"""A float holds 15 to 17; the last few carry the rounding of the sums, and no venue quotes twelve."""

_PLACES = Decimal("0.0001")


def price_of(value: float) -> Decimal:
    """The decimal of a finite float, rounded to 12 significant digits, without trailing zeros."""
    return Decimal(f"{value:.{SIGNIFICANT_DIGITS}g}")


def optional_price_of(value: float | None) -> Decimal | None:
    """`price_of`, and None for None."""
    return None if value is None else price_of(value)


def share_of(value: float) -> Decimal:
    """A share between 0 and 1 with four places, such as a confidence; half goes to the even digit."""
    return Decimal(value).quantize(_PLACES)
