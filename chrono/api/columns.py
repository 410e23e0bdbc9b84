"""The same rows in other forms: CSV, and Arrow for those who read columns. Polars is imported only when asked for."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_DOWN, Context, Decimal
from typing import Any, Final

from msgspec import Struct

from chrono.api.schemas import CandleRow, RawQuote
from chrono.errors import NOT_ACCEPTABLE, ChronoError

JSON_TYPE: Final = "application/json"
CSV_TYPE: Final = "text/csv"
ARROW_TYPE: Final = "application/vnd.apache.arrow.stream"
FORMS: Final = (JSON_TYPE, CSV_TYPE, ARROW_TYPE)

_SCALE: Final = 18
_PRECISION: Final = 38
"""Digits of Arrow's 128-bit decimals."""

_EXACT: Final = Context(prec=100, rounding=ROUND_DOWN)
_DECIMALS: Final = frozenset({"price", "volume", "open", "high", "low", "close"})
_TIMES: Final = frozenset({"timestamp", "ingested_at"})
_BARE: Final = {"application/*": JSON_TYPE, "*/*": JSON_TYPE, "text/*": CSV_TYPE}

Row = Mapping[str, Any]


def form_of(accept: str | None) -> str:
    """The form that an Accept header likes best. Raises: ChronoError(NOT_ACCEPTABLE) when it likes none of ours."""
    if not accept or not accept.strip():
        return JSON_TYPE
    liked = [_liking(part) for part in accept.split(",")]
    best = max(liked, key=lambda liking: liking[0])
    if best[0] <= 0:
        raise ChronoError(NOT_ACCEPTABLE, field="Accept", received=accept[:60], expected=", ".join(FORMS))
    return best[1]


def csv_of(rows: Sequence[Struct], kind: type[CandleRow] | type[RawQuote], metadata: Callable[[Any], str]) -> bytes:
    """The rows as text, RFC 4180, with a head line. `metadata` writes the JSON of an attachment."""
    out = io.StringIO()
    writer = csv.writer(out)
    names = kind.__struct_fields__
    writer.writerow(names)
    for row in rows:
        writer.writerow([metadata(value) if name == "metadata" else value for name, value in _items(row, names)])
    return out.getvalue().encode()


def arrow_of(rows: Sequence[Row], names: Sequence[str]) -> bytes:
    """The rows as an Arrow IPC stream: decimals of 18 places, times in microseconds UTC, the rest as text.

    `rows` hold Decimal and nanoseconds, not text. Digits beyond the 18th place are cut.
    """
    import polars as pl

    schema: dict[str, Any] = {}
    columns: dict[str, list[Any]] = {}
    for name in names:
        values = [row[name] for row in rows]
        if name in _DECIMALS:
            scale = _scale_of(values)
            schema[name] = pl.Decimal(_PRECISION, scale)
            values = [
                None if value is None else value.quantize(Decimal(1).scaleb(-scale), context=_EXACT) for value in values
            ]
        elif name in _TIMES:
            schema[name] = pl.Datetime("us", "UTC")
            values = [value // 1000 for value in values]
        else:
            schema[name] = pl.Int64 if name == "num_feeds" else pl.String
        columns[name] = values
    out = io.BytesIO()
    frame = pl.DataFrame({name: pl.Series(name, columns[name], dtype=kind) for name, kind in schema.items()})
    frame.write_ipc_stream(out)
    return out.getvalue()


def _scale_of(values: Sequence[Decimal | None]) -> int:
    """Decimal places: 18, or fewer when the largest value, such as a year's volume, needs the digits in front."""
    largest = max((value.adjusted() + 1 for value in values if value), default=1)
    return max(0, min(_SCALE, _PRECISION - largest))


def _items(row: Struct, names: Sequence[str]) -> list[tuple[str, Any]]:
    return [(name, getattr(row, name)) for name in names]


def _liking(part: str) -> tuple[float, str]:
    kind, _, rest = part.partition(";")
    kind = kind.strip().lower()
    form = kind if kind in FORMS else _BARE.get(kind, "")
    return (_weight(rest) if form else 0.0), form or JSON_TYPE


def _weight(rest: str) -> float:
    for parameter in rest.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0
