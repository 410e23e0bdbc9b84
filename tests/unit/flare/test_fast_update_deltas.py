"""Deltas: their bits, what they do to the feeds on chain, and how the official client chooses them."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chrono.flare.fast_updates.deltas import (
    DOWN,
    NONE,
    UP,
    apply_deltas,
    block_step,
    chain_price,
    choose_deltas,
    decode_deltas,
    encode_deltas,
    precision,
    scale,
)

BASE_RANGE, BASE_SAMPLE = 3 << 106, 3 << 119
BASE_SCALE = scale(BASE_RANGE, BASE_SAMPLE)
steps = st.lists(st.sampled_from([UP, NONE, DOWN]), max_size=130)


@given(steps)
def test_deltas_come_back_as_they_were_written(deltas):
    assert decode_deltas(encode_deltas(deltas)) == deltas + [NONE] * (-len(deltas) % 4)


@given(st.binary(max_size=40))
def test_any_bytes_are_deltas_and_only_the_spelling_10_is_lost(data):
    again = encode_deltas(decode_deltas(data))
    assert decode_deltas(again) == decode_deltas(data)
    assert len(again) == len(data)


def test_the_two_bits_of_each_step_stand_most_significant_first():
    assert encode_deltas([UP, DOWN, NONE, UP]) == b"\x71"
    assert encode_deltas([DOWN]) == b"\xc0"
    assert decode_deltas(b"\x80") == [NONE, NONE, NONE, NONE]


@pytest.mark.parametrize("bad", [2, 3, -2])
def test_a_feed_moves_by_one_step_only(bad):
    with pytest.raises(ValueError, match=r"deltas\[1\]"):
        encode_deltas([UP, bad])


def test_at_the_base_rates_one_delta_moves_a_feed_by_a_8192nd():
    assert Fraction(precision(BASE_RANGE, BASE_SAMPLE), 1 << 127) == Fraction(1, 8192)
    assert block_step(BASE_RANGE, BASE_SAMPLE) == Fraction(3, 2 * 8192)


def test_without_a_sample_there_is_no_precision():
    with pytest.raises(ZeroDivisionError):
        precision(BASE_RANGE, 0)


def test_up_and_down_round_toward_zero():
    assert apply_deltas([8192, 8193, 8191, 5], encode_deltas([UP, DOWN, UP, NONE]), BASE_SCALE) == [8193, 8192, 8191, 5]


def test_deltas_end_before_the_feeds_or_after_them():
    assert apply_deltas([8192] * 6, encode_deltas([UP]), BASE_SCALE) == [8193] + [8192] * 5
    assert apply_deltas([8192], encode_deltas([UP] * 4), BASE_SCALE) == [8193]


def test_a_value_beyond_32_bits_spills_into_its_left_neighbour_within_the_slot():
    full = 2**32 - 1
    at_the_front = apply_deltas([full] + [0] * 8, encode_deltas([UP]), BASE_SCALE)
    assert at_the_front == [2**19 - 2] + [0] * 8
    behind = apply_deltas([4, full], encode_deltas([NONE, UP]), BASE_SCALE)
    assert behind == [5, 2**19 - 2]
    next_slot = apply_deltas([4] * 8 + [full], encode_deltas([NONE] * 8 + [UP]), BASE_SCALE)
    assert next_slot == [4] * 8 + [2**19 - 2]


def test_the_decimals_of_a_feed_value_may_be_negative():
    assert chain_price(4_294_967_295, 5) == Decimal("42949.67295")
    assert chain_price(12, -2) == Decimal(1200)


STEP = Fraction(1, 100)


def choose(chain, own, draws):
    it = iter(draws)
    chosen = choose_deltas(chain, own, STEP, lambda: next(it))
    assert list(it) == [], "a feed within a step takes one draw, any other none"
    return chosen


def test_beyond_a_step_the_choice_is_sure():
    assert choose([Decimal(100), Decimal(100)], [Decimal("101.01"), Decimal("98.99")], []) == [UP, DOWN]


def test_within_a_step_the_share_of_the_step_is_the_probability():
    own = [Decimal("100.25")]
    assert choose([Decimal(100)], own, [0.2499]) == [UP]
    assert choose([Decimal(100)], own, [0.25]) == [NONE]
    assert choose([Decimal(100)], [Decimal("99.75")], [0.2499]) == [DOWN]
    assert choose([Decimal(100)], [Decimal(101)], [0.9999]) == [UP]


def test_equal_prices_take_a_draw_and_stay():
    assert choose([Decimal(100)], [Decimal(100)], [0.0]) == [NONE]


def test_what_is_not_known_stays_and_the_list_ends_with_the_last_known_feed():
    chain = [None, Decimal(1), Decimal(1), Decimal(1), None]
    own = [Decimal(1), None, Decimal(2), None, Decimal(2)]
    assert choose(chain, own, []) == [NONE, NONE, UP]
    assert choose([None], [None], []) == []


def test_a_feed_at_zero_is_pushed_up_by_any_price():
    assert choose([Decimal(0), Decimal(0)], [Decimal("0.1"), Decimal(0)], [0.0]) == [UP, NONE]


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        choose_deltas([Decimal(1)], [], STEP, lambda: 0.5)
