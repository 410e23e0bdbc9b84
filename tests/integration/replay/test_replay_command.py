"""`chrono replay` from the command line to the file, on tapes made here."""

import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from chrono.cli.root import run
from chrono.simulation.rows import Row

NOON = datetime(2025, 10, 10, 12, tzinfo=UTC)


@pytest.fixture
def minutes(tmp_path):
    """Three venues of BTC/USD, one perpetual-free hour, one book that stands still, one that lies."""
    rows = [
        (NOON + timedelta(minutes=n), venue, "BTC", "USD", price + n, volume)
        for n in range(30)
        for venue, price, volume in (
            ("a", 100_000.0, 1.0),
            ("b", 100_001.0, 2.0),
            ("c", 100_002.0, 3.0),
            ("liar", 1_000_000.0, 9.0),
            ("frozen", 90_000.0, 0.0),
        )
    ]
    path = tmp_path / "minutes.parquet"
    pl.DataFrame(rows, schema=["ts", "source", "base", "quote", "close", "volume"], orient="row").write_parquet(path)
    return path


@pytest.fixture
def trades(tmp_path):
    """Trades of two spot venues and a perpetual."""
    noon_us = int(NOON.timestamp()) * 1_000_000
    rows = [
        (noon_us + n * 250_000, noon_us + n * 250_000 + 40_000, venue, symbol, "buy", price + n / 1000, 1.5)
        for n in range(200)
        for venue, symbol, price in (
            ("coinbase", "AVAX-USD", 28.0),
            ("gemini", "AVAXUSD", 28.01),
            ("binance-delivery", "AVAXUSD_PERP", 27.99),
        )
    ]
    path = tmp_path / "trades.parquet"
    names = ["ts_us", "local_ts_us", "exchange", "symbol", "side", "price", "amount"]
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(path)
    return path


