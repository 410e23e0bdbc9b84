"""The consensus against its exact twin, and against liars."""

import math
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import chrono_core
from tests.reference import consensus as reference

AT_NS = 1_800_000_000_000_000_000
S = 1_000_000_000


@st.composite
def feeds(draw, max_sources=9, max_points=12, spread=0.002):
    """Columns of one feed: sources around one price, each a little off, some of them far."""
    middle = draw(st.sampled_from([0.00012345, 1.0, 97.25, 45_120.0]))
    n = draw(st.integers(1, max_sources))
    columns = ([], [], [], [])
    for source in range(n):
        off = draw(st.floats(-spread, spread)) if draw(st.integers(0, 5)) else draw(st.sampled_from([-0.5, 0.01, 9.0]))
        for _ in range(draw(st.integers(1, max_points))):
            columns[0].append(middle * (1 + off + draw(st.floats(-spread, spread))))
            columns[1].append(draw(st.sampled_from([None, 0.0, 0.5, 2.0, 1000.0])))
            columns[2].append(AT_NS - draw(st.integers(-6 * S, 200 * S)))
            columns[3].append(source * 3 - 5)
    return columns


rules = st.builds(
    reference.Rule,
    half_life_ns=st.sampled_from([1, 7 * S, 10 * S, 10**15]),
    max_age_ns=st.sampled_from([0, 60 * S, 180 * S]),
    future_tolerance_ns=st.sampled_from([0, 5 * S]),
    k=st.sampled_from([0.0, 1.0, 3.0]),
    floor_bps=st.sampled_from([0.0, 10.0, 50.0]),
    min_sources=st.integers(1, 6),
    max_weight=st.sampled_from([0.05, 0.3, 0.5, 1.0]),
    apart_bps=st.sampled_from([0.0, 30.0, 100.0]),
    trust_floor=st.sampled_from([0.1, 0.5, 1.0]),
)


def near(got, wanted, rel=1e-9):
    return got == pytest.approx(float(wanted), rel=rel, abs=1e-12)


@settings(max_examples=400)
@given(feeds(), rules)
def test_the_consensus_is_that_of_the_twin(columns, rule):
    wanted = reference.consensus(*columns, at_ns=AT_NS, rule=rule)
    if wanted is None:
        with pytest.raises(chrono_core.EstimateError, match="no usable point"):
            chrono_core.consensus(*columns, at_ns=AT_NS, **vars(rule))
        return
    assume(not wanted.doubtful)
    got = chrono_core.consensus(*columns, at_ns=AT_NS, **vars(rule))
    assert dict(got.excluded) == wanted.excluded
    assert near(got.price, wanted.price)
    assert (got.vwap is None) == (wanted.vwap is None)
    assert got.vwap is None or near(got.vwap, wanted.vwap)
    assert near(got.twap, wanted.twap)
    assert near(got.median, wanted.median)
    assert near(got.mean, wanted.mean)
    assert near(got.level, wanted.level)
    assert near(got.weighted_median, wanted.weighted_median)
    assert got.std_dev == pytest.approx(math.sqrt(wanted.variance), rel=1e-9, abs=1e-9 * got.price)
    assert got.spread_bps == pytest.approx(float(wanted.spread_bps), rel=1e-9, abs=1e-6)
    assert got.confidence == pytest.approx(wanted.confidence, rel=1e-6, abs=1e-9)
    said = {source.id: source for source in got.sources if source.estimate is not None}
    assert {i: source.verdict for i, source in said.items()} == wanted.verdicts
    assert {i: set(source.flags) for i, source in said.items()} == wanted.flags
    for i, source in said.items():
        assert near(source.estimate, wanted.estimates[i], 1e-15)
        assert near(source.trust, wanted.trust[i])
        assert near(source.weight, wanted.weights.get(i, 0))


@given(feeds(), st.randoms())
def test_the_order_of_rows_changes_nothing(columns, random):
    rows = list(zip(*columns, strict=True))
    random.shuffle(rows)
    mixed = [list(column) for column in zip(*rows, strict=True)]
    try:
        wanted = chrono_core.consensus(*columns, at_ns=AT_NS).to_dict()
    except chrono_core.EstimateError:
        assume(False)
    got = chrono_core.consensus(*mixed, at_ns=AT_NS).to_dict()
    assert len(got.pop("excluded")) == len(wanted.pop("excluded"))
    assert got == wanted


