"""`chrono models`: learned anomaly models, trained on history and looked at."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from chrono.cli import frame
from chrono.cli.ends import Stop
from chrono.cli.replay_options import Duration, Moment
from chrono.clock import SECOND_NS, SystemClock, to_rfc3339

if TYPE_CHECKING:
    from chrono.learning.history import Progress
    from chrono.learning.points import TrainingPoints
    from chrono.learning.training import Training
    from chrono.pricing.models import Kind
    from chrono.settings import Settings

DAY_NS = 86_400 * SECOND_NS
DEFAULT_OUT = "anomalies.model.json"


@click.group("models", context_settings=frame.CONTEXT)
def command() -> None:
    """Train a learned anomaly model, or look at one.

    A model is the second of three layers that watch the venues, and optional: pricing.model_file names it.
    """


@frame.command(
    "train",
    examples=[
        "chrono models train --tape minutes.parquet --every 1m --out anomalies.model.json",
        "chrono models train --tape A.parquet --tape B.parquet --model iforest --json",
        "chrono models train --from-store --from 2025-10-01 --until 2025-10-08",
    ],
)
@click.option("--tape", "tapes", multiple=True, type=click.Path(path_type=Path), metavar="FILE", help="A recording.")
@click.option("--from-store", is_flag=True, help="The stored quotes instead of recordings.")
@click.option("--from", "from_ns", type=Moment(), default=0, help="Only from this time on. [store: a day ago]")
@click.option("--until", "until_ns", type=Moment(), default=2**63 - 1, help="Only before this time. [store: now]")
@click.option("--with-perpetuals", is_flag=True, help="Perpetual futures count as sources too.")
@click.option("--model", "kind", type=click.Choice(["hbos", "iforest"]), default="hbos", show_default=True)
@click.option(
    "--every", type=Duration(), default="10s", show_default=True, help="Time between two looks at all venues."
)
@click.option(
    "--contamination",
    type=click.FloatRange(0.0, 0.5, min_open=True),
    default=0.001,
    show_default=True,
    help="The share of the history that is taken for odd.",
)
@click.option("--out", type=click.Path(path_type=Path), default=DEFAULT_OUT, show_default=True, metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@frame.shared_options
def train(
    tapes: tuple[Path, ...],
    from_store: bool,
    from_ns: int,
    until_ns: int,
    with_perpetuals: bool,
    kind: "Kind",
    every: int,
    contamination: float,
    out: Path,
    as_json: bool,
) -> None:
    """Fit a model to history and write it to a small file, which the core scores without PyOD.

    Every venue is looked at every few seconds of the history, with the numbers that the live pricing computes. PyOD
    fits them in a process of its own, which ends; it comes with `pip install 'chrono[models]'`.
    """
    from chrono.learning.training import train as fit

    if bool(tapes) == from_store:
        raise click.UsageError("say either --tape FILE or --from-store")
    if not out.parent.is_dir():
        raise click.BadParameter(f"{out}: there is no folder {out.parent}", param_hint="--out")
    settings = frame.load().settings
    with _progress() as progress:
        if from_store:
            points = asyncio.run(_from_store(settings, from_ns, until_ns, every, progress))
        else:
            points = _from_tapes(settings, tapes, (from_ns, until_ns), with_perpetuals, every, progress)
    training = fit(points, kind, contamination=contamination)
    try:
        out.write_bytes(training.file)
    except OSError as error:
        raise Stop(f"cannot write {out}: {error.strerror}", then="chrono models train --help") from error
    _tell(_document(kind, training, out), as_json=as_json)


@frame.command("show", examples=["chrono models show anomalies.model.json", "chrono models show m.json --json"])
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@frame.shared_options
def show(file: Path, as_json: bool) -> None:
    """Check a model file and say where it comes from."""
    from chrono.learning.loading import model_bytes
    from chrono.pricing.models import Histograms, read_model

    learned, body = read_model(model_bytes(file))
    kind = "hbos" if isinstance(body.tables, Histograms) else "iforest"
    document = {"model": kind, "digest": learned.digest, "limit": body.limit, **_trained(body.trained)}
    _tell(document | {"file": str(file)}, as_json=as_json)


for _part in (train, show):
    command.add_command(_part)


def _from_tapes(
    settings: "Settings",
    tapes: tuple[Path, ...],
    span: tuple[int, int],
    perpetuals: bool,
    every: int,
    progress: "Progress",
) -> "TrainingPoints":
    from chrono.learning.history import from_tapes
    from chrono.market.tapes import Selection, open_tape

    selection = Selection(perpetuals=perpetuals, from_ns=span[0], until_ns=span[1])
    return from_tapes([open_tape(tape, selection) for tape in tapes], settings.pricing, every, progress)


async def _from_store(
    settings: "Settings", from_ns: int, until_ns: int, every: int, progress: "Progress"
) -> "TrainingPoints":
    from chrono.learning.history import from_store
    from chrono.store.door import Store

    clock = SystemClock()
    end_ns = min(until_ns, clock.now_ns())
    store = await Store.open(settings, clock)
    try:
        return await from_store(store.quotes, settings.pricing, from_ns or end_ns - DAY_NS, end_ns, every, progress)
    finally:
        await store.close()


@contextmanager
def _progress() -> Iterator["Progress"]:
    """A bar on stderr with the time of the history; nothing when nobody looks."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)

        def heard(first: int, now: int, last: int) -> None:
            told = to_rfc3339(now)[:19].replace("T", " ")
            bar.update(task, completed=(now - first) / max(last - first, 1), description=told)

        yield heard


def _trained(trained: Any) -> dict[str, Any]:
    return {
        "rows": trained.rows,
        "from": to_rfc3339(trained.first_ns),
        "to": to_rfc3339(trained.last_ns),
        "markets": trained.markets,
        "contamination": trained.contamination,
        "pyod": trained.pyod,
    }


def _document(kind: str, training: "Training", out: Path) -> dict[str, Any]:
    return {
        "model": kind,
        "file": str(out),
        "bytes": len(training.file),
        "digest": training.digest,
        "limit": training.body.limit,
        **_trained(training.body.trained),
        "worker_peak_mb": round(training.worker_mb, 1),
        "largest_difference_to_pyod": training.largest_difference,
    }


def _tell(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        frame.give_json(document)
        return
    rows = [(name, ", ".join(told) if isinstance(told, list) else str(told)) for name, told in document.items()]
    frame.console().print(frame.table(("", ""), rows))
    frame.say(f"next: set pricing.model_file to {document['file']}")
