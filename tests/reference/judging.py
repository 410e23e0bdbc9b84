"""A slow, obvious twin of the verdicts on single sources, in exact fractions.

It follows "Standing apart" of `docs/estimators.md`: what every source said at each instant, who stood apart, how it
came there, what trust is left, and whom the others can spare. Features and histogram scores are here too, in
plain floats, since they are made of logarithms.
"""

import math
from dataclasses import dataclass, field
from fractions import Fraction

from tests.reference.estimators import mad, median

INSTANTS = 12
LASTING = 8
DOUBT = Fraction(1, 10**9)


@dataclass
class Opinion:
    """What was found about one source."""

    flags: set[str] = field(default_factory=set)
    trust: Fraction = Fraction(1)
    distance: Fraction = Fraction(0)
    excluded: bool = False


ROUNDING = Fraction(1, 10**14)


def near(a, b, scale=1) -> bool:
    """Whether rounding could order them either way; they are differences of numbers as large as `scale`."""
    return (a, b) != (0, 0) and abs(a - b) <= DOUBT * max(abs(a), abs(b)) + ROUNDING * scale


def track(rows, at_ns, max_age_ns) -> list[Fraction | None]:
    """The newest price of (time, price, volume) rows at each instant, newest first; None before the first."""
    step = max_age_ns // INSTANTS
    said = [rows]
    said += [[row for row in rows if row[0] <= at_ns - step * instant] for instant in range(1, INSTANTS)]
    return [max(known)[1] if known else None for known in said]


class Judge:
    """Looks at the tracks of all sources of one feed."""

    def __init__(self, tracks: dict[int, list[Fraction | None]], rule) -> None:
        self.tracks, self.rule, self.doubtful = tracks, rule, False
        self.least = Fraction(max(rule.apart_bps, rule.floor_bps)) / 10_000
        self.crowds = []
        for instant in range(INSTANTS):
            prices = [track[instant] for track in tracks.values() if track[instant] is not None]
            middle = median(prices) if prices else Fraction(0)
            spread = mad(prices) if prices else Fraction(0)
            reach = max(Fraction(rule.k) * Fraction(1.4826) * spread, middle * self.least)
            self.crowds.append((middle, reach, len(prices) >= 3))

    def apart(self, source, instant) -> bool | None:
        """Whether the source stood apart; None when nothing can be said."""
        middle, reach, tells = self.crowds[instant]
        price = self.tracks[source][instant]
        if not tells or price is None:
            return None
        self.doubtful |= near(abs(price - middle), reach, middle)
        return abs(price - middle) > reach

    def how(self, source) -> set[str]:
        """How it came to stand apart; empty when it does not, or nothing explains it."""
        stood = [self.apart(source, instant) for instant in range(INSTANTS)]
        if stood[0] is not True:
            return set()
        lasted = next((place for place, apart in enumerate(stood) if apart is not True), INSTANTS)
        if lasted >= LASTING:
            return {"deviation"}
        if stood[lasted] is None:
            return set()
        said, middles = self.tracks[source], [crowd[0] for crowd in self.crowds]
        own, others = abs(said[0] / said[lasted] - 1), abs(middles[0] / middles[lasted] - 1)
        self.doubtful |= near(own, others)
        if others > own:
            return {"frozen"}
        moves = [abs(a / b - 1) for a, b in zip(said[lasted:], said[lasted + 1 :], strict=False) if b is not None]
        usual = max(4 * Fraction(1.4826) * median(moves) if len(moves) >= 3 else Fraction(0), self.least)
        self.doubtful |= near(own, usual)
        return {"jump"} if own > usual else set()

    def trust(self, source) -> Fraction:
        """The floor, and above it the square of the share of the window that it stood with the others."""
        stood = [(self.apart(source, i), INSTANTS - i) for i in range(INSTANTS)]
        told = sum(weight for apart, weight in stood if apart is not None)
        together = sum(weight for apart, weight in stood if apart is False)
        share = Fraction(together, told) if told else Fraction(1)
        floor = Fraction(self.rule.trust_floor)
        return floor + (1 - floor) * share**2


def level(judge: Judge) -> Fraction:
    """The median of the middles before now; that of now without any."""
    past = [middle for middle, _, _ in judge.crowds[1:] if middle > 0]
    return median(past) if past else judge.crowds[0][0]


def opinions(judge: Judge, scores=None, limit=math.inf) -> tuple[dict[int, Opinion], bool]:
    """The opinion on each source, and whether rounding could have changed one."""
    tracks, rule = judge.tracks, judge.rule
    middle = judge.crowds[0][0]
    found = {
        source: Opinion(judge.how(source), judge.trust(source), abs(track[0] - middle))
        for source, track in tracks.items()
    }
    judge.doubtful |= _exclude(found, rule, [source for source, it in found.items() if it.flags])
    odd = [source for source, score in (scores or {}).items() if score is not None and score > limit]
    for source in odd:
        found[source].flags.add("anomaly")
        if 2 * len(odd) < len(found):
            found[source].trust = max(found[source].trust / 2, Fraction(rule.trust_floor))
    floor = middle * Fraction(rule.floor_bps) / 10_000
    judge.doubtful |= bool(odd) and any(near(it.distance, floor, middle) for it in found.values())
    judge.doubtful |= _exclude(found, rule, [source for source in odd if found[source].distance > floor])
    return found, judge.doubtful


def _exclude(found, rule, accused) -> bool:
    n = len(found)
    if 2 * len(accused) >= n:
        return False
    left = sum(not it.excluded for it in found.values())
    room = max(0, left - max(rule.min_sources, n // 2 + 1))
    asked = sorted((s for s in accused if not found[s].excluded), key=lambda s: (-found[s].distance, s))
    for source in asked[:room]:
        found[source].excluded = True
    edge = [found[s].distance for s in asked[max(room - 1, 0) : room + 1]]
    return 0 < room < len(asked) and near(*edge, max(edge))
