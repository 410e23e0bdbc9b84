"""A slow, obvious twin of the consensus rule, in exact fractions.

It follows the six steps of `docs/estimators.md` in the words of that page. Where the rule compares
two numbers that rounding could order either way, the twin says that the case is doubtful instead of
guessing: see `Twin.doubtful`.
"""

import math
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from fractions import Fraction

from tests.reference.estimators import mad, mean, median, variance, weighted_median
from tests.reference.judging import Judge, level, opinions, track

FULL = 2**32
STEPS = 1024
# Comparisons closer than this, relative to the larger side, are left undecided.
DOUBT = Fraction(1, 10**9)
ROUNDING = Fraction(1, 10**14)
# A source as a whole fades this much slower than its points, the quick estimate this much faster.
OCTAVE = 8


def _step_weights() -> list[int]:
    with localcontext() as context:
        context.prec = 60
        two = Decimal(2)
        return [int((FULL * two ** (Decimal(-step) / STEPS)).to_integral_value()) for step in range(STEPS)]


STEP_WEIGHTS = _step_weights()


@dataclass
class Rule:
    """The numbers of the rule, with its defaults."""

    half_life_ns: int = 2_000_000_000
    max_age_ns: int = 180_000_000_000
    future_tolerance_ns: int = 5_000_000_000
    k: float = 3.0
    floor_bps: float = 10.0
    min_sources: int = 3
    max_weight: float = 0.30
    apart_bps: float = 30.0
    trust_floor: float = 0.1


@dataclass
class Voice:
    """What one source says."""

    id: int
    estimate: Fraction
    vwap: Fraction | None
    twap: Fraction
    volume: Fraction
    freshness: Fraction
    newest_ns: int
    n_points: int
    track: list[Fraction | None]


@dataclass
class Twin:
    """The exact result."""

    price: Fraction = Fraction(0)
    vwap: Fraction | None = None
    twap: Fraction = Fraction(0)
    median: Fraction = Fraction(0)
    weighted_median: Fraction = Fraction(0)
    mean: Fraction = Fraction(0)
    variance: Fraction = Fraction(0)
    spread_bps: Fraction = Fraction(0)
    confidence: float = 0.0
    level: Fraction = Fraction(0)
    verdicts: dict[int, str] = field(default_factory=dict)
    weights: dict[int, Fraction] = field(default_factory=dict)
    estimates: dict[int, Fraction] = field(default_factory=dict)
    excluded: dict[int, str] = field(default_factory=dict)
    flags: dict[int, set[str]] = field(default_factory=dict)
    trust: dict[int, Fraction] = field(default_factory=dict)
    doubtful: bool = False


