"""What each estimator means, by worked example, and what it refuses, sentence by sentence."""

import math

import pytest

import chrono_core
from chrono_core import EstimateError


def test_the_core_is_built_and_not_an_empty_folder():
    # `import chrono_core` succeeds at the top of the project with nothing built: so call something.
    assert chrono_core.median([3.0, 1.0, 2.0]) == 2.0
    assert chrono_core.__file__ is not None


def test_the_worked_example_of_the_vwap():
    assert round(chrono_core.vwap([45120, 45125, 45118], [100, 150, 80]), 4) == 45121.7879


def test_a_price_holds_until_the_next_one_and_the_last_until_the_end():
    assert chrono_core.twap([1.0, 4.0], [0, 10], end_ns=40) == 3.25
    assert chrono_core.twap([1.0, 4.0], [0, 10]) == 1.0
    assert chrono_core.twap([1.0, 9.0, 4.0], [0, 10, 10], end_ns=20) == 2.5


def test_a_span_of_zero_gives_the_last_price():
    assert chrono_core.twap([1.0, 4.0], [5, 5]) == 4.0
    assert chrono_core.twap([7.0], [5]) == 7.0


def test_the_whole_range_of_times_is_a_span():
    assert chrono_core.twap([1.0, 3.0], [-(2**63), 0], end_ns=2**63 - 1) == pytest.approx(2.0)


def test_the_weighted_median_is_the_mean_only_where_half_is_met_exactly():
    assert chrono_core.weighted_median([1.0, 2.0, 9.0], [1, 1, 1]) == 2.0
    assert chrono_core.weighted_median([1.0, 2.0, 9.0], [1, 1, 2]) == 5.5
    assert chrono_core.weighted_median([1.0, 2.0, 9.0], [1, 0, 1]) == 5.0
    assert chrono_core.weighted_median([1.0, 2.0], [0.1 + 0.2, 0.3]) == 1.0
    assert chrono_core.weighted_median([3.0, 2.0, 1.0], [0.1, 0.2, 0.30000000000000004]) == 1.0
    assert chrono_core.weighted_median([1.0, 2.0], [1e-300, 1e-300]) == 1.5


def test_mad_is_raw_and_std_dev_is_of_the_population():
    assert chrono_core.mad([1.0, 2.0, 4.0, 8.0]) == 1.5
    assert chrono_core.std_dev([1.0, 3.0]) == 1.0
    assert chrono_core.mean([1.0, 3.0]) == 2.0


def test_numbers_near_the_limit_of_a_float_do_not_overflow_on_the_way():
    huge = 1.7e308
    assert chrono_core.median([huge, huge]) == huge
    assert chrono_core.mean([huge, huge, huge]) == pytest.approx(huge)
    assert chrono_core.std_dev([huge, huge]) == 0.0
    assert chrono_core.twap([huge, huge, huge], [0, 1, 2], end_ns=3) == pytest.approx(huge)


def test_outliers_by_each_method():
    prices = [100.0, 100.1, 99.9, 100.0, 150.0]
    found = chrono_core.outliers(prices)
    assert (found.indices, found.center, found.method, found.threshold, len(found)) == ([4], 100.0, "mad", 3.0, 1)
    assert found.scale == pytest.approx(0.14826)
    assert chrono_core.outliers(prices, method="iqr").indices == [4]
    # Blind by arithmetic: among five, no value is farther than two standard deviations.
    assert chrono_core.outliers(prices, method="sigma").indices == []
    assert chrono_core.outliers(prices, method="sigma", threshold=1.9).indices == [4]
    assert found.to_dict()["indices"] == [4]
    assert repr(found).startswith("Outliers(indices=[4], center=100.0")


def test_the_floor_keeps_a_calm_market_from_being_full_of_outliers():
    calm = [100.0, 100.0, 100.0, 100.05]
    assert chrono_core.outliers(calm).indices == []
    assert chrono_core.outliers(calm, floor_bps=0.0).indices == [3]


