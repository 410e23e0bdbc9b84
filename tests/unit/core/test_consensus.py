"""The consensus of sources: verdicts, reasons, confidence, shapes of the result."""

import ctypes
import json
import math
import sys
import threading

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import chrono_core
from chrono_core import EstimateError

S = 1_000_000_000
AT = 1_800_000_000 * S


def ask(prices, *, volumes=None, ages=None, ids=None, **options):
    n = len(prices)
    times = [AT - int(age * S) for age in (ages or [0] * n)]
    return chrono_core.consensus(prices, volumes, times, ids or list(range(n)), at_ns=AT, **options)


def test_sources_that_agree_give_exactly_their_price():
    result = ask([0.1] * 5, volumes=[1.0, 2.0, 3.0, None, 5.0])
    assert result.price == result.vwap == result.twap == result.median == result.weighted_median == result.mean == 0.1
    assert (result.std_dev, result.spread_bps, result.n_used, result.n_points) == (0.0, 0.0, 5, 5)
    assert result.confidence == pytest.approx(0.97, abs=0.01)


def test_a_far_source_is_dropped_with_all_its_points():
    result = ask([100.0, 100.02, 99.98, 100.01, 1000.0, 1001.0], ids=[1, 2, 3, 4, 9, 9])
    assert result.excluded == ((4, "outlier"), (5, "outlier"))
    assert [source.verdict for source in result.sources] == ["used"] * 4 + ["outlier"]
    assert result.sources[-1].weight == 0.0
    assert 99.98 <= result.price <= 100.02


def test_old_and_future_points_are_left_out_by_name():
    result = ask([100.0, 100.0, 100.0, 50.0, 50.0, 100.0], ages=[0, 1, 180, 180.1, -5.1, -5])
    assert result.excluded == ((3, "stale"), (4, "future"))
    assert [source.verdict for source in result.sources] == ["used", "used", "used", "stale", "future", "used"]
    assert result.sources[3].estimate is None
    assert (result.sources[3].newest_age_ns, result.sources[4].newest_age_ns) == (180_100_000_000, -5_100_000_000)


def test_nothing_usable_is_an_error_and_not_a_price():
    with pytest.raises(EstimateError, match="no usable point: 2 stale, 1 in the future, 0 otherwise") as caught:
        ask([1.0, 1.0, 1.0], ages=[500, 600, -600])
    assert caught.value.reason == "no_usable_point"


def test_the_newest_time_is_the_instant_unless_one_is_given():
    result = chrono_core.consensus([1.0, 1.0], None, [AT - 200 * S, AT], [1, 2])
    assert (result.at_ns, result.excluded) == (AT, ((0, "stale"),))


def test_of_two_that_are_near_each_other_the_newer_and_better_traded_one_is_louder():
    """The fade of a source is eight times as slow as that of a point: 16 s."""
    result = ask([100.0, 100.1], ages=[0, 16])
    assert [source.weight for source in result.sources] == pytest.approx([2 / 3, 1 / 3])
    assert result.price == pytest.approx(100.0 + 0.1 / 3)
    result = ask([100.0, 100.1], volumes=[3.0, 1.0])
    assert [source.weight for source in result.sources] == pytest.approx([5 / 8, 3 / 8])
    assert result.price == pytest.approx(100.0 + 0.1 * 3 / 8)


def test_of_two_in_dispute_neither_age_nor_the_size_of_a_volume_says_who_is_right():
    result = ask([100.0, 110.0], ages=[0, 120], volumes=[1.0, 1e9])
    assert [source.weight for source in result.sources] == [0.5, 0.5]
    assert result.price == 105.0
    # One that does not tell what it deals has half of its share.
    result = ask([100.0, 110.0], volumes=[5.0, None])
    assert [source.weight for source in result.sources] == [0.75, 0.25]
    assert result.price == 102.5


def test_a_dispute_begins_beyond_the_distance_at_which_a_source_stands_apart():
    for price, age_counts in ((100.299, True), (100.302, False)):
        result = ask([100.0, price], ages=[0, 60])
        assert (result.sources[0].weight > 0.9) is age_counts


def test_the_average_over_time_has_no_say_in_the_price():
    """Three sources that held another price until a moment ago."""
    prices, ages, ids = [90.0, 100.0] * 3, [170, 0] * 3, [1, 1, 2, 2, 3, 3]
    result = ask(prices, ages=ages, ids=ids, volumes=[1.0] * 6)
    assert result.twap < 99.95
    assert result.price == pytest.approx(100.0, abs=1e-9)


