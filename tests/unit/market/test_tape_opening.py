"""Layouts are recognised by what is in a file; a foreign one is refused with what was found and expected."""

import polars as pl
import pytest

from chrono.errors import BAD_TAPE, ChronoError
from chrono.market.tapes import open_tape
from chrono.market.tapes.tape import Survey, base_markets


def refused(path):
    with pytest.raises(ChronoError) as caught:
        open_tape(path).survey()
    assert caught.value.reason is BAD_TAPE
    return caught.value.facts


def test_a_foreign_table_is_refused_with_its_columns(tmp_path):
    pl.DataFrame({"block": [1], "tick": [2]}).write_parquet(tmp_path / "x.parquet")
    facts = refused(tmp_path / "x.parquet")
    assert "block (Int64), tick (Int64)" in facts["found"]
    assert "local_ts_us" in facts["expected"]


def test_bars_whose_time_is_no_time_are_refused(tmp_path):
    columns = {"ts": ["noon"], "source": ["a"], "base": ["B"], "quote": ["USD"], "close": [1.0], "volume": [1.0]}
    pl.DataFrame(columns).write_parquet(tmp_path / "x.parquet")
    assert "ts (String)" in refused(tmp_path / "x.parquet")["found"]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n\0\0", "PNG"),
        (b"PAR1 not really parquet", ""),
        (b"\x1f\x8b\x08 broken gzip", ""),
        (b"a,b,c\n1,2,3\n", "a (String)"),
        (b"just some words", "just some words"),
    ],
)
def test_a_file_that_is_no_tape_is_refused_with_what_was_found(tmp_path, body, found):
    (tmp_path / "x").write_bytes(body)
    facts = refused(tmp_path / "x")
    assert found in facts["found"]
    assert facts["file"] == str(tmp_path / "x")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert "No such file" in refused(tmp_path / "nowhere.parquet")["found"]
    assert "directory" in refused(tmp_path)["found"]


def test_the_name_of_a_file_does_not_decide_its_layout(tmp_path):
    (tmp_path / "feeds.parquet").write_text(
        '{"symbol":"BTC/USD","price":1,"source":"a","timestamp":"2025-10-09T12:34:56Z"}\n'
    )
    assert open_tape(tmp_path / "feeds.parquet").layout == "feeds, one per line"


def test_every_base_is_asked_in_dollars_and_the_dollar_is_not(tmp_path):
    books = ["BTC/USDT", "BTC/EUR", "USDT/USD", "USD/JPY", "ETH/BTC"]
    assert base_markets(books) == ["BTC/USD", "ETH/USD", "USDT/USD"]


def test_a_joined_survey_spans_all_of_its_parts():
    whole = Survey()
    whole.spread(0, 0, 0)
    whole.join(Survey(books={"A/USD": {"x"}}, taken={"A/USD": {"x"}}, first_ns=50, last_ns=60, rows=2))
    whole.join(Survey(books={"A/USD": {"y"}}, taken={}, first_ns=10, last_ns=20, rows=1))
    assert (whole.first_ns, whole.last_ns, whole.rows) == (10, 60, 3)
    assert (whole.books, whole.taken) == ({"A/USD": {"x", "y"}}, {"A/USD": {"x"}})
