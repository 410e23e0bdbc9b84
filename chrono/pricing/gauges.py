"""What the newest values say about the feeds, the venues and the stable coins, as metrics."""

from collections.abc import Iterable

from chrono.clock import SECOND_NS
from chrono.market.graph import NUMERAIRE
from chrono.market.names import Market, Venue, base_of, quote_of
from chrono.pricing.case import FLAGS
from chrono.pricing.derivation import Recorded
from chrono.pricing.estimate import Estimate
from chrono.telemetry import ANOMALIES, FEED_SOURCES, FEED_STALENESS, SOURCE_DEVIATION, STABLE_PEG

_BPS = 10_000

SILENCES = frozenset({"stale", "future", "out_of_range"})
"""Reasons why nothing of a venue counted that say something about it; a superseded book or a missing edge does not."""


def show(estimates: Iterable[Estimate], at_ns: int) -> None:
    """Set the gauges of these newest values. Only USD markets are shown, so that the labels stay few."""
    widest: dict[Venue, float] = {}
    for estimate in estimates:
        if quote_of(estimate.market) != NUMERAIRE:
            continue
        FEED_SOURCES.labels(estimate.market).set(len(estimate.sources))
        FEED_STALENESS.labels(estimate.market).set(max(at_ns - estimate.newest_at_ns, 0) / SECOND_NS)
        if is_peg(estimate.market):
            STABLE_PEG.labels(base_of(estimate.market)).set(float(estimate.price))
        _widen(widest, estimate)
    for venue, deviation_bps in widest.items():
        SOURCE_DEVIATION.labels(venue).set(deviation_bps)


def show_gone(market: Market) -> None:
    """Set the gauges of a market that no venue prices any more."""
    if quote_of(market) == NUMERAIRE:
        FEED_SOURCES.labels(market).set(0)


def count_anomalies(estimates: Iterable[Estimate]) -> None:
    """Count what was found against venues in recorded values, whether they were left out for it or not."""
    for estimate in estimates:
        for item in estimate.excluded:
            if item.reason in SILENCES:
                ANOMALIES.labels(item.venue, item.reason).inc()
        if isinstance(estimate.evidence, Recorded):
            _count_flags(estimate.evidence)


def _count_flags(evidence: Recorded) -> None:
    for source, bits in zip(evidence.case.sources, evidence.found.flags, strict=True):
        for bit, name in enumerate(FLAGS):
            if bits >> bit & 1:
                ANOMALIES.labels(source.venue, name).inc()


def is_peg(market: Market) -> bool:
    """Whether the base is a coin named after the currency it is quoted in, such as USDT/USD."""
    base, quote = base_of(market), quote_of(market)
    return quote in base and base != quote


def _widen(widest: dict[Venue, float], estimate: Estimate) -> None:
    """Keep each venue's farthest distance from the consensus, over all markets of the pass."""
    evidence = estimate.evidence
    if not isinstance(evidence, Recorded):
        return
    found = evidence.found
    for source, said in zip(evidence.case.sources, found.estimates, strict=True):
        if said is not None:
            distance = abs(said / found.price - 1.0) * _BPS
            widest[source.venue] = max(widest.get(source.venue, 0.0), distance)