def test_times_at_the_ends_of_their_range_are_only_very_old_or_very_new():
    result = chrono_core.consensus([1.0, 2.0, 3.0], None, [-(2**63), 0, 2**63 - 1], [1, 2, 3], at_ns=0)
    assert result.excluded == ((0, "stale"), (2, "future"))


def test_an_unknown_volume_counts_nowhere_but_in_the_vwap():
    with_volume = ask([100.0, 100.1, 100.2], volumes=[1.0, 0.0, None])
    without = ask([100.0, 100.1, 100.2])
    assert with_volume.vwap == pytest.approx(100.0)
    assert without.vwap is None
    assert with_volume.median == without.median
    assert ask([100.0, 100.1, 100.2], volumes=[None, None, None]) == without


def test_one_absurd_trade_bends_no_average_beyond_the_gate():
    rows = [(100.0, 1.0), (100.01, 1.0), (100.02, 1.0), (100.0, 1.0), (1e6, 1e12), (100.0, 1.0)]
    result = ask([p for p, _ in rows], volumes=[v for _, v in rows], ids=[1, 2, 3, 4, 4, 4])
    assert result.n_used == 4
    assert result.vwap == pytest.approx(100.0, rel=0.0011)
    assert result.twap == pytest.approx(100.0, rel=0.0011)


def test_rates_convert_before_anything_is_compared():
    result = ask([100.0, 100.0, 50.0], rates=[1.0, 1.0, 2.0])
    assert (result.price, result.n_used) == (100.0, 3)


def test_a_product_beyond_a_float_is_left_out_not_infinite():
    result = ask([1e300, 1.0, 1.0, 1.0], rates=[1e300, 1.0, 1.0, 1.0])
    assert result.excluded == ((0, "out_of_range"),)
    assert result.price == 1.0


def test_dropping_never_goes_below_the_least_number_of_sources():
    prices = [100.0, 100.0, 100.0, 130.0, 170.0]
    assert ask(prices, min_sources=3).n_used == 3
    kept = ask(prices, min_sources=4)
    assert [source.verdict for source in kept.sources] == ["used"] * 4 + ["outlier"]
    assert kept.price == pytest.approx(100.0, rel=0.001)
    assert kept.confidence < 0.1


def test_fewer_sources_than_asked_still_give_a_price_of_little_confidence():
    assert ask([100.0, 100.0]).confidence < 0.5
    assert ask([100.0]).confidence < 0.3
    assert ask([100.0], min_sources=1).confidence <= 0.3
    assert ask([100.0] * 3, min_sources=6).confidence < 0.5


def test_confidence_falls_with_age_spread_and_dropped_sources():
    best = ask([100.0] * 6).confidence
    assert ask([100.0] * 6, ages=[100] * 6).confidence < best
    assert ask([100.0, 100.2, 100.4, 100.6, 100.8, 101.0]).confidence < 0.6
    assert ask([100.0] * 5 + [200.0]).confidence < best
    assert ask([100.0] * 4 + [200.0] * 3).confidence < 0.5


@pytest.mark.parametrize("least", [1, 2, 3, 4, 5])
def test_half_of_the_sources_lying_together_leaves_little_confidence(least):
    assert ask([100.0] * 3 + [200.0] * 2, min_sources=least).confidence <= 0.55
    assert ask([100.0] * 3 + [200.0] * 3, min_sources=least).confidence <= 0.05


def test_a_fresh_source_is_louder_than_an_old_one_but_no_louder_than_its_cap():
    result = ask([100.0, 100.0, 100.0, 100.0, 100.0], ages=[0, 20, 20, 20, 20])
    loudest, *others = [source.weight for source in result.sources]
    assert loudest == pytest.approx(0.3)
    assert others == pytest.approx([0.175] * 4)


