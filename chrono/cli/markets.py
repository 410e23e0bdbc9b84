"""`chrono markets`: the market map held against what the venues list and say."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from chrono.cli import frame
from chrono.cli.ends import FAILED, OK, USAGE, Stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from chrono.cli.visiting.hearing import Plan
    from chrono.ingest.venues.spec import VenueSpec
    from chrono.market.audit_words import Finding, Heard, Report
    from chrono.market.map import MarketMap

MOST_ROUNDS = 20
"""So many rounds are kept while watching: prices that rest show the longer one looks."""

LEAST_WATCH_S = 5.0


@click.group("markets", context_settings=frame.CONTEXT)
def command() -> None:
    """Look after the market map: which book of which venue speaks for which asset."""


@frame.command(
    "audit",
    examples=[
        "chrono markets audit",
        "chrono markets audit --venue binance --feed TON/USD",
        "chrono markets audit --watch 60",
        "chrono markets audit --record answers && chrono markets audit --fixtures answers --json",
    ],
)
@click.option("--venue", "venues", multiple=True, metavar="VENUE", help="Only this venue's books; may be repeated.")
@click.option(
    "--feed", "feeds", multiple=True, metavar="FEED", help="Only this feed, such as BTC/USD; may be repeated."
)
@click.option("--map", "file", type=click.Path(path_type=Path), help="A market map instead of the one that is shipped.")
@click.option(
    "--fixtures", type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Read the answers that lie in this folder; nobody is asked.",
)  # fmt: skip
@click.option("--record", type=click.Path(path_type=Path, file_okay=False), help="Keep the answers in this folder.")
@click.option("--apart", default=5.0, metavar="SECONDS", help="Between the two rounds of prices.", show_default=True)
@click.option("--watch", type=float, metavar="SECONDS", help="Ask again each SECONDS until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option("--at", "addresses", multiple=True, metavar="VENUE=HOST:PORT", hidden=True)
@frame.shared_options
def audit(
    venues: tuple[str, ...],
    feeds: tuple[str, ...],
    file: Path | None,
    fixtures: Path | None,
    record: Path | None,
    apart: float,
    watch: float | None,
    as_json: bool,
    addresses: tuple[str, ...],
) -> int:
    """Hold every book of the market map against the venue's own instrument list and the other venues' prices.

    Each venue is asked for its list once and for its tickers twice. Found are books that are unlisted, inactive,
    unpriced, renamed, inverted, in a wrong quote, ten-fold wrong, of a wrong asset, or frozen; and books that could
    be added. Nothing is changed.

    All venues are asked even with --venue: the others are the measure. Ends with 1 when there is a fault (a venue
    that cannot be read is one; an addition is not).
    """
    map_ = _map(file)
    wanted = _checked(venues, feeds, map_)
    from chrono.cli.visiting.hearing import Plan, hear_folder

    if fixtures is not None:
        from chrono.ingest.venues.roster import specs

        return _give(_judged(map_, list(hear_folder(fixtures, specs().values())), venues, wanted), as_json=as_json)
    if record is not None:
        record.mkdir(parents=True, exist_ok=True)
    plan = Plan(map_, apart_s=apart, record=record)
    if watch is None:
        return _give(_judged(map_, _heard(plan, addresses, as_json=as_json), venues, wanted), as_json=as_json)
    return _watch(plan, watch, addresses, venues, wanted, as_json=as_json)


command.add_command(audit)


def _map(file: Path | None) -> "MarketMap":
    from chrono.market.map import MarketMap

    return MarketMap.load() if file is None else MarketMap.read(file.read_text("utf-8"), file.name)


def _specs(map_: "MarketMap", elsewhere: Mapping[str, str]) -> "list[VenueSpec]":
    """The venues of the map that can be read; those that are off are told."""
    from chrono.cli.visiting.roster import is_off, specs_here
    from chrono.ingest.venues.roster import NAMES

    specs = specs_here([name for name in NAMES if map_.books(name)], elsewhere)
    for spec in specs:
        if is_off(spec):
            frame.say(f"{spec.name} is off: no node is named ([venues] ethereum_rpc)")
    return [spec for spec in specs if not is_off(spec)]


def _checked(venues: Sequence[str], feeds: Sequence[str], map_: "MarketMap") -> list[str]:
    """The feeds as the map names them. Raises: Stop (usage) for a venue or a feed that it does not have."""
    unknown = sorted(set(venues) - set(map_.venues))
    if unknown:
        raise Stop(f"the map has no books of {', '.join(unknown)}", then="chrono venues list", code=USAGE)
    wanted = [feed.upper() if "/" in feed else f"{feed.upper()}/USD" for feed in feeds]
    missing = sorted({feed for feed in wanted if not map_.venues_of(feed)})
    if missing:
        raise Stop(f"the map has no books for {', '.join(missing)}", then="chrono markets audit --help", code=USAGE)
    return wanted


def _heard(plan: "Plan", addresses: Sequence[str], *, as_json: bool) -> "list[Heard]":
    """Every venue of the map, asked now."""
    import asyncio

    from chrono.cli.visiting.asking import addresses_of

    try:
        elsewhere = addresses_of(addresses)
    except ValueError as error:
        raise Stop(str(error), then="chrono markets audit --help", code=USAGE) from error
    specs = _specs(plan.map, elsewhere)
    with _progress(len(specs) * (1 + plan.rounds), quiet=as_json) as on_step:
        return asyncio.run(_asked(specs, plan, elsewhere, on_step))


async def _asked(
    specs: "Sequence[VenueSpec]", plan: "Plan", elsewhere: dict[str, str], on_step: "Callable[[str], None]"
) -> "list[Heard]":
    from chrono.cli.visiting.asking import Asker, placed
    from chrono.cli.visiting.hearing import hear_all
    from chrono.clock import SystemClock
    from chrono.ingest.venues.transport import Transport

    clock, network = SystemClock(), Transport()
    try:
        askers = [Asker(spec, placed(network, elsewhere, spec.name), clock) for spec in specs]
        return await hear_all(askers, plan, clock, on_step)
    finally:
        await network.close()


def _judged(map_: "MarketMap", heard: "Sequence[Heard]", venues: Sequence[str], feeds: Sequence[str]) -> "Report":
    from msgspec.structs import replace

    from chrono.market.audit import audit as judge

    report = judge(map_, heard, feeds=feeds)
    if not venues:
        return report
    return replace(report, findings=tuple(one for one in report.findings if one.venue in venues))


def _watch(
    plan: "Plan",
    every_s: float,
    addresses: Sequence[str],
    venues: Sequence[str],
    feeds: Sequence[str],
    *,
    as_json: bool,
) -> int:
    """Ask again and again, and judge all rounds so far together."""
    from threading import Event

    from chrono.cli.visiting.hearing import joined

    heard: list[Heard] = []
    pause = Event()
    while True:
        heard = joined(heard, _heard(plan, addresses, as_json=as_json), most=MOST_ROUNDS)
        _give(_judged(plan.map, heard, venues, feeds), as_json=as_json)
        pause.wait(max(every_s, LEAST_WATCH_S))


@contextmanager
def _progress(total: int, *, quiet: bool) -> "Iterator[Callable[[str], None]]":
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda told: bar.update(task, advance=1, description=told)


def _give(report: "Report", *, as_json: bool) -> int:
    if as_json:
        frame.give_json(_document(report))
    else:
        _show(report.findings)
        proposals = len(report.findings) - len(report.faults)
        frame.say(
            f"{report.books} books looked at, {report.priced} held against other venues' prices: "
            f"{_count(len(report.faults), 'fault')}, {_count(proposals, 'proposal')}"
        )
    return FAILED if report.faults else OK


def _document(report: "Report") -> dict[str, Any]:
    findings = [
        {
            "kind": one.kind.value,
            "fault": one.is_fault,
            "venue": one.venue,
            "symbol": one.symbol or None,
            "market": one.market,
            "sentence": one.sentence,
            "remedy": one.remedy,
        }
        for one in report.findings
    ]
    return {"books": report.books, "priced": report.priced, "faults": len(report.faults), "findings": findings}


def _show(findings: "Sequence[Finding]") -> None:
    from rich.text import Text

    console = frame.console()
    width = max((len(one.kind.value) for one in findings), default=0)
    for one in findings:
        style = "red" if one.is_fault else "green"
        market = f"  {one.market}" if one.market else ""
        line = Text.assemble((f"{one.kind.value:<{width}}", style), f"{market}  {one.sentence}")
        console.print(line, soft_wrap=True)
        console.print(Text(f"{'':<{width}}  -> {one.remedy}"), soft_wrap=True)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
