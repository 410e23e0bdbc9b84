"""`chrono venues`: the venues that Chrono reads, whether they can be reached from here, and how fast they are read."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import rich_click as click

from chrono.cli import frame
from chrono.cli.ends import DEGRADED, FAILED, OK, USAGE, Stop

if TYPE_CHECKING:
    from chrono.cli.visiting.measuring import Rate
    from chrono.cli.visiting.probing import Step, Visit
    from chrono.ingest.venues.spec import VenueSpec

STEPS = ("dns", "tcp", "tls", "tickers", "list", "stream", "price")
LISTED = ("venue", "name", "read by", "books", "feeds", "recorded")


@click.group("venues", context_settings=frame.CONTEXT)
def command() -> None:
    """Look at the venues that Chrono reads directly."""


@frame.command("list", examples=["chrono venues list", "chrono venues list --json | jq '.venues[].venue'"])
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@frame.shared_options
def listed(as_json: bool) -> int:
    """Show every venue: how it is read, how many books and feeds it has in the market map, and how it was proved.

    "recorded" tells whether its parsers are tested on real recorded messages, or on the vendor's documents only.
    """
    rows = list(_rows())
    if as_json:
        frame.give_json({"venues": rows})
        return OK
    cells = [
        [r["venue"], r["title"], r["read_by"], str(r["books"]), str(r["feeds"]), "yes" if r["recorded"] else "no"]
        for r in rows
    ]
    frame.console().print(frame.table(LISTED, cells, right=("books", "feeds")))
    return OK


@frame.command(
    "probe",
    examples=["chrono venues probe", "chrono venues probe binance kraken", "chrono venues probe --timeout 5 --json"],
)
@click.argument("names", nargs=-1, metavar="[VENUE]...")
@click.option("--timeout", default=10.0, metavar="SECONDS", show_default=True, help="For each step.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option("--at", "addresses", multiple=True, metavar="VENUE=HOST:PORT", hidden=True)
@frame.shared_options
def probe(names: tuple[str, ...], timeout: float, as_json: bool, addresses: tuple[str, ...]) -> int:
    """Try each VENUE from the name of its host to its first live price, and say where it stops and what comes next.

    The steps: dns, tcp, tls, tickers (REST), list (instruments), stream (connect and subscribe), price (the first one
    that comes). A venue that does not serve this place is told apart from one that fails.

    Ends with 0 when all are good, 3 when some are not, 1 when none is.
    """
    visits = _visits(names, addresses, timeout_s=timeout, listen_s=0.0)
    if as_json:
        frame.give_json({"venues": [_document(visit) for visit in visits]})
    else:
        _show(visits)
    return _end(visits)


@frame.command("bench", examples=["chrono venues bench", "chrono venues bench binance --seconds 20 --json"])
@click.argument("names", nargs=-1, metavar="[VENUE]...")
@click.option("--seconds", default=5.0, metavar="SECONDS", show_default=True, help="How long each stream is heard.")
@click.option("--timeout", default=10.0, metavar="SECONDS", show_default=True, help="For each step.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option("--at", "addresses", multiple=True, metavar="VENUE=HOST:PORT", hidden=True)
@frame.shared_options
def bench(names: tuple[str, ...], seconds: float, timeout: float, as_json: bool, addresses: tuple[str, ...]) -> int:
    """Listen to each VENUE for some seconds, then measure how fast its parser reads the very messages it sent.

    One core, the parser alone, with no sockets and no pricing. No messages are shipped with Chrono, so a venue that
    cannot be reached cannot be measured: then this ends with 3, or with 1 when it is so with all.
    """
    visits = _visits(names, addresses, timeout_s=timeout, listen_s=seconds)
    rates = list(_rates(visits))
    if as_json:
        frame.give_json({"rates": [_rate_document(rate) for rate in rates]})
    elif rates:
        frame.console().print(_rate_table(rates))
    measured = {rate.venue for rate in rates}
    missing = [visit.venue for visit in visits if visit.venue not in measured and not visit.is_polled]
    for name in missing:
        frame.say(f"{name}: no messages; next: chrono venues probe {name}")
    if not missing:
        return OK
    return DEGRADED if rates else FAILED


for _part in (listed, probe, bench):
    command.add_command(_part)


def _rows() -> Iterator[dict[str, Any]]:
    from importlib.resources import files

    from chrono.ingest.venues.roster import specs
    from chrono.market.map import MarketMap
    from chrono.market.names import base_of

    map_ = MarketMap.load()
    feeds = {base_of(feed.market) for feed in map_.feeds}
    for name, spec in specs().items():
        readme = files(f"chrono.ingest.venues.{name}").joinpath("README.md").read_text("utf-8")
        recorded, documented = proofs(readme)
        books = map_.books(name)
        yield {
            "venue": name,
            "title": spec.title,
            "read_by": "stream, REST" if spec.stream is not None else "polling",
            "books": len(books),
            "feeds": len({base_of(market) for market in books.values()} & feeds),
            "recorded": recorded,
            "from_documents": documented,
            "poll_every_s": spec.rest.poll_every_s,
            "documents": spec.docs,
        }


def proofs(readme: str) -> tuple[str, str]:
    """What a venue's README says is tested on recordings, and what on documents only; empty where it says nothing."""
    _, _, rest = readme.partition("**Recorded**:")
    recorded, _, documented = rest.partition("\n")[0].partition("**From documents only**:")
    recorded = recorded.strip(" .")
    return ("" if recorded.startswith("nothing") else recorded), documented.strip(" .")


