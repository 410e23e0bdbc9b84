"""Every kind of column that a caller may have gives the same numbers; a wrong one is refused by name."""

import array
import ctypes
import gc
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import chrono_core
from chrono_core import EstimateError

PRICES = [45120.0, 45125.0, 45118.0]
VOLUMES = [100, 150, 80]
WANTED = 45121.78787878788
TIMES = [1_700_000_000_000_000_000, 1_700_000_000_000_000_001, 1_700_000_000_000_000_003]


def read_only(values):
    column = np.array(values)
    column.flags.writeable = False
    return column


def unaligned(values):
    raw = bytearray(8 * len(values) + 1)
    raw[1:] = array.array("d", values).tobytes()
    return np.frombuffer(raw, dtype="f8", offset=1)


FLOATS = {
    "list": list,
    "tuple": tuple,
    "list of int": lambda values: [int(value) for value in values],
    "list of Decimal": lambda values: [Decimal(str(value)) for value in values],
    "list of Fraction": lambda values: [Fraction(value) for value in values],
    "list of NumPy scalars": lambda values: list(np.array(values, "f8")),
    "array d": lambda values: array.array("d", values),
    "array f": lambda values: array.array("f", values),
    "array q": lambda values: array.array("q", map(int, values)),
    "array I": lambda values: array.array("I", map(int, values)),
    "memoryview": lambda values: memoryview(array.array("d", values)),
    "memoryview cast": lambda values: memoryview(array.array("d", values).tobytes()).cast("d"),
    "ctypes i8": lambda values: (ctypes.c_int64 * len(values))(*map(int, values)),
    "ctypes": lambda values: (ctypes.c_double * len(values))(*values),
    "numpy f8": lambda values: np.array(values, "f8"),
    "numpy f4": lambda values: np.array(values, "f4"),
    "numpy big-endian": lambda values: np.array(values, ">f8"),
    "numpy big-endian i4": lambda values: np.array(values, ">i4"),
    "numpy longdouble": lambda values: np.array(values, "longdouble"),
    "numpy i8": lambda values: np.array(values, "i8"),
    "numpy i4": lambda values: np.array(values, "i4"),
    "numpy u4": lambda values: np.array(values, "u4"),
    "numpy u2": lambda values: np.array(values, "u2"),
    "numpy u8": lambda values: np.array(values, "u8"),
    "numpy object": lambda values: np.array(values, "O"),
    "numpy strided": lambda values: np.repeat(np.array(values, "f8"), 3)[::3],
    "numpy reversed": lambda values: np.array(values[::-1], "f8")[::-1],
    "numpy strided i4": lambda values: np.repeat(np.array(values, "i4"), 2)[::2],
    "numpy read-only": read_only,
    "numpy unaligned": unaligned,
    "polars": pl.Series,
    "polars f32": lambda values: pl.Series(values, dtype=pl.Float32),
    "polars i64": lambda values: pl.Series([int(value) for value in values]),
    "polars u16": lambda values: pl.Series([int(value) for value in values], dtype=pl.UInt16),
    "polars decimal": lambda values: pl.Series([Decimal(str(value)) for value in values]),
    "polars chunked": lambda values: pl.concat([pl.Series([value]) for value in values], rechunk=False),
    "polars slice": lambda values: pl.Series([0.0, *values, 0.0])[1:-1],
    "polars to_numpy": lambda values: pl.Series(values).to_numpy(),
    "arrow": pa.array,
    "arrow f32": lambda values: pa.array(values, pa.float32()),
    "arrow i32": lambda values: pa.array([int(value) for value in values], pa.int32()),
    "arrow u64": lambda values: pa.array([int(value) for value in values], pa.uint64()),
    "arrow slice": lambda values: pa.array([0.0, *values, 0.0])[1:-1],
    "arrow chunked": lambda values: pa.chunked_array([[values[0]], [], values[1:]], pa.float64()),
    "arrow dictionary": lambda values: pa.array(values).dictionary_encode(),
    "a column of ours": lambda values: own(values, "price"),
    "generator": iter,
}


def own(values, name):
    n = len(values)
    many = chrono_core.consensus_many(values, None, [0] * n, [1] * n, range(n + 1))
    return getattr(many, name)


@pytest.mark.parametrize("kind", FLOATS)
def test_every_kind_of_column_gives_the_same_average(kind):
    make = FLOATS[kind]
    assert chrono_core.vwap(make(PRICES), make([float(v) for v in VOLUMES])) == WANTED


