"""A file's layout, recognised by what is in it, never by its name."""

import gzip
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from chrono.errors import BAD_TAPE, ChronoError
from chrono.market.tapes import bars, trades
from chrono.market.tapes.bars import BarsTape
from chrono.market.tapes.feeds import GZIP, FeedsTape
from chrono.market.tapes.tape import EVERYTHING, Selection, Tape
from chrono.market.tapes.trades import TradesTape

if TYPE_CHECKING:
    import polars as pl

_EXPECTED = (
    f"a table (Parquet, CSV) of trades ({', '.join(trades.REQUIRED)}) or of one-minute bars"
    f" ({', '.join(bars.REQUIRED)}), or lines of ingest feeds (NDJSON)"
)


def open_tape(path: Path | str, selection: Selection = EVERYTHING) -> Tape:
    """The tape in this file, with the rows that the selection takes.

    Raises: ChronoError(BAD_TAPE) with what was found and expected, when the file is missing or foreign.
    """
    path = Path(path)
    head = _head(path)
    if head.startswith(b"PAR1"):
        return _table(path, _scan_parquet(path), selection)
    if head.lstrip().startswith(b"{"):
        return FeedsTape(path, selection)
    if b"," in head.partition(b"\n")[0] and b"\0" not in head:
        return _table(path, _scan_csv(path), selection)
    raise ChronoError(BAD_TAPE, file=str(path), found=_told(head), expected=_EXPECTED)


def _head(path: Path) -> bytes:
    """The first bytes, unzipped."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
        if head.startswith(GZIP):
            with gzip.open(path) as text:
                return text.read(4096)
    except (OSError, EOFError, zlib.error) as error:
        raise ChronoError(BAD_TAPE, file=str(path), found=str(error), expected=_EXPECTED) from error
    return head


def _told(head: bytes) -> str:
    return f"a file that begins with {head[:40]!r}" if head else "an empty file"


def _scan_parquet(path: Path) -> "pl.LazyFrame":
    import polars as pl

    return pl.scan_parquet(path)


def _scan_csv(path: Path) -> "pl.LazyFrame":
    import polars as pl

    return pl.scan_csv(path, infer_schema_length=0)  # text; each layout casts what it needs


def _table(path: Path, table: "pl.LazyFrame", selection: Selection) -> Tape:
    import polars as pl

    try:
        columns = table.collect_schema()
    except pl.exceptions.PolarsError as error:
        raise ChronoError(BAD_TAPE, file=str(path), found=str(error), expected=_EXPECTED) from error
    if set(trades.REQUIRED) <= set(columns):
        return TradesTape(path, table, selection)
    if set(bars.REQUIRED) <= set(columns) and isinstance(columns["ts"], pl.Datetime):
        return BarsTape(path, table, selection)
    found = ", ".join(f"{name} ({kind})" for name, kind in columns.items())
    raise ChronoError(BAD_TAPE, file=str(path), found=f"columns {found}", expected=_EXPECTED)