def test_volume_buys_at_most_the_cap():
    result = ask([100.0] * 5, volumes=[1e12, 1.0, 1.0, 1.0, 1.0], max_weight=0.25)
    assert result.sources[0].weight == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"half_life_ns": 0}, "half_life_ns is 0.0: expected at least 1"),
        ({"max_age_ns": -1}, "max_age_ns is -1.0: expected at least 0"),
        ({"future_tolerance_ns": -1}, "future_tolerance_ns is -1.0"),
        ({"k": math.nan}, "k is nan: expected a finite number"),
        ({"floor_bps": -1.0}, "floor_bps is -1.0: expected a finite number"),
        ({"min_sources": 0}, "min_sources is 0.0: expected at least 1"),
        ({"min_sources": -3}, "min_sources is"),
        ({"max_weight": 0.0}, "max_weight is 0.0: expected a share above 0"),
        ({"max_weight": 1.5}, "max_weight is 1.5: expected a share above 0"),
    ],
)
def test_a_bad_option_is_named(options, sentence):
    with pytest.raises(EstimateError) as caught:
        ask([1.0], **options)
    assert str(caught.value).startswith(sentence)
    assert caught.value.reason == "bad_option"


def test_a_bad_value_is_named_by_column_row_and_value():
    for column, bad, wanted in [
        (0, math.nan, "prices[1] is nan"),
        (0, -1.0, "prices[1] is -1.0"),
        (1, -1.0, "volumes"),
    ]:
        columns = [[1.0, 1.0], [1.0, 1.0], [0, 0], [1, 2]]
        columns[column][1] = bad
        with pytest.raises(EstimateError) as caught:
            chrono_core.consensus(*columns)
        assert str(caught.value).startswith(wanted)
    with pytest.raises(EstimateError, match=r"rates\[0\] is 0.0"):
        ask([1.0], rates=[0.0])
    with pytest.raises(EstimateError, match="source_ids has 1 values, but prices has 2"):
        chrono_core.consensus([1.0, 2.0], None, [0, 0], [1])
    with pytest.raises(EstimateError, match="prices is empty"):
        chrono_core.consensus([], [], [], [])


def test_a_result_prints_compares_and_becomes_plain_data():
    result = ask([100.0, 100.1, 99.9, 500.0], ids=["d", "c", "b", "a"])
    assert repr(result).startswith("Consensus(price=")
    assert repr(result.sources[0]).startswith("Source(id='a', estimate=500.0, weight=0.0000")
    assert "<table>" in result._repr_html_()
    assert json.loads(json.dumps(result.to_dict()))["excluded"] == [[3, "outlier"]]
    assert result == ask([100.0, 100.1, 99.9, 500.0], ids=["d", "c", "b", "a"])
    assert result != ask([100.0, 100.1, 99.9, 500.0])
    with pytest.raises(AttributeError):
        result.price = 1.0


def many(**options):
    prices = [100.0, 100.1, 99.9, 5.0, math.nan, 7.0, 7.0, 7.0]
    times = [AT, AT, AT, AT - 1000 * S, AT, AT, AT, AT]
    return chrono_core.consensus_many(
        prices, [1.0] * 8, times, [1, 2, 3, 1, 1, 1, 2, 3], [0, 3, 4, 5, 5, 8], at_ns=AT, **options
    )


def test_a_bad_feed_tells_why_and_costs_only_itself():
    result = many()
    assert result.reason == [None, "no_usable_point", "not_finite", "empty", None]
    assert result.detail[2] == "prices[4] is nan: only finite numbers are accepted"
    assert [price is None for price in result.price] == [False, True, True, True, False]
    assert (result.price[4], result.price[-1], len(result), result.price.null_count) == (7.0, 7.0, 5, 3)
    assert [feed is None for feed in result] == [False, True, True, True, False]


def test_columns_of_a_round_are_read_by_every_library():
    result = many()
    assert pl.Series(result.price).null_count() == 3
    assert pa.array(result.price).null_count == 3
    assert pa.array(result.n_used).to_pylist() == [3, None, None, None, 3]
    assert np.asarray(result.source_weight).dtype == np.float64
    assert memoryview(result.source_id).tolist() == [1, 2, 3, 1, 2, 3]
    assert memoryview(result.source_offsets).format == "q"
    with pytest.raises(BufferError, match="3 null"):
        memoryview(result.price)
    with pytest.raises(TypeError, match="not writable"):
        (ctypes.c_char * 8).from_buffer(result.source_weight)
    kept = np.asarray(result.source_estimate)
    del result
    assert kept.tolist() == [100.0, 100.1, 99.9, 7.0, 7.0, 7.0]


