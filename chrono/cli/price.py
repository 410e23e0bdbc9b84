"""`chrono price`: the newest value of markets, from the running server."""

from collections.abc import Iterator, Mapping
from threading import Event
from typing import Any

import rich_click as click

from chrono.cli import frame
from chrono.cli.client import Client, NoServer
from chrono.cli.ends import FAILED, OK, USAGE, Stop
from chrono.cli.whereabouts import client_for
from chrono.errors import ChronoError
from chrono.market.names import Market, parse_market

COLUMNS = ("market", "price", "quality", "sources", "confidence", "age")
WATCH_S = 1.0


@frame.command(
    "price",
    examples=[
        "chrono price BTC/USD",
        "chrono price BTC ETH FLR/USD --json",
        "chrono price BTC/USD --watch",
        "chrono price BTC --source binance",
    ],
)
@click.argument("markets", nargs=-1, required=True, metavar="MARKET…")
@click.option("--watch", is_flag=True, help="Ask again each second until Ctrl-C.")
@click.option("--source", metavar="VENUE", help="One venue's last quote instead of the consensus.")
@frame.reading_options
def command(
    markets: tuple[str, ...], watch: bool, source: str | None, as_json: bool, url: str | None, key: str | None
) -> int:
    """Show the newest value of each MARKET, with how many sources stand behind it and how old it is.

    A bare BTC means BTC/USD. Ends with 1 when a market has no value.
    """
    wanted = ",".join(dict.fromkeys(map(asked_market, markets)))
    client = client_for(url, key)
    if watch:
        _watch(client, wanted, source, as_json=as_json)
    document = latest(client, wanted, source)
    if as_json:
        frame.give_json(document)
    elif document.get("data"):
        frame.console().print(prices_table(document))
    missing = [str(market) for market in document.get("missing") or []]
    for market in missing:
        frame.say(f"no value for {market}: no venue has a fresh price; next: chrono status")
    return FAILED if missing else OK


def asked_market(text: str) -> Market:
    """The market that a person means. Raises: Stop (usage) when it is none."""
    try:
        return parse_market(text.upper())
    except ChronoError as error:
        raise Stop(str(error), then="chrono price BTC/USD", code=USAGE) from error


def latest(client: Client, markets: str, source: str | None = None) -> Mapping[str, Any]:
    """The document of /prices/latest for these markets."""
    return client.get("/prices/latest", symbols=markets, source=source).document


def prices_table(document: Mapping[str, Any]) -> Any:
    """The prices as a table for a person."""
    rows = [row for row in map(price_row, document.get("data") or []) if row]
    return frame.table(COLUMNS, rows, right=("price", "sources", "confidence", "age"))


def price_row(price: object) -> list[str]:
    """One price as cells; empty when the server sent something else."""
    if not isinstance(price, dict):
        return []
    cells = [str(price.get(name, "")) for name in ("symbol", "price", "quality", "sources", "confidence")]
    return [*("" if cell == "None" else cell for cell in cells), age_text(price.get("staleness_ms"))]


def age_text(milliseconds: object) -> str:
    """An age as a person reads it: `340 ms`, `12.0 s`, `5 min`."""
    if not isinstance(milliseconds, int | float):
        return ""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1000:.1f} s" if milliseconds < 120_000 else f"{milliseconds / 60_000:.0f} min"


def every_second() -> Iterator[None]:
    """One beat at once and then one each second; Ctrl-C ends it."""
    pause = Event()
    while True:
        yield
        pause.wait(WATCH_S)


def _watch(client: Client, wanted: str, source: str | None, *, as_json: bool) -> None:
    """Show the values each second, for ever. A server that goes away is waited for; one never there is an error."""
    console = frame.console()
    met = False
    from rich.live import Live

    with Live(console=console, auto_refresh=False, transient=False) as live:
        for _ in every_second():
            try:
                document = latest(client, wanted, source)
            except NoServer as gone:
                if not met:
                    raise
                frame.say(f"{gone.message}; asking again")
                continue
            met = True
            if as_json:
                frame.give_json(document)
            elif console.is_terminal:
                live.update(prices_table(document), refresh=True)
            else:
                console.print(prices_table(document))
