"""From the results of a backtest to the verdicts of the tables."""

from collections.abc import Mapping, Sequence

from chrono.backtest.frames import OURS
from chrono.backtest.intervals import QUANTILES
from chrono.backtest.outcome import percent
from chrono.backtest.results import Interval, RuleResult
from chrono.backtest.rivals import RIVALS
from chrono.backtest.tally import NEAR

__all__ = ["NEAR", "TARGET", "beaten_by", "behind", "best_rival", "errors", "percent", "verdict"]

TARGET = 99.5
"""Percent of the instants that must be so near, where the left-out source is a fair yardstick."""

Errors = Mapping[str, Mapping[str, float]]
"""Of each rule its median and P99, bps."""


def errors(rules: Sequence[RuleResult]) -> dict[str, dict[str, float]]:
    """Median and P99 of each rule's absolute error in bps."""
    return {rule.rule: {"median": rule.median.bps, "p99": rule.p99.bps} for rule in rules}


def behind(rules: Sequence[RuleResult], other: str, figure: str) -> Interval | None:
    """Where our error minus another rule's lies, 95 %; None when the recording is too short to tell."""
    (rule,) = (rule for rule in rules if rule.rule == other)
    return (rule.median if figure == "median" else rule.p99).behind


def best_rival(found: Errors, figure: str) -> tuple[str, float]:
    """The rule that did best but ours, and its figure."""
    return min(((rule, found[rule][figure]) for rule in RIVALS), key=lambda told: told[1])


def verdict(found: Errors, figure: str) -> str:
    """`better`, `equal` (to a hundredth of a bp) or `worse` than the best other rule."""
    ours, best = round(found[OURS][figure], 2), round(best_rival(found, figure)[1], 2)
    return "equal" if ours == best else "better" if ours < best else "worse"


def beaten_by(found: Errors) -> list[str]:
    """The other rules that are better than ours in both figures at once, each rounded to a hundredth of a bp."""
    ours = {figure: round(found[OURS][figure], 2) for figure in QUANTILES}
    return [rule for rule in RIVALS if all(round(found[rule][figure], 2) < ours[figure] for figure in ours)]
