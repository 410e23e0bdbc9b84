"""`chrono replay`: recordings through the same pricing as live quotes, on the recording's own time."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import rich_click as click

from chrono.cli import frame
from chrono.cli.ends import OK, Stop
from chrono.cli.playing import check_names, progress
from chrono.cli.replay_options import Duration, Moment, Names, Speed
from chrono.clock import MS_NS, SECOND_NS, SystemClock, to_rfc3339
from chrono.market.names import Market, parse_market

if TYPE_CHECKING:
    from chrono.market.tapes import Selection
    from chrono.simulation.replay import Replay
    from chrono.simulation.sinks import RowSink
    from chrono.simulation.summary import Summary


class Asked(NamedTuple):
    """How the replay was asked for."""

    files: tuple[Path, ...]
    markets: tuple[Market, ...]
    selection: "Selection"
    min_sources: int | None
    every_ns: int
    speed: float | None
    out: Path | None


@frame.command(
    "replay",
    examples=[
        "chrono replay trades/*.parquet",
        "chrono replay AVAX.parquet --min-sources 2 --with-perpetuals --out avax.csv",
        "chrono replay minutes.parquet --markets BTC/USD --without BTC/USD,cryptocompare --every 1m --out -",
        "chrono replay feeds.ndjson.gz --speed 10 --out - | jq .price",
    ],
)
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path(exists=True, path_type=Path))
@click.option("--markets", type=Names(), default="", help="Markets to price. [default: BASE/USD of every base]")
@click.option("--books", type=Names(), default="", help="Only these: venue, market, or venue:market, comma-separated.")
@click.option("--without", type=Names(), default="", help="Leave these out: venue, market, or venue:market.")
@click.option("--with-perpetuals", is_flag=True, help="Perpetual futures count as sources, of unknown volume.")
@click.option("--from", "from_ns", type=Moment(), default=0, help="Only what became known from this time on.")
@click.option("--until", "until_ns", type=Moment(), default=2**63 - 1, help="Only what became known before this time.")
@click.option("--min-sources", type=click.IntRange(min=1), help="Another minimum of sources than the settings'.")
@click.option("--every", type=Duration(), default="1s", show_default=True, help="Time between two rows of a market.")
@click.option(
    "--speed", type=Speed(), default="max", show_default=True, help="Multiple of the recording's pace, or max."
)
@click.option("--out", metavar="FILE", help="Rows to FILE (.parquet, .csv, .ndjson), or - for NDJSON on stdout.")
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object on stdout.")
@frame.shared_options
def replay(
    files: tuple[Path, ...],
    markets: tuple[str, ...],
    books: tuple[str, ...],
    without: tuple[str, ...],
    with_perpetuals: bool,
    from_ns: int,
    until_ns: int,
    min_sources: int | None,
    every: int,
    speed: float | None,
    out: str | None,
    as_json: bool,
) -> int:
    """Play recordings through the pricing, on their own time, and count what had a value.

    A FILE is a table (Parquet, CSV) of trades, with ts_us, local_ts_us, exchange, symbol, price, amount; a table of
    one-minute bars, with ts, source, base, quote, close, volume; or lines of ingest feeds (NDJSON, also gzipped).
    Nothing is known before its time: a trade at its receipt, a bar at the end of its minute, a feed at its
    received_at, else its timestamp. Bars without volume never refresh a price.

    A row has ts, market, price, confidence, sources, used, excluded, min_sources and reason. The price is empty
    where there is no value to vote with; reason says why.
    """
    from chrono.market.tapes import Selection

    if out == "-" and as_json:
        raise click.UsageError("--out - and --json both want stdout; give --out a file")
    asked = Asked(
        files=files,
        markets=tuple(parse_market(market.upper()) for market in markets),
        selection=Selection(books, without, with_perpetuals, from_ns, until_ns),
        min_sources=min_sources,
        every_ns=every,
        speed=speed,
        out=_out_path(out),
    )
    _replay(asked, to_stdout=out == "-", as_json=as_json)
    return OK


def _replay(asked: Asked, *, to_stdout: bool, as_json: bool) -> None:
    """Drive it to the end and tell what came of it."""
    from chrono.simulation.driving import drive

    clock = SystemClock()
    started_ns = clock.monotonic_ns()
    prepared = _prepare(asked)
    sink = _sink(asked.out, to_stdout=to_stdout)
    with progress(prepared) as on_step:
        summary = asyncio.run(drive(prepared, sink, clock, speed=asked.speed, on_step=on_step))
    document = _document(asked, prepared, summary, (clock.monotonic_ns() - started_ns) / SECOND_NS)
    for fault in document["faults"]:
        frame.say(fault)
    if as_json:
        frame.give_json(document)
    else:
        _tell(document)


def _prepare(asked: Asked) -> "Replay":
    from chrono.learning.loading import load_learned
    from chrono.market.tapes import open_tape
    from chrono.simulation.replay import Replay, with_minimum

    rules = with_minimum(frame.load().settings.pricing, asked.min_sources)
    tapes = [open_tape(file, asked.selection) for file in asked.files]
    learned = load_learned(rules)
    prepared = Replay(tapes, rules, markets=asked.markets, every_ns=asked.every_ns, learned=learned)
    check_names(asked.selection, prepared.survey)
    return prepared


def _out_path(out: str | None) -> Path | None:
    from chrono.simulation.sinks import SUFFIXES

    if out is None or out == "-":
        return None
    path = Path(out)
    if path.suffix.lower() not in SUFFIXES:
        raise click.BadParameter(f"{out}: the name ends in one of {', '.join(SUFFIXES)}", param_hint="--out")
    if not path.parent.is_dir():
        raise click.BadParameter(f"{out}: there is no folder {path.parent}", param_hint="--out")
    return path


def _sink(path: Path | None, *, to_stdout: bool) -> "RowSink":
    from chrono.simulation.sinks import NdjsonSink, Nowhere, OutFile

    if to_stdout:
        return NdjsonSink(sys.stdout)
    if path is None:
        return Nowhere()
    try:
        return OutFile(path)
    except OSError as error:
        raise Stop(f"cannot write {path}: {error.strerror}", then="chrono replay --help") from error


def _document(asked: Asked, prepared: "Replay", summary: "Summary", wall_s: float) -> dict[str, Any]:
    """The summary as JSON: stable names, one object."""
    from chrono.simulation.summary import percent

    return {
        "files": [str(file) for file in asked.files],
        "from": to_rfc3339(prepared.first_ns),
        "to": to_rfc3339(prepared.last_ns),
        "every_ms": prepared.every_ns // MS_NS,
        "tape_rows": prepared.survey.rows,
        "skipped": dict(sorted(prepared.skipped().items())),
        "faults": prepared.faults(),
        "rows": summary.rows,
        "resolved": summary.resolved,
        "resolved_percent": percent(summary.resolved, summary.rows),
        "markets": [
            {
                "market": market,
                "rows": count.rows,
                "resolved": count.resolved,
                "resolved_percent": count.percent,
                "reasons": dict(count.reasons.most_common()),
            }
            for market, count in summary.markets.items()
        ],
        "out": None if asked.out is None else str(asked.out),
        "wall_s": round(wall_s, 3),
    }


def _tell(document: dict[str, Any]) -> None:
    """The summary for a person, on stderr: stdout is for rows."""
    from rich.console import Console

    columns = ("market", "rows", "with value", "%", "why not")
    rows = [_market_cells(market) for market in document["markets"]]
    console = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else frame.WIDE)
    console.print(frame.table(columns, rows, right=columns[1:4]))
    skipped = ", ".join(f"{count:,} {reason}" for reason, count in document["skipped"].items())
    frame.say(
        f"{document['rows']:,} rows, {document['resolved_percent']} % with a value, from {document['from']} to"
        f" {document['to']}; {document['tape_rows']:,} rows on the tapes"
        f"{f' (skipped: {skipped})' if skipped else ''}; {document['wall_s']:.1f} s"
    )


def _market_cells(market: dict[str, Any]) -> Sequence[str]:
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in market["reasons"].items())
    return (
        market["market"],
        f"{market['rows']:,}",
        f"{market['resolved']:,}",
        f"{market['resolved_percent']}",
        reasons,
    )
