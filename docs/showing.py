"""What the pictures of docs/pictures have in common: replays as tables, colours, and how files are written."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import matplotlib as mpl
import polars as pl

mpl.use("Agg")
import matplotlib.pyplot as plt

from chrono.clock import SECOND_NS
from chrono.market.tapes import Tape
from chrono.settings import Pricing
from chrono.simulation.replay import Replay, with_minimum
from chrono.simulation.rows import Row

OURS, NAIVE, SHADE = "#0b63a5", "#b3261e", "#e9edf5"
FAINT = {"coinbase": "#7aa6d6", "gemini": "#d98cb3", "binance": "#e0a840", "binance-delivery": "#e0a840"} | {
    "kraken": "#d98cb3",
    "cryptocompare": "#e0a840",
}
NAMED = {
    "cryptocompare": "cryptocompare (index; each hour's last price from its first minute on; not used below)",
    "binance-delivery": "binance-delivery (perpetual)",
    "binance": "binance (POL/USDT, in USDT)",
}


def instant(text: str) -> int:
    """Nanoseconds since 1970 of a UTC time without offset."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND_NS


def replayed(tapes: list[Tape], *, minimum: int | None, every_s: int, markets: Iterable[str] = ()) -> pl.DataFrame:
    """The rows of a replay with times and numbers as such."""
    replay = Replay(tapes, with_minimum(Pricing(), minimum), markets=list(markets), every_ns=every_s * SECOND_NS)
    rows = [row for step in replay.steps() for row in replay.rows(step)]
    table = pl.DataFrame(rows, schema=list(Row._fields), orient="row", infer_schema_length=None)
    return table.with_columns(
        pl.col("ts").str.to_datetime(time_unit="us", time_zone="UTC"),
        pl.col("price", "confidence").cast(pl.Float64),
    )


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def between(table: pl.DataFrame, start: str, end: str) -> pl.DataFrame:
    """Rows from `start` up to `end`, UTC."""
    low, high = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, end))
    return table.filter((pl.col("ts") >= low) & (pl.col("ts") < high))


def save(figure: plt.Figure, path: Path) -> None:
    """A PNG that carries neither date nor version, so that the same input gives the same file."""
    figure.tight_layout()
    figure.savefig(path, dpi=100, metadata={"Software": None})
    plt.close(figure)


def write(path: Path, text: str, table: str) -> None:
    """A page of figures."""
    path.write_text(text + table)
