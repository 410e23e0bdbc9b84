"""From the rows of the replays to the figures of the tables."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import polars as pl

from tests.truth.leaving_out import HOUR, OURS, RULES
from tests.truth.rivals import RIVALS

NEAR = 0.005
"""A price this near to the left-out source's, as a share of it, is right: half a percent."""

AGREED = 0.95
"""The share of the hour before at which a source agreed with the rest. Not all of it: one stray print would make an
honest source no yardstick for an hour."""

TARGET = 99.5
"""Percent of the instants that must be so near, where the left-out source is a fair yardstick."""

BPS = 10_000
DRAWS = 200
"""Resamples behind an interval of confidence."""

QUANTILE = {"median": 0.5, "p99": 0.99}


def valued(table: pl.DataFrame, *, votable: bool, rules: tuple[str, ...] = RULES) -> pl.DataFrame:
    """The instants that are judged: the left-out source dealt lately, and each of these rules says something.

    With `votable`, only those at which our value was fit to vote with.
    """
    told = pl.all_horizontal(pl.col("yardstick", *rules).is_not_null())
    return table.filter(told & pl.col("votable")) if votable else table.filter(told)


def nearness(table: pl.DataFrame, *, votable: bool) -> dict[str, Any]:
    """How often our value was within NEAR of the left-out source.

    `share` is over the *fair* instants: those at which that source agreed with the rest, that is was within NEAR of
    their plain median at AGREED of the instants of the hour before. `unfiltered` is over all. `half` and `whole`
    ask for agreement at half and at all of them. Percent; None of nothing.
    """
    judged = valued(table, votable=votable, rules=(OURS,))
    fair = judged.filter(pl.col(f"lately_{AGREED}") <= NEAR)
    given = table.filter(pl.col("yardstick").is_not_null())
    return {
        "instants": given.height,
        "with_value": percent(given["votable"].sum(), given.height),
        "judged": judged.height,
        "fair": fair.height,
        "share": _near(fair),
        "unfiltered": _near(judged),
        "half": _near(judged.filter(pl.col("lately_0.5") <= NEAR)),
        "whole": _near(judged.filter(pl.col("lately_1.0") <= NEAR)),
    }


def errors(
    tables: Iterable[pl.DataFrame], *, votable: bool, rules: tuple[str, ...] = RULES
) -> dict[str, dict[str, float]]:
    """Median and P99 of each rule's absolute error in bps, over the judged instants of all these tables."""
    judged = pl.concat([valued(table, votable=votable).select("yardstick", *rules) for table in tables])
    if judged.is_empty():
        return {}
    found = {}
    for rule in rules:
        error = ((judged[rule] / judged["yardstick"] - 1) * BPS).abs()
        found[rule] = {"median": error.median(), "p99": error.quantile(0.99, "linear")}
    return found


def best_rival(found: Mapping[str, Mapping[str, float]], figure: str) -> tuple[str, float]:
    """The rule that did best but ours, and its figure."""
    return min(((rule, found[rule][figure]) for rule in RIVALS), key=lambda told: told[1])


def verdict(found: Mapping[str, Mapping[str, float]], figure: str) -> str:
    """`better`, `equal` (to a hundredth of a bp) or `worse` than the best other rule."""
    ours, best = round(found[OURS][figure], 2), round(best_rival(found, figure)[1], 2)
    return "equal" if ours == best else "better" if ours < best else "worse"


def difference(tables: Iterable[pl.DataFrame], other: str, quantile: float, *, votable: bool) -> tuple[float, float]:
    """Where the difference of our error to another rule's lies, 95 %, bps; below 0 ours is the smaller one.

    Neighbouring instants are alike, so whole hours are drawn, with replacement, DRAWS times.
    """
    judged = pl.concat([valued(table, votable=votable).select("at", "yardstick", OURS, other) for table in tables])
    named = judged.with_columns(hour=pl.col("at").dt.truncate(HOUR))
    hours = [
        [((hour[rule] / hour["yardstick"] - 1) * BPS).abs().to_numpy() for rule in (OURS, other)]
        for hour in named.partition_by("hour", maintain_order=True)
    ]
    chance = np.random.default_rng(1)
    drawn = []
    for _ in range(DRAWS):
        places = chance.integers(len(hours), size=len(hours))
        ours, others = (np.concatenate([hours[place][rule] for place in places]) for rule in (0, 1))
        drawn.append(np.quantile(ours, quantile) - np.quantile(others, quantile))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)


def beaten_by(found: Mapping[str, Mapping[str, float]]) -> list[str]:
    """The other rules that are better than ours in both figures at once, each rounded to a hundredth of a bp."""
    ours = {figure: round(value, 2) for figure, value in found[OURS].items()}
    return [rule for rule in RIVALS if all(round(found[rule][figure], 2) < ours[figure] for figure in ours)]


def percent(part: int, whole: int) -> float | None:
    """The share in percent; None of nothing."""
    return 100.0 * part / whole if whole else None


def _near(table: pl.DataFrame) -> float | None:
    near = (table[OURS] / table["yardstick"] - 1).abs() <= NEAR
    return percent(int(near.sum()), table.height)
