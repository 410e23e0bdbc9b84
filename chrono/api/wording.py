"""Our values in the shapes of the wire: decimals as plain digits, times as RFC 3339 UTC with milliseconds."""

from decimal import Decimal

from chrono.api.ports import StoredConsensus
from chrono.api.schemas import ConsensusRow, ExcludedSource
from chrono.clock import to_rfc3339


def plain(value: Decimal) -> str:
    """A decimal without exponent: 0.00000001, never 1E-8."""
    return f"{value:f}"


def plain_or_none(value: Decimal | None) -> str | None:
    """The same, where nothing stays nothing."""
    return None if value is None else f"{value:f}"


def confidence_text(value: Decimal) -> str:
    """Four decimals. Source: api.md, "Which spelling wins"."""
    return f"{value:.4f}"


def consensus_row(value: StoredConsensus) -> ConsensusRow:
    """A value with each of its estimators, recorded or just computed."""
    return ConsensusRow(
        symbol=value.market,
        price=plain(value.price),
        median=plain(value.median),
        mean=plain(value.mean),
        std_dev=plain(value.std_dev),
        vwap=plain_or_none(value.vwap),
        twap=plain(value.twap),
        weighted_median=plain(value.weighted_median),
        confidence=confidence_text(value.confidence),
        num_sources=len(value.sources),
        sources=list(value.sources),
        excluded=[ExcludedSource(item.venue, item.reason) for item in value.excluded],
        timestamp=to_rfc3339(value.at_ns),
        algorithm=value.algorithm,
    )