def test_flat_columns_of_sources_belong_to_their_feeds():
    result = many()
    assert result.source_offsets.to_list() == [0, 3, 3, 3, 3, 6]
    assert result.source_verdict == ["used"] * 6
    assert result.source_n_points.to_list() == [1] * 6
    assert result.source_newest_age_ns.to_list() == [0] * 6
    plain = result.to_dict()
    assert set(map(len, (plain["price"], plain["confidence"], plain["reason"]))) == {5}
    assert json.dumps(plain)


def test_excluded_rows_are_counted_in_the_whole_column():
    result = chrono_core.consensus_many(
        [1.0] * 3 + [1.0, 1.0, 1.0, 1.0, 9.0], None, [AT] * 8, [1, 2, 3, 1, 2, 3, 4, 5], [0, 3, 8], at_ns=AT
    )
    assert result.excluded_offsets.to_list() == [0, 0, 1]
    assert (result.excluded_index.to_list(), result.excluded_reason) == ([7], ["outlier"])
    assert result[1].excluded == ((7, "outlier"),)


def test_each_feed_may_ask_for_its_own_number_of_sources():
    plain, strict = many(), many(min_sources=[6, 3, 3, 3, 3])
    assert strict.confidence[0] < plain.confidence[0]
    assert strict.confidence[4] == plain.confidence[4]
    assert many(min_sources=6).confidence[4] < plain.confidence[4]
    assert many(min_sources=[0, 3, 3, 3, 3]).reason[0] == "bad_option"
    with pytest.raises(EstimateError, match="min_sources has 2 values, but feeds has 5"):
        many(min_sources=[1, 2])


@pytest.mark.parametrize(
    ("offsets", "sentence"),
    [
        ([], "offsets is empty"),
        ([1, 2], r"offsets\[0\] is 1: the first offset must be 0"),
        ([0, 2, 1, 2], r"offsets\[2\] is 1: offsets must not go back"),
        ([0, 1], r"offsets\[1\] is 1: the last offset must be the number of rows"),
        ([0, 3], r"offsets\[1\] is 3: the last offset"),
        ([0, -1], r"offsets\[1\] is -1"),
        ([0, None], r"offsets\[1\] is null"),
    ],
)
def test_offsets_that_do_not_cut_the_columns_are_refused(offsets, sentence):
    with pytest.raises(EstimateError, match=sentence):
        chrono_core.consensus_many([1.0, 2.0], None, [0, 0], [1, 2], offsets)


def test_no_feeds_are_no_results():
    empty = chrono_core.consensus_many([], [], [], [], [0])
    assert (len(empty), empty.price.to_list(), empty.reason) == (0, [], [])


def test_indices_outside_are_refused():
    result = many()
    for index in (5, -6):
        with pytest.raises(IndexError, match="out of range"):
            result[index]
        with pytest.raises(IndexError):
            result.price[index]


LONG = np.random.default_rng(3).uniform(1, 2, 1_000_000)
LONGER = np.tile(LONG, 4)
PLACES = np.arange(400_000)


@pytest.mark.parametrize(
    "call",
    [
        lambda: chrono_core.consensus(LONG[:400_000], None, PLACES, PLACES, k=0.5),
        lambda: chrono_core.consensus_many(LONG[:400_000], None, PLACES, PLACES, [0, 400_000], k=0.5),
        lambda: chrono_core.weighted_median(LONG, LONG),
        lambda: chrono_core.mad(LONGER),
        lambda: chrono_core.outliers(LONG),
    ],
)
def test_the_interpreter_runs_on_while_rust_works(call):
    go, ticks = threading.Event(), []

    def tick():
        go.wait()
        ticks.append(None)

    watcher = threading.Thread(target=tick)
    watcher.start()
    interval = sys.getswitchinterval()
    try:
        # From here on a thread gets its turn only when another one lets go of its own accord.
        sys.setswitchinterval(1000)
        go.set()
        before = len(ticks)
        call()
        assert (before, len(ticks)) == (0, 1)
    finally:
        sys.setswitchinterval(interval)
        watcher.join()


def test_many_threads_get_the_same_bytes():
    rng = np.random.default_rng(7)
    columns = (100 + rng.normal(0, 0.1, 500), rng.random(500), AT - rng.integers(0, 60 * S, 500), np.arange(500) % 9)
    wanted = chrono_core.consensus(*columns, at_ns=AT)
    results = []
    threads = [
        threading.Thread(target=lambda: results.extend(chrono_core.consensus(*columns, at_ns=AT) for _ in range(50)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [wanted] * 200
