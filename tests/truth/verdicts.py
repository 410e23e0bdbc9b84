"""What was decided about every source at every instant of a replay, and what a three-sigma filter would have done."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from chrono.backtest.rivals import beyond_three_sigma, heard
from chrono.market.names import Market
from chrono.pricing.case import Case
from chrono.pricing.verdict import USED
from chrono.simulation.replay import Replay

STALE = "stale"


class Judged(NamedTuple):
    """One source at one instant. `last` is its newest price in the target's currency, `rate` what made it so.

    `verdict` is `used` or why it was left out, `flagged` whether anything was found against it, `by_sigma` whether
    three standard deviations would have left it out, `apart` its relative distance from the nearest other fresh
    source (None when it is alone).
    """

    at_ns: int
    market: Market
    venue: str
    book: Market
    newest_ns: int
    last: float
    rate: float
    verdict: str
    flagged: bool
    by_sigma: bool
    apart: float | None
    votable: bool

    @property
    def left_out(self) -> bool:
        """Whether a verdict on the source itself left it out; being too old is none."""
        return self.verdict not in (USED, STALE)


def judged(replay: Replay, markets: Sequence[Market]) -> Iterator[Judged]:
    """Every source of these markets at every step of the replay."""
    for step in replay.steps():
        for market in markets:
            estimate = step.estimates.resolved.get(market)
            if estimate is not None:
                recorded = estimate.evidence
                yield from _of_case(recorded.case, recorded.found, votable=estimate.votable)  # type: ignore[attr-defined]


def _of_case(case: Case, found: object, *, votable: bool) -> Iterator[Judged]:
    fresh = heard(case)
    prices = [source.last for source in fresh]
    sigma = beyond_three_sigma(fresh)
    told = {source.venue: source for source in fresh}
    for place, source in enumerate(case.sources):
        here = told.get(source.venue)
        if here is None:
            continue
        others = list(prices)
        others.remove(here.last)
        yield Judged(
            at_ns=case.at_ns,
            market=case.market,
            venue=source.venue,
            book=source.book,
            newest_ns=source.points.times[-1],
            last=here.last,
            rate=case.rate(source),
            verdict=found.verdicts[place],  # type: ignore[attr-defined]
            flagged=bool(found.flags[place]),  # type: ignore[attr-defined]
            by_sigma=source.venue in sigma,
            apart=min((abs(here.last / other - 1.0) for other in others), default=None),
            votable=votable,
        )
