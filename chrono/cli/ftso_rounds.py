"""`chrono ftso rounds` and `chrono ftso explain`: what the running provider did in a round, and how close it came."""

from decimal import Decimal
from typing import Any

import rich_click as click

from chrono.cli import frame
from chrono.cli import voting_words as words
from chrono.cli.client import Client
from chrono.cli.ends import DEGRADED, OK, USAGE, Stop
from chrono.cli.whereabouts import client_for

NEWEST = "last"
MOST_PAGE = 1000


@frame.command(
    "rounds",
    examples=[
        "chrono ftso rounds",
        "chrono ftso rounds --limit 960          # a day",
        "chrono ftso rounds --before 1128700",
        "chrono ftso rounds --json | jq '.data[] | select(.reason)'",
    ],
)
@click.option(
    "--limit", type=click.IntRange(1, MOST_PAGE), default=20, show_default=True, help="How many, the newest first."
)
@click.option("--before", type=click.IntRange(min=0), metavar="ROUND", help="Only rounds before this one.")
@frame.reading_options
def rounds(limit: int, before: int | None, as_json: bool, url: str | None, key: str | None) -> int:
    """Show the newest voting rounds: how many of our values were close, what it cost, what was missed.

    "within 0.5 %" is what the anchor condition counts (80 % of an epoch's values), "in IQR" and "in band" are what a
    round pays for. The margins are the seconds that were left to the deadlines of commit, reveal and signature.

    Ends with 3 when something of them was missed against our will.
    """
    client = client_for(url, key)
    document = client.get("/rounds", limit=limit, before=before).document
    rows = words.rows_of(document.get("data"))
    if as_json:
        frame.give_json(document)
    elif rows:
        cells = [words.round_cells(row) for row in rows]
        frame.console().print(
            frame.table(words.ROUND_COLUMNS, cells, right=words.ROUND_NUMBERS, spare=words.ROUND_SPARE)
        )
    else:
        frame.say("no voting round is recorded yet; next: chrono ftso status")
    missed = [row for row in rows if words.missed(row)]
    if missed:
        newest = missed[0].get("round")
        frame.say(f"{len(missed)} of {len(rows)} rounds missed something; next: chrono ftso explain {newest}")
    return DEGRADED if missed else OK


@frame.command(
    "explain",
    examples=[
        "chrono ftso explain last",
        "chrono ftso explain 1128701",
        "chrono ftso explain 1128701 --missed",
        "chrono ftso explain last --json | jq '.feeds[] | select(.in_band | not) | .symbol'",
    ],
)
@click.argument("which", metavar="ROUND")
@click.option("--missed", is_flag=True, help="Only feeds that are not within 0.5 % of the median.")
@frame.reading_options
def explain(which: str, missed: bool, as_json: bool, url: str | None, key: str | None) -> int:
    """Hold each of our values of a round against the network's median and quartiles, and say what the round cost.

    ROUND is its number, or `last` for the newest that has a result. "off bps" is how far our value lies from the
    median; a value on a quartile counts or not by the protocol's own coin. How one of our values came about:
    `chrono explain MARKET --round ROUND`.

    Ends with 3 when something of the round was missed.
    """
    client = client_for(url, key)
    number = _number(client, which)
    document = client.get(f"/rounds/{number}").document
    if as_json:
        frame.give_json(document)
    else:
        _show(document, client, missed=missed)
    return DEGRADED if words.missed(document) else OK


def _number(client: Client, which: str) -> int:
    """The round that is meant. Raises: Stop."""
    if which != NEWEST:
        if which.isascii() and which.isdigit() and len(which) <= 10:
            return int(which)
        raise Stop(f"{which!r} is no round; give its number, or {NEWEST}", then="chrono ftso rounds", code=USAGE)
    rows = words.rows_of(client.get("/rounds", limit=MOST_PAGE).document.get("data"))
    for row in rows:
        if row.get("merkle_root") and isinstance(row.get("round"), int):
            return int(row["round"])
    raise Stop("no round has a result yet", then="chrono ftso status")


def _show(document: words.Document, client: Client, *, missed: bool) -> None:
    console = frame.console()
    console.print(_title(document), style="bold")
    for line in (*_windows(document), *words.reason_lines(document.get("reason"))):
        console.print(line)
    network, sent = document.get("network"), words.rows_of(document.get("transactions"))
    if sent:
        cells = [words.sent_cells(one, network) for one in sent]
        console.print()
        console.print(frame.table(words.SENT_COLUMNS, cells, right=words.SENT_NUMBERS, spare=words.SENT_SPARE))
    feeds = words.rows_of(document.get("feeds"))
    shown = [feed for feed in feeds if not missed or feed.get("hit") is False]
    if shown:
        console.print()
        cells = [words.feed_cells(feed) for feed in shown]
        console.print(frame.table(words.FEED_COLUMNS, cells, right=words.FEED_NUMBERS, spare=words.FEED_SPARE))
    console.print()
    for line in _sums(document, feeds, client):
        console.print(line)


def _title(document: words.Document) -> str:
    epoch = "" if document.get("reward_epoch") is None else f", reward epoch {document['reward_epoch']}"
    dry = ", dry run: nothing was sent" if document.get("mode") == "dry-run" else ""
    return f"round {document.get('round')} of {document.get('network')}: {document.get('phase')}{epoch}{dry}"


def _windows(document: words.Document) -> list[str]:
    windows = words.part_of(document, "windows")
    told = []
    for name in ("commit", "reveal", "sign"):
        window = words.part_of(windows, name)
        told.append(f"{name} {words.clock_text(window.get('from'))} to {words.clock_text(window.get('to'))}")
    lines = ["; ".join(told) + " UTC"]
    if document.get("merkle_root"):
        secure = "secure" if document.get("secure_random") else "not secure"
        lines.append(f"Merkle root {document['merkle_root']}; random {document.get('random')}, {secure}")
    return lines


def _sums(document: words.Document, feeds: list[words.Document], client: Client) -> list[str]:
    unknown = (
        "our values are not recorded" if document.get("merkle_root") else "the network's result is not known (yet)"
    )
    lines = [words.closeness_text(feeds) or unknown]
    if any(sent.get("fee_wei") for sent in words.rows_of(document.get("transactions"))):
        network = str(document.get("network"))
        usd = words.usd_text(document.get("fee_wei"), _coin_price(client, network))
        worth = f", {usd}" if usd else ""
        lines.append(f"cost: {words.cost_text(document.get('fee_wei'), network)} of gas{worth}")
    return lines


def _coin_price(client: Client, network: str) -> Decimal | None:
    """What the network's coin is worth now in dollars; None where it is worth nothing, or nobody knows."""
    market = words.PRICED.get(network)
    if market is None:
        return None
    try:
        rows: Any = client.get("/prices/latest", symbols=market).document.get("data")
        return Decimal(str(words.rows_of(rows)[0]["price"]))
    except (Stop, LookupError, ArithmeticError):
        return None
