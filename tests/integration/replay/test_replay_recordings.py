"""What the pricing makes of real history: slices of the crash of 2025-10-10 and of the USDC depeg of 2023-03.

Properties, not rows: the recordings are others' and stay where they lie.
"""

import json

import polars as pl
import pytest

from chrono.clock import SECOND_NS
from chrono.market.tapes import Selection, merged, open_tape
from chrono.settings import Pricing
from chrono.simulation.replay import Replay, with_minimum
from chrono.simulation.rows import Row

pytestmark = [pytest.mark.data, pytest.mark.timeout(600)]

MINUTE_NS = 60 * SECOND_NS


def at_ns(text: str) -> int:
    return pl.Series([text]).str.to_datetime(time_zone="UTC", time_unit="ns").dt.epoch("ns").item()


CRASH_HOUR = {"from_ns": at_ns("2025-10-10T21:00:00"), "until_ns": at_ns("2025-10-10T22:00:00")}
DEPEG_HALF_DAY = {"from_ns": at_ns("2023-03-11T06:00:00"), "until_ns": at_ns("2023-03-11T18:00:00")}


def table(replay: Replay) -> pl.DataFrame:
    rows = [row for step in replay.steps() for row in replay.rows(step)]
    table = pl.DataFrame(rows, schema=list(Row._fields), orient="row", infer_schema_length=None)
    return table.with_columns(pl.col("price").cast(pl.Float64), pl.col("ts").str.to_datetime(time_zone="UTC"))


def crash(recordings, *symbols, minimum=None, every_ns=SECOND_NS, **selection):
    folder = recordings / "crash_2025-10-10_trades"
    taken = Selection(**(CRASH_HOUR | selection))
    tapes = [open_tape(folder / f"{symbol}.parquet", taken) for symbol in symbols]
    return Replay(tapes, with_minimum(Pricing(), minimum), every_ns=every_ns)


def depeg(recordings, *, without=(), books=(), minimum=None):
    tape = open_tape(recordings / "usdc_depeg_2023-03-01_14_1m.parquet", Selection(books, without, **DEPEG_HALF_DAY))
    return Replay([tape], with_minimum(Pricing(), minimum), markets=["BTC/USD"], every_ns=MINUTE_NS)


def test_one_source_is_no_value_however_much_it_trades(recordings):
    rows = table(crash(recordings, "BTC", "ETH", "XRP"))
    assert rows["price"].null_count() == rows.height > 3 * 3590
    assert set(rows["reason"]) <= {"too_few_sources", "stale_value", "no_sources"}
    # the rest: the one venue itself fell silent or came late for more than a minute in the crash
    assert rows.filter(pl.col("reason") == "too_few_sources").height > 0.9 * rows.height


def test_a_value_of_two_sources_needs_the_lower_minimum(recordings):
    assert table(crash(recordings, "AVAX", "LINK"))["price"].count() == 0
    lowered = table(crash(recordings, "AVAX", "LINK", minimum=2))
    assert lowered["price"].count() > 0
    assert lowered.filter(pl.col("price").is_not_null())["sources"].min() == 2


def test_the_tether_book_without_a_tether_price_is_excluded_and_dollar_books_remain(recordings):
    rows = table(crash(recordings, "POL", minimum=2))
    assert rows.filter(~pl.col("excluded").str.contains("binance:unpriced_edge")).height == 0
    used = {venue for cell in rows["used"] for venue in cell.split(";") if venue}
    assert used == {"coinbase", "gemini"}


def test_the_perpetual_is_a_third_voice_only_when_asked(recordings):
    spot = table(crash(recordings, "AVAX"))
    with_it = table(crash(recordings, "AVAX", perpetuals=True))
    assert not any("binance-delivery" in cell for cell in spot["used"])
    assert any("binance-delivery" in cell for cell in with_it["used"])
    assert with_it["price"].count() > spot["price"].count() == 0


def test_no_value_follows_the_perpetual_to_where_no_spot_venue_traded(recordings):
    """The perpetual printed 6.02 while no spot venue dealt below 17: one venue that falls away takes nobody along."""
    rows = table(crash(recordings, "AVAX", perpetuals=True))
    assert rows["price"].min() > 16.5


