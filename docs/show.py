"""Makes the pictures and figures of docs/pictures from real recordings: `python -m docs.show crash|depeg|all`.

Only figures and plots leave the recordings, never their rows.
"""

import argparse
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import matplotlib as mpl
import polars as pl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.dates import DateFormatter

from chrono.clock import SECOND_NS
from chrono.market.tapes import Selection, Tape, open_tape
from chrono.settings import Pricing
from chrono.simulation.replay import Replay, with_minimum
from chrono.simulation.rows import Row

BPS = 10_000
OURS, NAIVE, SHADE = "#0b63a5", "#b3261e", "#e9edf5"
FAINT = {"coinbase": "#7aa6d6", "gemini": "#d98cb3", "binance": "#e0a840", "binance-delivery": "#e0a840"} | {
    "kraken": "#d98cb3",
    "cryptocompare": "#e0a840",
}
MARKS = {"outlier": ("#b3261e", "outlier"), "stale": ("#8390ab", "stale"), "unpriced_edge": ("#7a5600", "no rate")}
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


# The crash of 2025-10-10

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


# The USDC depeg of 2023-03

PERIODS = (("2023-03-01", "2023-03-15"), ("2023-03-11", "2023-03-14"), ("2023-03-11", "2023-03-12"))
DEPEG_TEXT = """# 2023-03: USDC is not a dollar

BTC/USD made without any direct BTC/USD book: from BTC/USDT and BTC/USDC (and BTC/EUR, which no EUR/USD converts),
each converted by its own rate, replayed from recorded one-minute bars, one step a minute, a bar known at its end. The
yardstick is the median of the direct BTC/USD books that traded in the minute. "USDC = USD" is the median of the
BTC/USDC books of the last three minutes with USDC taken for a dollar, on the minutes in which the rule above it has a
value. Errors are absolute, in bps.

**A limit of this recording.** Its index (cryptocompare, USDT/USD and USDC/USD only) has one bar an hour, copied into
all sixty minutes of that hour, so its rows show the hour's last price up to 59 minutes before it was known. The first
rule counts it as a source like any other, so it is not a clean replay; the second leaves it out. Without it USDT/USD
has two venues, and the default minimum of three gives no value at all: the second rule has its minimum lowered to 2.

![error over time](usdc_depeg_2023-03.png)

"""
CLEAN = "Chrono, index left out, minimum 2"
DEPEG_HEADER = ["period (UTC)", "minutes", "with a value", "rule", "median", "P95", "largest"]


def depeg(data: Path, out: Path) -> None:
    """Our rule, with and without the index, beside one that takes the peg for granted."""
    path = data / "usdc_depeg_2023-03-01_14_1m.parquet"
    bars = traded_bars(path)
    counted = compared(path, bars, ("BTC/USD",), None)
    clean = compared(path, bars, ("BTC/USD", "cryptocompare"), 2)
    days = ("2023-03-10", "2023-03-14")
    quoted = between(bars.filter(pl.concat_str("base", "quote") == "USDCUSD"), *days)
    save(draw_depeg(between(clean, *days), quoted), out / "usdc_depeg_2023-03.png")
    figures = [line for period in PERIODS for line in depeg_figures(period, counted, clean)]
    write(out / "usdc_depeg_2023-03.md", DEPEG_TEXT, markdown(DEPEG_HEADER, figures))


def compared(path: Path, bars: pl.DataFrame, without: tuple[str, ...], minimum: int | None) -> pl.DataFrame:
    """Per minute our BTC/USD, the naive one, and the error of both against the direct books."""
    tape = open_tape(path, Selection(without=without))
    ours = replayed([tape], minimum=minimum, every_s=60, markets=["BTC/USD"])
    direct = bars.filter(pl.concat_str("base", "quote") == "BTCUSD").group_by("ts").agg(direct=pl.col("close").median())
    table = ours.join(direct, on="ts").join(pegged(bars, ours["ts"]), on="ts", how="left").sort("ts")
    return table.with_columns(
        ours_bps=(pl.col("price") / pl.col("direct") - 1) * BPS,
        naive_bps=(pl.col("naive") / pl.col("direct") - 1) * BPS,
    )


def traded_bars(path: Path) -> pl.DataFrame:
    """The bars in which somebody traded, each at the end of its minute."""
    bars = pl.read_parquet(path).filter(pl.col("volume") > 0)
    return bars.with_columns((pl.col("ts") + pl.duration(minutes=1)).cast(pl.Datetime("us", "UTC")))


