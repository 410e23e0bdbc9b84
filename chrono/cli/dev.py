"""`chrono dev`: everything on this machine in one process, never signing, with prices within seconds."""

import sys
from pathlib import Path

import msgspec
import rich_click as click

from chrono.cli import frame
from chrono.cli.dev_keys import with_dev_keys
from chrono.cli.dev_window import Window
from chrono.cli.ends import USAGE, Stop
from chrono.cli.whereabouts import configured_key, data_dir_of_dev
from chrono.settings import Loaded, Settings

LIVE = "live"
MARKETS = ("auto", LIVE, "simulated")
STREAM_PORT_AFTER = 2
"""The fast door of `dev --port N` is N + 2, as 3002 is to 3000, so that two of them can run side by side."""


@frame.command(
    "dev",
    examples=[
        "chrono dev",
        "chrono dev --port 0 --market simulated",
        "chrono dev --market day.parquet",
        "CHRONO__DATA_DIR=/tmp/chrono chrono dev",
    ],
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="The main door; 0 takes a free one. The fast door is N + 2.",
)
@click.option(
    "--market",
    default="auto",
    metavar="auto|live|simulated|FILE",
    help="Where prices come from: venues if they answer within 3 s, else simulated; or a recorded tape.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show the log of every outcome.")
@frame.shared_options
def command(port: int | None, market: str, verbose: bool) -> int:
    """Start the whole system here, without network, wallet or set-up. It never signs with a key of yours.

    It votes all the same: on a Flare network that lives in its memory, with rounds of 20 seconds, simulated voters
    around the market's prices, and throwaway keys. See it with `chrono ftso rounds`.

    Prices, keys and the database lie in a data folder of its own (`dev` in the default one, or data_dir when you
    set it). Without API keys in the settings, throwaway ones are made and `chrono price` finds them.
    """
    if market not in MARKETS and not Path(market).exists():
        told = f"--market {market}: expected auto, live, simulated, or a tape that exists"
        raise Stop(told, then="chrono replay --help", code=USAGE)
    loaded = frame.load({"server.port": port})
    loaded = msgspec.structs.replace(loaded, settings=_with_logs(loaded, verbose=verbose))
    market = _found(market, loaded.settings)
    settings = _settings(loaded, market, port)
    folder = Path(settings.data_dir)
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    settings, public_key = with_dev_keys(settings, folder)
    if settings.store.database_url is not None and market != LIVE:
        frame.say("note: what is simulated goes into the configured database (database_url)")

    from chrono.serving import DevOptions, serve

    with Window(folder, market, public_key, configured_key(settings)):
        return serve(settings, dev=DevOptions(market=market))


def _found(market: str, settings: Settings) -> str:
    """Where prices really come from: `auto` is the live venues when one of them answers, else the simulated market."""
    from chrono.serving import venue_that_answers

    if market != "auto":
        return market
    venue = venue_that_answers(settings)
    if venue is not None:
        frame.say(f"reading the live venues: {venue} answers")
        return LIVE
    frame.say("no venue answers from here: prices are SIMULATED, not real (`chrono venues probe` tells why)")
    return "simulated"


def _with_logs(loaded: Loaded, *, verbose: bool) -> Settings:
    """The settings with a quiet log on a terminal, where the table is: nothing is told before this."""
    settings = loaded.settings
    if verbose:
        return msgspec.structs.replace(settings, logs=msgspec.structs.replace(settings.logs, level="info"))
    if loaded.origins["logs.level"] == "default" and sys.stdout.isatty():
        return msgspec.structs.replace(settings, logs=msgspec.structs.replace(settings.logs, level="warning"))
    return settings


def _settings(loaded: Loaded, market: str, port: int | None) -> Settings:
    """The settings of this dev run: its own folder, a fast door that fits the port."""
    settings, origins = loaded.settings, loaded.origins
    changes: dict[str, object] = {"data_dir": str(data_dir_of_dev(loaded, live=market == LIVE))}
    if port is not None and origins["server.stream_port"] == "default":
        fast = port + STREAM_PORT_AFTER if 0 < port <= 65535 - STREAM_PORT_AFTER else 0
        changes["server"] = msgspec.structs.replace(settings.server, stream_port=fast)
    return msgspec.structs.replace(settings, **changes)
