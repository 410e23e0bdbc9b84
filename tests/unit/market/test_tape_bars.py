"""Tapes of one-minute bars: known at the end of the minute, silent without volume."""

from datetime import UTC, datetime
from decimal import Decimal

import polars as pl

from chrono.market.quote import Quote
from chrono.market.tapes import EVERYTHING, Selection, open_tape

MINUTE = datetime(2023, 3, 11, 8, 0, tzinfo=UTC)
MINUTE_NS = int(MINUTE.timestamp()) * 1_000_000_000


def tape_of(folder, *rows, selection=EVERYTHING):
    """Rows of (minute, source, base, quote, close, volume)."""
    frame = pl.DataFrame(
        [(MINUTE.replace(minute=minute), *rest) for minute, *rest in rows],
        schema={"ts": pl.Datetime("ms", "UTC"), "source": pl.String, "base": pl.String, "quote": pl.String}
        | {"close": pl.Float64, "volume": pl.Float64},
        orient="row",
    )
    frame.write_parquet(folder / "bars.parquet")
    return open_tape(folder / "bars.parquet", selection)


def events_of(tape):
    return [event for slice_ in tape.slices() for event in slice_]


def test_a_bar_is_known_at_the_end_of_its_minute_never_earlier(tmp_path):
    end_ns = MINUTE_NS + 60_000_000_000
    assert events_of(tape_of(tmp_path, (0, "kraken", "BTC", "USD", 20_123.4, 1.5))) == [
        Quote("kraken", "BTC/USD", Decimal("20123.4"), Decimal("1.5"), end_ns, end_ns)
    ]


def test_a_bar_without_volume_never_refreshes_a_price(tmp_path):
    tape = tape_of(
        tmp_path,
        (0, "cryptocom", "BTC", "USDC", 20_100.0, 1.0),
        (1, "cryptocom", "BTC", "USDC", 20_100.0, 0.0),
        (2, "cryptocom", "BTC", "USDC", 20_100.0, None),
    )
    assert [event.quoted_at_ns for event in events_of(tape)] == [MINUTE_NS + 60_000_000_000]
    assert tape.skipped == {"no_volume": 2}


def test_an_index_counts_as_a_source_until_it_is_left_out(tmp_path):
    rows = [(0, "cryptocompare", "USDC", "USD", 0.97, 1.0), (0, "kraken", "USDC", "USD", 0.96, 1.0)]
    assert len(events_of(tape_of(tmp_path, *rows))) == 2
    tape = tape_of(tmp_path, *rows, selection=Selection(without=("cryptocompare",)))
    assert [event.venue for event in events_of(tape)] == ["kraken"]
    assert tape.skipped == {"not_selected": 1}


def test_books_can_be_chosen_and_left_out_by_market_venue_or_both(tmp_path):
    rows = [(0, venue, "BTC", quote, 20_000.0, 1.0) for venue in ("kraken", "coinbase") for quote in ("USD", "USDC")]

    def left(**choice):
        tape = tape_of(tmp_path, *rows, selection=Selection(**choice))
        return {(event.venue, event.market) for event in events_of(tape)}

    assert left(without=("BTC/USD",)) == {("kraken", "BTC/USDC"), ("coinbase", "BTC/USDC")}
    assert left(books=("kraken",), without=("BTC/USD",)) == {("kraken", "BTC/USDC")}
    assert left(without=("kraken:BTC/USD", "coinbase")) == {("kraken", "BTC/USDC")}


def test_a_selection_names_the_entries_that_match_nothing(tmp_path):
    survey = tape_of(tmp_path, (0, "kraken", "BTC", "USD", 1.0, 1.0)).survey()
    assert Selection(without=("krakn", "kraken", "kraken:BTC/USD")).unknown(survey.books) == ["krakn"]


def test_a_bar_of_no_price_or_a_foreign_name_is_counted(tmp_path):
    tape = tape_of(
        tmp_path,
        (0, "kraken", "BTC", "USD", -1.0, 1.0),
        (0, "kra ken", "BTC", "USD", 1.0, 1.0),
        (0, "kraken", "B T C", "USD", 1.0, 1.0),
    )
    assert events_of(tape) == []
    assert tape.skipped == {"bad_number": 1, "bad_venue:kra ken": 1, "unknown_symbol:B T C/USD": 1}
