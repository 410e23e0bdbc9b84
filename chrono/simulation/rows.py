"""One row per market and step: what a replay says."""

from collections.abc import Sequence
from typing import NamedTuple

from chrono.clock import to_rfc3339
from chrono.market.names import Market
from chrono.pricing.estimate import Estimate, Estimates


class Row(NamedTuple):
    """One market at one step.

    `price` is None when there is no value that an oracle could vote with; `reason` then says why. `sources` is
    how many venues counted, `used` names them, `excluded` those that did not: each `venue:reason`, joined by `;`.
    Price and confidence are decimal text, as on the wire.
    """

    ts: str
    market: str
    price: str | None
    confidence: str | None
    sources: int
    used: str
    excluded: str
    min_sources: int
    reason: str | None


def rows_of(at_ns: int, markets: Sequence[Market], estimates: Estimates, minimum_sources: int) -> list[Row]:
    """One row per asked market, in the order asked. An unresolved market shows the rule's own minimum."""
    ts = to_rfc3339(at_ns)
    rows = []
    for market in markets:
        estimate = estimates.resolved.get(market)
        if estimate is None:
            reason = estimates.unresolved[market].code
            rows.append(Row(ts, market, None, None, 0, "", "", minimum_sources, reason))
        else:
            rows.append(_row(ts, estimate))
    return rows


def _row(ts: str, estimate: Estimate) -> Row:
    return Row(
        ts,
        estimate.market,
        f"{estimate.price:f}" if estimate.votable else None,
        f"{estimate.confidence:f}",
        len(estimate.sources),
        ";".join(estimate.sources),
        ";".join([f"{out.venue}:{out.reason}" for out in estimate.excluded]),
        estimate.minimum_sources,
        None if estimate.reason is None else estimate.reason.code,
    )