@given(feeds(), st.integers(-30, 30), st.integers(-30, 30))
def test_the_scale_of_prices_and_volumes_changes_nothing_else(columns, power, volume_power):
    price, volume, times, ids = columns
    scaled = [value * 2.0**power for value in price]
    traded = [v and v * 2.0**volume_power for v in volume]
    try:
        plain = chrono_core.consensus(*columns, at_ns=AT_NS)
    except chrono_core.EstimateError:
        assume(False)
    big = chrono_core.consensus(scaled, traded, times, ids, at_ns=AT_NS)
    assert big.price == plain.price * 2.0**power
    assert (big.confidence, big.spread_bps, big.excluded) == (plain.confidence, plain.spread_bps, plain.excluded)
    rated = chrono_core.consensus(price, volume, times, ids, rates=[2.0**power] * len(price), at_ns=AT_NS)
    assert (rated.price, rated.sources[0].weight) == (big.price, plain.sources[0].weight)


@given(feeds(), st.integers(-(10**15), 10**15))
def test_a_shift_of_all_times_changes_nothing(columns, shift):
    price, volume, times, ids = columns
    try:
        wanted = chrono_core.consensus(*columns, at_ns=AT_NS).to_dict()
    except chrono_core.EstimateError:
        assume(False)
    got = chrono_core.consensus(price, volume, [t + shift for t in times], ids, at_ns=AT_NS + shift).to_dict()
    assert got.pop("at_ns") == wanted.pop("at_ns") + shift
    assert got == wanted


LIES = [10.0, 1000.0, 0.1, 0.001, 1.002, 0.999]
ANY_PRICE = st.one_of(st.sampled_from([1e308, 1e-300, 5e-324, 1.0]), st.floats(min_value=5e-324, max_value=1.7e308))


@st.composite
def honest(draw, n):
    """One to four points of each of n honest sources, within 3 % of each other."""
    middle = draw(st.sampled_from([0.0001, 1.0, 45_120.0]))
    rows = []
    for source in range(n):
        for _ in range(draw(st.integers(1, 4))):
            price = middle * (1 + draw(st.floats(-0.03, 0.03)))
            rows.append((price, draw(st.floats(0, 100)), AT_NS - draw(st.integers(0, 150 * S)), source))
    return rows


@st.composite
def lies(draw, rows, liars):
    """Anything that the liars may say: any price, volume and time, as many points as they like."""
    told = []
    for liar in liars:
        for _ in range(draw(st.integers(1, 5))):
            price = draw(ANY_PRICE)
            if draw(st.booleans()):
                base = rows[0][0]
                price = draw(st.sampled_from([base * lie for lie in LIES] + [1 / base]))
            volume = draw(st.sampled_from([0.0, 1.0, 1e308, 1e-308]))
            told.append((price, volume, AT_NS - draw(st.integers(-(10**18), 10**18) | st.integers(0, 10 * S)), liar))
    return told


def run(rows):
    return chrono_core.consensus(*[list(column) for column in zip(*rows, strict=True)], at_ns=AT_NS)


def honest_estimates(rows):
    """What the honest sources say by themselves."""
    return [source.estimate for source in run(rows).sources]


@settings(max_examples=300)
@given(st.data())
def test_one_liar_moves_the_price_by_no_more_than_the_honest_spread(data):
    n = data.draw(st.integers(4, 9))
    truth = data.draw(honest(n))
    place = data.draw(st.sampled_from([-1, n]))
    first = data.draw(lies(truth, [place]))
    second = data.draw(lies(truth, [place]))
    said = honest_estimates(truth)
    moved = abs(run(truth + first).price - run(truth + second).price)
    assert moved <= max(said) - min(said)


