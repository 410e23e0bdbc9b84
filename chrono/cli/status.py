"""`chrono status`: what runs, what is awaited, and whether that is normal."""

from collections.abc import Mapping, Sequence
from typing import Any

import rich_click as click

from chrono.cli import frame
from chrono.cli.client import Client, NoServer
from chrono.cli.ends import DEGRADED, FAILED, OK, Stop
from chrono.cli.ftso_status import newest_rounds, provider_lines, provider_of
from chrono.cli.price import age_text, every_second
from chrono.cli.provider_silence import explain_provider
from chrono.cli.silence import Silence, State, explain_silence
from chrono.cli.voting_words import moment
from chrono.cli.whereabouts import client_for

VENUE_COLUMNS = ("venue", "state", "since", "last message", "markets")
SHOWN_VENUES = 30


@frame.command("status", examples=["chrono status", "chrono status --json", "chrono status --watch"])
@click.option("--watch", is_flag=True, help="Ask again each second until Ctrl-C.")
@frame.reading_options
def command(watch: bool, as_json: bool, url: str | None, key: str | None) -> int:
    """Show what runs and what is awaited; where nothing happens, say why and whether that is normal.

    Ends with 0 when all is well, 3 when it runs but not as it should, 1 when it is down.
    """
    client = client_for(url, key)
    if watch:
        _watch(client, as_json=as_json)
    state = ask(client)
    _give(state, client, as_json=as_json)
    return exit_code(state)


def ask(client: Client) -> State:
    """All that the server tells about itself; what a key is missing for stays empty and is said."""
    health = client.get("/health", accept=(503,)).document
    ready = client.get("/ready", accept=(503,))
    refused = ""
    documents: dict[str, Any] = {}
    for name in ("venues", "markets"):
        try:
            documents[name] = client.get(f"/metadata/{name}").document.get("data")
        except NoServer:
            raise
        except Stop as stop:
            refused = stop.message
    rows = {name: [r for r in found if isinstance(r, dict)] for name, found in documents.items() if found}
    provider = None if refused else provider_of(client)
    rounds = [] if provider is None else newest_rounds(client)
    found = rows.get("venues", []), rows.get("markets", [])
    return State(health, ready.status == 200, *found, refused, provider, rounds)


def explain(state: State) -> list[Silence]:
    """Everything that does not happen: to prices, and to the provider where one runs."""
    return [*explain_silence(state), *_of_provider(state)]


def _of_provider(state: State) -> list[Silence]:
    if state.provider is None:
        return []
    return explain_provider(state.provider, moment(state.health.get("timestamp")), state.rounds)


def exit_code(state: State) -> int:
    """0 healthy and ready, the provider as it should be where one runs; 1 unhealthy; 3 anything between."""
    told = state.health.get("status")
    if told == "healthy" and state.ready and all(silence.normal for silence in _of_provider(state)):
        return OK
    return FAILED if told == "unhealthy" else DEGRADED


def _give(state: State, client: Client, *, as_json: bool) -> None:
    silences = explain(state)
    if as_json:
        frame.give_json(
            {
                "url": client.url,
                "health": state.health,
                "ready": state.ready,
                "venues": state.venues,
                "markets": state.markets,
                "provider": state.provider,
                "silence": [silence.as_dict() for silence in silences],
            }
        )
        return
    console = frame.console()
    for part in _page(state, client, silences):
        console.print(part)


def _watch(client: Client, *, as_json: bool) -> None:
    from rich.console import Group
    from rich.live import Live

    console = frame.console()
    met = False
    with Live(console=console, auto_refresh=False) as live:
        for _ in every_second():
            try:
                state = ask(client)
            except NoServer as gone:
                if not met:
                    raise
                frame.say(f"{gone.message}; asking again")
                continue
            met = True
            if as_json or not console.is_terminal:
                _give(state, client, as_json=as_json)
            else:
                live.update(Group(*_page(state, client, explain(state))), refresh=True)


def _page(state: State, client: Client, silences: Sequence[Silence]) -> list[Any]:
    uptime = state.health.get("uptime_seconds")
    since = f", up {age_text(uptime * 1000)}" if isinstance(uptime, int | float) else ""
    ready = "ready" if state.ready else "not ready"
    simulated = f", {state.health['environment']}" if state.health.get("environment") else ""
    parts: list[Any] = [f"Chrono at {client.url}: {state.health.get('status', 'unknown')}, {ready}{simulated}{since}\n"]
    services = state.health.get("services")
    if isinstance(services, dict) and services:
        parts.append(frame.table(("service", "state"), [(str(n), _service(s)) for n, s in services.items()]))
    if state.venues:
        rows = [_venue(venue) for venue in state.venues[:SHOWN_VENUES]]
        parts += ["", frame.table(VENUE_COLUMNS, rows, right=("last message", "markets"), spare=(("since",),))]
    if state.markets:
        thick = len(state.markets) - len(state.thin)
        parts += ["", f"markets: {len(state.markets)} listed, {thick} with enough sources"]
    if state.provider is not None:
        parts += ["", frame.table(("provider", ""), provider_lines(state.provider))]
    parts += ["", *(silence.line for silence in silences)]
    return parts


def _service(state: object) -> str:
    """A service's state on one line, whether it is told as a word or with details."""
    if not isinstance(state, dict):
        return str(state)
    rest = ", ".join(f"{k} {v}" for k, v in state.items() if k not in {"status", "state"} and v not in (None, ""))
    word = str(state.get("status", state.get("state", "")))
    return f"{word} ({rest})" if word and rest else word or rest


def _venue(venue: Mapping[str, Any]) -> list[str]:
    markets = venue.get("markets")
    return [
        str(venue.get("venue", "")),
        str(venue.get("state", "")),
        str(venue.get("since") or ""),
        age_text(venue.get("last_message_ms")),
        str(len(markets) if isinstance(markets, list) else markets if markets is not None else ""),
    ]