def age_weight(age_ns: int, half_life_ns: int) -> int:
    """2**32 halved per half-life; age is counted in 1/1024 of a half-life."""
    steps = int(float(max(age_ns, 0)) * (STEPS / float(half_life_ns)))
    return max(1, STEP_WEIGHTS[steps % STEPS] >> min(steps // STEPS, 63))


GRAVEST = ("deviation", "frozen", "jump", "anomaly")


def consensus(
    prices, volumes, timestamps_ns, source_ids, *, at_ns, rule=None, scores=None, limit=math.inf
) -> Twin | None:
    """The rule, step by step; None when no point is usable. `scores` are those of the learned layer by source."""
    rule = rule or Rule()
    twin = Twin()
    points: dict[int, list[tuple[int, Fraction, Fraction]]] = {}
    for row, (price, volume, said_ns, source) in enumerate(
        zip(prices, volumes, timestamps_ns, source_ids, strict=True)
    ):
        age_ns = at_ns - said_ns
        if age_ns > rule.max_age_ns:
            twin.excluded[row] = "stale"
        elif age_ns < -rule.future_tolerance_ns:
            twin.excluded[row] = "future"
        else:
            points.setdefault(source, []).append((said_ns, Fraction(price), Fraction(volume or 0)))
    if not points:
        return None
    voices = [_speak(source, rows, at_ns, rule) for source, rows in points.items()]
    voices.sort(key=lambda voice: (voice.estimate, voice.id))
    fresh_scores = {voice.id: (scores or {}).get(voice.id) for voice in voices}
    judge = Judge({voice.id: voice.track for voice in voices}, rule)
    twin.level = level(judge)
    found, doubtful = opinions(judge, fresh_scores, limit)
    twin.doubtful |= doubtful
    used, middle, reach = _circle([voice for voice in voices if not found[voice.id].excluded], rule, twin)
    for voice in voices:
        if abs(voice.estimate - middle) > reach:
            found[voice.id].flags.add("outlier")
    weights = _capped(used, [found[voice.id].trust for voice in used], rule, twin)
    _vote(twin, voices, used, weights, middle, reach)
    _confidence(twin, voices, used, weights, at_ns, rule)
    for voice in voices:
        opinion = found[voice.id]
        twin.estimates[voice.id] = voice.estimate
        twin.flags[voice.id], twin.trust[voice.id] = opinion.flags, opinion.trust
        gravest = next((name for name in GRAVEST if name in opinion.flags), "outlier")
        twin.verdicts[voice.id] = "used" if voice in used else gravest if opinion.excluded else "outlier"
    twin.weights = {voice.id: weight for voice, weight in zip(used, weights, strict=True)}
    for row, source in enumerate(source_ids):
        if row not in twin.excluded and twin.verdicts[source] != "used":
            twin.excluded[row] = twin.verdicts[source]
    return twin


def _speak(source, rows, at_ns, rule) -> Voice:
    rows = sorted(rows)
    weights = [age_weight(at_ns - said_ns, rule.half_life_ns) for said_ns, _, _ in rows]
    fading = [age_weight(at_ns - said_ns, OCTAVE * rule.half_life_ns) for said_ns, _, _ in rows]
    traded = [volume * weight / FULL for (_, _, volume), weight in zip(rows, weights, strict=True)]
    lately = [volume * weight / FULL for (_, _, volume), weight in zip(rows, fading, strict=True)]
    prices = [price for _, price, _ in rows]
    worth = sum(price * volume for price, volume in zip(prices, traded, strict=True))
    held = [end - start for start, end in zip(fading, [*fading[1:], FULL], strict=True)]
    twap = prices[-1]
    if sum(held):
        twap = sum(price * time for price, time in zip(prices, held, strict=True)) / sum(held)
    return Voice(
        id=source,
        estimate=_estimate(rows, weights, rule),
        vwap=worth / sum(traded) if sum(traded) else None,
        twap=twap,
        volume=sum(lately, Fraction(0)),
        freshness=Fraction(fading[-1], FULL),
        newest_ns=rows[-1][0],
        n_points=len(rows),
        track=track(rows, at_ns, rule.max_age_ns),
    )


def _estimate(rows, weights, rule) -> Fraction:
    """The slow median, held within the floor around the quick one of the newest points."""
    slow = weighted_median([price for _, price, _ in rows], weights)
    newest_ns = rows[-1][0]
    late = [(said_ns, price) for said_ns, price, _ in rows if said_ns >= newest_ns - 2 * rule.half_life_ns]
    quick_life_ns = max(rule.half_life_ns // OCTAVE, 1)
    quick = weighted_median(
        [price for _, price in late], [age_weight(newest_ns - said_ns, quick_life_ns) for said_ns, _ in late]
    )
    floor = quick * Fraction(rule.floor_bps) / 10_000
    return min(max(slow, quick - floor), quick + floor)


def _circle(voices, rule, twin):
    used = list(voices)
    while True:
        estimates = [voice.estimate for voice in used]
        middle = median(estimates)
        reach = max(Fraction(rule.k) * Fraction(1.4826) * mad(estimates), middle * Fraction(rule.floor_bps) / 10_000)
        outside = sorted((v for v in used if abs(v.estimate - middle) > reach), key=lambda v: -abs(v.estimate - middle))
        twin.doubtful |= any(_near(abs(v.estimate - middle), reach, middle) for v in used)
        room = len(used) - rule.min_sources
        if 0 < room < len(outside):
            edge = [abs(v.estimate - middle) for v in outside[room - 1 : room + 1]]
            twin.doubtful |= _near(*edge, middle) or edge[0] == edge[1]
        dropped = outside[: max(room, 0)]
        if not dropped:
            return used, middle, reach
        used = [voice for voice in used if voice not in dropped]


def _near(a, b, price) -> bool:
    # Distances between prices carry the rounding of the prices, and one that is exactly the floor is on the edge.
    return (a, b) != (0, 0) and abs(a - b) <= DOUBT * max(abs(a), abs(b)) + ROUNDING * price


def _capped(used, trust, rule, twin) -> list[Fraction]:
    n = len(used)
    dispute = n == 2 and _in_dispute(used, rule, twin)
    volumes = [Fraction(voice.volume > 0) if dispute else voice.volume for voice in used]
    traded = sum(volumes)
    shares = [volume / traded if traded else Fraction(1, n) for volume in volumes]
    raw = [
        (1 if dispute else v.freshness) * believed * (Fraction(1, n) + share) / 2
        for v, believed, share in zip(used, trust, shares, strict=True)
    ]
    cap = Fraction(1) if n == 2 else max(Fraction(rule.max_weight), Fraction(1, n))
    at_cap: set[int] = set()
    while True:
        free = sum(weight for i, weight in enumerate(raw) if i not in at_cap)
        left = 1 - cap * len(at_cap)
        weights = [cap if i in at_cap else weight * left / free for i, weight in enumerate(raw)]
        over = {i for i, weight in enumerate(weights) if weight >= cap}
        if over == at_cap or len(over) == n:
            return [cap] * n if len(over) == n else weights
        at_cap = over


def _in_dispute(used, rule, twin) -> bool:
    """Two that stand farther apart than age explains."""
    low, high = (voice.estimate for voice in used)
    distance, most = high - low, (low + high) / 2 * max(Fraction(rule.apart_bps), Fraction(rule.floor_bps)) / 10_000
    twin.doubtful |= _near(distance, most, high)
    return distance > most


def _vote(twin, voices, used, weights, middle, reach) -> None:
    n = len(voices)
    estimates = [voice.estimate for voice in used]
    twin.median, twin.mean, twin.variance = middle, mean(estimates), variance(estimates)
    counted = [max(1, round(weight * 2**40)) for weight in weights]
    twin.weighted_median = weighted_median(estimates, counted)
    twin.doubtful |= _half_is_near(counted, weights)

    def held(price):
        return min(max(price, middle - reach), middle + reach)

    know = [(held(v.vwap), weight) for v, weight in zip(used, weights, strict=True) if v.vwap is not None]
    traded = sum(weight for _, weight in know)
    twin.vwap = sum(price * weight for price, weight in know) / traded if know else None
    twin.twap = sum(held(v.twap) * weight for v, weight in zip(used, weights, strict=True)) / sum(weights)
    says = [(twin.weighted_median, Fraction(3, 4))]
    if know:
        says.append((twin.vwap, traded / 4))
    if len(used) == 2:
        says = [(held(v.estimate), weight) for v, weight in zip(used, weights, strict=True)]
    price = sum(value * say for value, say in says) / sum(say for _, say in says)
    t = 0 if n < 3 else max(1, (n - 1) // 3)
    twin.price = min(max(price, voices[t].estimate), voices[n - 1 - t].estimate)
    twin.spread_bps = (max(estimates) - min(estimates)) / twin.price * 10_000


def _half_is_near(counted, weights) -> bool:
    # One unit off: then it depends on the last bit of a share whether half is met. Shares of whole units have no such bit.
    beyond = [2 * sum(counted[: i + 1]) - sum(counted) for i in range(len(counted))]
    whole = all((weight * 2**40).denominator == 1 for weight in weights)
    return any(abs(difference) <= 2 * len(counted) and not (whole and difference == 0) for difference in beyond)


def _confidence(twin, voices, used, weights, at_ns, rule) -> None:
    n, t = len(voices), 0 if len(voices) < 3 else max(1, (len(voices) - 1) // 3)
    enough = (1 - 0.7 * 0.45 ** (len(used) - 1)) * min(1, len(used) / rule.min_sources)
    dropped = 1 - len(used) / n
    support = max(0.0, 1 - 3 * dropped**2)
    inner = (voices[n - 1 - t].estimate - voices[t].estimate) / twin.price * 10_000
    ratio = float(max(inner, twin.spread_bps)) / max(10 * rule.floor_bps, 1.0)
    ages = [max(0, at_ns - voice.newest_ns) / max(rule.max_age_ns, 1) for voice in used]
    freshness = 2.0 ** -sum(float(weight) * age for weight, age in zip(weights, ages, strict=True))
    twin.confidence = min(1.0, max(0.0, enough * support / (1 + ratio * ratio) * freshness))
