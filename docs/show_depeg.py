"""The USDC depeg of March 2023: our rule beside one that takes the peg for granted."""

from datetime import UTC
from pathlib import Path

import polars as pl
from matplotlib.dates import DateFormatter

from chrono.market.tapes import Selection, open_tape
from docs.showing import FAINT, NAIVE, NAMED, OURS, between, markdown, plt, replayed, save, write

BPS = 10_000
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
