"""What `chrono replay` and `chrono backtest` share: a bar with the tape's time, and names held against the tapes."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import rich_click as click

from chrono.clock import to_rfc3339

if TYPE_CHECKING:
    from chrono.market.tapes import Selection, Survey
    from chrono.simulation.replay import Replay

PROGRESS_EVERY = 50
"""Steps between two looks at the progress bar."""


@contextmanager
def progress(prepared: "Replay") -> Iterator[Callable[[int], None]]:
    """A bar on stderr with the tape's time and the pace; nothing when nobody looks."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(show_speed=True))
    total = (prepared.last_ns - prepared.first_ns) // prepared.every_ns + 1
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        done = 0

        def on_step(at_ns: int) -> None:
            nonlocal done
            done += 1
            if done % PROGRESS_EVERY == 0:
                bar.update(task, completed=done, description=to_rfc3339(at_ns)[:19].replace("T", " "))

        yield on_step


def check_names(selection: "Selection", survey: "Survey") -> None:
    """Refuse entries of --books and --without that name nothing of what lies on the tapes."""
    unknown = selection.unknown(survey.books)
    if unknown:
        there = ", ".join(sorted({*survey.books, *(venue for venues in survey.books.values() for venue in venues)}))
        raise click.UsageError(f"--books and --without: {', '.join(unknown)} is not on these tapes; there is {there}")
