"""What the commands share: options, settings, and the two ways out (data on stdout, talk on stderr)."""

import inspect
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click
from click import get_current_context

from chrono.cli.ends import ReaderGone
from chrono.settings import Loaded, environment, load_settings

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Command = TypeVar("Command", bound=Callable[..., Any])

WIDE = 4096
"""Columns at most of a table that goes into a file or a pipe: nothing is wrapped or cut there."""

CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"]}


def command(name: str, *, examples: Sequence[str]) -> Callable[[Callable[..., Any]], click.RichCommand]:
    """A command whose help is its docstring followed by examples, each on its own line."""

    def made(function: Callable[..., Any]) -> click.RichCommand:
        lines = "\n".join(f"  {example}" for example in examples)
        told = f"{inspect.cleandoc(function.__doc__ or '')}\n\n\b\nExamples:\n{lines}"
        return click.command(name, help=told, context_settings=CONTEXT)(function)

    return made


def shared_options(command: Command) -> Command:
    """`-c FILE` and `--no-color`, which every command takes, before its name or after it."""
    command = click.option(
        "-c", "--config", metavar="FILE", expose_value=False, callback=_keep_config, help="The settings file."
    )(command)
    return click.option(
        "--no-color", is_flag=True, expose_value=False, is_eager=True, callback=_no_color, help="No colours."
    )(command)


def reading_options(command: Command) -> Command:
    """What the commands take that ask the running server."""
    command = click.option(
        "--key",
        metavar="KEY",
        help="An API key: env:NAME, file:PATH, or the key itself (which others on this machine can see).",
    )(command)
    command = click.option("--url", metavar="URL", help="The server, such as http://127.0.0.1:3000.")(command)
    command = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")(command)
    return shared_options(command)


def load(flags: Mapping[str, object] | None = None) -> Loaded:
    """The settings of this run, with the file that `-c` named. Raises: SettingsError with every fault."""
    return load_settings(config_option(), environment(), flags)


def config_option() -> str | None:
    """The file that `-c` named, before the command's name or after it."""
    found = get_current_context().find_root().obj
    named = found.get("config") if isinstance(found, dict) else None
    return named if isinstance(named, str) else None


def say(text: str) -> None:
    """Talk: to stderr, for the person."""
    click.echo(text, err=True)


def give(text: str) -> None:
    """Data: to stdout, for whoever reads it."""
    click.echo(text)


def give_json(document: object) -> None:
    """Data as one JSON object on one line when piped, indented on a terminal."""
    give(json.dumps(document, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def _gone() -> None:
    raise ReaderGone


def console() -> "Console":
    """A console on stdout that keeps to NO_COLOR and --no-color, and does not wrap what goes into a pipe."""
    from rich.console import Console

    plain = get_current_context().color is False or "NO_COLOR" in environment()
    width = None if sys.stdout.isatty() else WIDE
    made = Console(no_color=plain or None, highlight=False, width=width, soft_wrap=False)
    made.on_broken_pipe = _gone  # type: ignore[method-assign]  # Rich would end the process with 1
    return made


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[str] = (),
    spare: Sequence[Sequence[str]] = (),
) -> "RenderableType":
    """A table without frames, so that `cut` and `awk` can read it too.

    `right` names columns of numbers; `spare` names those that a narrow terminal does without, in this order.
    """
    from chrono.cli.tables import FittingTable

    return FittingTable(columns, rows, right, spare)


def home_path(path: str | Path) -> str:
    """A path as a person reads it."""
    try:
        return f"~/{Path(path).relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)


def _keep_config(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        above = ctx.find_root()
        above.obj = {**(above.obj or {}), "config": value}


def _no_color(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        ctx.color = False
    if ctx.color is False and isinstance(ctx, click.RichContext):
        ctx.help_config.color_system = None
