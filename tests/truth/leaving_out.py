"""One source left out, the rest replayed, and what every rule then said beside what that source did.

The replay is `chrono.simulation.replay`: the window, graph and rule that price live. The other rules get the very
points that ours got.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from msgspec import structs

from chrono.clock import SECOND_NS
from chrono.market.graph import Path as Way
from chrono.market.graph import QuoteGraph
from chrono.market.names import Market, Venue
from chrono.market.quote import Trade
from chrono.pricing.asking import find
from chrono.pricing.case import Case, Found
from chrono.pricing.estimate import Estimate, Estimates
from chrono.settings import Pricing
from chrono.simulation.replay import Replay, Step
from tests.truth.recordings import Inquiry, books_of, opened
from tests.truth.rivals import RIVALS, heard

OURS = "chrono"
RULES = (OURS, *RIVALS)
QUANTILES = (0.5, 0.95, 1.0)
"""Over how much of the hour before a source has to have agreed with the rest: half, nearly all, all."""

HOUR = "1h"
KNOWN = 10
"""Instants of the hour before at which both must have been known, to say that a source agreed with the rest."""


VARIANTS: dict[str, dict[str, Any]] = {
    **{f"half_life_s {seconds}": {"half_life_ns": seconds * SECOND_NS} for seconds in (2, 5, 10, 20)},
    **{f"floor_bps {bps}": {"floor_bps": float(bps)} for bps in (5, 10, 20)},
}
"""Our rule with one number changed, on the same points; conversions keep the rates of the unchanged rule."""


class Task(NamedTuple):
    """One replay: which source is left out of which market, and with which rule; with or without the variants."""

    inquiry: Inquiry
    left_out: Venue
    rules: Pricing
    data: Path
    every_s: int
    variants: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Every rule that is asked."""
        return (*RULES, *VARIANTS) if self.variants else RULES


def leave_out(task: Task) -> pl.DataFrame:
    """One row per instant: `at` (UTC), `votable`, `yardstick` (what the left-out source last dealt at, None when
    that is too long ago), `distance` (its relative distance from the plain median of the rest), `lately_X` (the
    quantile X of that distance over the hour before), and a column of prices for each rule of `task.columns`.
    """
    inquiry, recording = task.inquiry, task.inquiry.recording
    books = books_of(task.left_out, inquiry.target, task.data, recording)
    names = tuple(f"{task.left_out}:{book}" for book in books)
    way = _way(inquiry.target, books)
    markets = [inquiry.target, *(step.edge for step in way.steps)]
    tape = opened(recording, task.data, without=names)
    replay = Replay([tape], task.rules, markets=markets, every_ns=task.every_s * SECOND_NS)
    said = _said(task, way.book)
    rows = [_row(step, task, way) for step in replay.steps()]
    return _table(rows, task.columns, said, recording.fresh_s)


def _way(target: Market, books: list[Market]) -> Way:
    """The book by which the left-out source is heard as a yardstick, and the way of its prices into the target."""
    own = [target] if target in books else books
    return QuoteGraph.build(Pricing().edges).paths(target, own)[0]


def _row(step: Step, task: Task, way: Way) -> tuple[float | bool | int | None, ...]:
    estimate = step.estimates.resolved.get(task.inquiry.target)
    rate = _rate(step.estimates, way)
    if estimate is None:
        return (step.at_ns, False, rate, *[None] * len(task.columns))
    case: Case = estimate.evidence.case  # type: ignore[attr-defined]
    sources = heard(case)
    others = [rule(sources) for rule in RIVALS.values()]
    changed = [_with(case, numbers) for numbers in VARIANTS.values()] if task.variants else []
    return (step.at_ns, estimate.votable, rate, float(estimate.price), *others, *changed)


def _with(case: Case, numbers: dict[str, Any]) -> float | None:
    """What our rule says with these numbers changed."""
    (found,) = find([structs.replace(case, rule=structs.replace(case.rule, **numbers))])
    return found.price if isinstance(found, Found) else None


def _rate(estimates: Estimates, way: Way) -> float | None:
    """What turns the left-out source's price into the target's currency; 1 for a direct book."""
    factor = 1.0
    for step in way.steps:
        edge: Estimate | None = estimates.resolved.get(step.edge)
        if edge is None:
            return None
        factor = factor * float(edge.price) if step.multiply else factor / float(edge.price)
    return factor


def _said(task: Task, book: Market) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """When each price of the left-out book became known, when it was dealt, and the price; in order of receipt."""
    tape = opened(task.inquiry.recording, task.data, books=(f"{task.left_out}:{book}",))
    rows = [
        (e.received_at_ns, e.traded_at_ns if isinstance(e, Trade) else e.quoted_at_ns, float(e.price))
        for part in tape.slices()
        for e in part
    ]
    known, dealt, prices = zip(*rows, strict=True)
    return np.array(known), np.array(dealt), np.array(prices)


def _table(
    rows: list[tuple], columns: tuple[str, ...], said: tuple[np.ndarray, np.ndarray, np.ndarray], fresh_s: int
) -> pl.DataFrame:
    schema = {"at_ns": pl.Int64, "votable": pl.Boolean, "rate": pl.Float64} | dict.fromkeys(columns, pl.Float64)
    table = pl.DataFrame(rows, schema=schema, orient="row")
    known, dealt, prices = said
    at_ns = table["at_ns"].to_numpy()
    place = np.searchsorted(known, at_ns, side="right") - 1
    newest = np.where(place >= 0, prices[place], np.nan)
    age_ns = np.where(place >= 0, at_ns - dealt[place], np.iinfo(np.int64).max)
    fresh = pl.Series(np.where(age_ns < fresh_s * SECOND_NS, newest, np.nan)).fill_nan(None)
    table = table.with_columns(
        at=pl.from_epoch("at_ns", time_unit="ns").dt.replace_time_zone("UTC"),
        yardstick=fresh * table["rate"],
    )
    table = table.with_columns(distance=(pl.col("yardstick") / pl.col("median") - 1).abs())
    lately = {f"lately_{quantile}": _lately(quantile) for quantile in QUANTILES}
    return table.with_columns(**lately).drop("at_ns", "rate")


def _lately(quantile: float) -> pl.Expr:
    return pl.col("distance").rolling_quantile_by(
        "at", quantile=quantile, interpolation="higher", window_size=HOUR, min_samples=KNOWN, closed="left"
    )
