"""The network's median against its exact twin, in integers of every width."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import chrono_core
from chrono.flare.median import Median, weighted_median, weighted_medians
from tests.reference import protocol_sums as twin

# Few small numbers, so that ties and exact halves are common, and all widths up to 300 bits.
values = st.one_of(
    st.none(),
    st.integers(-3, 3),
    st.integers(-(2**31) + 1, 2**31 - 1),
    st.integers(-(2**63) - 2, -(2**63) + 2),
    st.integers(2**63 - 2, 2**63 + 2),
    st.integers(-(2**300), 2**300),
)
weights = st.one_of(
    st.integers(0, 3),
    st.integers(0, 2**97),
    st.integers(2**128 - 2, 2**128 + 2),
    st.integers(0, 2**300),
)
voters = st.lists(st.tuples(values, weights), max_size=24).map(
    lambda rows: ([v for v, _ in rows], [w for _, w in rows])
)


def told(median: Median | None) -> twin.Votes | None:
    return median and (median.value, median.quartile1, median.quartile3, median.participating_weight)


@given(voters)
@example(([1, 2, 3], [5, 0, 5]))
@example(([1, 1, 3], [0, 5, 5]))
@example(([1, 1, 3], [5, 0, 5]))
@example(([-1, 0], [2**128 - 1, 2**128 - 1]))
@example(([-(2**64), 2**64 - 1], [1, 1]))
@example(([5, None, 4], [0, 9, 0]))
def test_the_median_is_that_of_the_twin_at_any_width(rows):
    assert told(weighted_median(*rows)) == twin.median(*rows)


@given(voters, st.integers(1, 2**200))
def test_weights_that_are_all_multiplied_change_nothing_but_the_weight(rows, factor):
    column, weight = rows
    once = told(weighted_median(column, weight))
    larger = told(weighted_median(column, [factor * w for w in weight]))
    assert larger == (once and (*once[:3], once[3] * factor))


@given(voters, st.integers(-(2**200), 2**200))
def test_values_that_are_all_moved_move_the_median(rows, shift):
    column, weight = rows
    before = told(weighted_median(column, weight))
    after = told(weighted_median([None if value is None else value + shift for value in column], weight))
    moved = before and (*(value if value is None else value + shift for value in before[:3]), before[3])
    assert after == moved


@given(
    st.lists(weights, max_size=8).flatmap(
        lambda w: st.tuples(st.just(w), st.lists(st.lists(values, min_size=len(w), max_size=len(w)), max_size=4))
    )
)
def test_many_feeds_at_once_give_what_each_gives_alone(rows):
    weight, columns = rows
    assert weighted_medians(columns, weight) == [weighted_median(column, weight) for column in columns]


def test_no_number_and_no_negative_weight_is_taken():
    with pytest.raises(ValueError, match="3 values, but 2 weights"):
        weighted_median([1, 2, 3], [1, 1])
    with pytest.raises(ValueError, match=r"weights\[1\] is -1"):
        weighted_median([1, 2], [1, -1])
    for bad in (1.5, "1", b"1"):
        with pytest.raises(TypeError):
            chrono_core.vote_median([bad], [1])  # type: ignore[list-item]
        with pytest.raises(TypeError):
            chrono_core.vote_median([1], [bad])  # type: ignore[list-item]