NAN, INF = math.nan, math.inf
REFUSED = [
    (lambda: chrono_core.vwap([], []), "empty", "prices is empty: at least one value is needed"),
    (lambda: chrono_core.vwap([1.0], [1.0, 2.0]), "length_mismatch", "volumes has 2 values, but prices has 1"),
    (
        lambda: chrono_core.vwap([1.0, 1.0, 1.0, NAN], [1.0] * 4),
        "not_finite",
        "prices[3] is nan: only finite numbers are accepted",
    ),
    (lambda: chrono_core.vwap([1.0], [INF]), "not_finite", "volumes[0] is inf: only finite numbers are accepted"),
    (lambda: chrono_core.vwap([0.0], [1.0]), "not_positive", "prices[0] is 0.0: it must be greater than zero"),
    (lambda: chrono_core.vwap([-0.0], [1.0]), "not_positive", "prices[0] is -0.0: it must be greater than zero"),
    (lambda: chrono_core.vwap([1.0], [-2.5]), "negative", "volumes[0] is -2.5: it must not be negative"),
    (lambda: chrono_core.vwap([1.0], [0.0]), "zero_total", "volumes add up to zero: at least one must be positive"),
    (
        lambda: chrono_core.vwap([1e300], [1e300]),
        "overflow",
        "prices times volumes are too large: the result does not fit into a 64-bit float",
    ),
    (lambda: chrono_core.vwap([1.0, 1.0], [1e308, 1e308]), "overflow", "volumes are too large: the result"),
    (
        lambda: chrono_core.twap([1.0, 1.0], [5, 4]),
        "unsorted",
        "timestamps_ns[1] is 4, which is before 5: times must not go back",
    ),
    (
        lambda: chrono_core.twap([1.0], [5], end_ns=4),
        "end_before_last",
        "end_ns is 4, which is before the last timestamp 5",
    ),
    (lambda: chrono_core.weighted_median([1.0], [0]), "zero_total", "weights add up to zero"),
    (lambda: chrono_core.weighted_median([1.0], [-1]), "negative", "weights[0] is -1.0"),
    (lambda: chrono_core.weighted_median([1.0] * 2, [1e308] * 2), "overflow", "weights are too large"),
    (lambda: chrono_core.std_dev([-1.7e308, 1.7e308, 1.7e308]), "overflow", "values are too large"),
    (lambda: chrono_core.median([1.0, -INF]), "not_finite", "values[1] is -inf: only finite numbers are accepted"),
    (lambda: chrono_core.outliers([1.0], threshold=-1.0), "bad_option", "threshold is -1.0: expected a finite number"),
    (lambda: chrono_core.outliers([1.0], floor_bps=NAN), "bad_option", "floor_bps is nan: expected a finite number"),
    (lambda: chrono_core.outliers([-1.0]), "not_positive", "prices[0] is -1.0"),
]


@pytest.mark.parametrize(("call", "reason", "sentence"), REFUSED)
def test_what_is_refused_is_named(call, reason, sentence):
    with pytest.raises(EstimateError) as caught:
        call()
    assert caught.value.reason == reason
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("option", ["drop", "", "ERROR"])
def test_an_unknown_option_is_a_value_error(option):
    with pytest.raises(ValueError, match=r"expected \"error\" or \"skip\""):
        chrono_core.median([1.0], nulls=option)
    with pytest.raises(ValueError, match='expected "mad"'):
        chrono_core.outliers([1.0], method=option)


def test_columns_are_positional_and_options_are_keywords():
    with pytest.raises(TypeError):
        chrono_core.median(values=[1.0])
    with pytest.raises(TypeError):
        chrono_core.median([1.0], "skip")


def test_the_error_is_a_value_error_with_empty_facts_by_default():
    assert issubclass(EstimateError, ValueError)
    assert EstimateError.__module__ == "chrono_core"
    plain = EstimateError("x")
    assert (plain.reason, plain.argument, plain.index) == ("", None, None)
