"""The whole way to a value, as canonical JSON: whoever has the document can find the same number again.

Canonical means: keys sorted, no spaces, decimals and floats as strings (floats as the shortest text that reads back
as the same float), times as whole nanoseconds since 1970. Equal derivations are equal bytes.

Points are columns: `times_ns`, `prices`, `volumes` (null where unknown), oldest first. `at` repeats `at_ns` for
people. An edge on the way is told with the digest of its own derivation, which is recorded at the same instant.
"""

import hashlib
from decimal import Decimal
from typing import Any

import msgspec

import chrono_core
from chrono.clock import to_rfc3339
from chrono.errors import NO_DERIVATION, ChronoError
from chrono.pricing.asking import find, without_each
from chrono.pricing.case import FLAGS, FUTURE_NS, Case, EdgeRate, Found, Learned, Rule, Source, Unused
from chrono.pricing.estimate import Estimate
from chrono.pricing.recalling import read_case
from chrono.pricing.verdict import confidence_of, estimate_of

_encoder = msgspec.json.Encoder(order="sorted")


def digest(derivation: bytes) -> str:
    """The name of these bytes: SHA-256, 64 hex digits."""
    return hashlib.sha256(derivation).hexdigest()


def recompute(derivation: bytes) -> bytes:
    """The document made anew: its inputs are read, the Rust rule is run, and all else is written again.

    The same bytes, when nothing was changed and the versions are the same.
    Raises: ChronoError(NO_DERIVATION) when the bytes are no derivation, or nothing can be found from its inputs;
    ChronoError(OTHER_ALGORITHM) when another version of the rule made it.
    """
    try:
        case = read_case(msgspec.json.decode(derivation))
        (found,) = find([case])
    except (KeyError, TypeError, ValueError, ArithmeticError, RecursionError) as fault:  # DecodeError is a ValueError
        raise ChronoError(NO_DERIVATION, fault=f"{type(fault).__name__}: {fault}") from fault
    if not isinstance(found, Found):
        raise ChronoError(NO_DERIVATION, fault=found.detail)
    return Recorded(case, found).derivation()


class Recorded:
    """What one value was made from, as columns; turned into text only when somebody asks."""

    __slots__ = ("_digest", "case", "found")

    def __init__(self, case: Case, found: Found) -> None:
        self.case = case
        self.found = found
        self._digest = ""

    def derivation(self) -> bytes:
        """The canonical JSON of the whole derivation."""
        return _encoder.encode(_document(self.case, self.found, self.estimate()))

    def digest(self) -> str:
        """The SHA-256 of the derivation, hex; found once."""
        if not self._digest:
            self._digest = digest(self.derivation())
        return self._digest

    def estimate(self) -> Estimate:
        """The value that this evidence is of."""
        return estimate_of(self.case, self.found, self)


def _document(case: Case, found: Found, estimate: Estimate) -> dict[str, Any]:
    return {
        "algorithm": estimate.algorithm,
        "at": to_rfc3339(case.at_ns),
        "at_ns": case.at_ns,
        "chrono_core": chrono_core.__version__,
        "confidence": _confidence(case, found),
        "edges": {edge: _edge(case, rate) for edge, rate in case.edges.items()},
        "estimators": _estimators(found),
        "learned": None if case.learned is None else _learned(case.learned),
        "market": case.market,
        "result": _result(estimate),
        "rule": _rule(case.rule),
        "sources": _sources(case, found),
        "unused": [_unused(item) for item in case.unused],
        "vote": repr(found.price),
    }


def _confidence(case: Case, found: Found) -> dict[str, str]:
    terms = confidence_of(case, found)
    return {
        "agreement": repr(terms.agreement),
        "conversion": repr(terms.conversion),
        "value": str(terms.value),
    }


def _edge(case: Case, rate: EdgeRate) -> dict[str, Any]:
    return {
        "age_ns": case.at_ns - rate.newest_at_ns,
        "confidence": str(rate.confidence),
        "derivation": rate.evidence.digest(),
        "firm": rate.firm,
        "moved_bps": str(rate.moved_bps),
        "rate": repr(rate.rate),
        "sources": list(rate.sources),
        "spread_bps": str(rate.spread_bps),
        "weakness": rate.weakness,
    }