@pytest.mark.parametrize(
    "make",
    [
        list,
        lambda times: array.array("q", times),
        lambda times: array.array("Q", times),
        lambda times: np.array(times, "i8"),
        lambda times: np.array(times, "u8"),
        lambda times: np.array(times, "i8").astype("datetime64[ns]"),
        pl.Series,
        lambda times: pl.Series(times).cast(pl.Datetime("ns", "UTC")),
        pa.array,
        lambda times: pa.array(times, pa.timestamp("ns")),
        lambda times: pa.chunked_array([times[:1], times[1:]]),
    ],
)
def test_every_kind_of_time_keeps_its_nanoseconds(make):
    assert chrono_core.twap([1.0, 4.0, 100.0], make(TIMES)) == 3.0


def test_coarser_arrow_instants_become_nanoseconds():
    times = pa.array([0, 1, 3], pa.timestamp("ms"))
    assert chrono_core.twap([1.0, 4.0, 1.0], times, end_ns=4_000_000) == 2.5


def test_a_numpy_instant_that_is_not_a_time_is_null():
    times = np.array(["1970-01-01", "NaT", "1970-01-03"], "datetime64[D]")
    with pytest.raises(EstimateError, match=r"timestamps_ns\[1\] is null"):
        chrono_core.twap([1.0, 2.0, 3.0], times)
    assert chrono_core.twap([1.0, 2.0, 3.0], times, nulls="skip") == 1.0


def test_lent_columns_are_left_as_they_were():
    column, series = np.array([3.0, 1.0, 2.0]), pl.Series([3.0, 1.0, 2.0])
    assert chrono_core.median(column) == chrono_core.median(series) == 2.0
    assert column.tolist() == series.to_list() == [3.0, 1.0, 2.0]


def test_arrow_memory_is_given_back():
    before = pa.total_allocated_bytes()
    for _ in range(50):
        chrono_core.median(pa.array(np.arange(10_000.0)))
        chrono_core.median(pa.chunked_array([[1.0] * 1000, [2.0] * 1000]))
        pa.array(own([1.0, 2.0], "price"))
    gc.collect()
    assert pa.total_allocated_bytes() - before < 100_000


NULLS = {
    "list": [2.0, None, 4.0],
    "masked": np.ma.MaskedArray([2.0, 77.0, 4.0], [False, True, False]),
    "polars": pl.Series([2.0, None, 4.0]),
    "polars chunked": pl.concat([pl.Series([2.0]), pl.Series([None, 4.0])], rechunk=False),
    "polars slice": pl.Series([9.0] * 7 + [2.0, None, 4.0])[7:],
    "arrow": pa.array([2.0, None, 4.0]),
    "arrow int": pa.array([2, None, 4], pa.int16()),
    "arrow chunked": pa.chunked_array([[2.0, None], [4.0]]),
    "arrow slice": pa.array([9.0, 2.0, None, 4.0, 9.0])[1:4],
}


@pytest.mark.parametrize("kind", NULLS)
def test_a_null_is_refused_unless_it_may_be_skipped(kind):
    with pytest.raises(EstimateError, match=r"values\[1\] is null"):
        chrono_core.median(NULLS[kind])
    assert chrono_core.median(NULLS[kind], nulls="skip") == 3.0


def test_a_row_is_skipped_when_either_column_is_null():
    assert chrono_core.vwap([1.0, None, 3.0, 7.0], [1.0, 5.0, None, 1.0], nulls="skip") == 4.0
    assert chrono_core.twap([1.0, 2.0, 9.0], [0, None, 4], end_ns=8, nulls="skip") == 5.0


def test_rows_are_counted_in_the_callers_column_even_when_some_are_skipped():
    with pytest.raises(EstimateError, match=r"prices\[2\] is nan") as caught:
        chrono_core.vwap([None, 1.0, math.nan], [1.0, 1.0, 1.0], nulls="skip")
    assert (caught.value.reason, caught.value.argument, caught.value.index) == ("not_finite", "prices", 2)
    found = chrono_core.outliers([None, 10.0, 10.0, 10.0, 99.0], nulls="skip")
    assert (found.indices, found.n) == ([4], 4)


