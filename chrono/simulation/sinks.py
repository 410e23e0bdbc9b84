"""Where the rows of a replay go: a table or lines, streamed in bounded memory."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from chrono.simulation.rows import Row

if TYPE_CHECKING:
    import polars as pl

GROUP_ROWS = 50_000
"""Rows of a Parquet row group; the most that is held before it is written."""


class RowSink(Protocol):
    """Where rows go. Fits: NdjsonSink, CsvSink, ParquetSink, Nowhere."""

    def write(self, rows: Sequence[Row]) -> None:
        """Take these rows, in order."""
        ...

    def close(self) -> None:
        """Finish: only now does a file have its name."""
        ...

    def abandon(self) -> None:
        """Leave nothing behind."""
        ...


class Nowhere:
    """For a replay of which only the summary is wanted."""

    def write(self, rows: Sequence[Row]) -> None:
        """Drop them."""

    def close(self) -> None:
        """Nothing to finish."""

    def abandon(self) -> None:
        """Nothing to leave."""


class NdjsonSink:
    """One JSON object per line; decimals are strings, what is absent is null."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, rows: Sequence[Row]) -> None:
        """Append the rows."""
        self._file.writelines(json.dumps(row._asdict(), separators=(",", ":")) + "\n" for row in rows)

    def close(self) -> None:
        """Flush; the file belongs to whoever opened it."""
        self._file.flush()

    def abandon(self) -> None:
        """Nothing to leave: the lines written stay true."""


class CsvSink:
    """Comma-separated with a header; what is absent is empty. No field ever needs quoting."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        file.write(",".join(Row._fields) + "\n")

    def write(self, rows: Sequence[Row]) -> None:
        """Append the rows."""
        self._file.writelines(",".join(["" if cell is None else str(cell) for cell in row]) + "\n" for row in rows)

    def close(self) -> None:
        """Flush; the file belongs to whoever opened it."""
        self._file.flush()

    def abandon(self) -> None:
        """Nothing to leave: the lines written stay true."""


class ParquetSink:
    """A Parquet file, row group by row group; price and confidence as float64, to reckon with.

    Polars writes a stream of groups only while it consumes one itself, and a generator of ours inside of it can
    starve its workers. So each group is first a small file in a folder beside `path`, and they are joined at the
    end, streaming.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parts = path.with_name(f"{path.name}.parts")
        self._count = 0
        self._held: list[Row] = []
        shutil.rmtree(self._parts, ignore_errors=True)  # of a run that was killed
        self._parts.mkdir()

    def write(self, rows: Sequence[Row]) -> None:
        """Append the rows."""
        self._held.extend(rows)
        if len(self._held) >= GROUP_ROWS:
            self._write_part(self._held[:GROUP_ROWS])
            self._held = self._held[GROUP_ROWS:]

    def close(self) -> None:
        """Join the groups into the file."""
        import polars as pl

        self._write_part(self._held)
        parts = sorted(self._parts.iterdir())
        pl.scan_ipc(parts).sink_parquet(self._path, row_group_size=GROUP_ROWS, maintain_order=True)
        shutil.rmtree(self._parts)

    def abandon(self) -> None:
        """Remove the groups."""
        shutil.rmtree(self._parts, ignore_errors=True)

    def _write_part(self, rows: Sequence[Row]) -> None:
        self._count += 1
        _frame(rows).write_ipc(self._parts / f"{self._count:08d}.arrow", compression="lz4")


def _frame(rows: Sequence[Row]) -> "pl.DataFrame":
    import polars as pl

    columns = zip(Row._fields, zip(*rows, strict=True) if rows else [()] * len(Row._fields), strict=True)
    numbers = {"price", "confidence"}
    cells = {
        name: [None if cell is None else float(cell) for cell in column] if name in numbers else list(column)
        for name, column in columns
    }
    return pl.DataFrame(cells, schema=_schema())


def _schema() -> "dict[str, pl.DataType | type[pl.DataType]]":
    import polars as pl

    numbers = {"price": pl.Float64, "confidence": pl.Float64, "sources": pl.Int32, "min_sources": pl.Int32}
    return {name: numbers.get(name, pl.String) for name in Row._fields}


TEXT_SINKS: dict[str, Callable[[IO[str]], RowSink]] = {".csv": CsvSink, ".ndjson": NdjsonSink, ".jsonl": NdjsonSink}
SUFFIXES = (".parquet", *TEXT_SINKS)
"""What a file of rows may end in; it tells the layout."""


class OutFile:
    """A file of rows that has its name only once it is whole: written beside it, then moved into place.

    `path` ends in one of SUFFIXES. Raises: OSError when the folder cannot be written to.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unfinished = path.with_name(f".{path.name}.unfinished")
        self._file = self._unfinished.open("w", encoding="utf-8", newline="\n")
        text = TEXT_SINKS.get(path.suffix.lower())
        self._sink = ParquetSink(self._unfinished) if text is None else text(self._file)

    def write(self, rows: Sequence[Row]) -> None:
        """Append the rows."""
        self._sink.write(rows)

    def close(self) -> None:
        """Finish the file and give it its name."""
        self._sink.close()
        self._file.close()
        self._unfinished.replace(self._path)

    def abandon(self) -> None:
        """Remove what was written."""
        self._sink.abandon()
        self._file.close()
        self._unfinished.unlink(missing_ok=True)
