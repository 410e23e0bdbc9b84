"""`chrono version`: which Chrono, which core, which Python."""

import platform
from importlib.metadata import PackageNotFoundError, version

import rich_click as click

from chrono import __version__
from chrono.cli import frame
from chrono.cli.frame import give, give_json, shared_options


@frame.command("version", examples=["chrono version", "chrono version --json"])
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@shared_options
def command(as_json: bool) -> None:
    """Say which Chrono this is, with its core and its Python."""
    told = {"chrono": __version__, "chrono_core": core_version() or "not built", "python": platform.python_version()}
    if as_json:
        give_json(told)
        return
    give(f"Chrono {told['chrono']} (core {told['chrono_core']}, Python {told['python']})")
    give("En Taro Tassadar!")


def core_version() -> str | None:
    """The version of the installed Rust core; None when it is not built."""
    try:
        return version("chrono_core")
    except PackageNotFoundError:
        return None