def replayed(capsys, *args):
    """The summary of a replay that went well."""
    assert run(["replay", *map(str, args), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_summary_counts_rows_values_and_reasons(capsys, minutes):
    document = replayed(capsys, minutes, "--every", "1m")
    assert document["rows"] == document["resolved"] == 30
    assert document["skipped"] == {"no_volume": 30}
    assert (document["from"], document["to"]) == ("2025-10-10T12:01:00.000Z", "2025-10-10T12:30:00.000Z")


def test_two_runs_write_the_same_bytes(capsys, tmp_path, minutes, trades):
    for suffix in (".parquet", ".csv", ".ndjson"):
        digests = set()
        for run_number in range(2):
            out = tmp_path / f"{run_number}{suffix}"
            replayed(capsys, minutes, trades, "--every", "30s", "--out", out)
            digests.add(hashlib.sha256(out.read_bytes()).hexdigest())
        assert len(digests) == 1, suffix


def test_three_layouts_of_rows_say_the_same(capsys, tmp_path, minutes):
    for suffix in (".parquet", ".csv", ".ndjson"):
        replayed(capsys, minutes, "--every", "1m", "--out", tmp_path / f"rows{suffix}")
    parquet = pl.read_parquet(tmp_path / "rows.parquet")
    comma = pl.read_csv(tmp_path / "rows.csv", schema_overrides=parquet.schema)
    lines = pl.read_ndjson(tmp_path / "rows.ndjson")
    assert parquet.columns == comma.columns == lines.columns == list(Row._fields)
    assert parquet["price"].to_list() == comma["price"].to_list() == lines["price"].cast(pl.Float64).to_list()
    assert set(parquet["excluded"]) == {"liar:outlier", "liar:deviation"}


def test_rows_on_stdout_are_lines_of_json_and_nothing_else(capsys, minutes):
    assert run(["replay", str(minutes), "--every", "1m", "--out", "-"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["ts"] for line in lines[:2]] == ["2025-10-10T12:01:00.000Z", "2025-10-10T12:02:00.000Z"]
    assert len(lines) == 30


def test_fewer_sources_than_the_minimum_give_no_value_until_it_is_lowered(capsys, trades):
    strict = replayed(capsys, trades)["markets"][0]
    assert (strict["resolved"], strict["reasons"]) == (0, {"too_few_sources": strict["rows"]})
    lowered = replayed(capsys, trades, "--min-sources", 2)["markets"][0]
    assert lowered["resolved"] > 0


def test_perpetuals_are_a_third_source_when_asked_for(capsys, trades):
    document = replayed(capsys, trades, "--with-perpetuals")
    assert document["skipped"] == {}
    assert document["markets"][0]["resolved"] > 0


def test_books_and_venues_can_be_left_out(capsys, minutes):
    document = replayed(capsys, minutes, "--every", "1m", "--without", "a,liar")
    assert document["markets"][0]["reasons"] == {"too_few_sources": 30}
    document = replayed(capsys, minutes, "--every", "1m", "--books", "a,b,c:BTC/USD")
    assert document["resolved"] == 30


def test_a_part_of_a_tape_can_be_replayed(capsys, minutes):
    document = replayed(capsys, minutes, "--every", "1m", "--from", "2025-10-10T12:10", "--until", "2025-10-10T12:20Z")
    assert (document["from"], document["to"]) == ("2025-10-10T12:10:00.000Z", "2025-10-10T12:19:00.000Z")


def test_bad_lines_are_told_with_their_place_and_do_not_stop_it(capsys, tmp_path):
    path = tmp_path / "feeds.ndjson"
    good = {"symbol": "BTC/USD", "price": 1, "source": "a", "timestamp": "2025-10-10T12:00:00Z"}
    path.write_text("\n".join([json.dumps(good), "{oops", json.dumps(good | {"source": "b"})]))
    assert run(["replay", str(path)]) == 0
    told = capsys.readouterr().err
    assert f"{path}:2: " in told
    assert "1 bad_line" in told


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (["nowhere.parquet"], 2, "does not exist"),
        (["{minutes}", "--out", "rows.xlsx"], 2, ".parquet"),
        (["{minutes}", "--out", "{folder}/no/such/folder/rows.csv"], 2, "no folder"),
        (["{minutes}", "--out", "-", "--json"], 2, "stdout"),
        (["{minutes}", "--every", "0s"], 2, "length of time"),
        (["{minutes}", "--every", "soon"], 2, "length of time"),
        (["{minutes}", "--speed", "0"], 2, "speed"),
        (["{minutes}", "--min-sources", "0"], 2, "min-sources"),
        (["{minutes}", "--without", "krakn"], 2, "krakn"),
        (["{minutes}", "--markets", "BTC-USD"], 1, "BTC/USD"),
        (["{minutes}", "--from", "yesterday"], 2, "no time"),
        (["{minutes}", "--without", "BTC/USD"], 1, "not a tape"),
        ([], 2, "FILE"),
    ],
)
def test_a_wrong_command_line_is_told_and_has_its_exit_code(capsys, tmp_path, minutes, args, code, told):
    assert run(["replay", *[arg.format(minutes=minutes, folder=tmp_path) for arg in args]]) == code
    said = capsys.readouterr()
    assert told in said.err
    assert said.out == ""


def test_a_failed_replay_leaves_no_file(capsys, tmp_path, minutes):
    damaged = bytearray(minutes.read_bytes())
    damaged[4:120] = b"\xff" * 116
    (tmp_path / "damaged.parquet").write_bytes(damaged)
    assert run(["replay", str(tmp_path / "damaged.parquet"), "--out", str(tmp_path / "rows.csv")]) == 1
    assert not (tmp_path / "rows.csv").exists()
    assert [path.name for path in tmp_path.iterdir() if "unfinished" in path.name] == []


def test_help_names_the_layouts_and_loads_no_table_library():
    code = "import sys; from chrono.cli.root import run; run(['replay', '--help']); print('polars' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
    assert "local_ts_us" in done.stdout


def test_a_bounded_memory_holds_a_tape_of_any_length(tmp_path):
    """Four times the rows take no more memory: the peak of a fresh process each."""
    code = (
        "import resource, sys; from chrono.market.tapes import open_tape, merged\n"
        "n = sum(1 for _ in merged([open_tape(sys.argv[1])]))\n"
        "print(n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    peaks = {}
    for rows in (400_000, 1_600_000):
        ts = pl.int_range(rows, eager=True) * 1000 + int(NOON.timestamp()) * 1_000_000
        frame = pl.DataFrame({"ts_us": ts, "local_ts_us": ts + 40_000, "price": ts % 1000 + 1.5, "amount": 1.0})
        path = tmp_path / f"{rows}.parquet"
        frame.with_columns(exchange=pl.lit("a"), symbol=pl.lit("BTCUSD")).write_parquet(path, row_group_size=100_000)
        done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
        count, peaks[rows] = map(int, done.stdout.split())
        assert count == rows
    assert peaks[1_600_000] < peaks[400_000] * 1.5
