"""One consensus to be found: every input of it, and the one call that finds many of them.

The live path and the recomputation of a stored derivation both go through `find`, so that they cannot differ.
"""

from array import array
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Protocol

from msgspec import Struct

from chrono.clock import SECOND_NS
from chrono.market.graph import Step
from chrono.market.names import Market, Venue
from chrono.pricing.series import Points
from chrono.settings import Pricing
from chrono_core import Round, consensus_many

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
        )


class Digested(Protocol):
    """What can be named by a digest. Fits: pricing.derivation.Recorded, pricing.derivation.KnownDigest."""

    def digest(self) -> str:
        """SHA-256 of the derivation, hex."""
        ...


class EdgeRate(Struct, frozen=True):
    """What one edge was worth when a price went through it.

    `firm` says that the edge was fit to vote with: fresh, enough venues, and of one mind. `spread_bps` is how far
    they stood apart: the error that a price converted by it may carry.
    """

    edge: Market
    rate: float
    newest_at_ns: int
    confidence: Decimal
    spread_bps: Decimal
    sources: tuple[Venue, ...]
    firm: bool
    evidence: Digested


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


class Case(Struct, frozen=True):
    """Everything that the consensus of `market` at `at_ns` is made from. Sources are in the order of their names."""

    market: Market
    at_ns: int
    rule: Rule
    sources: tuple[Source, ...]
    unused: tuple[Unused, ...]
    edges: dict[Market, EdgeRate]

    def rate(self, source: Source) -> float:
        """The factor of a source's prices into the target's currency: 1.0 for a direct book."""
        factor = 1.0
        for step in source.steps:
            rate = self.edges[step.edge].rate
            factor = factor * rate if step.multiply else factor / rate
        return factor


class Found(Struct, frozen=True):
    """What the Rust core found for one case. The last three columns are in the order of the case's sources."""

    price: float
    vwap: float | None
    twap: float
    median: float
    weighted_median: float
    mean: float
    std_dev: float
    spread_bps: float
    confidence: float
    estimates: list[float | None]
    weights: list[float]
    verdicts: list[str]


_NUMBERS = ("price", "vwap", "twap", "median", "weighted_median", "mean", "std_dev", "spread_bps", "confidence")
"""The columns of the core that are one number per case, named as in `Found`."""


class Nothing(Struct, frozen=True):
    """Why the core found no price for a case: its own code, and a sentence."""

    reason: str
    detail: str


def find(cases: Sequence[Case]) -> list[Found | Nothing]:
    """The consensus of each case, in one call. All have one instant and one rule. Shapes: (n,) to (n,)."""
    if not cases:
        return []
    rule = cases[0].rule
    columns = _Columns()
    for case in cases:
        columns.append(case)
    found = consensus_many(
        columns.prices,
        columns.volumes,
        columns.times,
        columns.ids,
        columns.offsets,
        rates=columns.rates,
        at_ns=cases[0].at_ns,
        half_life_ns=rule.half_life_ns,
        max_age_ns=rule.window_ns,
        future_tolerance_ns=FUTURE_NS,
        k=rule.k,
        floor_bps=rule.floor_bps,
        min_sources=rule.minimum_sources,
        max_weight=rule.max_weight,
    )
    return _read(found)


class _Columns:
    """The points of all cases, one after the other; case c owns the rows `offsets[c]` to `offsets[c + 1]`."""

    def __init__(self) -> None:
        self.prices: array[float] = array("d")
        self.volumes: array[float] = array("d")
        self.times: array[int] = array("q")
        self.ids: array[int] = array("q")
        self.rates: array[float] = array("d")
        self.offsets: array[int] = array("q", [0])

    def append(self, case: Case) -> None:
        for place, source in enumerate(case.sources):
            times, prices, volumes = source.points
            n = len(times)
            self.times.extend(times)
            self.prices.extend(prices)
            self.volumes.extend(volumes)
            self.ids.extend(array("q", (place,)) * n)
            self.rates.extend(array("d", (case.rate(source),)) * n)
        self.offsets.append(len(self.times))


def _read(found: Round) -> list[Found | Nothing]:
    numbers = zip(*(getattr(found, name).to_list() for name in _NUMBERS), strict=True)
    cuts = found.source_offsets.to_list()
    estimates, weights = found.source_estimate.to_list(), found.source_weight.to_list()
    verdicts, details = found.source_verdict, found.detail
    rows: list[Found | Nothing] = []
    for feed, (row, reason) in enumerate(zip(numbers, found.reason, strict=True)):
        if reason is not None:
            rows.append(Nothing(reason, details[feed] or ""))
            continue
        own = slice(cuts[feed], cuts[feed + 1])
        named: dict[str, Any] = dict(zip(_NUMBERS, row, strict=True))
        rows.append(Found(**named, estimates=estimates[own], weights=weights[own], verdicts=verdicts[own]))
    return rows
