"""Feed values: rounding of our own, the wire, and the rules by which everyone reads it."""

from decimal import Decimal

import pytest

from chrono.flare.feed_values import decode_values, encode_values, feed_value, feed_values
from chrono.flare.refusal import Fault, Refused

MOST = 2**31 - 1


@pytest.mark.parametrize(
    ("price", "decimals", "value"),
    [
        ("0.5", 0, 1),
        ("-0.5", 0, 0),
        ("-0.50000000000000000000000000000000000000001", 0, -1),
        ("1.5", 0, 2),
        ("-1.5", 0, -1),
        ("0.4999999999999999999999999999999999999999999999", 0, 0),
        ("0.005", 2, 1),
        ("123456", -3, 123),
        ("123500", -3, 124),
        ("2147483647.4999", 0, MOST),
        ("-2147483647.5", 0, -MOST),
        ("1e-999999", 5, 0),
        ("-1e-999999", 5, 0),
        ("0e999999", 5, 0),
        ("0." + "4" * 5000, 0, 0),
    ],
)
def test_a_price_is_rounded_half_up_towards_plus_infinity_however_many_digits_it_has(
    price: str, decimals: int, value: int
) -> None:
    assert feed_value(Decimal(price), decimals) == value


@pytest.mark.parametrize(
    ("price", "decimals", "fault"),
    [
        ("2147483647.5", 0, Fault.VALUE_RANGE),
        ("-2147483647.51", 0, Fault.VALUE_RANGE),
        ("21474836.48", 2, Fault.VALUE_RANGE),
        ("1e999999", 0, Fault.VALUE_RANGE),
        ("-1e999999999999", -128, Fault.VALUE_RANGE),
        ("9" * 5000, 0, Fault.VALUE_RANGE),
        ("NaN", 2, Fault.VALUE_NOT_FINITE),
        ("sNaN", 2, Fault.VALUE_NOT_FINITE),
        ("Infinity", 2, Fault.VALUE_NOT_FINITE),
        ("-Infinity", 2, Fault.VALUE_NOT_FINITE),
    ],
)
def test_a_price_that_does_not_fit_is_refused_by_name(price: str, decimals: int, fault: Fault) -> None:
    with pytest.raises(Refused) as refused:
        feed_value(Decimal(price), decimals)
    assert refused.value.fault is fault


def test_one_bad_price_empties_only_itself() -> None:
    prices = [Decimal(1), Decimal("NaN"), None, Decimal(10) ** 20, Decimal("1.005")]
    assert feed_values(prices, [2] * 5) == [100, None, None, None, 101]


def test_the_wire_holds_every_value_but_the_least_int32_which_would_read_as_empty() -> None:
    assert encode_values([-MOST, MOST, 0, None, -1]).hex() == "00000001ffffffff80000000000000007fffffff"
    for value in (-(2**31), 2**31):
        with pytest.raises(Refused) as refused:
            encode_values([value])
        assert refused.value.fault is Fault.VALUE_RANGE


def test_empty_values_at_the_end_are_stripped_but_for_one() -> None:
    assert encode_values([None, 1, None, None]).hex() == "0000000080000001"
    assert encode_values([None, None]).hex() == "00000000"
    assert encode_values([None, None], strip=False).hex() == "0000000000000000"
    assert encode_values([]) == b""


def test_what_is_missing_at_the_end_is_empty_and_nothing_at_all_is_all_empty() -> None:
    assert decode_values(bytes.fromhex("80000005"), 3) == [5, None, None]
    assert decode_values(b"", 2) == [None, None]


@pytest.mark.parametrize(
    ("length", "feeds", "fault"),
    [(1, 5, Fault.VALUES_LENGTH), (7, 5, Fault.VALUES_LENGTH), (8, 1, Fault.VALUES_COUNT), (4, 0, Fault.VALUES_COUNT)],
)
def test_values_that_do_not_fit_the_feeds_are_refused_by_name(length: int, feeds: int, fault: Fault) -> None:
    with pytest.raises(Refused) as refused:
        decode_values(bytes(length), feeds)
    assert refused.value.fault is fault
