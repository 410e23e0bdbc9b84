"""`chrono backtest`: our consensus beside other rules, on recordings, held against sources that they did not hear."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import rich_click as click

from chrono.cli import frame
from chrono.cli.ends import OK, Stop
from chrono.cli.playing import check_names, progress
from chrono.cli.replay_options import Duration, Moment, Names
from chrono.clock import MS_NS, SECOND_NS, SystemClock, to_rfc3339
from chrono.market.names import Market, parse_market

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from chrono.backtest.reference import Reference
    from chrono.backtest.results import Figure, MarketResult, Results, RuleResult
    from chrono.market.tapes import Selection, Tape
    from chrono.settings import Pricing
    from chrono.simulation.replay import Replay

USUAL = ("chrono", "median", "vwap", "latest-weighted", "three-sigma")
ENOUGH = 3
"""With a smaller minimum of sources every value counts: hardly any would be fit to vote with."""


class Asked(NamedTuple):
    """How the backtest was asked for."""

    files: tuple[Path, ...]
    markets: tuple[Market, ...]
    selection: "Selection"
    rules: tuple[str, ...]
    reference: "Reference"
    min_sources: int | None
    every_ns: int
    fresh_ns: int | None
    report: Path | None


@frame.command(
    "backtest",
    examples=[
        "chrono backtest minutes.parquet --every 1m --report out.html",
        "chrono backtest trades/*.parquet --min-sources 1 --with-perpetuals",
        "chrono backtest feeds.ndjson.gz --rules chrono,median,mean --reference BTC/USD@kraken --json",
    ],
)
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path(exists=True, path_type=Path))
@click.option("--rules", type=Names(), default=",".join(USUAL), show_default=True, help="Rules to compare; see above.")
@click.option(
    "--reference",
    default="leave-one-out",
    show_default=True,
    metavar="WHAT",
    help="leave-one-out (every source in turn), or MARKET@SOURCE (that one alone).",
)
@click.option("--min-sources", type=click.IntRange(min=1), help="Another minimum of sources than the settings'.")
@click.option("--fresh", type=Duration(), help="How old a reference may be. [default: 15s; bars: 1m]")
@click.option("--markets", type=Names(), default="", help="Markets to price. [default: BASE/USD of every base]")
@click.option("--books", type=Names(), default="", help="Only these: venue, market, or venue:market, comma-separated.")
@click.option("--without", type=Names(), default="", help="Leave these out: venue, market, or venue:market.")
@click.option("--with-perpetuals", is_flag=True, help="Perpetual futures count as sources, of unknown volume.")
@click.option("--from", "from_ns", type=Moment(), default=0, help="Only what became known from this time on.")
@click.option("--until", "until_ns", type=Moment(), default=2**63 - 1, help="Only what became known before this time.")
@click.option("--every", type=Duration(), default="1s", show_default=True, help="Time between two instants.")
@click.option("--report", metavar="FILE", type=click.Path(path_type=Path), help="A page with pictures (.html).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@frame.shared_options
def backtest(
    files: tuple[Path, ...],
    rules: tuple[str, ...],
    reference: str,
    min_sources: int | None,
    fresh: int | None,
    markets: tuple[str, ...],
    books: tuple[str, ...],
    without: tuple[str, ...],
    with_perpetuals: bool,
    from_ns: int,
    until_ns: int,
    every: int,
    report: Path | None,
    as_json: bool,
) -> int:
    """Hold our consensus and other rules against recordings, by the code that prices live.

    FILEs are tapes as `chrono replay` reads them, of any length: they are streamed. At every instant each source is
    left out in turn; every rule is given the same words of the others, and its price is held against what the
    left-out source said itself. So nobody's price is its own yardstick. An instant counts when our value is fit to
    vote with and every rule says something; with --min-sources below 3 every value counts.

    Rules: chrono is ours; median, mean, trimmed-mean (a fifth off at each end), three-sigma (the mean of what is within
    three standard deviations) and volume-weighted are of the newest price of each source; latest-weighted is their
    median with weights exp(-0.00005 x age in ms), as in Flare's example of a provider; vwap is of all deals in the
    window, median-of-vwaps of each source's own.

    The table gives median and P99 of the error in bps, where they lie (95 %, whole stretches of time drawn anew), and
    where our error minus a rule's lies: below 0 ours is smaller.
    """
    from chrono.market.tapes import Selection

    asked = Asked(
        files=files,
        markets=tuple(parse_market(market.upper()) for market in markets),
        selection=Selection(books, without, with_perpetuals, from_ns, until_ns),
        rules=_rules(rules),
        reference=_reference(reference),
        min_sources=min_sources,
        every_ns=every,
        fresh_ns=fresh,
        report=_report_path(report),
    )
    results = _run(asked)
    for fault in results.faults:
        frame.say(fault)
    if as_json:
        frame.give_json(msgspec.to_builtins(results))
    else:
        _tell(results)
    return OK


def _rules(names: tuple[str, ...]) -> tuple[str, ...]:
    """The rules asked for; ours is always among them and comes first."""
    from chrono.backtest.frames import OURS
    from chrono.backtest.rivals import RIVALS

    unknown = [name for name in names if name != OURS and name not in RIVALS]
    if unknown:
        there = ", ".join((OURS, *RIVALS))
        raise click.BadParameter(f"there is no rule {', '.join(unknown)}; there is {there}", param_hint="--rules")
    return tuple(dict.fromkeys((OURS, *names)))


def _reference(text: str) -> "Reference":
    from chrono.backtest.reference import parse_reference

    try:
        return parse_reference(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--reference") from error


def _report_path(report: Path | None) -> Path | None:
    if report is not None and report.suffix.lower() not in (".html", ".htm"):
        raise click.BadParameter(f"{report}: the name ends in .html", param_hint="--report")
    if report is not None and not report.parent.is_dir():
        raise click.BadParameter(f"{report}: there is no folder {report.parent}", param_hint="--report")
    return report


def _run(asked: Asked) -> "Results":
    from chrono.backtest.running import usual_fresh_ns
    from chrono.market.tapes import open_tape
    from chrono.simulation.replay import with_minimum

    clock = SystemClock()
    started_ns = clock.monotonic_ns()
    rules = with_minimum(frame.load().settings.pricing, asked.min_sources)
    tapes = [open_tape(file, asked.selection) for file in asked.files]
    replay = _prepare(asked, rules, tapes)
    fresh_ns = asked.fresh_ns or usual_fresh_ns(tapes)
    found = _compare(asked, replay, fresh_ns, minimum=rules.minimum_sources)
    results = msgspec.structs.replace(found, wall_s=round((clock.monotonic_ns() - started_ns) / SECOND_NS, 3))
    _compared_something(results)
    if asked.report is not None:
        _write(asked.report, results)
    return results


def _compare(asked: Asked, replay: "Replay", fresh_ns: int, *, minimum: int) -> "Results":
    """Play the tapes, and tell what came of it."""
    from chrono.backtest.frames import Asked as Compared
    from chrono.backtest.outcome import all_markets, market_result
    from chrono.backtest.results import Results
    from chrono.backtest.rivals import RIVALS
    from chrono.backtest.running import run

    any_value = minimum < ENOUGH
    compared = Compared({name: RIVALS[name] for name in asked.rules[1:]})
    with progress(replay) as on_step:
        counted = run(
            replay, compared, fresh_ns=fresh_ns, any_value=any_value, reference=asked.reference, on_step=on_step
        )
    return Results(
        files=[str(file) for file in asked.files],
        start=to_rfc3339(replay.first_ns),
        end=to_rfc3339(replay.last_ns),
        every_ms=replay.every_ns // MS_NS,
        rules=list(asked.rules),
        reference=str(asked.reference),
        min_sources=minimum,
        any_value=any_value,
        fresh_s=fresh_ns / SECOND_NS,
        markets=[market_result(one, replay.every_ns) for one in counted],
        # Read after the markets were told: telling closes the last stretch, which may join others.
        block_s=max(one.tally.blocks.length_ns for one in counted) / SECOND_NS,
        tape_rows=replay.survey.rows,
        skipped=dict(sorted(replay.skipped().items())),
        faults=replay.faults(),
        all_markets=all_markets(counted),
        report=None if asked.report is None else str(asked.report),
    )


def _prepare(asked: Asked, rules: "Pricing", tapes: "Sequence[Tape]") -> "Replay":
    from chrono.learning.loading import load_learned
    from chrono.simulation.replay import Replay

    named = asked.reference.market
    if named is not None and asked.markets not in ((), (named,)):
        raise click.UsageError(f"--reference {asked.reference} prices {named} alone; leave --markets away")
    markets = asked.markets if named is None else (named,)
    replay = Replay(tapes, rules, markets=markets, every_ns=asked.every_ns, learned=load_learned(rules))
    check_names(asked.selection, replay.survey)
    venues = {venue for there in replay.survey.taken.values() for venue in there}
    if asked.reference.source is not None and asked.reference.source not in venues:
        told = ", ".join(sorted(venues))
        raise click.UsageError(f"--reference: {asked.reference.source} is not on these tapes; there is {told}")
    return replay


def _compared_something(results: "Results") -> None:
    """Stop when no market gave anything to compare, and say what would."""
    if any(market.compared for market in results.markets):
        return
    known = any(row.instants for market in results.markets for row in market.left_out)
    if known and not results.any_value:
        raise Stop(
            f"nothing to compare: without the left-out source fewer than {results.min_sources} are left, or every value"
            " is unfit to vote with",
            then="chrono backtest … --min-sources 1",
        )
    raise Stop(
        "nothing to compare: no market has two sources that speak at one time", then="chrono replay FILE… --json"
    )


def _write(path: Path, results: "Results") -> None:
    from chrono.backtest.report import page

    try:
        path.write_text(page(results), encoding="utf-8")
    except OSError as error:
        raise Stop(f"cannot write {path}: {error.strerror}", then="chrono backtest --help") from error


def _tell(results: "Results") -> None:
    """The tables for a person."""
    console = frame.console()
    for market in results.markets:
        console.print(f"{market.market}: {', '.join(market.sources)}", style="bold", markup=False)
        if market.rules:
            console.print(_table(market.rules))
        console.print(f"{_summary(market)}\n", markup=False)
    if len(results.markets) > 1:
        console.print("all markets", style="bold")
        console.print(_table(results.all_markets))
    skipped = ", ".join(f"{count:,} {reason}" for reason, count in results.skipped.items())
    frame.say(
        f"{results.start} to {results.end}, reference {results.reference}, stretches of {results.block_s:g} s;"
        f" {results.tape_rows:,} rows on the tapes{f' (skipped: {skipped})' if skipped else ''}; {results.wall_s:.1f} s"
    )
    if results.report is not None:
        frame.say(f"next: open {results.report}")
    elif sys.stderr.isatty():
        frame.say("next: add --report out.html for pictures")


def _table(rules: "Sequence[RuleResult]") -> "RenderableType":
    columns = ("rule", "median bps", "95 %", "ours minus it", "P99 bps", "95 %", "ours minus it")
    rows = [(rule.rule, *_cells(rule.median), *_cells(rule.p99)) for rule in rules]
    return frame.table(columns, rows, right=columns[1:])


def _cells(figure: "Figure") -> tuple[str, str, str]:
    from chrono.backtest.report import between

    return f"{figure.bps:,.2f}", between(figure.interval), between(figure.behind, signed=True)


def _summary(market: "MarketResult") -> str:
    near = [row.near_fair for row in market.left_out if row.near_fair is not None]
    told: list[Any] = [f"{market.compared:,} comparisons at {market.instants:,} instants"]
    if near:
        told.append(f"within 0.5 % of a fair left-out source {min(near):.2f} to {max(near):.2f} %")
    told.append(f"{market.missing_minutes:,.1f} minutes without a value")
    return "; ".join(told)