def pegged(bars: pl.DataFrame, minutes: pl.Series) -> pl.DataFrame:
    """Per minute the median of the venues' newest BTC/USDC closes of three minutes, with USDC taken for a dollar."""
    coins = bars.filter(pl.concat_str("base", "quote") == "BTCUSDC").select("ts", "source", "close").sort("ts")
    per_venue = [
        pl.DataFrame({"ts": minutes})
        .sort("ts")
        .join_asof(venue.drop("source"), on="ts", strategy="backward", tolerance="2m")
        for _, venue in coins.group_by("source")
    ]
    return pl.concat(per_venue).group_by("ts").agg(naive=pl.col("close").median())


def draw_depeg(table: pl.DataFrame, quoted: pl.DataFrame) -> plt.Figure:
    """Above the coin's own price, below the errors of both rules on a scale that shows 1 and 1,000 bps."""
    figure, (coin, error) = plt.subplots(2, 1, figsize=(10, 7), sharex=True, height_ratios=(1, 2))
    for (venue,), closes in sorted(quoted.group_by("source", maintain_order=True)):
        coin.step(
            closes["ts"], closes["close"], where="post", color=FAINT[venue], lw=0.7, label=NAMED.get(venue, venue)
        )
    coin.set_ylabel("USDC in USD")
    coin.legend(loc="lower right", fontsize=8, framealpha=0.95)
    valued = table.filter(pl.col("ours_bps").is_not_null())
    error.plot(valued["ts"], valued["naive_bps"].abs(), ".", ms=1.6, color=NAIVE, label="USDC = USD")
    error.plot(valued["ts"], valued["ours_bps"].abs(), ".", ms=1.6, color=OURS, label=CLEAN)
    error.axhline(5, color="#4a5670", lw=0.8, ls="--", label="5 bps")
    error.set_yscale("log")
    error.set_ylim(0.05, 3000)
    error.set_ylabel("error of BTC/USD in bps\nagainst the direct dollar books")
    error.legend(loc="upper left", fontsize=8, markerscale=5, framealpha=0.95)
    error.xaxis.set_major_formatter(DateFormatter("%d %b\n%H:%M", tz=UTC))
    coin.set_title("BTC/USD without any BTC/USD book, March 2023 (UTC)", fontsize=10, loc="left")
    return figure


def depeg_figures(period: tuple[str, str], counted: pl.DataFrame, clean: pl.DataFrame) -> list[list[str]]:
    """The lines of one period: our rule twice, and the naive rule on the minutes of the second."""
    rules = (
        ("Chrono, index counted, minimum 3", counted, "ours_bps"),
        (CLEAN, clean, "ours_bps"),
        ("USDC = USD", clean, "naive_bps"),
    )
    lines = []
    for rule, whole, column in rules:
        table = between(whole, *period)
        given = table["price"].count()
        error = table.filter(pl.col("ours_bps").is_not_null())[column].drop_nulls().abs()
        told = [f"{value:,.1f}" for value in (error.median(), error.quantile(0.95), error.max())]
        share = f"{given:,} ({given / table.height:.1%})"
        lines.append([f"{period[0]} to {period[1]} (excl.)", f"{table.height:,}", share, rule, *told])
    return lines


def save(figure: plt.Figure, path: Path) -> None:
    """A PNG that carries neither date nor version, so that the same input gives the same file."""
    figure.tight_layout()
    figure.savefig(path, dpi=100, metadata={"Software": None})
    plt.close(figure)


def write(path: Path, text: str, table: str) -> None:
    """A page of figures."""
    path.write_text(text + table)


SHOWS: dict[str, Callable[[Path, Path], None]] = {"crash": crash, "depeg": depeg}


def main() -> None:
    """Make what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m docs.show", description=__doc__)
    parser.add_argument("what", choices=[*SHOWS, "all"])
    folder = os.environ.get("CHRONO_DATA") or "../shared/data"
    parser.add_argument("--data", type=Path, default=Path(folder), help="folder of recordings [CHRONO_DATA]")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "pictures")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for name, show in SHOWS.items():
        if asked.what in (name, "all"):
            show(asked.data / "market", asked.out)


if __name__ == "__main__":
    main()
