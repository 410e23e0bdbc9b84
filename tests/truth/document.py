"""The figures of a measurement as one JSON document."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from chrono.backtest.blocks import Blocks
from chrono.backtest.frames import OURS
from chrono.backtest.intervals import QUANTILES
from chrono.backtest.outcome import rule_results
from chrono.backtest.results import LeftOut, RuleResult
from tests.truth.figures import beaten_by, behind, best_rival, errors, percent, verdict
from tests.truth.leaving_out import RULES, VARIANTS, Measured, Task
from tests.truth.planted import TARGET as PLANTED_TARGET
from tests.truth.work import Piece

Result = tuple[Piece, Any]
Pair = tuple[Task, Measured]


def document(results: Iterable[Result], alone: list[str], *, quick: bool, seconds: float) -> dict[str, Any]:
    """Every figure, by section."""
    told = list(results)
    left_out = [(piece.arguments[0], measured) for piece, measured in told if piece.section == "left_out"]
    sections = {name: _section(told, name) for name in ("crash", "calm", "planted", "outage")}
    return {
        "quick": quick,
        "seconds": round(seconds),
        "left_out": [_nearness(task, row) for task, measured in left_out for row in measured.result.left_out],
        "errors": [_errors(task, measured) for task, measured in left_out],
        "tapes": _tapes(left_out),
        "alone": alone,
        **sections,
        "planted_share": _planted_share(sections["planted"]),
        "planted_target": PLANTED_TARGET,
        "one_liar": _section(told, "one_liar")[0],
        "two_liars": _section(told, "two_liars")[0],
    }


def _section(told: list[Result], name: str) -> list[dict[str, Any]]:
    return [figures for piece, figures in told if piece.section == name]


def _nearness(task: Task, row: LeftOut) -> dict[str, Any]:
    inquiry = task.inquiry
    return {
        "tape": inquiry.name,
        "left_out": row.source,
        "left": inquiry.left,
        "thin": inquiry.thin,
        "instants": row.instants,
        "with_value": row.with_value,
        "judged": row.judged,
        "fair": row.fair_instants,
        "share": row.near_fair,
        "unfiltered": row.near,
        "half": row.near_half,
        "whole": row.near_whole,
    }


def _errors(task: Task, measured: Measured) -> dict[str, Any]:
    """The errors of every rule over all left-out sources of one market, and of our rule with a number changed."""
    inquiry, result = task.inquiry, measured.result
    found = errors(result.rules)
    return {
        "tape": inquiry.name,
        "thin": inquiry.thin,
        "incident": inquiry.recording.incident,
        "instants": result.compared,
        "variants": {name: found[name] for name in VARIANTS if name in found},
        **_beside(result.rules),
    }


def _tapes(left_out: Sequence[Pair]) -> list[dict[str, Any]]:
    """The same over all markets of one recording together, thin ones apart and with the others."""
    told = []
    for name, same in groupby(left_out, key=lambda pair: pair[0].inquiry.recording.tape):
        pairs = [(task, measured) for task, measured in same if measured.result.compared]
        thick = [measured.blocks for task, measured in pairs if not task.inquiry.thin]
        whole = [measured.blocks for _, measured in pairs]
        if thick and len(thick) < len(whole):
            told.append(_tape(f"{name}: three sources left", thick))
        if whole:
            told.append(_tape(f"{name}: every market", whole))
    return told


def _tape(name: str, many: Sequence[Blocks]) -> dict[str, Any]:
    pooled = Blocks.pooled(many, len(RULES))
    rules = rule_results(RULES, pooled)
    count = sum(histogram.total for histogram in pooled.of_rule(0))
    return {"tape": name, "instants": count, **_beside(rules)}


def _beside(rules: Sequence[RuleResult]) -> dict[str, Any]:
    """Our rule beside the best other one, by figure."""
    found = errors(rules)
    if not found:
        return {"rules": {}, "best": {}, "between": {}, "verdict": {}, "beaten_by": [], "ours": None}
    best = {figure: best_rival(found, figure) for figure in QUANTILES}
    between = {figure: behind(rules, rule, figure) for figure, (rule, _) in best.items()}
    return {
        "rules": {rule: found[rule] for rule in RULES if rule in found},
        "best": best,
        "between": {figure: None if told is None else [told.low, told.high] for figure, told in between.items()},
        "verdict": {figure: verdict(found, figure) for figure in QUANTILES},
        "beaten_by": beaten_by(found),
        "ours": found[OURS],
    }


def _planted_share(tapes: list[dict[str, Any]]) -> float | None:
    return percent(sum(tape["right"] for tape in tapes), sum(tape["judged"] for tape in tapes))
