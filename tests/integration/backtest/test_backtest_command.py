"""`chrono backtest` from the command line to the table, the JSON and the page, on tapes whose errors are known."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import msgspec
import polars as pl
import pytest

from chrono.backtest.results import Results
from chrono.cli.root import run
from tests.fakes.made_tables import NOON, bars, trades

FOUR = (("a", 0.0, 1.0), ("b", 10.0, 1.0), ("c", 20.0, 1.0), ("d", 30.0, 1.0))
"""Ten dollars of 100,000 apart: one bps."""


@pytest.fixture
def minutes(tmp_path):
    return bars(tmp_path / "minutes.parquet", FOUR, 200)


def results_of(capsys, *args):
    """The results of a backtest that went well."""
    assert run(["backtest", *map(str, args), "--json"]) == 0
    return msgspec.convert(json.loads(capsys.readouterr().out), Results)


def test_the_errors_of_a_made_tape_are_the_known_ones(capsys, minutes):
    """Left out a: the middle of b, c, d is c, 2 bps away; b: c, 1; c: b, 1; d: b, 2. Of the mean: 2, 2/3, 2/3, 2."""
    results = results_of(capsys, minutes, "--every", "1m", "--rules", "chrono,median,mean")
    (market,) = results.markets
    assert (market.market, market.sources, market.instants) == ("BTC/USD", ["a", "b", "c", "d"], 200)
    assert market.compared == 800
    told = {rule.rule: (rule.median.bps, rule.p99.bps) for rule in market.rules}
    for rule, (middle, most) in {"chrono": (1.0, 2.0), "median": (1.0, 2.0), "mean": (2 / 3, 2.0)}.items():
        assert told[rule] == pytest.approx((middle, most), rel=0.003), rule
    assert [row.source for row in market.left_out] == ["a", "b", "c", "d"]
    assert {(row.instants, row.with_value, row.judged, row.near) for row in market.left_out} == {
        (200, 100.0, 200, 100.0)
    }
    assert {row.fair_instants for row in market.left_out} == {190}  # the first ten have no hour before them
    assert {row.near_fair for row in market.left_out} == {100.0}
    assert [(fate.used, fate.silent, fate.left_out) for fate in market.fates] == [(200, 0, {})] * 4
    assert market.missing_minutes == 0.0


def test_intervals_of_a_rule_that_is_worse_by_a_known_amount_exclude_nothing_between(capsys, minutes):
    (market,) = results_of(capsys, minutes, "--every", "1m", "--rules", "median").markets
    ours, other = market.rules
    assert ours.rule == "chrono"
    assert ours.median.behind is None
    assert other.median.behind.low == other.median.behind.high == 0.0
    assert other.median.interval.low == pytest.approx(1.0, rel=0.01)


def test_a_liar_is_told_with_its_reason_and_its_error(capsys, tmp_path):
    path = bars(tmp_path / "liar.parquet", (*FOUR, ("liar", 900_000.0, 1.0)), 60)
    (market,) = results_of(capsys, path, "--every", "1m").markets
    (liar,) = (fate for fate in market.fates if fate.source == "liar")
    assert (liar.used, liar.silent) == (0, 0)
    assert set(liar.left_out) == {"outlier", "deviation"}
    near = {row.source: row.near for row in market.left_out}
    assert near == {"a": 100.0, "b": 100.0, "c": 100.0, "d": 100.0, "liar": 0.0}
    # The mean of what is within three standard deviations holds the liar too, so three-sigma is 18,000 bps off.
    told = {rule.rule: rule.median.bps for rule in market.rules}
    assert told["three-sigma"] > 15_000
    assert told["chrono"] < 3


def test_minutes_without_a_value_and_silent_sources_are_counted(capsys, tmp_path):
    """Of 60 minutes two of three sources say nothing for the middle 20; a value is stale after one minute."""
    rows = pl.read_parquet(bars(tmp_path / "all.parquet", FOUR[:3], 60))
    quiet = (pl.col("source") != "a") & pl.col("ts").is_between(
        NOON + pl.duration(minutes=20), NOON + pl.duration(minutes=39)
    )
    rows.filter(~quiet).write_parquet(path := tmp_path / "gap.parquet")
    results = results_of(capsys, path, "--every", "1m", "--min-sources", "2")
    (market,) = results.markets
    fates = {fate.source: fate.silent for fate in market.fates}
    assert fates["a"] == 0
    assert fates["b"] == fates["c"] == 17  # what was said three minutes ago is still in the window
    assert market.missing_minutes == 17.0
    assert market.reasons == {"too_few_sources": 17}
    assert sum(stretch.without_value for stretch in market.stretches) > 0
    assert results.any_value


def test_one_source_can_be_the_reference_of_one_market(capsys, minutes):
    results = results_of(capsys, minutes, "--every", "1m", "--reference", "BTC/USD@d")
    (market,) = results.markets
    assert results.reference == "BTC/USD@d"
    assert [row.source for row in market.left_out] == ["d"]
    assert market.compared == 200
    assert market.rules[0].median.bps == pytest.approx(2.0, rel=0.003)


def test_a_thin_tape_is_compared_when_fewer_sources_are_asked_for(capsys, tmp_path):
    path = trades(tmp_path / "trades.parquet", (("coinbase", 100.0), ("gemini", 101.0)), 120)
    assert run(["backtest", str(path)]) == 1
    told = capsys.readouterr()
    assert "nothing to compare" in told.err
    assert "next: chrono backtest … --min-sources 1" in told.err
    results = results_of(capsys, path, "--min-sources", 1)
    assert results.fresh_s == 15.0
    assert 85 < results.markets[0].rules[0].median.bps < 105


def test_the_table_is_for_people_and_goes_to_stdout(capsys, minutes):
    assert run(["backtest", str(minutes), "--every", "1m"]) == 0
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert lines[0] == "BTC/USD: a, b, c, d"
    assert [line.split()[0] for line in lines[2:7]] == ["chrono", "median", "vwap", "latest-weighted", "three-sigma"]
    assert "800 comparisons at 200 instants" in told.out
    assert "200" not in lines[1]
    assert "reference leave-one-out" in told.err


class Page(HTMLParser):
    """Every tag closed in its order, everything that could load from outside, and the text."""

    VOID = frozenset({"meta", "br", "hr", "path"})

    def __init__(self, text):
        super().__init__()
        self.open, self.outside, self.titles, self.svgs = [], [], [], 0
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.svgs += tag == "svg"
        self.outside += [
            name for name, value in attrs if name in {"src", "href", "xlink:href", "action"} or "url(" in (value or "")
        ]
        assert tag not in {"script", "link", "iframe", "img", "object", "embed"}
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "title":
            self.titles.append(data)


def test_the_page_stands_by_itself(capsys, tmp_path):
    """Well-formed, with its pictures inside, and nothing that is loaded from anywhere."""
    path = bars(tmp_path / "<b>&amp;.parquet", (*FOUR, ("liar", 9000.0, 2.0)), 300, price=lambda m, o: 1e5 + o + m % 17)
    out = tmp_path / "out.html"
    results_of(capsys, path, "--every", "1m", "--report", out)
    text = out.read_text(encoding="utf-8")
    page = Page(text)
    assert page.outside == []
    assert not re.search(r"https?:|@import|//[a-z]", text)
    assert page.svgs == 5
    assert "&lt;b&gt;&amp;amp;.parquet" in text
    assert "<b>" not in text
    assert any(title.startswith("liar: ") for title in page.titles)
    for told in ("Error by rule, bps", "Median error over time", "P99 of the error over time", "Missing minutes"):
        assert told in text


def test_a_market_with_nothing_to_compare_does_not_break_the_page(capsys, tmp_path):
    many = bars(tmp_path / "btc.parquet", FOUR, 30)
    alone = pl.read_parquet(many).filter(pl.col("source") == "a").with_columns(base=pl.lit("ETH"))
    alone.write_parquet(tmp_path / "eth.parquet")
    out = tmp_path / "out.html"
    results = results_of(capsys, many, tmp_path / "eth.parquet", "--every", "1m", "--report", out)
    assert [(market.market, market.compared) for market in results.markets] == [("BTC/USD", 120), ("ETH/USD", 0)]
    assert results.all_markets == results.markets[0].rules
    assert Page(out.read_text(encoding="utf-8")).svgs > 5


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (["nowhere.parquet"], 2, "does not exist"),
        (["{minutes}", "--rules", "magic"], 2, "there is no rule magic"),
        (["{minutes}", "--reference", "kraken"], 2, "MARKET@SOURCE"),
        (["{minutes}", "--reference", "BTC/USD@nobody"], 2, "nobody is not on these tapes; there is a, b, c, d"),
        (["{minutes}", "--reference", "BTC/USD@a", "--markets", "ETH/USD"], 2, "leave --markets away"),
        (["{minutes}", "--report", "out.pdf"], 2, ".html"),
        (["{minutes}", "--report", "{folder}/no/such/out.html"], 2, "no folder"),
        (["{minutes}", "--without", "krakn"], 2, "krakn"),
        (["{minutes}", "--min-sources", "0"], 2, "min-sources"),
        (["{minutes}", "--fresh", "soon"], 2, "length of time"),
        (["{minutes}", "--markets", "ETH/USD", "--every", "1m"], 1, "nothing to compare"),
        ([], 2, "FILE"),
    ],
)
def test_a_wrong_command_line_says_what_comes_next(capsys, tmp_path, minutes, args, code, told):
    assert run(["backtest", *[arg.format(minutes=minutes, folder=tmp_path) for arg in args]]) == code
    said = capsys.readouterr()
    assert told in said.err
    assert "next: chrono" in said.err
    assert said.out == ""


def test_a_damaged_tape_is_refused_and_leaves_no_page(capsys, tmp_path, minutes):
    damaged = bytearray(minutes.read_bytes())
    damaged[4:120] = b"\xff" * 116
    (tmp_path / "damaged.parquet").write_bytes(damaged)
    assert run(["backtest", str(tmp_path / "damaged.parquet"), "--report", str(tmp_path / "out.html")]) == 1
    assert not (tmp_path / "out.html").exists()


def test_help_teaches_and_loads_no_table_library():
    code = "import sys; from chrono.cli.root import run; run(['backtest', '--help']); print('polars' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
    for rule in ("chrono", "median", "latest-weighted", "three-sigma", "vwap", "trimmed-mean"):
        assert rule in done.stdout


def test_memory_does_not_grow_with_the_tape(tmp_path):
    """Four times the tape: the peak of a fresh process each. What is read and counted may grow, within its bounds."""
    code = (
        "import resource, sys; from chrono.cli.root import run\n"
        "assert run(['backtest', sys.argv[1], '--every', '1m', '--json']) == 0\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr)"
    )
    peaks = []
    for days in (3, 12):
        walk = lambda minute, offset: 1e5 + offset + minute % 977 * (1 + offset / 50)  # noqa: E731
        path = bars(tmp_path / f"{days}.parquet", FOUR, days * 1440, price=walk)
        done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
        assert json.loads(done.stdout)["markets"][0]["instants"] == days * 1440
        peaks.append(int(done.stderr.splitlines()[-1]))
    assert peaks[1] < peaks[0] * 1.35, peaks
