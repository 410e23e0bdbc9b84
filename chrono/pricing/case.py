"""One consensus to be found: every input of it, and what the core found."""

from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from chrono.clock import SECOND_NS
from chrono.market.graph import Step
from chrono.market.names import Market, Venue
from chrono.pricing.series import Points
from chrono.settings import Pricing
from chrono_core import AnomalyModel

FUTURE_NS = 5 * SECOND_NS
"""How far ahead of us a venue's clock may run; the ingest door refuses what is further ahead."""


class Rule(Struct, frozen=True):
    """The numbers of the rule, in the units of the sums. `docs/estimators.md` explains each."""

    window_ns: int
    stale_after_ns: int
    half_life_ns: int
    minimum_sources: int
    k: float
    floor_bps: float
    max_weight: float
    minimum_confidence: float
    apart_bps: float
    trust_floor: float
    edge_move_bps: float
    edge_spread_bps: float

    @classmethod
    def of(cls, settings: Pricing) -> "Rule":
        """The rule that these settings ask for. A value is stale when its newest quote left the last third."""
        window_ns = settings.window_s * SECOND_NS
        return cls(
            window_ns=window_ns,
            stale_after_ns=window_ns // 3,
            half_life_ns=round(settings.half_life_s * SECOND_NS),
            minimum_sources=settings.minimum_sources,
            k=float(settings.k),
            floor_bps=float(settings.floor_bps),
            max_weight=float(settings.max_weight),
            minimum_confidence=float(settings.minimum_confidence),
            apart_bps=float(settings.apart_bps),
            trust_floor=float(settings.trust_floor),
            edge_move_bps=float(settings.edge_move_bps),
            edge_spread_bps=float(settings.edge_spread_bps),
        )


class Digested(Protocol):
    """What can be named by a digest. Fits: pricing.derivation.Recorded, pricing.derivation.KnownDigest."""

    def digest(self) -> str:
        """SHA-256 of the derivation, hex."""
        ...


class EdgeRate(Struct, frozen=True):
    """What one edge was worth when a price went through it.

    `weakness` says why the edge is not fit to vote with: the reason of its own value, or `moved` far from the level
    that it had in the window, or `disagreement` of its venues; None when it is firm. `spread_bps` is how far they
    stood apart: the error that a price converted by it may carry.
    """

    edge: Market
    rate: float
    newest_at_ns: int
    confidence: Decimal
    spread_bps: Decimal
    moved_bps: Decimal
    sources: tuple[Venue, ...]
    weakness: str | None
    evidence: Digested

    @property
    def firm(self) -> bool:
        """Whether it is fit to vote with."""
        return self.weakness is None


class Source(Struct, frozen=True):
    """One venue's voice: the book it speaks by, the way into the target's currency, and the points."""

    venue: Venue
    book: Market
    steps: tuple[Step, ...]
    points: Points


class Unused(Struct, frozen=True, order=True):
    """A book that was not asked, and why: superseded, stale, or unpriced_edge with the edge."""

    venue: Venue
    book: Market
    reason: str
    edge: Market | None = None


class Learned(Struct, frozen=True):
    """The learned layer of a case: a model that scores, or the scores that it gave when the case was recorded.

    `digest` names the model's file, a source above `limit` is an anomaly. `scores` are by source; a source of which
    no point counted has none.
    """

    digest: str
    limit: float
    model: AnomalyModel | None = None
    scores: tuple[float | None, ...] = ()


class Case(Struct, frozen=True):
    """Everything that the consensus of `market` at `at_ns` is made from. Sources are in the order of their names."""

    market: Market
    at_ns: int
    rule: Rule
    sources: tuple[Source, ...]
    unused: tuple[Unused, ...]
    edges: dict[Market, EdgeRate]
    learned: Learned | None = None

    def rate(self, source: Source) -> float:
        """The factor of a source's prices into the target's currency: 1.0 for a direct book."""
        factor = 1.0
        for step in source.steps:
            rate = self.edges[step.edge].rate
            factor = factor * rate if step.multiply else factor / rate
        return factor


class Found(Struct, frozen=True):
    """What the Rust core found for one case. The lists are in the order of the case's sources.

    `flags` are the bits of `FLAGS`, `scores` and `features` are empty without a learned layer.
    """

    price: float
    vwap: float | None
    twap: float
    median: float
    weighted_median: float
    mean: float
    std_dev: float
    level: float
    spread_bps: float
    confidence: float
    estimates: list[float | None]
    weights: list[float]
    verdicts: list[str]
    flags: list[int]
    trust: list[float]
    scores: list[float | None]
    features: list[float | None]


FLAGS = ("outlier", "jump", "frozen", "deviation", "anomaly")
"""What can be found against a source, from the least bit on; `docs/estimators.md` says when."""


class Nothing(Struct, frozen=True):
    """Why the core found no price for a case: its own code, and a sentence."""

    reason: str
    detail: str
