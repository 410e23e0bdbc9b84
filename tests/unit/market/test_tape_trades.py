"""Tapes of trades: known in order of receipt, in bounded memory, with bad rows counted."""

from decimal import Decimal

import polars as pl
import pytest

from chrono.errors import ChronoError
from chrono.market.quote import Quote, Trade
from chrono.market.tapes import EVERYTHING, Selection, merged, open_tape
from chrono.market.tapes import columns as columns_module

DAY_US = 1_760_054_400_000_000


def table(*rows: tuple) -> pl.DataFrame:
    """Rows of (venue's µs, receipt µs, exchange, symbol, price, amount), times after the start of the day."""
    names = ["ts_us", "local_ts_us", "exchange", "symbol", "price", "amount"]
    frame = pl.DataFrame(list(rows), schema=names, orient="row", strict=False)
    return frame.with_columns(pl.col("ts_us") + DAY_US, pl.col("local_ts_us") + DAY_US, pl.lit("buy").alias("side"))


def tape_of(folder, frame, selection=EVERYTHING, name="tape.parquet"):
    frame.write_parquet(folder / name) if name.endswith("parquet") else frame.write_csv(folder / name)
    return open_tape(folder / name, selection)


def events_of(tape):
    return [event for slice_ in tape.slices() for event in slice_]


def test_a_row_becomes_a_trade_known_when_it_was_received(tmp_path):
    tape = tape_of(tmp_path, table((5, 45, "coinbase", "AVAX-USD", 28.11, 1e-8)))
    at = DAY_US * 1000
    assert events_of(tape) == [
        Trade("coinbase", "AVAX/USD", Decimal("28.11"), Decimal("1e-8"), "buy", at + 5000, at + 45_000, 0)
    ]


def test_trades_of_one_venue_market_and_microsecond_are_numbered(tmp_path):
    rows = [(7, 50, "coinbase", "AVAX-USD", 1.0, 1.0)] * 3 + [
        (7, 50, "gemini", "AVAXUSD", 1.0, 1.0),
        (8, 51, "coinbase", "AVAX-USD", 1.0, 1.0),
    ]
    assert [trade.sequence for trade in events_of(tape_of(tmp_path, table(*rows)))] == [0, 1, 2, 0, 0]


def test_numbering_goes_on_over_the_border_of_a_slice(tmp_path, monkeypatch):
    monkeypatch.setattr(columns_module.Ordered.__init__, "__defaults__", (2,))
    tape = tape_of(tmp_path, table(*[(7, 50, "coinbase", "AVAX-USD", 1.0, 1.0)] * 5))
    slices = [len(slice_) for slice_ in tape.slices()]
    assert slices == [2, 2, 1]
    assert [trade.sequence for trade in events_of(tape)] == [0, 1, 2, 3, 4]


def test_a_file_in_order_of_the_venues_time_is_read_in_order_of_receipt(tmp_path, monkeypatch):
    monkeypatch.setattr(columns_module, "_SAMPLE_EVERY", 10)
    monkeypatch.setattr(columns_module.Ordered.__init__, "__defaults__", (50,))
    late = [(n, n + (900 if n % 7 == 0 else 3), "coinbase", "AVAX-USD", 1.0 + n, 1.0) for n in range(1000)]
    tape = tape_of(tmp_path, table(*late))
    events = events_of(tape)
    expected = sorted(late, key=lambda row: row[1])
    assert [event.price for event in events] == [Decimal(str(row[4])) for row in expected]
    assert max(len(slice_) for slice_ in tape.slices()) <= 200


def test_several_files_are_merged_in_the_order_in_which_rows_became_known(tmp_path):
    one = tape_of(tmp_path, table((1, 10, "a", "X-USD", 1.0, 1), (2, 30, "a", "X-USD", 3.0, 1)), name="1.parquet")
    two = tape_of(tmp_path, table((9, 20, "b", "X-USD", 2.0, 1), (0, 40, "b", "X-USD", 4.0, 1)), name="2.parquet")
    assert [event.price for event in merged([one, two])] == [1, 2, 3, 4]


