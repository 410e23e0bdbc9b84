"""From what the core found to the value that leaves pricing: rounded, judged, and with its reasons."""

from decimal import Decimal
from itertools import chain
from math import fsum, prod

from msgspec import Struct

from chrono.errors import LOW_CONFIDENCE, STALE_VALUE, THIN_CONVERSION, TOO_FEW_SOURCES, Reason
from chrono.pricing.case import Case, Found, Source
from chrono.pricing.estimate import Estimate, Evidence, Exclusion, Quality
from chrono.pricing.rounding import optional_price_of, price_of, share_of

USED = "used"

HALF = 0.5 + 1e-9
"""Half of the weight, with room for the rounding of shares that are to be exactly half together."""


class Confidence(Struct, frozen=True):
    """The terms of a confidence, each between 0 and 1; the value is their product.

    `agreement` is the core's: enough sources, few dropped, near each other, fresh. `conversion` is what the edges
    on the way are worth, by the weight that went through them: 1 when every source was direct.
    """

    agreement: float
    conversion: float

    @property
    def value(self) -> Decimal:
        """The product, with four places."""
        return share_of(self.agreement * self.conversion)


def confidence_of(case: Case, found: Found) -> Confidence:
    """The terms of the confidence of what was found."""
    worth = fsum(weight * _path_worth(case, source) for source, weight in _used(case, found))
    return Confidence(found.confidence, min(worth, 1.0))


def estimate_of(case: Case, found: Found, evidence: Evidence) -> Estimate:
    """The value of this case, judged."""
    used = [source for source, _ in _used(case, found)]
    newest_at_ns = max(source.points.times[-1] for source in used)
    confidence = confidence_of(case, found).value
    reason = _reason(case, found, confidence, newest_at_ns)
    return Estimate(
        market=case.market,
        at_ns=case.at_ns,
        newest_at_ns=newest_at_ns,
        price=price_of(found.price),
        volume=_volume(used),
        vwap=optional_price_of(found.vwap),
        twap=price_of(found.twap),
        median=price_of(found.median),
        weighted_median=price_of(found.weighted_median),
        mean=price_of(found.mean),
        std_dev=price_of(found.std_dev),
        spread_bps=price_of(found.spread_bps),
        confidence=confidence,
        quality=_quality(reason),
        sources=tuple(source.venue for source in used),
        excluded=_excluded(case, found),
        minimum_sources=case.rule.minimum_sources,
        reason=reason,
        evidence=evidence,
    )


def _used(case: Case, found: Found) -> list[tuple[Source, float]]:
    told = zip(case.sources, found.weights, found.verdicts, strict=True)
    return [(source, weight) for source, weight, verdict in told if verdict == USED]


def _path_worth(case: Case, source: Source) -> float:
    return prod(float(case.edges[step.edge].confidence) for step in source.steps)


def _firm_weight(case: Case, found: Found) -> float:
    """The weight of the sources that came directly, or through edges that are themselves fit to vote with."""
    return fsum(
        weight for source, weight in _used(case, found) if all(case.edges[step.edge].firm for step in source.steps)
    )


def _reason(case: Case, found: Found, confidence: Decimal, newest_at_ns: int) -> Reason | None:
    """Why the value is not fit to vote with; None when it is."""
    rule = case.rule
    if case.at_ns - newest_at_ns > rule.stale_after_ns:
        return STALE_VALUE
    if len(_used(case, found)) < rule.minimum_sources:
        return TOO_FEW_SOURCES
    # Whoever stands behind a weak edge moves every source that goes through it: together they may not decide, and
    # exactly half of the weight does, as the median of two halves lies between them.
    if _firm_weight(case, found) <= HALF:
        return THIN_CONVERSION
    if confidence < share_of(rule.minimum_confidence):
        return LOW_CONFIDENCE
    return None


def _quality(reason: Reason | None) -> Quality:
    if reason is None:
        return Quality.OK
    return Quality.STALE if reason is STALE_VALUE else Quality.DEGRADED


def _volume(used: list[Source]) -> Decimal | None:
    """Base units that the counted venues told of within the window; None when they told of none."""
    # An exact sum, so that neither the order nor the Python version shows.
    total = fsum(chain.from_iterable(source.points.volumes for source in used))
    return price_of(total) if total > 0.0 else None


def _excluded(case: Case, found: Found) -> tuple[Exclusion, ...]:
    told = zip(case.sources, found.verdicts, strict=True)
    dropped = [Exclusion(source.venue, verdict, source.book) for source, verdict in told if verdict != USED]
    unused = [Exclusion(item.venue, item.reason, item.book, item.edge) for item in case.unused]
    return tuple(sorted(dropped + unused, key=lambda item: (item.venue, item.book or "")))
