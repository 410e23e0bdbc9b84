"""From the values of a message to what was said: what is absent, what is nonsense, and what is told."""

from decimal import Decimal

import pytest
from msgspec import Raw

from chrono.ingest.venues.reading import decoder
from chrono.ingest.venues.telling import NotAPriceError, dealt, listed, offered, price_if_any, shown, ticked, whole
from chrono.ingest.venues.words import Dealt, Instrument, Offered, Ticked, Unread

NONSENSE = ["abc", "NaN", "-1", "1e40", -5, True, [], {}, "1_000", "\u0661", 10**400, Decimal("1e-400"), 1.5]


@pytest.mark.parametrize("value", [None, "", "0", 0, "0.000", Decimal(0)])
def test_nothing_and_zero_are_an_absent_price(value):
    assert price_if_any(value) is None


@pytest.mark.parametrize("value", NONSENSE)
def test_nonsense_is_no_absent_price(value):
    with pytest.raises(NotAPriceError):
        price_if_any(value)


def test_an_absent_side_is_empty_and_a_nonsense_side_makes_all_unread():
    assert offered("X", "1", "", 5, "77") == Offered("X", Decimal(1), None, 5, 77)
    assert offered("X", None, None, None) == Offered("X", None, None, None)
    for value in NONSENSE:
        assert isinstance(offered("X", "1", value, 5), Unread)
        assert isinstance(offered("X", value, "1", 5), Unread)


def test_a_summary_needs_one_price_and_no_nonsense():
    assert ticked("X", "1", None, "2", 5, "-3") == Ticked("X", Decimal(1), None, Decimal(2), 5)
    assert isinstance(ticked("X", None, "", "0", 5, "3"), Unread)
    for value in NONSENSE:
        assert isinstance(ticked("X", value, "1", "2", 5), Unread)


def test_a_trade_needs_its_price_and_its_amount():
    assert dealt("X", "2", "0", "buy", None, 7) == Dealt("X", Decimal(2), Decimal(0), "buy", None, "7")
    assert dealt("X", "2", "1", "", 5, ["id"]) == Dealt("X", Decimal(2), Decimal(1), "", 5)
    for value in [*NONSENSE, None, ""]:
        assert isinstance(dealt("X", value, "1", "buy", 5), Unread)
    assert isinstance(dealt("X", "1", None, "buy", 5), Unread)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (5, 5),
        ("5", 5),
        ("", None),
        (-1, None),
        (2**63, None),
        ("9" * 30, None),
        (True, None),
        ("\u0665", None),
        (1.0, None),
    ],
)
def test_a_sequence_is_a_whole_number_of_64_bits(value, told):
    assert whole(value) == told


def test_showing_a_value_is_short_whatever_it_is():
    for value in [*NONSENSE, 10**100_000, "x" * 10**6, [[]] * 1000, None]:
        assert len(shown(value)) <= 60


def test_a_row_that_cannot_be_read_is_not_listed():
    rows = decoder(list[Raw]).decode(b'[{"a":"X"},5,{"a":""},{"a":"Y"}]')
    assert listed(rows, decoder(dict[str, str]), lambda row: Instrument(row["a"], "B", "Q", active=True)) == [
        Instrument("X", "B", "Q", active=True),
        Instrument("Y", "B", "Q", active=True),
    ]
