"""The process that fits a model and ends: `python -m chrono.learning.worker KIND ROWS OUT CONTAMINATION SEED`.

ROWS is a file of 64-bit floats, a row after the other; OUT takes the answer as JSON (`training.WorkerAnswer`). Only
this module imports PyOD, and nothing imports this module. ECOD and COPOD are not offered: their scores depend on the
other points of the same batch, so that a point cannot be scored by itself.
"""

import importlib
import importlib.metadata
import resource
import sys
from pathlib import Path
from typing import Any

import msgspec

from chrono.learning.training import WITHOUT_PYOD, WorkerAnswer
from chrono.pricing.asking import N_FEATURES
from chrono.pricing.models import Forest, Histogram, Histograms

BINS = 64
ALPHA = 0.1
TOLERANCE = 0.5
TREES = 100
SAMPLES = 256
COMPARED = 1000
"""Rows of which PyOD's own scores are told, for the comparison with ours."""


def main(arguments: list[str]) -> int:
    """Fit, export, and say so."""
    kind, rows_file, out_file, contamination, seed = arguments
    try:
        import numpy as np

        version = importlib.metadata.version("pyod")
        importlib.import_module("pyod.models.base")
    except ImportError as missing:
        sys.stderr.write(f"{missing}\n")
        return WITHOUT_PYOD
    rows = np.fromfile(rows_file, dtype=np.float64).reshape(-1, N_FEATURES)
    model = fitted(kind, rows, float(contamination), int(seed))
    sample = np.linspace(0, len(rows) - 1, num=min(COMPARED, len(rows)), dtype=np.int64)
    answer = WorkerAnswer(
        tables=tables_of(kind, model),
        limit=float(model.threshold_),
        pyod=version,
        peak_mb=_peak_mb(),
        sample=sample.tolist(),
        scores=model.decision_function(rows[sample]).tolist(),
    )
    Path(out_file).write_bytes(msgspec.json.encode(answer))
    return 0


def fitted(kind: str, rows: Any, contamination: float, seed: int) -> Any:
    """PyOD's detector, fitted to the rows. Shape: (n, features)."""
    module = importlib.import_module(f"pyod.models.{kind}")
    if kind == "hbos":
        model = module.HBOS(n_bins=BINS, alpha=ALPHA, tol=TOLERANCE, contamination=contamination)
    else:
        model = module.IForest(
            n_estimators=TREES, max_samples=SAMPLES, contamination=contamination, random_state=seed, n_jobs=1
        )
    return model.fit(rows)


def tables_of(kind: str, model: Any) -> Histograms | Forest:
    """What the core needs to score as this detector does."""
    np = importlib.import_module("numpy")
    return _histograms(np, model) if kind == "hbos" else _forest(np, model)


def _histograms(np: Any, model: Any) -> Histograms:
    """PyOD's histograms; the logarithm is taken here, once, with NumPy's own."""
    tables = [
        Histogram(model.bin_edges_[:, i].tolist(), np.log2(model.hist_[:, i] + model.alpha).tolist())
        for i in range(N_FEATURES)
    ]
    return Histograms(tables, float(model.tol))


def _forest(np: Any, model: Any) -> Forest:
    """The trees as columns; a leaf's depth is what scikit-learn adds up: its path and what its crowd would add."""
    from sklearn.ensemble._iforest import _average_path_length

    forest = model.detector_
    roots: list[int] = []
    features: list[int] = []
    values: list[float] = []
    lefts: list[int] = []
    rights: list[int] = []
    for estimator in forest.estimators_:
        tree, start = estimator.tree_, len(features)
        leaf = tree.children_left == -1
        path = np.asarray(tree.compute_node_depths(), dtype=np.float64)
        depths = path + _average_path_length(tree.n_node_samples) - 1.0
        roots.append(start)
        features += np.where(leaf, -1, tree.feature).tolist()
        values += np.where(leaf, depths, tree.threshold).tolist()
        lefts += np.where(leaf, -1, tree.children_left + start).tolist()
        rights += np.where(leaf, -1, tree.children_right + start).tolist()
    average = float(_average_path_length([forest.max_samples_])[0])
    return Forest(roots, features, values, lefts, rights, average, float(forest.offset_))


def _peak_mb() -> float:
    """The most memory that this process held: kilobytes on Linux, bytes on macOS."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024) if sys.platform == "darwin" else peak / 1024


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
