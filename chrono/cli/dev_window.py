"""What `chrono dev` shows while it runs: a banner once the doors are open, then prices. It only reads over HTTP."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from chrono.cli import frame
from chrono.cli.client import Client
from chrono.cli.ends import Stop
from chrono.cli.price import latest, price_row, prices_table
from chrono.cli.whereabouts import read_home

if TYPE_CHECKING:
    from rich.console import Console

SHOWN = 12
"""Markets in the table."""
FIRST_CHOICE = ("BTC/USD", "ETH/USD", "FLR/USD", "XRP/USD", "SOL/USD", "DOGE/USD", "USDT/USD", "USDC/USD")
"""Listed first when they have prices."""

_LOOK_S = 0.05
_TABLE_S = 0.5
_LINE_S = 10.0
_MARKETS_EVERY = 10


class Window:
    """Runs beside the server in a thread of its own and ends with it. Never disturbs it: it only asks."""

    def __init__(self, folder: Path, market: str, public_key: str | None, fallback_key: str | None = None) -> None:
        self._folder = folder
        self._market = market
        self._public_key = public_key
        self._key = public_key or fallback_key
        self._over = Event()
        self._context = click.get_current_context()
        self._thread = Thread(target=self._run, name="dev-window", daemon=True)

    def __enter__(self) -> "Window":
        self._thread.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._over.set()
        self._thread.join(timeout=2.0)

    def _run(self) -> None:
        with self._context.scope(cleanup=False):
            try:
                server = self._server()
                if server is not None:
                    client = Client(str(server["url"]), self._key)
                    frame.say(banner(server, self._folder, self._mode(), self._public_key))
                    self._show(client)
            except (BrokenPipeError, Stop) as end:
                if isinstance(end, Stop):
                    frame.say(f"prices are not shown: {end.message}")

    def _server(self) -> Mapping[str, Any] | None:
        """What our own server wrote when its doors were open; None when it ended before."""
        while not self._over.wait(_LOOK_S):
            told = read_home(self._folder).server
            if told.get("pid") == os.getpid() and isinstance(told.get("url"), str):
                return told
        return None

    def _mode(self) -> str:
        named = {"simulated": "simulated market", "live": "live venues"}
        return named.get(self._market, f"tape {Path(self._market).name}")

    def _show(self, client: Client) -> None:
        console = frame.console()
        if console.is_terminal:
            self._table(client, console)
        else:
            self._lines(client)

    def _table(self, client: Client, console: "Console") -> None:
        from rich.live import Live

        with Live(console=console, auto_refresh=False, transient=True) as live:
            for document in self._documents(client, _TABLE_S):
                shown = prices_table(document) if document.get("data") else "waiting for prices … En Taro Tassadar!"
                live.update(shown, refresh=True)

    def _lines(self, client: Client) -> None:
        for document in self._documents(client, _LINE_S):
            rows = [row for row in map(price_row, document.get("data") or []) if row]
            if rows:
                click.echo("  ".join(f"{row[0]} {row[1]}" for row in rows))
                sys.stdout.flush()

    def _documents(self, client: Client, pause_s: float) -> Any:
        """The newest prices, again and again until the server ends. An answer that fails is asked again."""
        wanted: list[str] = []
        asked = 0
        while True:
            try:
                if asked % _MARKETS_EVERY == 0 or len(wanted) < SHOWN:
                    wanted = markets_of(client) or wanted
                asked += 1
                document = latest(client, ",".join(wanted)) if wanted else {}
            except Stop as stop:
                if self._over.is_set():
                    return
                document = {"problem": stop.message}
            yield document
            # Until the first price has come, look often: it is what everybody waits for.
            if self._over.wait(pause_s if document.get("data") else min(pause_s, _TABLE_S)):
                return


def markets_of(client: Client) -> list[str]:
    """A few listed markets, the best known first."""
    listed = client.get("/metadata/markets").document.get("data") or []
    names = {str(row["symbol"]) for row in listed if isinstance(row, dict) and "symbol" in row}
    first = [name for name in FIRST_CHOICE if name in names]
    rest = sorted(name for name in names - set(first) if name.endswith("/USD"))
    return [*first, *rest][:SHOWN]


def banner(server: Mapping[str, Any], folder: Path, mode: str, public_key: str | None) -> str:
    """Five lines: what this is and how to stop it, where it answers, its data, a first question, and the votes."""
    url = str(server["url"])
    stream = server.get("stream_url") or "the main door, /stream"
    key = public_key or "YOUR_PUBLIC_KEY"
    return "\n".join(
        (
            f"Chrono dev · {mode} · simulated Flare network · Ctrl-C stops it",
            f"  open   {url}  (schema: {url}/schema/openapi.json, stream: {stream})",
            f"  data   {frame.home_path(folder)}",
            f"  try    curl -H 'X-API-Key: {key}' '{url}/prices/latest?symbols=BTC/USD'",
            "  votes  chrono ftso rounds  (a round takes 20 s; no key of yours signs, nothing leaves this process)",
        )
    )
