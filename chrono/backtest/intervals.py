"""How sure the figures are: whole stretches of time drawn anew, with replacement, and the figures found again."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

import polars as pl

from chrono.backtest.blocks import Blocks
from chrono.backtest.histogram import Histogram, quantile

DRAWS = 200
CERTAIN = 0.95
FEWEST = 8
"""Stretches without which nothing is said of certainty."""

COARSE = 5
"""Bins that count as one here: half a percent is fine enough for an interval."""

QUANTILES: Mapping[str, float] = {"median": 0.5, "p99": 0.99}


class Interval(NamedTuple):
    """Where a figure lies, 95 %, in bps."""

    low: float
    high: float


class Certainty(NamedTuple):
    """Of each rule and figure its own interval, and that of our error minus the rule's: below 0 ours is smaller."""

    own: dict[str, Interval]
    behind: dict[str, Interval]


def certainties(blocks: Blocks, draws: int = DRAWS, seed: int = 1) -> list[Certainty] | None:
    """The intervals of every rule, in their order, ours first; None of too few stretches."""
    n = len(blocks.starts())
    if n < FEWEST:
        return None
    tables = [_table(list(blocks.of_rule(rule))) for rule in range(blocks.rules)]
    chance = Random(seed)
    drawn: list[list[dict[str, float]]] = [[] for _ in tables]
    for _ in range(draws):
        weights = _drawn(chance, n)
        for rule, table in enumerate(tables):
            drawn[rule].append(_figures(table, weights))
    return [
        Certainty(
            {figure: _interval([one[figure] for one in told]) for figure in QUANTILES},
            {
                figure: _interval([a[figure] - b[figure] for a, b in zip(drawn[0], told, strict=True)])
                for figure in QUANTILES
            },
        )
        for told in drawn
    ]


def _drawn(chance: Random, n: int) -> list[int]:
    """How often each of n stretches is drawn in n draws."""
    weights = [0] * n
    for place in chance.choices(range(n), k=n):
        weights[place] += 1
    return weights


def _table(stretches: Sequence[Histogram]) -> pl.DataFrame:
    """Counts: a row for each coarse bin, a column for each stretch."""
    columns = []
    for place, histogram in enumerate(stretches):
        told = pl.DataFrame(
            {"bin": histogram.bins.tolist(), "count": histogram.counts.tolist()},
            schema={"bin": pl.Int64, "count": pl.Int64},
        )
        columns.append(told.select(pl.col("bin") // COARSE, pl.col("count"), stretch=pl.lit(f"{place}")))
    table = pl.concat(columns).pivot(on="stretch", index="bin", values="count", aggregate_function="sum")
    wanted = [f"{place}" for place in range(len(stretches))]
    missing = [pl.lit(0, pl.Int64).alias(name) for name in wanted if name not in table.columns]
    return table.with_columns(missing).sort("bin").select("bin", *wanted).fill_null(0)


def _figures(table: pl.DataFrame, weights: Sequence[int]) -> dict[str, float]:
    """The figures of these counts, each stretch as often as it was drawn."""
    counts = table.select(pl.sum_horizontal(pl.col(f"{i}") * weight for i, weight in enumerate(weights) if weight))
    bins = [bin_ * COARSE for bin_ in table["bin"].to_list()]
    told = counts.to_series().to_list()
    return {figure: quantile(bins, told, share, COARSE) or 0.0 for figure, share in QUANTILES.items()}


def _interval(values: list[float]) -> Interval:
    ordered, edge = sorted(values), (1.0 - CERTAIN) / 2.0
    last = len(ordered) - 1
    return Interval(ordered[round(edge * last)], ordered[round((1.0 - edge) * last)])
