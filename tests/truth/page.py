"""docs/truth.md: the figures of a measurement as tables for people."""

from collections.abc import Iterable, Sequence
from typing import Any

from tests.truth.figures import TARGET
from tests.truth.leaving_out import VARIANTS
from tests.truth.words import (
    CALM,
    CRASH,
    END,
    ERRORS,
    HEAD,
    LEFT_OUT,
    LYING,
    PLANTED,
    QUICK,
    SENSITIVITY,
    TAPES,
    THIN,
)

Row = dict[str, Any]


def page(told: Row) -> str:
    """The whole page."""
    thick = [row for row in told["left_out"] if not row["thin"]]
    thin = [row for row in told["left_out"] if row["thin"]]
    parts = [
        HEAD + (QUICK if told["quick"] else ""),
        LEFT_OUT + _left_out(thick, target=True),
        THIN + _left_out(thin, target=False) + f"\nOne source only, nothing to compare: {', '.join(told['alone'])}.\n",
        ERRORS + _errors(told["errors"]),
        TAPES + _errors(told["tapes"]),
        SENSITIVITY + _sensitivity(told["errors"]),
        CRASH + _crash(told["crash"]),
        CALM + _calm(told["calm"]),
        PLANTED.format(share=_percent(told["planted_share"], 3)) + _planted(told["planted"]),
        LYING + _lying(told),
        END,
    ]
    return "\n".join(parts)


def _left_out(rows: Sequence[Row], *, target: bool) -> str:
    header = ["tape, left out", "instants", "with a value to vote with, %", "fair", "within 0.5 %", "half", "whole"]
    lines = [
        [
            f"{row['tape']}, {row['left_out']}",
            f"{row['instants']:,}",
            _percent(row["with_value"], 1),
            f"{row['fair']:,}",
            _percent(row["share"]) + (_missed(row["share"]) if target else ""),
            _percent(row["half"]),
            _percent(row["whole"]),
            _percent(row["unfiltered"]),
        ]
        for row in rows
    ]
    return table([*header, "unfiltered"], lines)


def _missed(share: float | None) -> str:
    return "" if share is not None and share >= TARGET else " **missed**"


def _errors(rows: Sequence[Row]) -> str:
    header = [
        "tape",
        "instants",
        "ours: median / P99",
        "best other median",
        "best other P99",
        "ours is",
        "beaten in both by",
    ]
    lines = []
    for row in (row for row in rows if row["ours"] is not None):
        best = [f"{row['best'][figure][1]:,.2f} ({row['best'][figure][0]})" for figure in ("median", "p99")]
        ours = f"{row['ours']['median']:,.2f} / {row['ours']['p99']:,.2f}"
        verdicts = " / ".join(_judged(row, figure) for figure in ("median", "p99"))
        name = f"{row['tape']}{' (thin)' if row.get('thin') else ''}"
        lines.append([name, f"{row['instants']:,}", ours, *best, verdicts, ", ".join(row["beaten_by"]) or "none"])
    return table(header, lines)


def _judged(row: Row, figure: str) -> str:
    """Better, equal or worse, and where the difference lies; "alike" beside it when that holds 0."""
    if row["between"][figure] is None:
        return str(row["verdict"][figure])
    low, high = row["between"][figure]
    alike = ", alike" if low <= 0.0 <= high else ""
    return f"{row['verdict'][figure]} ({low:+,.2f} to {high:+,.2f}{alike})"


def _sensitivity(rows: Sequence[Row]) -> str:
    lines = [
        [row["tape"], *(f"{told['median']:,.2f} / {told['p99']:,.1f}" for told in row["variants"].values())]
        for row in rows
        if row["variants"]
    ]
    return table(["median / P99", *(name.replace("_", " ") for name in VARIANTS)], lines)


def _crash(rows: Sequence[Row]) -> str:
    header = ["symbol", "points", "culprits", "found", "left out", "labelled", "apart by > 0.5 %"]
    header += ["by name: left out", "labelled", "apart", "three-sigma found", "disputes", "of these without a value"]
    lines = []
    for row in rows:
        withheld = 100.0 * row["withheld"] / row["disputes"] if row["disputes"] else None
        shares = [_percent(row[f"{rule}_{name}"], 1) for rule in ("ours", "named") for name in ("precision", "apart")]
        cells = [row["symbol"], f"{row['points']:,}", f"{row['culprits']:,}", _percent(row["ours_recall"], 1)]
        cells += [f"{row['ours_out']:,}", *shares[:2], f"{row['named_out']:,}", *shares[2:]]
        lines.append([*cells, _percent(row["sigma_recall"], 1), f"{row['disputes']:,} s", _percent(withheld, 1)])
    return table(header, lines)


def _calm(rows: Sequence[Row]) -> str:
    header = [
        "stretch",
        "hours",
        "points",
        "left out, by reason",
        "false ones an hour",
        "of the points, %",
        "three-sigma",
    ]
    lines = [
        [
            row["stretch"],
            f"{row['hours']:,.0f}",
            f"{row['points']:,}",
            ", ".join(f"{reason} {count:,}" for reason, count in row["reasons"].items()) or "none",
            f"{row['false_per_hour']:.2f}",
            _percent(row["left_out_percent"]),
            f"{row['sigma_per_hour']:.2f}",
        ]
        for row in rows
    ]
    return table(header, lines)


def _planted(rows: Sequence[Row]) -> str:
    header = ["tape", "points judged", "right, %", "of the bad left out, %", "good left out", "three-sigma right, %"]
    lines = [
        [
            row["tape"],
            f"{row['judged']:,}",
            _percent(row["share"], 3),
            _percent(row["recall"]),
            f"{row.get('good_out', 0):,}",
            _percent(row["sigma_share"]),
        ]
        for row in rows
    ]
    return table(header, lines)


def _lying(told: Row) -> str:
    one, two = told["one_liar"], told["two_liars"]
    lines = [
        ["one liar: moved by no more than the honest spread", f"{one['within']:,} of {one['instants']:,} instants"],
        ["one liar: largest move", f"{one['largest']:.2f} of the honest spread, {one['moved_bps']:.2f} bps"],
        ["two liars: both flagged or left out", f"{_percent(two['both_caught'])} % of {two['instants']:,} instants"],
        ["two liars: price within the honest estimates", f"{_percent(two['stayed'])} %"],
        ["two liars: largest distance beyond them", f"{two['beyond_bps']:.2f} bps"],
        ["two liars: honest sources flagged", f"{_percent(two['honest_flagged'])} %"],
    ]
    for row in told["outage"]:
        times = ", ".join(f"{name} {row[key]:.0f} s" for name, key in RETURNS if key in row)
        lines.append([f"{row['away']} of six away for {row['days']:.0f} days", times or "**never heard again**"])
    return table(["what", "figure"], lines)


RETURNS = (
    ("a value to vote with after", "value_s"),
    ("all heard after", "heard_s"),
    ("nothing held against them after", "trusted_s"),
)


def table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _percent(share: float | None, places: int = 2) -> str:
    """A share as text; one that only rounds up to 100 is not called 100."""
    if share is None:
        return "-"
    text = f"{share:.{places}f}"
    return f"> {100 - 10**-places:.{places}f}" if float(text) == 100.0 and share < 100.0 else text
