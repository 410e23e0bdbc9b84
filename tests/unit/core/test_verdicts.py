"""How a source comes to stand apart, what it is called, and what it costs."""

import pytest

import chrono_core

AT_NS = 1_800_000_000_000_000_000
S = 1_000_000_000
AGES = range(175, -1, -5)


def told(prices, ids=None, **rule):
    """The sources by id, of prices by age in seconds: a function of the age for each source."""
    rows = [(price(age), 1.0, AT_NS - age * S, place) for place, price in enumerate(prices) for age in AGES]
    return chrono_core.consensus(*map(list, zip(*rows, strict=True)), at_ns=AT_NS, **rule)


def steady(age):
    return 100.0


def leaves(since, by):
    return lambda age: 100.0 * by if age < since else 100.0


def verdicts(result):
    return [source.verdict for source in result.sources]


def flags(result):
    return [source.flags for source in result.sources]


def test_a_source_that_moves_alone_is_a_jump_before_its_estimate_follows():
    result = told([steady] * 5 + [leaves(6, 1.05)])
    assert verdicts(result) == ["used"] * 5 + ["jump"]
    assert result.price == 100.0


def test_a_jump_within_the_usual_moves_of_a_wild_source_is_none():
    def wild(age):
        return 100.0 * (1.03 if age // 15 % 2 else 1.0)

    assert "jump" not in flags(told([steady] * 5 + [wild]))[5]


def test_a_move_that_all_make_is_no_anomaly_however_large():
    for by in (0.5, 0.01, 1.5, 30.0):
        result = told([leaves(4, by)] * 6)
        assert flags(result) == [[]] * 6
        assert result.price == pytest.approx(100.0 * by, rel=2e-3)
        assert [source.trust for source in result.sources] == [1.0] * 6


def test_the_one_that_does_not_follow_is_frozen_not_the_five_that_fell():
    result = told([leaves(30, 0.8)] * 5 + [steady])
    assert flags(result)[5] == ["outlier", "frozen"]
    assert verdicts(result) == ["used"] * 5 + ["frozen"]


def test_a_source_that_has_long_stood_apart_is_a_deviation():
    result = told([steady] * 5 + [leaves(140, 1.01)])
    assert verdicts(result)[5] == "deviation"
    assert result.sources[5].trust == pytest.approx(0.1, abs=0.02)


def test_two_of_six_that_lie_together_are_flagged_and_left_out():
    for by in (1.05, 1000.0, 0.001):
        result = told([steady] * 4 + [leaves(20, by)] * 2)
        assert verdicts(result)[:4] == ["used"] * 4
        assert all(found for found in flags(result)[4:])
        assert verdicts(result)[4:] == ["jump"] * 2
        assert result.price == 100.0


def test_one_of_three_is_named_but_kept_since_three_are_asked_for():
    result = told([steady, steady, leaves(20, 1.05)])
    assert verdicts(result) == ["used"] * 3
    assert "jump" in flags(result)[2]
    assert result.price == 100.0


def test_with_two_sources_nobody_is_accused():
    assert flags(told([steady, leaves(20, 1.5)])) == [[], []]


def test_half_of_the_sources_cannot_be_excluded_by_a_verdict():
    result = told([steady] * 3 + [leaves(20, 1.5)] * 3, min_sources=1)
    assert {"jump", "frozen", "deviation"}.isdisjoint(verdicts(result))


def test_trust_falls_with_the_time_apart_and_comes_back_by_itself():
    def was_wrong(start, end):
        return lambda age: 110.0 if end < age <= start else 100.0

    lately = [told([steady] * 4 + [was_wrong(start, start - 60)]).sources[4].trust for start in (65, 125, 175, 400)]
    assert lately == sorted(lately)
    assert lately[0] < 0.7
    assert lately[-1] == 1.0


def test_less_trust_is_less_weight():
    result = told([steady] * 4 + [lambda age: 110.0 if 60 < age < 100 else 100.0], max_weight=1.0)
    weights = [source.weight for source in result.sources]
    assert weights[4] == pytest.approx(weights[0] * result.sources[4].trust)


def test_what_is_apart_by_less_than_the_least_distance_is_left_in_peace():
    assert flags(told([steady] * 5 + [leaves(140, 1.002)]))[5] == ["outlier"]
    assert flags(told([steady] * 5 + [leaves(140, 1.002)], apart_bps=10.0))[5] == ["outlier", "deviation"]


def test_an_odd_source_that_stands_with_the_others_loses_trust_but_not_its_place():
    scores = [5.0 if place == 5 else 0.0 for place in range(6) for _ in AGES]
    result = told([steady] * 6, learned=(scores, 1.0))
    assert verdicts(result) == ["used"] * 6
    assert flags(result) == [[]] * 5 + [["anomaly"]]
    assert (result.sources[5].trust, result.sources[5].score) == (0.5, 5.0)


def test_an_odd_source_is_left_out_when_the_others_consent():
    scores = [5.0 if place == 5 else 0.0 for place in range(6) for _ in AGES]
    result = told([steady] * 5 + [leaves(140, 1.002)], learned=(scores, 1.0), k=30.0)
    assert verdicts(result)[5] == "anomaly"


def test_a_model_that_finds_most_sources_odd_says_something_about_the_market_only():
    scores = [5.0] * 6 * len(AGES)
    result = told([steady] * 6, learned=(scores, 1.0))
    assert verdicts(result) == ["used"] * 6
    assert [source.trust for source in result.sources] == [1.0] * 6
    assert flags(result) == [["anomaly"]] * 6


def test_what_is_said_of_most_sources_leaves_none_of_them_out():
    apart = [steady, steady, leaves(170, 1.0025), leaves(170, 0.9975), leaves(170, 1.003), leaves(170, 0.997)]
    for odd, left_out in ((range(6), 0), (range(3, 6), 0), (range(4, 6), 2)):
        scores = [5.0 if place in odd else 0.0 for place in range(6) for _ in AGES]
        found = told(apart, learned=(scores, 1.0), k=50.0, apart_bps=500.0)
        assert verdicts(found).count("anomaly") == left_out


def test_the_level_is_where_the_prices_stood_before_now():
    result = told([leaves(4, 0.97)] * 5)
    assert (result.level, result.price) == (100.0, pytest.approx(97.0, rel=2e-3))


GOOD = [([0.0, 1.0], [0.0])] * 5


@pytest.mark.parametrize(
    ("tables", "limit"),
    [
        (GOOD[:4], 0.0),
        (GOOD, float("nan")),
        ([([1.0, 0.0], [0.0])] * 5, 0.0),
        ([([0.0, 1.0], [])] * 5, 0.0),
        ([([0.0], [])] * 5, 0.0),
        ([([0.0, float("inf")], [0.0])] * 5, 0.0),
        ([([0.0, 1.0], [float("nan")])] * 5, 0.0),
    ],
)
def test_histograms_that_do_not_fit_together_are_refused(tables, limit):
    with pytest.raises(ValueError, match=r"."):
        chrono_core.AnomalyModel.histograms(tables, tolerance=0.5, limit=limit)


@pytest.mark.parametrize(
    "change",
    [
        {"roots": []},
        {"roots": [3]},
        {"features": [5, -1, -1]},
        {"features": [0, -1]},
        {"lefts": [0, -1, -1]},
        {"lefts": [9, -1, -1]},
        {"rights": [-2, -1, -1]},
        {"values": [float("nan"), 1.0, 1.0]},
        {"average_depth": 0.0},
        {"offset": float("inf")},
    ],
)
def test_a_forest_that_could_run_in_a_circle_or_out_of_bounds_is_refused(change):
    good = {"roots": [0], "features": [0, -1, -1], "values": [0.5, 1.0, 2.0], "lefts": [1, -1, -1]}
    good |= {"rights": [2, -1, -1], "average_depth": 1.0, "offset": -0.5}
    columns = ("roots", "features", "values", "lefts", "rights")

    def made(of):
        numbers = {name: of[name] for name in ("average_depth", "offset")}
        return chrono_core.AnomalyModel.forest(*[of[name] for name in columns], limit=0.0, **numbers)

    assert made(good).score([0.0] * 5).to_list() == [0.0]
    with pytest.raises(ValueError, match=r"."):
        made(good | change)
