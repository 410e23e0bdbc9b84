"""The value that pricing gives: our number for one market, with how it came about."""

from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from chrono.errors import Reason
from chrono.market.names import Market, Venue

ALGORITHM = "weighted_consensus_v3"
"""The rule and its version. v2 voted with the average over time and knew no dispute of two; v1 knew neither trust
nor verdicts."""


class Quality(StrEnum):
    """How far a value can be trusted: enough fresh venues, fewer than asked, or too old."""

    OK = "ok"
    DEGRADED = "degraded"
    STALE = "stale"


class Exclusion(Struct, frozen=True):
    """A venue's book that did not count, and why: a verdict on the venue (outlier, jump, frozen, deviation, anomaly),
    stale, future, superseded or unpriced_edge.

    A venue may count by one book while another of its books is `superseded` here. For `unpriced_edge`, `edge` is
    the conversion that had no value.
    """

    venue: Venue
    reason: str
    book: Market | None = None
    edge: Market | None = None


class Evidence(Protocol):
    """What a value was made from, kept as columns until somebody asks. Encoding it for every value would cost
    more than the sums. Fits: pricing.derivation.Recorded.
    """

    def derivation(self) -> bytes:
        """The canonical JSON of the whole derivation; see chrono.pricing.derivation."""
        ...


class Estimate(Struct, frozen=True):
    """Our consensus for one market at `at_ns`. Prices in the market's quote currency.

    `newest_at_ns` is the newest quote that counted. `reason` says why the value is not fit to vote with
    (too few venues, low confidence, stale); None means that it is.
    """

    market: Market
    at_ns: int
    newest_at_ns: int
    price: Decimal
    volume: Decimal | None
    vwap: Decimal | None
    twap: Decimal
    median: Decimal
    weighted_median: Decimal
    mean: Decimal
    std_dev: Decimal
    spread_bps: Decimal
    confidence: Decimal
    quality: Quality
    sources: tuple[Venue, ...]
    excluded: tuple[Exclusion, ...]
    minimum_sources: int
    reason: Reason | None
    evidence: Evidence
    algorithm: str = ALGORITHM

    @property
    def votable(self) -> bool:
        """Whether an oracle's vote and the Flare seams may use it."""
        return self.reason is None


class Estimates(Struct, frozen=True):
    """Every asked market is in exactly one of the two."""

    resolved: dict[Market, Estimate]
    unresolved: dict[Market, Reason]