@settings(max_examples=300)
@given(st.data())
def test_fewer_than_a_third_of_liars_cannot_leave_the_honest_range(data):
    n = data.draw(st.integers(3, 11))
    t = max(1, (n - 1) // 3)
    truth = data.draw(honest(n - t))
    told = data.draw(lies(truth, range(-t, 0)))
    said = honest_estimates(truth)
    result = run(truth + told)
    fresh = sum(source.estimate is not None for source in result.sources)
    assume(fresh == n)
    assert min(said) <= result.price <= max(said)


@settings(max_examples=200)
@given(st.integers(2, 12), st.sampled_from([*LIES[:4], 1.05]), st.booleans())
def test_half_of_the_sources_lying_together_is_never_silent(n, lie, more):
    liars = n // 2 + (n % 2 and more)
    rows = [(100.0 + i / 1000, 1.0, AT_NS, i) for i in range(n - liars)]
    rows += [(100.0 * lie + i / 1000, 1.0, AT_NS, -1 - i) for i in range(liars)]
    assert run(rows).confidence <= 0.5


@given(st.integers(3, 9), st.floats(-0.9, 0.9), st.integers(20, 60))
def test_a_real_fall_on_all_venues_is_followed(n, change, seconds):
    def price(age, i):
        return (100.0 if age > seconds else 100.0 * (1 + change)) * (1 + i / 100_000)

    result = run([(price(age, i), 1.0, AT_NS - age * S, i) for i in range(n) for age in range(0, 170, 2)])
    wanted = 100.0 * (1 + change)
    # Within the gate: the older prices may still pull the averages, but no farther.
    assert abs(result.price - wanted) <= wanted * 0.0015
    assert result.confidence > 0.8


def test_five_that_agree_are_trusted_and_one_alone_is_not():
    agreeing = [(100.0 + i / 1000, 1.0, AT_NS - 2 * S, i) for i in range(5)]
    assert run(agreeing).confidence >= 0.95
    assert run(agreeing[:1]).confidence <= 0.3
    alone = chrono_core.consensus([100.0], [1.0], [AT_NS], [1], at_ns=AT_NS, min_sources=1)
    assert alone.confidence <= 0.3
    assert run(agreeing[:2]).confidence <= 0.5


@given(st.lists(st.tuples(st.floats(1e-3, 1e3), st.floats(0, 1e308)), min_size=1, max_size=8), st.floats(0.01, 1))
def test_no_source_is_louder_than_its_cap(sources, cap):
    rows = [(price, volume, AT_NS, i) for i, (price, volume) in enumerate(sources)]
    result = chrono_core.consensus(*map(list, zip(*rows, strict=True)), at_ns=AT_NS, max_weight=cap, k=1e6)
    weights = [source.weight for source in result.sources]
    assert sum(weights) == pytest.approx(1)
    # Of two neither can be outvoted, so that no cap protects anybody.
    assert result.n_used == 2 or max(weights) <= max(cap, 1 / result.n_used) * (1 + 1e-12)


@settings(max_examples=150)
@given(st.lists(feeds(max_sources=5, max_points=4), min_size=0, max_size=5), st.data())
def test_a_round_gives_each_feed_what_it_gets_alone(parts, data):
    least = data.draw(st.lists(st.integers(1, 5), min_size=len(parts), max_size=len(parts)))
    joined = [[value for part in parts for value in part[column]] for column in range(4)]
    offsets = [sum(len(part[0]) for part in parts[:i]) for i in range(len(parts) + 1)]
    round_ = chrono_core.consensus_many(*joined, offsets, at_ns=AT_NS, min_sources=least or None)
    assert len(round_) == len(parts)
    for feed, part in enumerate(parts):
        try:
            alone = chrono_core.consensus(*part, at_ns=AT_NS, min_sources=least[feed])
        except chrono_core.EstimateError as error:
            assert (round_[feed], round_.price[feed], round_.reason[feed]) == (None, None, error.reason)
            continue
        assert round_.reason[feed] is None
        got, wanted = round_[feed].to_dict(), alone.to_dict()
        assert [(i - offsets[feed], why) for i, why in got.pop("excluded")] == wanted.pop("excluded")
        assert got == wanted
        assert round_.price[feed] == alone.price
        assert round_.vwap[feed] == alone.vwap


@given(st.data())
def test_a_bad_feed_costs_only_itself(data):
    bad = data.draw(st.sampled_from([math.nan, math.inf, -1.0, 0.0]))
    good = ([100.0, 100.1, 100.2], [1.0] * 3, [AT_NS] * 3, [1, 2, 3])
    place = data.draw(st.integers(3, 5))
    joined = [column * 3 for column in good]
    joined[0][place] = bad
    round_ = chrono_core.consensus_many(*joined, [0, 3, 6, 9], at_ns=AT_NS)
    assert [price is None for price in round_.price] == [False, True, False]
    assert f"prices[{place}]" in round_.detail[1]


def test_the_age_weights_are_those_of_the_twin_at_every_step():
    # One price holds until `age`, the next one from then on: the time average shows the weight there.
    oldest = reference.age_weight(3071, 1024)
    for age in range(3071):
        result = chrono_core.consensus(
            [1.0, 2.0, 2.0], None, [-3071, -age, 0], [1, 1, 1], at_ns=0, half_life_ns=128, floor_bps=10_000.0
        )
        weight = reference.age_weight(age, 1024)
        wanted = Fraction(weight - oldest + 2 * (reference.FULL - weight), reference.FULL - oldest)
        assert near(result.twap, wanted, 1e-12)
