"""Tables on disk, read slice by slice in the order of one column, whatever order the file has.

A file that is in order is read once, front to back. One that is not is read in passes: a sample of the column
cuts it into spans of about one slice each, and every pass filters one span. Memory stays bounded either way.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from chrono.errors import BAD_TAPE, ChronoError
from chrono.market.tapes.tape import END_NS, SLICE_ROWS, Selection

if TYPE_CHECKING:
    import polars as pl

_SAMPLE_EVERY = 500


def positive(name: str) -> "pl.Expr":
    """The column as float64; whatever is no positive finite number becomes null."""
    import polars as pl

    number = pl.col(name).cast(pl.Float64, strict=False)
    return pl.when(number.is_finite() & (number > 0)).then(number).alias(name)


class Ordered:
    """A lazy table with a whole-number column `known_ns` by which it is to be read.

    Rows without a time or without one of the `names` belong nowhere and are left out; `lost` counts them. So are
    rows outside of the selection's time.
    Raises: ChronoError(BAD_TAPE) from every read when the file is damaged.
    """

    def __init__(
        self,
        path: Path,
        table: "pl.LazyFrame",
        names: tuple[str, ...],
        selection: Selection,
        slice_rows: int = SLICE_ROWS,
    ) -> None:
        import polars as pl

        known = pl.col("known_ns")
        self._path = path
        self._all = table
        self._placed = pl.all_horizontal(pl.col("known_ns", *names).is_not_null())
        self._table = table.filter(self._placed)
        if selection.from_ns > 0 or selection.until_ns < END_NS:
            self._table = self._table.filter((known >= selection.from_ns) & (known < selection.until_ns))
        self._slice_rows = slice_rows
        self._cuts: list[int] | None = None

    def lost(self) -> int:
        """Rows that cannot be placed."""
        return int(self._collect(self._all.select((~self._placed).sum().alias("lost")))["lost"][0])

    def batches(self, *columns: str) -> Iterator["pl.DataFrame"]:
        """The columns as the file has them, a slice at a time."""
        import polars as pl

        table = self._table.select(columns) if columns else self._table
        try:
            yield from table.collect_batches(chunk_size=self._slice_rows, maintain_order=True)
        except pl.exceptions.PolarsError as error:
            raise self._damaged(error) from error

    def slices(self) -> Iterator["pl.DataFrame"]:
        """Every row, ascending by `known_ns`; rows of one instant stay in the file's order."""
        import polars as pl

        if self._cuts is None:
            self._cuts = self._find_cuts()
        if not self._cuts:
            yield from self.batches()
            return
        known = pl.col("known_ns")
        for after, upto in zip(self._cuts, self._cuts[1:], strict=False):
            span = self._collect(self._table.filter((known > after) & (known <= upto)))
            yield span.sort("known_ns", maintain_order=True)

    def _find_cuts(self) -> list[int]:
        """Bounds of the passes, ascending; none when one pass does."""
        last, in_order = None, True
        sample: list[int] = []
        for batch in self.batches("known_ns"):
            known = batch["known_ns"].to_list()
            in_order = in_order and batch["known_ns"].is_sorted() and (last is None or known[0] >= last)
            last = known[-1]
            sample.extend((min(known) - 1, max(known), *known[::_SAMPLE_EVERY]))
        if in_order:
            return []
        step = max(self._slice_rows // _SAMPLE_EVERY, 1)
        sample.sort()
        return sorted({*sample[::step], sample[-1]})

    def _collect(self, table: "pl.LazyFrame") -> "pl.DataFrame":
        import polars as pl

        try:
            return table.collect(engine="streaming")
        except pl.exceptions.PolarsError as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> ChronoError:
        return ChronoError(BAD_TAPE, file=str(self._path), found=f"damaged data: {error}", expected="a whole file")