def _visits(names: Sequence[str], addresses: Sequence[str], *, timeout_s: float, listen_s: float) -> "list[Visit]":
    """The venues asked for (all, when none is), visited at once."""
    import asyncio

    from chrono.cli.visiting.asking import addresses_of
    from chrono.cli.visiting.roster import specs_here
    from chrono.ingest.venues.roster import NAMES

    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        raise Stop(f"Chrono does not read {', '.join(unknown)}", then="chrono venues list", code=USAGE)
    try:
        elsewhere = addresses_of(addresses)
    except ValueError as error:
        raise Stop(str(error), then="chrono venues probe --help", code=USAGE) from error
    specs = specs_here(dict.fromkeys(names or NAMES), elsewhere)
    return asyncio.run(_visited(specs, elsewhere, timeout_s, listen_s))


async def _visited(
    specs: "Sequence[VenueSpec]", elsewhere: dict[str, str], timeout_s: float, listen_s: float
) -> "list[Visit]":
    import asyncio

    from chrono.cli.visiting.asking import placed
    from chrono.cli.visiting.probing import Prober, busy_symbols
    from chrono.clock import SystemClock
    from chrono.ingest.venues.transport import Transport
    from chrono.market.map import MarketMap

    network, clock, map_ = Transport(deadline_s=timeout_s), SystemClock(), MarketMap.load()
    probers = [
        Prober(
            spec,
            busy_symbols(map_.books(spec.name)),
            placed(network, elsewhere, spec.name),
            clock,
            timeout_s=timeout_s,
            listen_s=listen_s,
            host=elsewhere.get(spec.name),
        )
        for spec in specs
    ]
    try:
        return list(await asyncio.gather(*(prober.run() for prober in probers)))
    finally:
        await network.close()


def _end(visits: "Sequence[Visit]") -> int:
    """0 when all are good, 3 when some serve us, 1 when none does; what is off does not count."""
    outcomes = [visit.outcome.value for visit in visits if visit.outcome != "off"]
    if all(outcome == "ok" for outcome in outcomes):
        return OK
    return DEGRADED if {"ok", "partly"} & set(outcomes) else FAILED


def _show(visits: "Sequence[Visit]") -> None:
    from chrono.cli.visiting.probing import NEXT

    rows = [
        [visit.venue, visit.outcome.value, *(_cell(visit.step(name)) for name in STEPS), _offset(visit)]
        for visit in visits
    ]
    columns = ("venue", "outcome", *STEPS, "behind us")
    frame.console().print(frame.table(columns, rows, right=(*STEPS, "behind us")))
    for said, names in _failures(visits).items():
        frame.say(f"{', '.join(names)}: {said}")
    for outcome in dict.fromkeys(visit.outcome for visit in visits):
        if outcome in NEXT:
            frame.say(f"next for {outcome.value}: {NEXT[outcome]}")


def _failures(visits: "Sequence[Visit]") -> dict[str, list[str]]:
    """The first step of each venue that was not good, and the venues that it is the same with."""
    from chrono.cli.visiting.probing import Outcome

    found: dict[str, list[str]] = {}
    for visit in visits:
        failed = next((s for s in visit.steps if s.outcome not in (Outcome.OK, Outcome.SKIPPED)), None)
        if failed is not None:
            found.setdefault(f"{failed.name}: {failed.said}", []).append(visit.venue)
    return found


def _cell(step: "Step") -> str:
    if step.outcome == "skipped":
        return "-"
    return f"{step.ms:.0f} ms" if step.outcome == "ok" else step.outcome.value


def _offset(visit: "Visit") -> str:
    return "-" if visit.offset_ms is None else f"{visit.offset_ms:.0f} ms"


def _document(visit: "Visit") -> dict[str, Any]:
    from chrono.cli.visiting.probing import NEXT

    steps = [
        {"step": step.name, "outcome": step.outcome.value, "ms": _tenths(step.ms), "said": step.said}
        for step in visit.steps
    ]
    return {
        "venue": visit.venue,
        "outcome": visit.outcome.value,
        "offset_ms": _tenths(visit.offset_ms),
        "steps": steps,
        "next": NEXT.get(visit.outcome) or None,
    }


def _tenths(number: float | None) -> float | None:
    return None if number is None else round(number, 1)


def _rates(visits: "Sequence[Visit]") -> "Iterator[Rate]":
    from chrono.cli.visiting.measuring import rate_of
    from chrono.clock import SystemClock
    from chrono.ingest.venues.roster import spec_of

    for visit in visits:
        stream = spec_of(visit.venue).stream
        rate = None if stream is None else rate_of(visit.venue, stream, visit.frames, SystemClock())
        if rate is not None:
            yield rate


def _rate_document(rate: "Rate") -> dict[str, Any]:
    return {
        "venue": rate.venue,
        "messages": rate.messages,
        "bytes": round(rate.bytes, 1),
        "prices_per_message": round(rate.prices, 3),
        "parse_us": round(rate.parse_us, 3),
        "messages_per_s": round(rate.per_s),
    }


def _rate_table(rates: "Sequence[Rate]") -> Any:
    columns = ("venue", "messages", "bytes", "prices", "µs a message", "messages/s")
    rows = [
        [rate.venue, str(rate.messages), f"{rate.bytes:.0f}", f"{rate.prices:.2f}", f"{rate.parse_us:.2f}",
         f"{rate.per_s:,.0f}"]
        for rate in rates
    ]  # fmt: skip
    return frame.table(columns, rows, right=columns[1:])
