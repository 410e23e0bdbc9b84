"""Tapes of ingest feeds as lines: bad lines are told by file and line, and never stop the rest."""

import gzip
import json
from decimal import Decimal

import pytest

from chrono.errors import ChronoError
from chrono.market.quote import Quote
from chrono.market.tapes import EVERYTHING, Selection, open_tape
from chrono.market.tapes import feeds as feeds_module

AT_NS = 1_760_013_296_123_000_000


def line(**more):
    feed = {"symbol": "BTC/USD", "price": "67234.56", "source": "binance", "timestamp": "2025-10-09T12:34:56.123Z"}
    return json.dumps({**feed, **more})


def tape_of(folder, *lines, selection=EVERYTHING):
    path = folder / "feeds.ndjson"
    path.write_text("\n".join(lines) + "\n")
    return open_tape(path, selection)


def quotes_of(tape):
    return [event for slice_ in tape.slices() for event in slice_]


def test_a_line_becomes_a_quote_known_at_its_own_time(tmp_path):
    metadata = {"bid": "67230.00"}
    tape = tape_of(tmp_path, line(volume="1234.567890", metadata=metadata, worker_id="w-1"))
    assert quotes_of(tape) == [
        Quote(
            "binance",
            "BTC/USD",
            Decimal("67234.56"),
            Decimal("1234.567890"),
            AT_NS,
            AT_NS,
            "w-1",
            json.dumps(metadata).encode(),
        )
    ]


@pytest.mark.parametrize("received_at", ["2025-10-09T12:34:57.123Z", 1_760_013_297_123])
def test_received_at_says_when_a_feed_became_known(tmp_path, received_at):
    (quote,) = quotes_of(tape_of(tmp_path, line(received_at=received_at)))
    assert (quote.quoted_at_ns, quote.received_at_ns) == (AT_NS, AT_NS + 1_000_000_000)


@pytest.mark.parametrize(("price", "read"), [(67234.56, "67234.56"), (1, "1"), (1.5e-8, "1.5e-8"), ("0.1", "0.1")])
def test_a_price_keeps_the_digits_it_was_written_with(tmp_path, price, read):
    (quote,) = quotes_of(tape_of(tmp_path, line(price=price)))
    assert quote.price == Decimal(read)


BAD = [
    "{not json",
    "[]",
    '"text"',
    line(price="NaN"),
    line(price="1e999999999"),
    line(price=0),
    line(price="-1"),
    line(price="١٢٣"),
    line(price=None),
    line(symbol="BTC-USD"),
    line(source="Bin ance"),
    line(timestamp="yesterday"),
    line(timestamp="2025-10-09T12:34:56.123"),
    line(timestamp=-5),
    line(volume="many"),
    line(received_at="soon"),
    "[" * 20_000,
    '{"symbol":' + "[" * 20_000,
    line(worker_id="x" * 70_000),
    "\x00",
]


@pytest.mark.parametrize("bad", BAD, ids=range(len(BAD)))
def test_a_bad_line_is_told_by_file_and_line_and_skipped(tmp_path, bad):
    tape = tape_of(tmp_path, line(), bad, line(timestamp=1_760_013_296_124))
    assert len(quotes_of(tape)) == 2
    assert tape.skipped == {"bad_line": 1}
    assert tape.faults[0].startswith(f"{tape.path}:2: ")


def test_only_the_first_bad_lines_are_told_and_all_are_counted(tmp_path):
    tape = tape_of(tmp_path, line(), *["{"] * 50)
    quotes_of(tape)
    assert (len(tape.faults), tape.skipped["bad_line"]) == (feeds_module.TOLD, 50)


def test_a_file_of_nothing_but_bad_lines_is_refused_and_says_why(tmp_path):
    with pytest.raises(ChronoError, match=r"feeds\.ndjson:1"):
        tape_of(tmp_path, "{", "{").survey()


def test_empty_lines_are_not_bad(tmp_path):
    tape = tape_of(tmp_path, line(), "", "  ")
    assert (len(quotes_of(tape)), tape.skipped) == (1, {})


def test_a_gzipped_tape_reads_the_same(tmp_path):
    path = tmp_path / "feeds.ndjson.gz"
    path.write_bytes(gzip.compress(f"{line()}\n".encode()))
    assert quotes_of(open_tape(path)) == quotes_of(tape_of(tmp_path, line()))


def test_a_gzip_stream_that_breaks_off_gives_what_it_holds_and_says_so(tmp_path):
    path = tmp_path / "feeds.ndjson.gz"
    lines = "\n".join(line(price=str(1 + n * 7919 % 10_007)) for n in range(20_000))
    whole = gzip.compress(lines.encode())
    path.write_bytes(whole[: len(whole) // 2])
    tape = open_tape(path)
    assert 1000 < len(quotes_of(tape)) < 20_000
    assert tape.skipped == {"cut_short": 1}
    assert "breaks off" in tape.faults[0]


def test_lines_a_little_out_of_order_are_put_right(tmp_path):
    times = [1_760_013_296_000 + step for step in (5, 1, 9, 3, 7)]
    tape = tape_of(tmp_path, *[line(timestamp=time) for time in times])
    assert [quote.received_at_ns // 1_000_000 for quote in quotes_of(tape)] == sorted(times)


def test_a_line_too_far_behind_is_known_when_it_is_read_never_earlier(tmp_path, monkeypatch):
    monkeypatch.setattr(feeds_module, "REORDERED", 3)
    times = [1_760_013_296_000 + step for step in (10, 11, 12, 13, 14, 1, 15, 16)]
    tape = tape_of(tmp_path, *[line(timestamp=time) for time in times])
    quotes = quotes_of(tape)
    known = [quote.received_at_ns for quote in quotes]
    assert known == sorted(known)
    assert len(quotes) == len(times)
    late = next(quote for quote in quotes if quote.quoted_at_ns == times[5] * 1_000_000)
    assert late.received_at_ns >= times[1] * 1_000_000


def test_what_is_not_selected_is_counted(tmp_path):
    tape = tape_of(tmp_path, line(), line(source="kraken"), selection=Selection(without=("kraken",)))
    assert [quote.venue for quote in quotes_of(tape)] == ["binance"]
    assert tape.skipped == {"not_selected": 1}
    assert tape.survey().taken == {"BTC/USD": {"binance"}}


def test_only_the_lines_known_within_the_selected_time_are_read(tmp_path):
    lines = [line(received_at=1_760_013_296_200 + step) for step in (0, 1, 2)]
    first_ns = 1_760_013_296_200_000_000
    tape = tape_of(tmp_path, *lines, selection=Selection(from_ns=first_ns + 1, until_ns=first_ns + 2_000_000))
    assert [quote.received_at_ns - first_ns for quote in quotes_of(tape)] == [1_000_000]


def test_reading_twice_gives_the_same_and_counts_once(tmp_path):
    tape = tape_of(tmp_path, line(), "{")
    assert quotes_of(tape) == quotes_of(tape)
    assert tape.skipped == {"bad_line": 1}
