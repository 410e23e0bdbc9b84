"""The single estimators against their exact twins, and as the mathematics says."""

import math
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import chrono_core
from tests.reference import estimators as twin

prices = st.floats(min_value=1e-9, max_value=1e12)
values = st.floats(min_value=-1e12, max_value=1e12)
# Few distinct weights, so that "half is met exactly" happens often.
weights = st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.7, 1.0, 3.0, 1e-30, 1e30])
SMALLEST = Fraction(5e-324)
positive = st.floats(min_value=1e-6, max_value=1e6)


def close(got: float, wanted: Fraction, scale: Fraction | float = 0) -> bool:
    """Equal up to rounding, relative to the wanted number or to the scale of the inputs."""
    # The smallest float there is cannot be halved.
    return abs(Fraction(got) - wanted) <= Fraction(1, 10**12) * max(abs(wanted), Fraction(scale)) + SMALLEST


def rows(*columns):
    return st.lists(st.tuples(*columns), min_size=1, max_size=40).map(
        lambda rows: [list(c) for c in zip(*rows, strict=True)]
    )


@given(st.lists(values, min_size=1, max_size=60))
def test_the_median_is_the_exact_one_rounded_once(column):
    assert chrono_core.median(column) == float(twin.median(column))


@given(st.lists(values, min_size=1, max_size=60))
def test_the_mad_is_that_of_the_twin(column):
    assert close(chrono_core.mad(column), twin.mad(column), max(map(abs, column)))


@given(rows(values, weights))
def test_the_weighted_median_meets_half_exactly(columns):
    column, weight = columns
    assume(any(weight))
    assert chrono_core.weighted_median(column, weight) == float(twin.weighted_median(column, weight))


@given(st.lists(values, min_size=1, max_size=40))
def test_equal_weights_give_the_plain_median(column):
    assert chrono_core.weighted_median(column, [0.1] * len(column)) == chrono_core.median(column)


@given(rows(prices, st.floats(min_value=0, max_value=1e9)))
def test_the_vwap_is_that_of_the_twin(columns):
    price, volume = columns
    assume(any(v > 1e-100 for v in volume))
    got = chrono_core.vwap(price, volume)
    assert close(got, twin.vwap(price, volume))
    assert min(price) <= got <= max(price)


@given(rows(values, st.integers(0, 10**12)), st.integers(0, 10**12))
def test_the_twap_is_that_of_the_twin(columns, tail):
    price, gaps = columns
    times = [sum(gaps[: i + 1]) - 10**9 for i in range(len(gaps))]
    end = times[-1] + tail
    assert close(chrono_core.twap(price, times, end_ns=end), twin.twap(price, times, end), max(map(abs, price)))


@given(st.lists(prices, min_size=1, max_size=40))
def test_over_no_time_at_all_the_last_price_holds(column):
    assert chrono_core.twap(column, [7] * len(column)) == column[-1]


@given(st.lists(values, min_size=1, max_size=60))
def test_mean_and_std_dev_are_those_of_the_twin(column):
    scale = max(map(abs, column))
    assert close(chrono_core.mean(column), twin.mean(column), scale)
    # In squares, since the root of a fraction is none.
    squared, wanted = Fraction(chrono_core.std_dev(column)) ** 2, twin.variance(column)
    assert abs(squared - wanted) <= wanted / 10**9 + (Fraction(scale) / 10**12 + SMALLEST) ** 2


@given(st.lists(prices, min_size=1, max_size=40), st.sampled_from(["mad", "iqr"]), st.floats(0, 10), st.floats(0, 100))
def test_outliers_are_what_lies_outside_the_exact_band(column, method, threshold, floor_bps):
    band = twin.mad_band if method == "mad" else twin.iqr_band
    low, high = band(column, threshold, floor_bps)
    found = chrono_core.outliers(column, method=method, threshold=threshold, floor_bps=floor_bps)
    assert close(found.low, low, max(column))
    assert close(found.high, high, max(column))
    edge = Fraction(max(column)) / 10**10
    clear = [i for i, p in enumerate(column) if abs(Fraction(p) - low) > edge and abs(Fraction(p) - high) > edge]
    assert [i for i in found.indices if i in clear] == [i for i in clear if not low <= Fraction(column[i]) <= high]


