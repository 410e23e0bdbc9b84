"""Verdicts on single sources against their exact twin, and what no verdict may do."""

import math
from bisect import bisect_left

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import chrono_core
from tests.reference import consensus as reference

AT_NS = 1_800_000_000_000_000_000
S = 1_000_000_000
AGES = range(175, -1, -10)

behaviour = st.sampled_from(["honest", "honest", "honest", "jump", "frozen", "apart", "silent", "late"])


@st.composite
def histories(draw, least=2, most=8):
    """Three minutes of every source: a common walk, and some who leave it."""
    middle = draw(st.sampled_from([0.00012345, 97.25, 45_120.0]))
    walk, walks = middle, []
    for _ in AGES:
        walk *= 1 + draw(st.sampled_from([0.0, 0.0001, -0.0002, 0.004, -0.03]))
        walks.append(walk)
    columns = ([], [], [], [])
    for source in range(draw(st.integers(least, most))):
        how, since = draw(behaviour), draw(st.integers(0, 170))
        off = draw(st.sampled_from([1.004, 0.99, 1.2, 1000.0, 0.001]))
        for age, price in zip(AGES, walks, strict=True):
            if how == "frozen" and age < since:
                price = walks[(175 - since) // 10]
            if (how == "silent" and age < since) or (how == "late" and age > since):
                continue
            if how == "apart" or (how == "jump" and age < since):
                price *= off
            columns[0].append(price * (1 + draw(st.sampled_from([0.0, 0.00003, -0.00005]))))
            columns[1].append(draw(st.sampled_from([0.0, 1.0, 20.0])))
            columns[2].append(AT_NS - age * S - source)
            columns[3].append(source)
    return columns


rules = st.builds(
    reference.Rule,
    half_life_ns=st.sampled_from([5 * S, 20 * S]),
    k=st.sampled_from([2.0, 3.0]),
    floor_bps=st.sampled_from([5.0, 10.0]),
    min_sources=st.integers(1, 4),
    apart_bps=st.sampled_from([0.0, 30.0]),
    trust_floor=st.sampled_from([0.01, 0.1, 1.0]),
)


@settings(max_examples=150)
@given(histories(), rules)
def test_flags_trust_and_exclusions_are_those_of_the_twin(columns, rule):
    assume(columns[0])
    wanted = reference.consensus(*columns, at_ns=AT_NS, rule=rule)
    assume(not wanted.doubtful)
    got = chrono_core.consensus(*columns, at_ns=AT_NS, **vars(rule))
    said = {source.id: source for source in got.sources if source.estimate is not None}
    assert {i: set(source.flags) for i, source in said.items()} == wanted.flags
    assert {i: source.verdict for i, source in said.items()} == wanted.verdicts
    assert got.price == pytest.approx(float(wanted.price), rel=1e-9)
    assert got.level == pytest.approx(float(wanted.level), rel=1e-9)
    for i, source in said.items():
        assert source.trust == pytest.approx(float(wanted.trust[i]), rel=1e-12)
        assert source.weight == pytest.approx(float(wanted.weights.get(i, 0)), rel=1e-9, abs=1e-12)


@settings(max_examples=100)
@given(histories(), rules, st.data())
def test_recorded_scores_are_judged_as_by_the_twin(columns, rule, data):
    assume(columns[0])
    ids = sorted(set(columns[3]))
    scores = {i: data.draw(st.sampled_from([None, 0.5, 2.0])) for i in ids}
    wanted = reference.consensus(*columns, at_ns=AT_NS, rule=rule, scores=scores, limit=1.0)
    assume(not wanted.doubtful)
    told = ([scores[i] for i in columns[3]], 1.0)
    got = chrono_core.consensus(*columns, at_ns=AT_NS, learned=told, **vars(rule))
    said = {source.id: source for source in got.sources if source.estimate is not None}
    assert {i: set(source.flags) for i, source in said.items()} == wanted.flags
    assert {i: source.verdict for i, source in said.items()} == wanted.verdicts
    assert {i: source.score for i, source in said.items()} == {i: scores[i] for i in said}


@settings(max_examples=100)
@given(histories(least=3), rules)
def test_verdicts_never_take_the_majority_nor_go_below_the_minimum(columns, rule):
    assume(columns[0])
    odd = ([9.0] * len(columns[3]), 1.0)
    for learned in (None, odd):
        got = chrono_core.consensus(*columns, at_ns=AT_NS, learned=learned, **vars(rule))
        fresh = [source for source in got.sources if source.estimate is not None]
        by_verdict = [s for s in fresh if s.verdict in ("jump", "frozen", "deviation", "anomaly")]
        assert len(by_verdict) < len(fresh) / 2 or not by_verdict
        assert len(fresh) - len(by_verdict) >= min(rule.min_sources, len(fresh))


@settings(max_examples=100)
@given(histories(), rules)
def test_the_price_without_a_source_is_the_price_of_the_others(columns, rule):
    assume(columns[0])
    without = chrono_core.without_each(*columns, at_ns=AT_NS, **vars(rule))
    rows = list(zip(*columns, strict=True))
    for left_out in sorted(set(columns[3])):
        others = [row for row in rows if row[3] != left_out]
        mine = [row for row in rows if row[3] == left_out and AT_NS - row[2] <= rule.max_age_ns]
        if not others or not mine:
            assert without[left_out] is None
            continue
        alone = chrono_core.consensus(*map(list, zip(*others, strict=True)), at_ns=AT_NS, **vars(rule))
        assert without[left_out] == alone.price


def slog(value):
    return math.copysign(math.log1p(abs(value)), value)


@given(histories(least=3))
def test_features_are_what_their_table_says(columns):
    """The formulas of `docs/estimators.md`, in plain floats."""
    got = chrono_core.consensus(*columns, at_ns=AT_NS, learned="features")
    said = {source.id: source for source in got.sources if source.estimate is not None}
    rows = {i: [r for r in zip(*columns, strict=True) if r[3] == i and AT_NS - r[2] <= 180 * S] for i in said}
    newest = {i: own[-1][0] for i, own in rows.items()}
    before = {i: [r[0] for r in own if r[2] <= AT_NS - 15 * S][-1:] for i, own in rows.items()}
    moves = {i: (newest[i] / then[0] - 1) * 1e4 for i, then in before.items() if then}
    usual = reference_median(list(moves.values()))
    spreads = {
        i: math.log1p((max(r[0] for r in own) - min(r[0] for r in own)) / said[i].estimate * 1e4)
        for i, own in rows.items()
    }
    middle = reference_median(list(newest.values()))
    volumes = {
        i: sum(r[1] * reference.age_weight(AT_NS - r[2], 16 * S) / 2**32 for r in own) for i, own in rows.items()
    }
    usual_volume = reference_median([volume for volume in volumes.values() if volume])
    for i, source in said.items():
        moved, spread, volume, age, deviation = source.features
        wanted = max(-12, min(12, math.log(volumes[i] / usual_volume))) if volumes[i] else 0.0
        assert volume == pytest.approx(wanted, rel=1e-9, abs=1e-9)
        assert moved == pytest.approx(max(-12, min(12, slog(moves.get(i, usual) - usual))), rel=1e-6, abs=1e-6)
        assert spread == pytest.approx(spreads[i] - reference_median(list(spreads.values())), rel=1e-9, abs=1e-9)
        assert age == pytest.approx(math.log1p((AT_NS - rows[i][-1][2]) / 1e9))
        assert deviation == pytest.approx(max(-12, min(12, slog((newest[i] / middle - 1) * 1e4))), rel=1e-6, abs=1e-6)
        assert all(abs(value) <= 12 for value in source.features)


def reference_median(values):
    ordered = sorted(values)
    n = len(ordered)
    return (ordered[n // 2] + ordered[(n - 1) // 2]) / 2 if n else 0.0


@given(st.lists(st.floats(-12, 12), min_size=5, max_size=5), st.data())
def test_a_histogram_scores_as_its_slow_twin(row, data):
    tables = []
    for _ in range(5):
        edges = sorted(set(data.draw(st.lists(st.floats(-13, 13), min_size=2, max_size=9, unique=True))))
        bins = st.lists(st.floats(-4, 4), min_size=len(edges) - 1, max_size=len(edges) - 1)
        tables.append((edges, data.draw(bins)))
    tolerance = data.draw(st.sampled_from([0.0, 0.5]))
    model = chrono_core.AnomalyModel.histograms(tables, tolerance=tolerance, limit=0.0)
    wanted = 0.0
    for (edges, scores), value in zip(tables, row, strict=True):
        place = bisect_left(edges, value)
        below, above = edges[0] - value, value - edges[-1]
        if place == 0:
            wanted -= scores[0] if below <= (edges[1] - edges[0]) * tolerance else min(scores)
        elif place == len(edges):
            wanted -= scores[-1] if above <= (edges[-1] - edges[-2]) * tolerance else min(scores)
        else:
            wanted -= scores[place - 1]
    assert model.score(row).to_list() == [pytest.approx(wanted, rel=1e-12, abs=1e-12)]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(["hbos", "iforest"]))
def test_a_model_scores_as_pyod_does(seed, kind):
    np = pytest.importorskip("numpy")
    pytest.importorskip("pyod")
    from chrono.learning import worker
    from chrono.pricing import models

    rng = np.random.default_rng(seed)
    rows = rng.standard_t(2, size=(600, 5)).clip(-12, 12)
    rows[:, 2] = 0.0  # a feature that nobody told
    fitted = worker.fitted(kind, rows, 0.01, seed)
    tables = worker.tables_of(kind, fitted)
    model = models.built(tables, float(fitted.threshold_))
    others = np.concatenate([rows, rng.uniform(-20, 20, size=(400, 5)), np.full((1, 5), 12.0), np.zeros((1, 5))])
    ours = np.array(model.score(others.ravel()).to_list())
    assert np.abs(ours - fitted.decision_function(others)).max() < 1e-9
