"""The rows of a replay and where they go."""

import csv
import io
import json

import polars as pl
import pytest

from chrono.simulation import sinks as sinks_module
from chrono.simulation.rows import Row
from chrono.simulation.sinks import SUFFIXES, NdjsonSink, OutFile
from chrono.simulation.summary import Summary, percent

GOOD = Row("2025-10-10T21:00:00.000Z", "BTC/USD", "67234.56", "0.9500", 2, "a;b", "c:outlier;d:stale", 2, None)
NONE = Row("2025-10-10T21:00:01.000Z", "BTC/USD", None, None, 0, "", "", 3, "no_sources")


def written(path, rows):
    out = OutFile(path)
    for row in rows:
        out.write([row])
    out.close()
    return path


def test_a_csv_leaves_empty_what_is_absent(tmp_path):
    with written(tmp_path / "rows.csv", [GOOD, NONE]).open() as file:
        good, none = csv.DictReader(file)
    assert good["price"] == "67234.56"
    assert (none["price"], none["confidence"], none["reason"]) == ("", "", "no_sources")


def test_ndjson_has_decimals_as_strings_and_null_for_what_is_absent(tmp_path):
    good, none = map(json.loads, written(tmp_path / "rows.ndjson", [GOOD, NONE]).read_text().splitlines())
    assert good == GOOD._asdict()
    assert none["price"] is None


def test_a_parquet_has_numbers_to_reckon_with_and_nulls(tmp_path):
    table = pl.read_parquet(written(tmp_path / "rows.parquet", [GOOD, NONE]))
    assert table["price"].to_list() == [67234.56, None]
    assert table["confidence"].to_list() == [0.95, None]
    assert table["ts"].to_list() == [GOOD.ts, NONE.ts]
    assert table["reason"].to_list() == [None, "no_sources"]


def test_a_parquet_is_written_group_by_group(tmp_path, monkeypatch):
    monkeypatch.setattr(sinks_module, "GROUP_ROWS", 10)
    path = written(tmp_path / "rows.parquet", [NONE] * 35)
    parquet = pytest.importorskip("pyarrow.parquet")
    assert parquet.ParquetFile(path).metadata.num_row_groups == 4
    assert pl.read_parquet(path).height == 35


def test_a_parquet_without_rows_still_has_its_columns(tmp_path):
    assert pl.read_parquet(written(tmp_path / "rows.parquet", [])).columns == list(Row._fields)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_has_its_name_only_once_it_is_whole(tmp_path, suffix):
    path = tmp_path / f"rows{suffix}"
    out = OutFile(path)
    out.write([GOOD])
    assert not path.exists()
    out.close()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_abandoned_file_leaves_nothing_behind(tmp_path, suffix):
    path = tmp_path / f"rows{suffix}"
    path.write_text("older")
    out = OutFile(path)
    out.write([GOOD])
    out.abandon()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == "older"


def test_a_parquet_is_not_confused_by_what_a_killed_run_left(tmp_path):
    killed = OutFile(tmp_path / "rows.parquet")
    killed.write([NONE] * sinks_module.GROUP_ROWS)
    table = pl.read_parquet(written(tmp_path / "rows.parquet", [GOOD]))
    assert table.height == 1


def test_lines_for_stdout_are_one_object_each():
    out = io.StringIO()
    sink = NdjsonSink(out)
    sink.write([GOOD, NONE])
    sink.close()
    assert [json.loads(line)["market"] for line in out.getvalue().splitlines()] == ["BTC/USD"] * 2


def test_a_summary_counts_values_and_reasons_by_market():
    summary = Summary()
    summary.add([GOOD, NONE, NONE, GOOD._replace(market="ETH/USD")])
    assert (summary.rows, summary.resolved) == (4, 2)
    assert summary.markets["BTC/USD"].reasons == {"no_sources": 2}
    assert summary.markets["BTC/USD"].percent == 33.33
    assert percent(0, 0) == 0
