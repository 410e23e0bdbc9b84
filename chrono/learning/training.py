"""Training in a process of its own: PyOD costs 280 MB and seconds to import, and none of it may stay with us.

The rows go over as a file of 64-bit floats, the tables come back as JSON. Before a model is written, the core scores
a sample of the rows and must find what PyOD found.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
from msgspec import Struct

from chrono.errors import NO_TRAINER, TRAINING_FAILED, ChronoError
from chrono.learning.points import TrainingPoints
from chrono.pricing.asking import N_FEATURES
from chrono.pricing.models import Body, Forest, Histograms, Kind, Trained, read_model, write_model
from chrono_core import FEATURES

FEWEST_ROWS = 1000
LONGEST_S = 900.0
SAME = 1e-9
"""As near must a score be to that of PyOD."""

WITHOUT_PYOD = 3
"""The worker's way of saying that it cannot import PyOD."""


class WorkerAnswer(Struct, frozen=True, forbid_unknown_fields=True):
    """What the worker found. `sample` are row numbers, `scores` PyOD's own for them."""

    tables: Histograms | Forest
    limit: float
    pyod: str
    peak_mb: float
    sample: list[int]
    scores: list[float]


class Training(Struct, frozen=True):
    """A finished model as a file, what it holds, and what the worker cost."""

    file: bytes
    digest: str
    body: Body
    worker_mb: float
    largest_difference: float


def train(points: TrainingPoints, kind: Kind, *, contamination: float, seed: int = 1) -> Training:
    """Fit a model to these points. The same points and seed give the same file.

    Raises: ChronoError(NO_TRAINER) without PyOD, ChronoError(TRAINING_FAILED) when nothing came of it.
    """
    if len(points) < FEWEST_ROWS:
        raise ChronoError(TRAINING_FAILED, rows=len(points), needed=FEWEST_ROWS)
    answer = _ask_worker(points, kind, contamination, seed)
    trained = Trained(
        rows=len(points),
        first_ns=points.first_ns,
        last_ns=points.last_ns,
        markets=sorted(points.markets),
        contamination=contamination,
        pyod=answer.pyod,
    )
    body = Body(features=list(FEATURES), limit=answer.limit, tables=answer.tables, trained=trained)
    file = write_model(body)
    learned, _ = read_model(file)
    difference = _difference(points, answer, file)
    return Training(file, learned.digest, body, answer.peak_mb, difference)


def _ask_worker(points: TrainingPoints, kind: Kind, contamination: float, seed: int) -> WorkerAnswer:
    with tempfile.TemporaryDirectory(prefix="chrono-train-") as folder:
        rows, out = Path(folder) / "rows.f64", Path(folder) / "answer.json"
        rows.write_bytes(points.rows.tobytes())
        command = [sys.executable, "-m", "chrono.learning.worker", kind, str(rows), str(out), str(contamination)]
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter and module
                [*command, str(seed)], capture_output=True, text=True, timeout=LONGEST_S, check=False
            )
        except subprocess.TimeoutExpired as late:
            raise ChronoError(TRAINING_FAILED, after_s=LONGEST_S) from late
        if done.returncode == WITHOUT_PYOD:
            raise ChronoError(NO_TRAINER)
        if done.returncode != 0:
            raise ChronoError(TRAINING_FAILED, status=done.returncode, said=done.stderr.strip()[-300:])
        return _read_answer(out)


def _read_answer(path: Path) -> WorkerAnswer:
    try:
        return msgspec.json.decode(path.read_bytes(), type=WorkerAnswer)
    except (OSError, ValueError) as fault:
        raise ChronoError(TRAINING_FAILED, fault=str(fault)[:200]) from fault


def _difference(points: TrainingPoints, answer: WorkerAnswer, file: bytes) -> float:
    """The largest distance between our scores and PyOD's. Raises: ChronoError(TRAINING_FAILED) when it is too large."""
    learned, _ = read_model(file)
    rows = [value for row in answer.sample for value in points.rows[row * N_FEATURES : (row + 1) * N_FEATURES]]
    ours = learned.model.score(rows).to_list() if learned.model is not None else []
    difference = max((abs(a - b) for a, b in zip(ours, answer.scores, strict=True)), default=0.0)
    if difference > SAME:
        raise ChronoError(TRAINING_FAILED, difference=difference, allowed=SAME)
    return difference
