"""The command tree. Only names and one line each are known here; a command is imported when it is called."""

import importlib
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

import click

from chrono.cli.ends import FAILED, INTERRUPTED, OK, REFUSED, USAGE, ReaderGone, Stop


class Entry(NamedTuple):
    """A command: the module and name it is found under, and its line in `chrono --help`."""

    module: str
    name: str
    line: str


SECTIONS: dict[str, dict[str, Entry]] = {
    "Run": {
        "dev": Entry("chrono.cli.dev", "command", "everything on this machine, no set-up, no key of yours"),
        "run": Entry("chrono.cli.run", "command", "the server, with your settings"),
        "replay": Entry("chrono.cli.replay", "replay", "play a recorded tape through the pricing"),
        "backtest": Entry("chrono.cli.backtest", "backtest", "our consensus beside other rules, on recorded tapes"),
    },
    "Look": {
        "price": Entry("chrono.cli.price", "command", "the newest value of markets, with sources and age"),
        "explain": Entry("chrono.cli.explain", "command", "how a value came about, recomputed here"),
        "ftso": Entry("chrono.cli.ftso", "command", "the provider: status, rounds, why; and calldata in words"),
        "status": Entry("chrono.cli.status", "command", "what runs, what is awaited, and why"),
        "rewards": Entry("chrono.cli.rewards", "command", "published reward epochs, recomputed here"),
    },
    "Look after": {
        "venues": Entry("chrono.cli.venues", "command", "the venues: list, probe, bench"),
        "markets": Entry("chrono.cli.markets", "command", "hold the market map against the venues"),
        "alerts": Entry("chrono.cli.alerts", "command", "who is told when the duty is in danger: list, test"),
        "doctor": Entry("chrono.cli.doctor", "command", "check this machine and the settings, with remedies"),
        "config": Entry("chrono.cli.config", "command", "show, check and start the settings"),
        "models": Entry("chrono.cli.models", "command", "train and check learned anomaly models"),
        "db": Entry("chrono.cli.db", "command", "bring the database to this version, or check it"),
        "wallet": Entry("chrono.cli.wallet", "command", "the keys of a provider: make, import, check"),
        "version": Entry("chrono.cli.version", "command", "which Chrono this is"),
    },
}

COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}

HELP = """Project Chrono: a price oracle and FTSO data provider for the Flare networks, in one process.

\b
Examples:
  chrono dev                      start everything here, with prices within seconds
  chrono price BTC/USD --watch    follow a market
  chrono explain BTC/USD          see where its value comes from
  chrono doctor                   find out what would go wrong

Data goes to stdout, talk to stderr. Exit codes: 0 ok, 1 failed, 2 usage, 3 degraded, 4 refused for safety.
"""


class LazyGroup(click.Group):
    """A group that knows its commands by name and loads them when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the sections."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself, imported now."""
        del ctx
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = getattr(importlib.import_module(entry.module), entry.name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The asked command; for a misspelt one, a usage error that names the nearest."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = get_close_matches(args[0], list(COMMANDS), n=1)
            guess = f"; did you mean `chrono {near[0]}`?" if near else ""
            raise click.UsageError(f"there is no command {args[0]!r}{guess}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The sections with one line for each command, from the table: nothing is imported for it."""
        del ctx
        for title, entries in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, entry.line) for name, entry in entries.items()], col_max=12)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a closed pipe is not an error and must not look like one."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as gone:
            raise ReaderGone from gone


def _version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from chrono import __version__

        click.echo(f"chrono {__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup, help=HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.option("-c", "--config", metavar="FILE", help="The settings file, instead of ./chrono.toml and the others.")
@click.option("--no-color", is_flag=True, help="No colours; NO_COLOR in the environment means the same.")
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Say which Chrono this is."
)
@click.pass_context
def root(ctx: click.Context, config: str | None, no_color: bool) -> None:
    """Keep what every command may need."""
    ctx.obj = {"config": config}
    if no_color:
        ctx.color = False


def run(args: Sequence[str]) -> int:
    """Run one command line and return its exit code. Expected failures are told without a traceback."""
    try:
        code = root.main(list(args), prog_name="chrono", standalone_mode=False)
        sys.stdout.flush()
    except (ReaderGone, BrokenPipeError):
        _leave_stdout()
        return OK
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except Exception as error:
        told = _expected(error)
        if told is None:
            raise
        return told
    return code if isinstance(code, int) else OK


def _expected(error: Exception) -> int | None:
    """Tell an expected failure on stderr and give its exit code; None for one that nobody foresaw."""
    if isinstance(error, Stop):
        return _tell(error.message, error.then, error.code)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return USAGE
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx else "chrono"
        return _tell(error.format_message(), f"{path} --help", USAGE)
    if isinstance(error, click.ClickException):
        return _tell(error.format_message(), "chrono --help", error.exit_code)
    from chrono.errors import DATA_DIR_BUSY, ChronoError
    from chrono.settings import SettingsError

    if isinstance(error, SettingsError):
        return _tell(str(error), "chrono config check", REFUSED if error.refused else FAILED)
    if isinstance(error, ChronoError):
        from chrono.cli.safety import is_for_safety

        code = REFUSED if is_for_safety(error) else FAILED
        return _tell(str(error), "chrono status" if error.reason is DATA_DIR_BUSY else "chrono doctor", code)
    if isinstance(error, OSError) and error.strerror:
        about = f" ({error.filename})" if error.filename else ""
        return _tell(f"{error.strerror}{about}", "chrono doctor", FAILED)
    return None


def _tell(message: str, then: str, code: int) -> int:
    click.echo(f"chrono: {message}", err=True)
    click.echo(f"next: {then}", err=True)
    return code


def _leave_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush does not complain about the closed pipe."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
