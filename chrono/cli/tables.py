"""A table that keeps its meaning on a narrow terminal: whole columns are left out, and no address is cut."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

GAP = 2
"""Blanks between two columns."""


class FittingTable:
    """Columns without frames. Where they are too wide, the heads of numbers are broken first, then the groups of
    `spare` columns are left out one after another, and what is text is wrapped at last.
    """

    def __init__(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        right: Sequence[str],
        spare: Sequence[Sequence[str]],
    ) -> None:
        self._columns = list(columns)
        self._rows = rows
        self._right = frozenset(right)
        self._spare = spare

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        """Rich's way to ask for it. `console` is the one that it is written to."""
        del console
        left_out, heads = self._fitted(options.max_width)
        yield self._table(left_out, heads)
        if left_out:
            yield Text(f"(too narrow here for: {', '.join(left_out)}; a pipe and --json have them)", style="dim")

    def _fitted(self, width: int) -> tuple[list[str], list[str]]:
        """What is left out at this width, and the heads of all columns."""
        heads = self._columns
        if self._width([], heads) <= width:
            return [], heads
        heads = [name.replace(" ", "\n", 1) if name in self._right else name for name in heads]
        left_out: list[str] = []
        for group in self._spare:
            if self._width(left_out, heads) <= width:
                break
            left_out += group
        return left_out, heads

    def _width(self, left_out: Sequence[str], heads: Sequence[str]) -> int:
        kept = [index for index, name in enumerate(self._columns) if name not in left_out]
        widths = [
            max(cell_len(line) for cell in (heads[i], *(row[i] for row in self._rows)) for line in cell.split("\n"))
            for i in kept
        ]
        return sum(widths) + GAP * (len(widths) - 1)

    def _table(self, left_out: Sequence[str], heads: Sequence[str]) -> Table:
        made = Table(box=None, pad_edge=False, header_style="bold", show_header=any(self._columns))
        kept = [index for index, name in enumerate(self._columns) if name not in left_out]
        for index in kept:
            is_number = self._columns[index] in self._right
            made.add_column(heads[index], justify="right" if is_number else "left", no_wrap=is_number, overflow="fold")
        for row in self._rows:
            made.add_row(*(Text(row[index]) for index in kept))
        return made
