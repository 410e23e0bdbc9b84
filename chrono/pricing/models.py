"""The file of a learned anomaly model: written after training, checked to the last number before it is used.

One JSON object: `format`, `version`, `sha256` of the canonical `body`, and the `body` itself (see `Body`). The digest
names the model in every derivation that was scored by it. Canonical means keys sorted, no spaces, floats as the
shortest text that reads back as the same float, so that a file says the same thing everywhere.
"""

import hashlib
from typing import Literal

import msgspec
from msgspec import Struct

from chrono.errors import BAD_MODEL, ChronoError
from chrono.pricing.case import Learned
from chrono_core import FEATURES, AnomalyModel

FORMAT = "chrono anomaly model"
VERSION = 1
MOST_BYTES = 16 * 1024 * 1024
"""A histogram model has 10 KB, a forest of 100 trees 2 MB."""

Kind = Literal["hbos", "iforest"]


class Histogram(Struct, frozen=True, forbid_unknown_fields=True):
    """One feature: ascending edges (n + 1,) and log2(density + alpha) of each bin (n,)."""

    edges: list[float]
    scores: list[float]


class Histograms(Struct, frozen=True, tag="hbos", forbid_unknown_fields=True):
    """HBOS. `tolerance` is how many bin widths outside the edges still belong to the outer bin."""

    tables: list[Histogram]
    tolerance: float


class Forest(Struct, frozen=True, tag="iforest", forbid_unknown_fields=True):
    """An isolation forest as columns; see `chrono_core.AnomalyModel.forest`."""

    roots: list[int]
    features: list[int]
    values: list[float]
    lefts: list[int]
    rights: list[int]
    average_depth: float
    offset: float


class Trained(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a model comes from. Times in ns since 1970; `contamination` is the share taken for odd."""

    rows: int
    first_ns: int
    last_ns: int
    markets: list[str]
    contamination: float
    pyod: str


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    """What a model is: its tables, the features in their order, and the score above which a source is odd."""

    features: list[str]
    limit: float
    tables: Histograms | Forest
    trained: Trained


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    version: int
    sha256: str
    body: Body


_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(_File)


def write_model(body: Body) -> bytes:
    """The file of a model."""
    return _encoder.encode(_File(FORMAT, VERSION, _digest(body), body)) + b"\n"


def read_model(data: bytes) -> tuple[Learned, Body]:
    """The model of a file, ready to score, and where it comes from.

    Raises: ChronoError(BAD_MODEL) when it is damaged, too large, of another version, or looks at other features.
    """
    try:
        return _read(data)
    # RecursionError: nested deeper than any model; the core's refusals and DecodeError are ValueErrors.
    except (ValueError, TypeError, OverflowError, RecursionError) as fault:
        raise ChronoError(BAD_MODEL, fault=str(fault)[:200]) from fault


def _read(data: bytes) -> tuple[Learned, Body]:
    if len(data) > MOST_BYTES:
        raise ValueError(f"{len(data)} bytes; a model has at most {MOST_BYTES}")
    file = _decoder.decode(data)
    if (file.format, file.version) != (FORMAT, VERSION):
        raise ValueError(f"it is {file.format[:40]!r} {file.version}, not {FORMAT!r} {VERSION}")
    if file.sha256 != _digest(file.body):
        raise ValueError("its checksum does not fit what it holds")
    if tuple(file.body.features) != FEATURES:
        raise ValueError(f"it looks at {file.body.features}, this Chrono tells {list(FEATURES)}")
    model = built(file.body.tables, file.body.limit)
    return Learned(digest=file.sha256, limit=file.body.limit, model=model), file.body


def built(tables: Histograms | Forest, limit: float) -> AnomalyModel:
    """The tables ready to score. Raises: chrono_core.EstimateError, ValueError when they do not fit together."""
    if isinstance(tables, Histograms):
        pairs = [(table.edges, table.scores) for table in tables.tables]
        return AnomalyModel.histograms(pairs, tolerance=tables.tolerance, limit=limit)
    columns = (tables.roots, tables.features, tables.values, tables.lefts, tables.rights)
    return AnomalyModel.forest(*columns, average_depth=tables.average_depth, offset=tables.offset, limit=limit)


def _digest(body: Body) -> str:
    return hashlib.sha256(_encoder.encode(body)).hexdigest()