def test_all_rows_null_is_empty_not_nan():
    with pytest.raises(EstimateError, match="values is empty"):
        chrono_core.median(pl.Series([None, None], dtype=pl.Float64), nulls="skip")
    with pytest.raises(EstimateError, match="values is empty"):
        chrono_core.median(pa.nulls(2), nulls="skip")


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        (5.0, r"values is a float: expected a column of numbers"),
        (None, r"values is a NoneType: expected a column"),
        ("12", r"values is a str: expected a column of numbers"),
        (b"12", r"values is a bytes: expected a column of numbers"),
        ({1: 2}, r"values is a dict: expected a column"),
        ([1.0, "2"], r"values\[1\] is '2' \(str\): expected a number"),
        ([True], r"values\[0\] is True \(bool\): expected a number"),
        ([1.0, 2 + 1j], r"values\[1\] is \(2\+1j\) \(complex\): expected a number"),
        ([[1.0], [2.0]], r"values\[0\] is \[1.0\] \(list\): expected a number"),
        (np.array([True, False]), r"values is a ndarray: expected a column of numbers"),
        (np.zeros((2, 2)), r"values has 2 dimensions: expected one"),
        (np.array(1.0), r"values is a ndarray: expected a column"),
        (np.array(["a"]), r"values\[0\] is 'a' \(str\): expected a number"),
        (np.array([1j]), r"expected a number"),
        (pl.Series(["a"]), r"values\[0\] is 'a' \(str\): expected a number"),
        (pl.DataFrame({"a": [1.0]}), r"expected a"),
    ],
)
def test_what_is_no_column_of_numbers_is_a_type_error(column, sentence):
    with pytest.raises(TypeError, match=sentence):
        chrono_core.median(column)


@pytest.mark.parametrize("times", [[0.0], np.array([0.0]), pl.Series([0.0]), pa.array([0.0]), ["0"], [True]])
def test_times_are_integers(times):
    with pytest.raises(TypeError, match=r"timestamps_ns.*expected"):
        chrono_core.twap([1.0], times)


def test_what_does_not_fit_into_64_bits_is_named():
    with pytest.raises(EstimateError, match=r"timestamps_ns\[1\] is 9223372036854775808") as caught:
        chrono_core.twap([1.0, 2.0], [0, 2**63])
    assert caught.value.reason == "out_of_range"
    with pytest.raises(EstimateError, match=r"timestamps_ns\[0\] is 18446744073709551615"):
        chrono_core.twap([1.0], np.array([2**64 - 1], "u8"))
    with pytest.raises(EstimateError, match=r"values\[0\] is 1000.*\.\.\."):
        chrono_core.median([10**400])
    with pytest.raises(EstimateError, match=r"timestamps_ns\[0\] is too large"):
        chrono_core.twap([1.0], pa.array([2**60], pa.timestamp("s")))


def test_a_stream_that_was_read_before_is_refused():
    class Once:
        capsule = pl.Series([1.0]).__arrow_c_stream__()

        def __arrow_c_stream__(self, requested_schema=None):
            return self.capsule

    once = Once()
    assert chrono_core.median(once) == 1.0
    with pytest.raises(ValueError, match="already consumed"):
        chrono_core.median(once)


def test_an_object_that_only_pretends_to_speak_arrow_is_refused():
    class Liar:
        def __arrow_c_array__(self, requested_schema=None):
            return object(), object()

    with pytest.raises(TypeError):
        chrono_core.median(Liar())


def test_a_null_in_a_source_column_is_left_out_with_its_reason():
    columns = ([100.0, None, 102.0, 101.0], [1.0, 1.0, None, 1.0], [0, 0, 0, 0], ["a", "b", "c", None])
    result = chrono_core.consensus(*columns, nulls="skip")
    assert result.excluded == ((1, "null"), (3, "null"))
    assert [source.id for source in result.sources] == ["a", "c"]
    with pytest.raises(EstimateError, match=r"prices\[1\] is null"):
        chrono_core.consensus(*columns)
    with pytest.raises(EstimateError, match="no usable point"):
        chrono_core.consensus([None], [1.0], [0], [1], nulls="skip")


@pytest.mark.parametrize(
    "ids",
    [
        ["kraken", "binance", "kraken"],
        np.array(["kraken", "binance", "kraken"]),
        pl.Series(["kraken", "binance", "kraken"]),
        pl.Series(["kraken", "binance", "kraken"], dtype=pl.Categorical),
        pa.array(["kraken", "binance", "kraken"]),
        pa.array(["kraken", "binance", "kraken"]).dictionary_encode(),
    ],
)
def test_sources_may_have_names_in_any_kind_of_column(ids):
    result = chrono_core.consensus([1.0, 2.0, 3.0], None, [0, 0, 0], ids)
    assert [(source.id, source.n_points) for source in result.sources] == [("binance", 1), ("kraken", 2)]
    many = chrono_core.consensus_many([1.0, 2.0, 3.0], None, [0, 0, 0], ids, [0, 3])
    assert many.source_id == ["binance", "kraken"]


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_sources_may_be_integers_of_any_width(kind):
    result = chrono_core.consensus([1.0, 2.0, 3.0], None, [0, 0, 0], np.array([7, 3, 7], kind))
    assert [source.id for source in result.sources] == [3, 7]


def test_names_and_numbers_do_not_mix():
    with pytest.raises(TypeError, match=r"source_ids\[1\] is 2 \(int\): expected text"):
        chrono_core.consensus([1.0, 2.0], None, [0, 0], ["a", 2])
