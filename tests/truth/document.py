"""The figures of a measurement as one JSON document."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

import polars as pl

from tests.truth.figures import QUANTILE, beaten_by, best_rival, difference, errors, nearness, percent, valued, verdict
from tests.truth.leaving_out import OURS, RULES, VARIANTS, Task
from tests.truth.planted import TARGET as PLANTED_TARGET
from tests.truth.work import VARIED, Piece

Result = tuple[Piece, Any]


def document(results: Iterable[Result], alone: list[str], *, quick: bool, seconds: float) -> dict[str, Any]:
    """Every figure, by section."""
    told = list(results)
    left_out = [(piece.arguments[0], table) for piece, table in told if piece.section == "left_out"]
    sections = {name: _section(told, name) for name in ("crash", "calm", "planted", "outage")}
    return {
        "quick": quick,
        "seconds": round(seconds),
        "left_out": [_nearness(task, table) for task, table in left_out],
        "errors": [_errors(list(same)) for _, same in groupby(left_out, key=lambda pair: pair[0].inquiry.name)],
        "alone": alone,
        **sections,
        "planted_share": _planted_share(sections["planted"]),
        "planted_target": PLANTED_TARGET,
        "one_liar": _section(told, "one_liar")[0],
        "two_liars": _section(told, "two_liars")[0],
    }


def _section(told: list[Result], name: str) -> list[dict[str, Any]]:
    return [figures for piece, figures in told if piece.section == name]


def _nearness(task: Task, table: pl.DataFrame) -> dict[str, Any]:
    inquiry = task.inquiry
    return {
        "tape": inquiry.name,
        "left_out": task.left_out,
        "left": inquiry.left,
        "thin": inquiry.thin,
        **nearness(table, votable=not inquiry.thin),
    }


def _errors(same: list[tuple[Task, pl.DataFrame]]) -> dict[str, Any]:
    """The errors of every rule over all left-out sources of one market, and of our rule with a number changed."""
    task = same[0][0]
    votable, tables = not task.inquiry.thin, [table for _, table in same]
    found = errors(tables, votable=votable)
    best = {figure: best_rival(found, figure) for figure in QUANTILE} if found else {}
    varied = task.inquiry.target in VARIED and task.variants
    return {
        "tape": task.inquiry.name,
        "thin": task.inquiry.thin,
        "incident": task.inquiry.recording.incident,
        "instants": sum(valued(table, votable=votable).height for table in tables),
        "rules": {rule: found[rule] for rule in RULES if rule in found},
        "best": best,
        "between": {
            figure: difference(tables, rule, QUANTILE[figure], votable=votable) for figure, (rule, _) in best.items()
        },
        "verdict": {figure: verdict(found, figure) for figure in QUANTILE} if found else {},
        "beaten_by": beaten_by(found) if found else [],
        "variants": errors(tables, votable=votable, rules=tuple(VARIANTS)) if varied else {},
        "ours": found.get(OURS),
    }


def _planted_share(tapes: list[dict[str, Any]]) -> float | None:
    return percent(sum(tape["right"] for tape in tapes), sum(tape["judged"] for tape in tapes))