def test_a_value_lies_within_what_its_venues_traded_lately(recordings):
    """Never outside of the lowest and highest spot or perpetual price of the three minutes before."""
    replay = crash(recordings, "AVAX", perpetuals=True, every_ns=10 * SECOND_NS)
    trades = pl.DataFrame(
        [
            (event.received_at_ns, float(event.price))
            for tape in replay._tapes
            for part in tape.slices()
            for event in part
        ],
        schema=["known_ns", "traded"],
        orient="row",
    ).sort("known_ns")
    for row in table(replay).filter(pl.col("price").is_not_null()).iter_rows(named=True):
        now_ns = int(row["ts"].timestamp()) * SECOND_NS
        lately = trades.filter(pl.col("known_ns").is_between(now_ns - 190 * SECOND_NS, now_ns))["traded"]
        assert lately.min() * 0.999 <= row["price"] <= lately.max() * 1.001


def test_several_files_come_as_one_in_the_order_of_receipt(recordings):
    replay = crash(recordings, "AVAX", "BTC", "XRP")
    known = [event.received_at_ns for event in merged(replay._tapes)]
    assert known == sorted(known)
    assert len(known) > 10_000


def test_the_same_hour_twice_is_the_same_to_the_last_digit(recordings):
    once, again = (table(crash(recordings, "POL", "LINK", minimum=2)) for _ in range(2))
    assert once.equals(again)


def direct_median(recordings) -> pl.DataFrame:
    """The median of the direct BTC/USD books that traded in each minute, at the minute's end."""
    bars = pl.scan_parquet(recordings / "usdc_depeg_2023-03-01_14_1m.parquet")
    direct = bars.filter((pl.col("base") == "BTC") & (pl.col("quote") == "USD") & (pl.col("volume") > 0))
    ended = (pl.col("ts") + pl.duration(minutes=1)).cast(pl.Datetime("us", "UTC")).alias("ts")
    return direct.select(ended, "close").group_by("ts").agg(direct=pl.col("close").median()).collect()


def error_bps(rows: pl.DataFrame, recordings) -> pl.Series:
    joined = rows.with_columns(pl.col("ts").cast(pl.Datetime("us", "UTC"))).join(direct_median(recordings), on="ts")
    return joined.select(((pl.col("price") / pl.col("direct") - 1) * 10_000).abs().alias("bps"))["bps"].drop_nulls()


def test_while_usdc_stood_at_90_cents_the_converted_price_stayed_with_the_dollar_books(recordings):
    rows = table(depeg(recordings, without=("BTC/USD",)))
    errors = error_bps(rows, recordings)
    assert errors.len() > 200
    assert errors.median() < 10
    assert errors.max() < 100


def test_the_depeg_is_followed_without_the_index_that_knows_the_future(recordings):
    """The index repeats each hour's last price from its first minute on: the figure may not rest on it."""
    rows = table(depeg(recordings, without=("BTC/USD", "cryptocompare"), minimum=2))
    errors = error_bps(rows, recordings)
    assert errors.len() > 500
    assert errors.median() < 10
    assert errors.max() < 100


def test_without_the_index_two_tether_venues_are_too_few_for_the_default_minimum(recordings):
    assert table(depeg(recordings, without=("BTC/USD", "cryptocompare")))["price"].count() == 0


def test_taking_usdc_for_a_dollar_is_wrong_by_hundreds_of_bps_on_the_same_rows(recordings):
    """The control: the test above would notice a rule that assumes the peg."""
    bars = pl.scan_parquet(recordings / "usdc_depeg_2023-03-01_14_1m.parquet")
    coin = bars.filter((pl.col("base") == "BTC") & (pl.col("quote") == "USDC") & (pl.col("volume") > 0))
    ended = (pl.col("ts") + pl.duration(minutes=1)).cast(pl.Datetime("us", "UTC")).alias("ts")
    naive = coin.select(ended, "close").group_by("ts").agg(price=pl.col("close").median()).collect()
    span = naive.filter(pl.col("ts").dt.epoch("ns").is_between(DEPEG_HALF_DAY["from_ns"], DEPEG_HALF_DAY["until_ns"]))
    assert error_bps(span, recordings).median() > 300


def test_a_dead_book_that_repeats_its_price_never_counts(recordings):
    rows = table(depeg(recordings, books=("BTC/USDC", "USDC/USD")))
    used = {venue for cell in rows["used"] for venue in cell.split(";")}
    assert "cryptocom" not in used


def test_an_index_can_be_left_out(recordings):
    rows = table(depeg(recordings, without=("cryptocompare", "BTC/USD")))
    assert not any("cryptocompare" in json.dumps(cell) for cell in rows["used"])
