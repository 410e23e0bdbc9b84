"""Where floats become decimals."""

from decimal import Decimal

import pytest

from chrono.pricing.rounding import optional_price_of, price_of, share_of


@pytest.mark.parametrize(
    ("value", "price"),
    [
        (67234.56, "67234.56"),
        (0.1 + 0.2, "0.3"),
        (1 / 3, "0.333333333333"),
        (123456789012.7, "123456789013"),
        (100.0, "100"),
        (1.2345678901234e-8, "1.23456789012E-8"),
        (1e300, "1E+300"),
        (0.0, "0"),
    ],
)
def test_a_price_has_twelve_significant_digits(value: float, price: str):
    assert price_of(value) == Decimal(price)
    assert optional_price_of(value) == Decimal(price)


def test_none_stays_none():
    assert optional_price_of(None) is None


@pytest.mark.parametrize(
    ("value", "share"), [(0.95, "0.9500"), (1.0, "1.0000"), (0.00004, "0.0000"), (1e-30, "0.0000")]
)
def test_a_share_has_four_places(value: float, share: str):
    assert str(share_of(value)) == share
