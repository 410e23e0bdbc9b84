"""The results as one HTML page that needs nothing but itself: it can be mailed, kept and opened offline."""

from collections.abc import Iterable, Sequence
from html import escape

from chrono.backtest import pictures
from chrono.backtest.results import Fate, Figure, Interval, LeftOut, MarketResult, Results, RuleResult
from chrono.backtest.wording import ABOUT, FAIR, RULES, SILENT, STYLE


def page(results: Results) -> str:
    """The whole page."""
    markets = "".join(_market(market, results) for market in results.markets)
    if len(results.markets) > 1:
        markets += f"<h2>All markets</h2>{_heading('Error by rule, bps', _rules(results.all_markets))}"
    title = f"Backtest of {', '.join(market.market for market in results.markets)}"
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head><body>'
        f"<h1>{escape(title)}</h1>{_about(results)}{markets}{_words(results)}</body></html>\n"
    )


def _about(results: Results) -> str:
    skipped = ", ".join(f"{count:,} {reason}" for reason, count in results.skipped.items())
    counted = "every value counts" if results.any_value else "only values fit to vote with count"
    facts = [
        f"{results.start} to {results.end}, one instant every {results.every_ms / 1000:g} s",
        f"{results.tape_rows:,} rows of {', '.join(results.files)}{f' (skipped: {skipped})' if skipped else ''}",
        f"reference: {results.reference}, at most {results.fresh_s:g} s old",
        f"minimum of sources {results.min_sources}; {counted}; stretches of {results.block_s:g} s",
    ]
    items = "".join(f"<li>{escape(fact)}</li>" for fact in facts)
    return f'<p class="about">{escape(ABOUT)}</p><ul>{items}</ul>'


def _market(market: MarketResult, results: Results) -> str:
    parts = [f"<h2>{escape(market.market)}</h2>", _summary(market)]
    if market.rules:
        parts += [
            _heading("Error by rule, bps", _rules(market.rules)),
            _figure("Median error over time", pictures.error_over_time(market, results.rules, "median")),
            _figure("P99 of the error over time", pictures.error_over_time(market, results.rules, "p99")),
            _figure("Share of instants up to an error", pictures.distribution(market)),
        ]
    if market.left_out:
        parts.append(_heading("Near the source that was left out, %", _left_out(market.left_out)))
    if market.fates:
        parts.append(_figure("Left out by our rule, or silent", pictures.exclusions(market)))
        parts.append(_heading("The same in instants", _fates(market.fates)))
        parts.append(_figure("Missing minutes", pictures.missing(market)))
    return "".join(parts)


def _summary(market: MarketResult) -> str:
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in market.reasons.items())
    told = (
        f"{market.compared:,} comparisons of {len(market.rules)} rules at {market.instants:,} instants;"
        f" {market.missing_minutes:,.1f} minutes without a value to vote with{f' ({reasons})' if reasons else ''}."
    )
    return f"<p>{escape(told)}</p>"


def _heading(title: str, body: str) -> str:
    return f'<h3>{escape(title)}</h3><div class="scroll">{body}</div>'


def _figure(caption: str, body: str) -> str:
    return f"<figure><figcaption>{escape(caption)}</figcaption>{body}</figure>"


def _rules(rules: Sequence[RuleResult]) -> str:
    header = ("rule", "median", "95 %", "ours minus it", "P99", "95 %", "ours minus it")
    rows = [[rule.rule, *_cells(rule.median), *_cells(rule.p99)] for rule in rules]
    return _table(header, rows, first="ours")


def _cells(figure: Figure) -> list[str]:
    return [f"{figure.bps:,.2f}", between(figure.interval), between(figure.behind, signed=True)]


def between(interval: Interval | None, *, signed: bool = False) -> str:
    """An interval as text; a dash for none."""
    if interval is None:
        return "-"
    sign = "+" if signed else ""
    return f"{interval.low:{sign},.2f} to {interval.high:{sign},.2f}"


def _left_out(rows: Sequence[LeftOut]) -> str:
    header = ("left out", "instants", "with value", "fair", "within 0.5 %", "agreed half", "agreed whole", "unfiltered")
    cells = [
        [
            row.source,
            f"{row.instants:,}",
            _share(row.with_value),
            f"{row.fair_instants:,}",
            _share(row.near_fair),
            _share(row.near_half),
            _share(row.near_whole),
            _share(row.near),
        ]
        for row in rows
    ]
    return _table(header, cells)


def _fates(fates: Sequence[Fate]) -> str:
    rows = [
        [fate.source, f"{fate.used:,}", f"{fate.silent:,}", ", ".join(f"{r} {n:,}" for r, n in fate.left_out.items())]
        for fate in fates
    ]
    return _table(("source", "used", "silent", "left out"), rows)


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.2f}"


def _table(header: Iterable[str], rows: Iterable[Sequence[str]], first: str = "") -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    lines = []
    for place, row in enumerate(rows):
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in row)
        lines.append(f'<tr class="{first}">{cells}</tr>' if first and not place else f"<tr>{cells}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _words(results: Results) -> str:
    terms = {**{rule: RULES.get(rule, rule) for rule in results.rules}, "fair": FAIR, "silent": SILENT}
    told = "".join(f"<dt>{escape(term)}</dt><dd>{escape(sense)}</dd>" for term, sense in terms.items())
    return f"<h2>Words</h2><dl>{told}</dl>"
