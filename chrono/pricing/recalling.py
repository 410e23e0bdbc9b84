"""A recorded derivation read back into the case that it was made from.

Only inputs are read: points, rule, edges, and the scores of the learned layer. Everything else is found again.
"""

from array import array
from decimal import Decimal
from typing import Any

from chrono.errors import OTHER_ALGORITHM, ChronoError
from chrono.market.graph import Step
from chrono.market.names import Market, Venue
from chrono.pricing.case import Case, EdgeRate, Learned, Rule, Source, Unused
from chrono.pricing.estimate import ALGORITHM
from chrono.pricing.series import Points


class KnownDigest:
    """An edge of a document that is read back: its derivation is elsewhere, its digest is known."""

    __slots__ = ("_digest",)

    def __init__(self, known: str) -> None:
        self._digest = known

    def digest(self) -> str:
        """The digest that the document told."""
        return self._digest


def read_case(told: dict[str, Any]) -> Case:
    """The case of a document. Raises: ChronoError(OTHER_ALGORITHM); KeyError, TypeError, ValueError or an arithmetic
    error for what is no such document.
    """
    if told["algorithm"] != ALGORITHM:
        raise ChronoError(OTHER_ALGORITHM, recorded=str(told["algorithm"])[:60], here=ALGORITHM)
    at_ns = told["at_ns"]
    return Case(
        market=Market(told["market"]),
        at_ns=at_ns,
        rule=_read_rule(told["rule"]),
        sources=tuple(_read_source(source) for source in told["sources"]),
        unused=tuple(Unused(item["venue"], item["book"], item["reason"], item["edge"]) for item in told["unused"]),
        edges={Market(edge): _read_edge(Market(edge), rate, at_ns) for edge, rate in told["edges"].items()},
        learned=None if told["learned"] is None else _read_learned(told["learned"], told["sources"]),
    )


def _read_learned(told: dict[str, Any], sources: list[dict[str, Any]]) -> Learned:
    """The learned layer as it was: its scores are an input, so that nobody needs the model to find the value again."""
    scores = tuple(None if source["score"] is None else float(source["score"]) for source in sources)
    return Learned(digest=str(told["digest"]), limit=float(told["limit"]), scores=scores)


def _read_rule(told: dict[str, Any]) -> Rule:
    return Rule(
        window_ns=told["window_ns"],
        stale_after_ns=told["stale_after_ns"],
        half_life_ns=told["half_life_ns"],
        minimum_sources=told["minimum_sources"],
        k=float(told["k"]),
        floor_bps=float(told["floor_bps"]),
        max_weight=float(told["max_weight"]),
        minimum_confidence=float(told["minimum_confidence"]),
        apart_bps=float(told["apart_bps"]),
        trust_floor=float(told["trust_floor"]),
        edge_move_bps=float(told["edge_move_bps"]),
        edge_spread_bps=float(told["edge_spread_bps"]),
    )


def _read_source(told: dict[str, Any]) -> Source:
    points = told["points"]
    return Source(
        venue=Venue(told["venue"]),
        book=Market(told["book"]),
        steps=tuple(Step(Market(step["edge"]), step["multiply"]) for step in told["path"]),
        points=Points(
            array("q", points["times_ns"]),
            array("d", [float(price) for price in points["prices"]]),
            array("d", [float(volume or 0.0) for volume in points["volumes"]]),
        ),
    )


def _read_edge(edge: Market, told: dict[str, Any], at_ns: int) -> EdgeRate:
    return EdgeRate(
        edge=edge,
        rate=float(told["rate"]),
        newest_at_ns=at_ns - told["age_ns"],
        confidence=Decimal(told["confidence"]),
        spread_bps=Decimal(told["spread_bps"]),
        moved_bps=Decimal(told["moved_bps"]),
        sources=tuple(Venue(venue) for venue in told["sources"]),
        weakness=told["weakness"],
        evidence=KnownDigest(told["derivation"]),
    )