def test_a_perpetual_is_no_source_unless_asked(tmp_path):
    frame = table((1, 9, "binance-delivery", "AVAXUSD_PERP", 28.0, 100.0), (2, 9, "gemini", "AVAXUSD", 28.1, 1.0))
    tape = tape_of(tmp_path, frame)
    assert [event.venue for event in events_of(tape)] == ["gemini"]
    assert tape.skipped == {"perpetual": 1}
    assert tape.survey().taken == {"AVAX/USD": {"gemini"}}
    assert tape.survey().books == {"AVAX/USD": {"gemini", "binance-delivery"}}


def test_a_perpetual_that_is_asked_for_is_a_source_of_unknown_volume(tmp_path):
    rows = [(1, 9, "binance-delivery", "AVAXUSD_PERP", price, 100.0) for price in (28.0, 27.0)]
    tape = tape_of(tmp_path, table(*rows), Selection(perpetuals=True))
    at = DAY_US * 1000
    assert events_of(tape) == [Quote("binance-delivery", "AVAX/USD", Decimal("28.0"), None, at + 1000, at + 9000)]
    assert tape.skipped == {"same_microsecond": 1}


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 0.0, -1.0, None])
@pytest.mark.parametrize("column", ["price", "amount"])
def test_a_number_that_is_no_price_or_amount_is_counted_and_skipped(tmp_path, column, bad):
    frame = table((1, 9, "gemini", "AVAXUSD", 28.0, 1.0), (2, 9, "gemini", "AVAXUSD", 29.0, 1.0))
    frame[0, column] = bad
    tape = tape_of(tmp_path, frame)
    assert [event.price for event in events_of(tape)] == [29]
    assert tape.skipped == {"bad_number": 1}


def test_an_unknown_symbol_is_counted_by_name_and_the_rest_is_read(tmp_path):
    frame = table((1, 9, "gemini", "WHATEVER", 28.0, 1.0), (2, 9, "gemini", "AVAXUSD", 29.0, 1.0))
    tape = tape_of(tmp_path, frame)
    assert len(events_of(tape)) == 1
    assert tape.skipped == {"unknown_symbol:WHATEVER": 1}


def test_a_row_without_a_time_is_counted(tmp_path):
    frame = table((1, 9, "gemini", "AVAXUSD", 28.0, 1.0), (2, 9, "gemini", "AVAXUSD", 29.0, 1.0))
    frame[0, "local_ts_us"] = None
    tape = tape_of(tmp_path, frame)
    assert len(events_of(tape)) == 1
    assert tape.skipped == {"no_time_or_name": 1}


def test_a_csv_of_the_same_columns_gives_the_same_trades(tmp_path):
    frame = table((5, 45, "coinbase", "AVAX-USD", 28.11, 0.5), (6, 46, "gemini", "AVAXUSD", 28.12, 1e-8))
    assert events_of(tape_of(tmp_path, frame, name="t.csv")) == events_of(tape_of(tmp_path, frame))


def test_a_survey_tells_books_times_and_rows(tmp_path):
    frame = table((1, 9, "gemini", "AVAXUSD", 28.0, 1.0), (2, 99, "coinbase", "POL-USD", 0.2, 1.0))
    survey = tape_of(tmp_path, frame, Selection(without=("gemini",))).survey()
    assert survey.books == {"AVAX/USD": {"gemini"}, "POL/USD": {"coinbase"}}
    assert survey.taken == {"POL/USD": {"coinbase"}}
    assert (survey.first_ns, survey.last_ns, survey.rows) == (DAY_US * 1000 + 9000, DAY_US * 1000 + 99_000, 2)


def test_only_the_rows_known_within_the_selected_time_are_read(tmp_path):
    rows = [(1, at, "gemini", "AVAXUSD", 28.0 + at, 1.0) for at in (10, 20, 30)]
    at = DAY_US * 1000
    tape = tape_of(tmp_path, table(*rows), Selection(from_ns=at + 20_000, until_ns=at + 30_000))
    assert [event.price for event in events_of(tape)] == [48]
    assert tape.survey().rows == 1


def test_damaged_data_is_a_bad_tape_not_a_crash_of_polars(tmp_path):
    frame = table(*[(n, n, "gemini", "AVAXUSD", 28.0 + n, 1.0) for n in range(5000)])
    path = tmp_path / "tape.parquet"
    frame.write_parquet(path, compression="zstd")
    body = bytearray(path.read_bytes())
    body[4:200] = b"\xff" * 196
    path.write_bytes(body)
    with pytest.raises(ChronoError, match="not a tape"):
        events_of(open_tape(path))
