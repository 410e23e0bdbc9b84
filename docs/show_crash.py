"""The crash of 2025-10-10: what the consensus did while venues fell away from one another."""

from datetime import UTC, timedelta
from pathlib import Path

import polars as pl
from matplotlib.axes import Axes
from matplotlib.dates import DateFormatter

from chrono.market.tapes import Selection, Tape, open_tape
from docs.showing import FAINT, NAMED, OURS, SHADE, between, instant, markdown, plt, replayed, save, write

MARKS = {
    "outlier": ("#b3261e", "outlier"),
    "jump": ("#e07b39", "jump"),
    "frozen": ("#3b6ea5", "frozen"),
    "deviation": ("#8e44ad", "deviation"),
    "stale": ("#8390ab", "stale"),
    "unpriced_edge": ("#7a5600", "no rate"),
}
CRASH_FROM, CRASH_UNTIL = "2025-10-10T21:00:00", "2025-10-10T22:00:00"
CASES = (
    ("AVAX", 2, False, "AVAX/USD, two spot venues, minimum lowered to 2"),
    ("AVAX", 2, True, "AVAX/USD, with the perpetual as a third source, minimum lowered to 2"),
    ("POL", 2, False, "POL/USD, minimum lowered to 2; POL/USDT cannot be converted: no USDT/USD on this tape"),
)


def crash(data: Path, out: Path) -> None:
    """What the consensus did while venues fell away from one another."""
    figure, axes = plt.subplots(len(CASES), 1, figsize=(11, 12), sharex=True)
    figures = []
    for axis, (symbol, minimum, perpetuals, title) in zip(axes, CASES, strict=True):
        path = data / "crash_2025-10-10_trades" / f"{symbol}.parquet"
        span = (instant("2025-10-10T20:50:00"), instant(CRASH_UNTIL))
        tape = open_tape(path, Selection((), (), perpetuals, *span))
        rows = between(replayed([tape], minimum=minimum, every_s=1), CRASH_FROM, CRASH_UNTIL)
        prices = between(last_prices(tape), CRASH_FROM, CRASH_UNTIL)
        draw_crash(axis, rows, prices, title)
        figures.append(crash_figures(title, rows, prices))
    axes[-1].xaxis.set_major_formatter(DateFormatter("%H:%M", tz=UTC))
    axes[-1].set_xlabel("2025-10-10, UTC")
    save(figure, out / "crash_2025-10-10.png")
    write(out / "crash_2025-10-10.md", CRASH_TEXT, markdown(CRASH_HEADER, figures))


def last_prices(tape: Tape) -> pl.DataFrame:
    """Each venue's last, lowest and highest price of each second in which it traded."""
    rows = [(e.received_at_ns // 1000, e.venue, float(e.price)) for part in tape.slices() for e in part]
    table = pl.DataFrame(rows, schema=["ts", "venue", "price"], orient="row")
    second = pl.from_epoch("ts", time_unit="us").dt.replace_time_zone("UTC").dt.truncate("1s").alias("ts")
    price = pl.col("price")
    last = table.group_by(second, "venue").agg(price.last(), low=price.min(), high=price.max())
    return last.sort("ts", "venue")


def draw_crash(axis: Axes, rows: pl.DataFrame, prices: pl.DataFrame, title: str) -> None:
    """One panel: venues faint, ours strong, seconds without a value shaded, exclusions as marks below."""
    for (venue,), traded in sorted(prices.group_by("venue")):
        name = NAMED.get(venue, venue)
        axis.step(traded["ts"], traded["price"], where="post", color=FAINT[venue], lw=0.8, label=name)
    axis.plot(rows["ts"], rows["price"].fill_null(float("nan")), color=OURS, lw=1.8, label="Chrono")
    low, high = prices["price"].min(), prices["price"].max()
    bottom, top = low - 0.28 * (high - low), high + 0.04 * (high - low)
    silent = rows["price"].is_null().to_list()
    axis.fill_between(rows["ts"], bottom, top, where=silent, color=SHADE, zorder=0, lw=0, label="no value given")
    draw_exclusions(axis, rows, bottom, low - 0.06 * (high - low))
    axis.set_ylim(bottom, top)
    axis.set_xlim(rows["ts"][0] - timedelta(minutes=8), rows["ts"][-1])
    axis.set_title(title, fontsize=10, loc="left")
    axis.set_ylabel("price")
    axis.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize=7, frameon=False)


def draw_exclusions(axis: Axes, rows: pl.DataFrame, bottom: float, top: float) -> None:
    """A line of marks for each venue that was left out, coloured by the reason."""
    out = exclusions(rows)
    venues = sorted(set(out["venue"]))
    before = rows["ts"][0] - timedelta(seconds=20)
    for place, venue in enumerate(venues):
        height = top - (place + 0.5) * (top - bottom) / len(venues)
        axis.text(before, height, f"without {venue}", fontsize=6, ha="right", va="center", color="#4a5670")
        for reason, (colour, _) in MARKS.items():
            marks = out.filter((pl.col("venue") == venue) & (pl.col("reason") == reason))
            axis.plot(marks["ts"], [height] * marks.height, "|", color=colour, ms=5)
    for reason, (colour, label) in MARKS.items():
        if reason in set(out["reason"]):
            axis.plot([], [], "|", color=colour, ms=6, mew=2, label=f"left out: {label}")


def exclusions(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per second, venue and reason."""
    told = rows.select("ts", pl.col("excluded").str.split(";")).explode("excluded")
    parts = pl.col("excluded").str.split_exact(":", 1)
    named = told.filter(pl.col("excluded") != "").select(
        "ts", parts.struct[0].alias("venue"), parts.struct[1].alias("reason")
    )
    return named.unique(maintain_order=True)


CRASH_HEADER = ["case", "seconds with a value", "longest without", "our lowest", "venues' lowest", "left out (seconds)"]
CRASH_TEXT = f"""# 2025-10-10: venues fall away from one another

Replayed from recorded trades at one step a second, {CRASH_FROM[11:16]} to {CRASH_UNTIL[11:16]} UTC, nothing known
before its receipt. Venues' prices are their last trade of each second; "left out" counts seconds in which a venue was
not heard, by reason. With the default minimum of three sources the two-venue cases have no value at all.

![the hour of the crash](crash_2025-10-10.png)

"""


def crash_figures(title: str, rows: pl.DataFrame, prices: pl.DataFrame) -> list[str]:
    """One line of the table of the crash."""
    lows = prices.group_by("venue").agg(pl.col("low").min()).sort("venue").iter_rows()
    out = exclusions(rows).group_by("venue", "reason").len().sort("venue", "reason").iter_rows()
    lowest = rows["price"].min()
    return [
        title,
        f"{rows['price'].count():,} of {rows.height:,} ({rows['price'].count() / rows.height:.0%})",
        f"{longest_gap(rows['price'])} s",
        "none" if lowest is None else f"{lowest:.4g}",
        ", ".join(f"{venue} {low:.4g}" for venue, low in lows),
        ", ".join(f"{venue} {reason} {count:,}" for venue, reason, count in out),
    ]


def longest_gap(price: pl.Series) -> int:
    """The longest run of steps without a value."""
    runs = price.is_null().rle().struct.unnest()
    return runs.filter(pl.col("value"))["len"].max() or 0