def _estimators(found: Found) -> dict[str, str | None]:
    return {
        "level": repr(found.level),
        "mean": repr(found.mean),
        "median": repr(found.median),
        "spread_bps": repr(found.spread_bps),
        "std_dev": repr(found.std_dev),
        "twap": repr(found.twap),
        "vwap": _text(found.vwap),
        "weighted_median": repr(found.weighted_median),
    }


def _result(estimate: Estimate) -> dict[str, Any]:
    return {
        "confidence": str(estimate.confidence),
        "excluded": [
            {"book": item.book, "edge": item.edge, "reason": item.reason, "venue": item.venue}
            for item in estimate.excluded
        ],
        "newest_at_ns": estimate.newest_at_ns,
        "price": str(estimate.price),
        "quality": estimate.quality.value,
        "reason": None if estimate.reason is None else estimate.reason.code,
        "sources": list(estimate.sources),
        "volume": None if estimate.volume is None else str(estimate.volume),
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "apart_bps": repr(rule.apart_bps),
        "edge_move_bps": repr(rule.edge_move_bps),
        "edge_spread_bps": repr(rule.edge_spread_bps),
        "floor_bps": repr(rule.floor_bps),
        "future_ns": FUTURE_NS,
        "half_life_ns": rule.half_life_ns,
        "k": repr(rule.k),
        "max_weight": repr(rule.max_weight),
        "minimum_confidence": repr(rule.minimum_confidence),
        "minimum_sources": rule.minimum_sources,
        "stale_after_ns": rule.stale_after_ns,
        "trust_floor": repr(rule.trust_floor),
        "window_ns": rule.window_ns,
    }


def _learned(learned: Learned) -> dict[str, str]:
    return {"digest": learned.digest, "limit": repr(learned.limit)}


def _sources(case: Case, found: Found) -> list[dict[str, Any]]:
    without = without_each(case)
    return [_source(case, found, place) | _judged(case, found, place, without[place]) for place in range(len(without))]


def _judged(case: Case, found: Found, place: int, without: float | None) -> dict[str, Any]:
    """What was found against a source, and how far the value would move without it."""
    moves = None if without is None else (without / found.price - 1.0) * 10_000
    bits = found.flags[place]
    return {
        "conversion": _conversion(case, case.sources[place]),
        "flags": [name for bit, name in enumerate(FLAGS) if bits >> bit & 1],
        "score": _text(found.scores[place]) if found.scores else None,
        "trust": repr(found.trust[place]),
        "without_bps": _text(moves),
    }


def _conversion(case: Case, source: Source) -> dict[str, Any] | None:
    """How old and how sure the way into the target's currency is; None for a direct book.

    The age is that of its oldest edge, the error the sum of the distances that the venues of each edge stand apart.
    """
    if not source.steps:
        return None
    edges = [case.edges[step.edge] for step in source.steps]
    return {
        "age_ns": case.at_ns - min(edge.newest_at_ns for edge in edges),
        "error_bps": str(sum((edge.spread_bps for edge in edges), Decimal(0))),
        "firm": all(edge.firm for edge in edges),
    }


def _source(case: Case, found: Found, place: int) -> dict[str, Any]:
    source = case.sources[place]
    times, prices, volumes = source.points
    return {
        "age_ns": case.at_ns - times[-1],
        "book": source.book,
        "estimate": _text(found.estimates[place]),
        "path": [{"edge": step.edge, "multiply": step.multiply} for step in source.steps],
        "points": {
            "prices": [repr(price) for price in prices],
            "times_ns": times.tolist(),
            "volumes": [repr(volume) if volume else None for volume in volumes],
        },
        "rate": repr(case.rate(source)),
        "venue": source.venue,
        "verdict": found.verdicts[place],
        "weight": repr(found.weights[place]),
    }


def _unused(item: Unused) -> dict[str, Any]:
    return {"book": item.book, "edge": item.edge, "reason": item.reason, "venue": item.venue}


def _text(value: float | None) -> str | None:
    return None if value is None else repr(value)
