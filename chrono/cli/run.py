"""`chrono run`: the server, with the operator's settings. It never simulates."""

from contextlib import suppress

import rich_click as click

from chrono.cli import frame
from chrono.settings import Loaded, Settings


@frame.command(
    "run",
    examples=[
        "chrono run",
        "chrono run -c /etc/chrono/chrono.toml",
        "chrono run --network local -c local.toml",
        "DATABASE_URL=postgresql:///chrono REDIS_URL=redis://127.0.0.1 chrono run",
    ],
)
@click.option("--host", metavar="ADDRESS", help="Where to listen, instead of server.host.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="The main door; 0 takes a free one.")
@click.option("--data-dir", metavar="FOLDER", help="The one folder that is written to.")
@click.option("--network", metavar="NAME", help="flare, songbird, coston, coston2 or local, instead of network.")
@click.option("-v", "--verbose", is_flag=True, help="Log at level debug.")
@click.option("-q", "--quiet", is_flag=True, help="Log warnings and errors only.")
@frame.shared_options
def command(
    host: str | None, port: int | None, data_dir: str | None, network: str | None, verbose: bool, quiet: bool
) -> int:
    """Run the server in the foreground until SIGTERM or Ctrl-C. Nothing is simulated.

    It votes when [flare] has a seat, an identity and nodes, and signs and sends only when flare.mode is live: the
    default is a dry run. A process that owes a reveal ends when that is sent, at most 145 s later; a second signal
    ends it at once.

    Settings come from chrono.toml, the environment and these flags; `chrono config show` tells which won.
    """
    if verbose and quiet:
        raise click.UsageError("--verbose and --quiet say opposite things")
    flags = {
        "server.host": host,
        "server.port": port,
        "data_dir": data_dir,
        "network": network,
        "logs.level": "debug" if verbose else "warning" if quiet else None,
    }
    loaded = frame.load(flags)
    with suppress(OSError):  # a full disk under stderr is no reason to serve nobody
        _tell(loaded)

    from chrono.serving import serve

    return serve(loaded.settings, dev=None)


def _tell(loaded: Loaded) -> None:
    """What the operator should know before the log begins: where settings came from, and advice."""
    names = sorted({origin.removeprefix("env ") for origin in loaded.origins.values() if origin.startswith("env ")})
    if names:
        frame.say(f"from the environment: {', '.join(names)}")
    for fault in loaded.advice:
        frame.say(f"advice: {fault.text}")
    frame.say(_told_seat(loaded.settings))
    if not _has_readers(loaded.settings):
        frame.say("advice: no public or admin API key is set, so nobody can read prices; set PUBLIC_API_KEYS")


def _told_seat(settings: Settings) -> str:
    """One line about what this process does on the chain."""
    flare = settings.flare
    if flare.seat == "none":
        return f"{settings.network}: values on request, no vote (flare.seat = none)"
    live = "LIVE: signs and sends" if flare.mode == "live" else "dry run: signs and sends nothing"
    return f"{settings.network}: {flare.seat}, {live}"


def _has_readers(settings: Settings) -> bool:
    return bool(settings.api.public_keys or settings.api.paid_keys or settings.api.admin_keys)
