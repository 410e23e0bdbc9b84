"""The rule against what really happened: a stable coin off its peg, and a crash that two venues told of."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from statistics import median

import polars as pl
import pytest

from chrono.clock import SECOND_NS, US_NS
from chrono.market.quote import Quote, Trade
from chrono.pricing.estimate import Estimate, Quality
from tests.fakes.desk import Desk

DATA = Path(os.environ.get("CHRONO_DATA") or Path(__file__).parents[3] / "shared" / "data") / "market"
DEPEG = DATA / "usdc_depeg_2023-03-01_14_1m.parquet"
AVAX = DATA / "crash_2025-10-10_trades" / "AVAX.parquet"
EDGES = ("USDT/USD", "USDC/USD", "EUR/USD")

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DEPEG.exists(), reason=f"**** no recordings at {DATA}: set CHRONO_DATA; NOT TESTED ****"),
]


def bars(books: pl.Expr) -> Iterator[tuple[int, list[Quote]]]:
    """The dealt bars of 11-13 March 2023, minute by minute, each known when its minute is over."""
    days = pl.col("ts").is_between(datetime(2023, 3, 10, 23, 50, tzinfo=UTC), datetime(2023, 3, 14, tzinfo=UTC))
    table = pl.scan_parquet(DEPEG).with_columns(market=pl.format("{}/{}", "base", "quote"))
    rows = table.filter(days & books & (pl.col("volume") > 0)).sort("ts", "source", "market").collect()
    for (ts,), minute in rows.group_by("ts", maintain_order=True):
        at_ns = int(ts.timestamp()) * SECOND_NS + 60 * SECOND_NS
        columns = minute.select("source", "market", "close", "volume").iter_rows()
        yield at_ns, [Quote(s, m, Decimal(str(c)), Decimal(str(v)), at_ns, at_ns) for s, m, c, v in columns]


def values(books: pl.Expr, market: str = "BTC/USD") -> dict[int, Estimate]:
    """The value of `market` at the end of each minute."""
    desk, found = Desk(edges=EDGES), {}
    for at_ns, quotes in bars(books):
        desk.window.add(quotes)
        estimate = desk.pricer.price([market], at_ns).resolved.get(market)
        if estimate is not None:
            found[at_ns] = estimate
    return found


def test_converted_bitcoin_stays_with_the_dollar_books_while_usdc_is_off_its_peg():
    direct = values(pl.col("market") == "BTC/USD")
    converted = values(pl.col("market") != "BTC/USD")
    both = sorted(direct.keys() & converted.keys())
    assert len(both) > 4_000
    apart = [abs(converted[at].price / direct[at].price - 1) * 10_000 for at in both]
    assert median(apart) < 5
    assert sorted(apart)[len(apart) * 9 // 10] < 15


def test_taking_usdc_for_a_dollar_would_have_been_seen():
    coin = values(pl.col("market").is_in(["USDC/USD", "USDC/USDT", "USDT/USD"]), "USDC/USD")
    assert min(estimate.price for estimate in coin.values()) < Decimal("0.90")
    # A venue that only deals against Tether is heard too, through the earlier edge.
    assert any("binanceus" in estimate.sources for estimate in coin.values())


def test_a_dead_book_never_counts():
    converted = values(pl.col("market") != "BTC/USD")
    dead = ("cryptocom", "BTC/USDC")
    assert all(
        dead not in {(source.venue, source.book) for source in e.evidence.case.sources} for e in converted.values()
    )


def test_two_venues_that_a_crash_drives_apart_are_answered_but_never_voted_with():
    crash = datetime(2025, 10, 10, 21, 15, tzinfo=UTC)
    span = pl.col("ts_us").is_between(int(crash.timestamp() - 300) * 10**6, int(crash.timestamp() + 600) * 10**6)
    spot = pl.col("exchange").is_in(["coinbase", "gemini"])
    rows = pl.scan_parquet(AVAX).filter(span & spot).sort("ts_us").collect()
    desk, ahead, widest, votes, seen = Desk(), 0, Decimal(0), 0, 0
    columns = list(rows.select("ts_us", "exchange", "side", "price", "amount").iter_rows())
    for at_s in range(int(crash.timestamp()) - 300, int(crash.timestamp()) + 600, 5):
        while ahead < len(columns) and columns[ahead][0] <= at_s * 10**6:
            ts_us, venue, side, price, amount = columns[ahead]
            at_ns = ts_us * US_NS
            told = Trade(venue, "AVAX/USD", Decimal(str(price)), Decimal(str(amount)), side, at_ns, at_ns, ahead)
            desk.window.add_trades([told])
            ahead += 1
        found = desk.pricer.price(["AVAX/USD"], at_s * SECOND_NS).resolved.get("AVAX/USD")
        if found is not None:
            seen += len(found.sources) == 2
            votes += found.votable
            widest = max(widest, found.spread_bps)
            assert found.quality is not Quality.OK
    assert seen > 50
    assert votes == 0
    assert widest > 500