@given(st.lists(prices, min_size=1, max_size=40), st.floats(0.5, 5))
def test_sigma_outliers_lie_beyond_the_exact_distance(column, threshold):
    found = chrono_core.outliers(column, method="sigma", threshold=threshold, floor_bps=0.0)
    centre, variance = twin.mean(column), twin.variance(column)
    reach = Fraction(threshold) ** 2 * variance
    doubt = (Fraction(max(column)) / 10**7) ** 2 + reach / 10**6
    for row, price in enumerate(column):
        squared = (Fraction(price) - centre) ** 2
        if abs(squared - reach) > doubt:
            assert (row in found.indices) == (squared > reach)


@given(st.lists(prices, min_size=2, max_size=10), st.data())
def test_three_sigma_never_sees_one_liar_among_ten(column, data):
    honest = [100.0] * (len(column) - 1)
    liar = data.draw(st.floats(1e-6, 1e9))
    assert chrono_core.outliers([*honest, liar], method="sigma", threshold=3.0000001).indices == []


@given(rows(prices, positive), st.randoms())
def test_order_does_not_matter_to_medians(columns, random):
    column, weight = columns
    places = list(range(len(column)))
    random.shuffle(places)
    mixed, mixed_weight = [column[i] for i in places], [weight[i] for i in places]
    assert chrono_core.median(mixed) == chrono_core.median(column)
    assert chrono_core.mad(mixed) == chrono_core.mad(column)
    assert chrono_core.weighted_median(mixed, mixed_weight) == chrono_core.weighted_median(column, weight)


@given(rows(prices, positive), st.integers(-20, 20))
def test_a_power_of_two_scales_every_result_exactly(columns, power):
    column, weight = columns
    factor = 2.0**power
    scaled = [value * factor for value in column]
    times = list(range(len(column)))
    assert chrono_core.median(scaled) == factor * chrono_core.median(column)
    assert chrono_core.mad(scaled) == factor * chrono_core.mad(column)
    assert chrono_core.vwap(scaled, weight) == factor * chrono_core.vwap(column, weight)
    assert chrono_core.twap(scaled, times) == factor * chrono_core.twap(column, times)
    assert chrono_core.std_dev(scaled) == factor * chrono_core.std_dev(column)
    assert chrono_core.weighted_median(scaled, weight) == factor * chrono_core.weighted_median(column, weight)
    assert chrono_core.vwap(column, [factor * w for w in weight]) == chrono_core.vwap(column, weight)


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=40), st.integers(-(10**9), 10**9))
def test_a_shift_moves_the_centre_and_leaves_the_width(column, shift):
    moved = [value + shift for value in column]
    assert chrono_core.median(moved) == chrono_core.median(column) + shift
    assert chrono_core.mad(moved) == chrono_core.mad(column)
    assert chrono_core.std_dev(moved) == pytest.approx(chrono_core.std_dev(column), rel=1e-9, abs=1e-3)


@given(st.lists(st.floats(), max_size=8), st.lists(st.floats(), max_size=8))
def test_whatever_comes_in_a_result_is_finite_or_refused(first, second):
    calls = [
        lambda: chrono_core.vwap(first, second),
        lambda: chrono_core.weighted_median(first, second),
        lambda: chrono_core.twap(first, range(len(first))),
        lambda: chrono_core.median(first),
        lambda: chrono_core.mad(first),
        lambda: chrono_core.mean(first),
        lambda: chrono_core.std_dev(first),
    ]
    for call in calls:
        try:
            result = call()
        except chrono_core.EstimateError as error:
            assert error.reason
        else:
            assert math.isfinite(result)
