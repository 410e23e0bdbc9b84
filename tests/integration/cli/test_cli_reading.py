"""`chrono price` and `chrono status` against a server: what they show, and every way in which it may fail them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.answering import Answering, envelope

KEY = "chrono_public_" + "k" * 30


def test_price_shows_a_row_for_each_market(chrono, answering: Answering) -> None:
    done = chrono("price", "btc", "ETH/USD", "BTC/USD", "--url", answering.url, "--key", KEY)
    assert done.code == 0
    head, row = done.out.splitlines()
    assert head.split() == ["market", "price", "quality", "sources", "confidence", "age"]
    assert row.split() == ["BTC/USD", "67234.56", "ok", "5", "0.9500", "340", "ms"]
    path, query, headers = answering.asked[0]
    assert (path, query) == ("/prices/latest", {"symbols": ["BTC/USD,ETH/USD"]})
    assert headers["x-api-key"] == KEY


def test_price_in_json_is_the_servers_own_document(chrono, answering: Answering) -> None:
    done = chrono("price", "BTC", "--source", "binance", "--json", "--url", answering.url, "--key", KEY)
    assert json.loads(done.out) == answering.answers["/prices/latest"][1]
    assert answering.asked[0][1]["source"] == ["binance"]


def test_a_market_without_a_value_is_told_and_ends_with_1(chrono, answering: Answering) -> None:
    answering.answers["/prices/latest"] = (200, {"data": [], "missing": ["XYZ/USD"], "cached": False, "latency_ms": 1})
    done = chrono("price", "XYZ", "--url", answering.url, "--key", KEY)
    assert (done.code, done.out) == (1, "")
    assert "no value for XYZ/USD" in done.err


def test_the_server_is_found_by_what_it_wrote_into_the_data_folder(
    chrono, answering: Answering, tmp_path: Path
) -> None:
    (tmp_path / "house").mkdir()
    (tmp_path / "house" / "server.json").write_text(
        json.dumps({"url": answering.url, "stream_url": "ws://x", "pid": 1})
    )
    (tmp_path / "house" / "dev-keys.json").write_text(json.dumps({"public": KEY, "internal": "x", "admin": "y"}))
    assert chrono("price", "BTC").code == 0
    assert answering.asked[0][2]["x-api-key"] == KEY


def test_without_a_server_file_the_settings_say_where(chrono, answering: Answering) -> None:
    port = answering.url.rpartition(":")[2]
    done = chrono("price", "BTC", CHRONO__SERVER__HOST="0.0.0.0", PORT=port, CHRONO__API__PAID_KEYS=KEY)
    assert done.code == 0
    assert answering.asked[0][2]["x-api-key"] == KEY


@pytest.mark.parametrize("content", ["", "[", "[]", '{"url": 7}', "\xff"])
def test_a_torn_server_file_is_passed_over(chrono, answering: Answering, tmp_path: Path, content: str) -> None:
    (tmp_path / "house").mkdir()
    (tmp_path / "house" / "server.json").write_bytes(content.encode("latin-1"))
    assert chrono("price", "BTC", PORT=answering.url.rpartition(":")[2]).code == 0


@pytest.mark.parametrize(
    "args", [["price", "BTC"], ["status"], ["explain", "BTC"], ["price", "BTC", "--watch"], ["status", "--watch"]]
)
def test_without_a_server_the_remedy_is_to_start_one(chrono, args: list[str]) -> None:
    done = chrono(*args, "--url", "http://127.0.0.1:9")
    assert (done.code, done.out.strip()) == (1, "")
    assert "no Chrono answers at http://127.0.0.1:9" in done.err
    assert "next: chrono dev" in done.err


@pytest.mark.parametrize(
    ("status", "document", "told", "then"),
    [
        (401, envelope("UNAUTHORIZED", "this key is not known", 401), "this key is not known (UNAUTHORIZED)", "--key"),
        (403, envelope("FORBIDDEN", "not with this key", 403), "not with this key", "--key"),
        (404, envelope("NOT_FOUND", "nobody has quoted this market", 404), "nobody has quoted", "chrono status"),
        (429, envelope("RATE_LIMIT_EXCEEDED", "too many", 429), "too many", "in 7 s"),
        (503, envelope("DATABASE_ERROR", "PostgreSQL is away", 503), "PostgreSQL is away", "chrono doctor"),
        (500, {"unexpected": True}, "answered 500", "chrono doctor"),
        (200, b"<html>", "not as Chrono does", "chrono status"),
        (200, b"[]", "not as Chrono does", "chrono status"),
        (200, b"\xff", "not as Chrono does", "chrono status"),
        (200, b"[" * 100_000, "not as Chrono does", "chrono status"),
    ],
)  # fmt: skip
def test_a_refusal_is_told_in_the_servers_words_with_what_helps(
    chrono, answering: Answering, status: int, document: object, told: str, then: str
) -> None:
    answering.answers["/prices/latest"] = (status, document)
    done = chrono("price", "BTC", "--url", answering.url, "--key", KEY)
    assert done.code == 1
    assert told in done.err
    assert then in done.err.splitlines()[-1]
    assert KEY not in done.err


def test_a_host_that_does_not_exist_is_told(chrono) -> None:
    done = chrono("status", "--url", "http://no-such-host.invalid", "--key", KEY)
    assert done.code == 1
    assert "cannot be asked" in done.err


def test_prices_of_another_shape_do_not_crash_the_table(chrono, answering: Answering) -> None:
    answering.answers["/prices/latest"] = (200, {"data": [7, {"symbol": "A/B", "staleness_ms": "x"}], "missing": None})
    assert chrono("price", "A/B", "--url", answering.url, "--key", KEY).code == 0


def test_ctrl_c_ends_a_watch_quietly(environ, tmp_path: Path, answering: Answering) -> None:
    command = [sys.executable, "-m", "chrono.cli", "price", "BTC", "--watch", "--url", answering.url, "--key", KEY]
    with subprocess.Popen(
        command, env=environ, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "market" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert process.stderr.read().strip() == ""


def test_status_of_a_healthy_server_ends_with_0(chrono, answering: Answering) -> None:
    done = chrono("status", "--url", answering.url, "--key", KEY)
    assert done.code == 0
    assert "healthy, ready, up 60 min" in done.out
    assert "binance" in done.out
    assert "1 listed, 1 with enough sources" in done.out
    assert "nothing is missing" in done.out


def test_status_in_json_is_one_object(chrono, answering: Answering) -> None:
    told = json.loads(chrono("status", "--json", "--url", answering.url, "--key", KEY).out)
    assert set(told) == {"url", "health", "ready", "venues", "markets", "provider", "silence"}
    assert told["silence"][0]["normal"] is True


@pytest.mark.parametrize(
    ("health", "ready", "code"), [("degraded", 200, 3), ("healthy", 503, 3), ("unhealthy", 503, 1)]
)
def test_status_tells_by_its_code_how_bad_it_is(
    chrono, answering: Answering, health: str, ready: int, code: int
) -> None:
    document = {**answering.answers["/health"][1], "status": health}
    answering.answers["/health"] = (503 if health == "unhealthy" else 200, document)
    answering.answers["/ready"] = (ready, {"status": "not_ready"})
    assert chrono("status", "--url", answering.url, "--key", KEY).code == code


def test_status_without_a_key_shows_what_needs_none_and_says_what_is_missing(chrono, answering: Answering) -> None:
    for path in ("/metadata/venues", "/metadata/markets"):
        answering.answers[path] = (401, envelope("UNAUTHORIZED", "a key is needed", 401))
    done = chrono("status", "--url", answering.url)
    assert done.code == 0
    assert "healthy" in done.out
    assert "a key is needed" in done.out


def test_no_colour_reaches_a_pipe(chrono, answering: Answering) -> None:
    for args in (["--no-color", "status"], ["status", "--no-color"], ["status"]):
        assert "\x1b" not in chrono(*args, "--url", answering.url, "--key", KEY).out


@pytest.mark.parametrize("how", ["variable", "before", "after"])
def test_no_color_holds_on_a_terminal(environ, tmp_path: Path, answering: Answering, how: str) -> None:
    args = ["status", "--url", answering.url, "--key", KEY]
    args = {"before": ["--no-color", *args], "after": [*args, "--no-color"]}.get(how, args)
    shown = on_a_terminal(
        args, {**environ, **({"NO_COLOR": "1"} if how == "variable" else {}), "TERM": "xterm-256color"}, tmp_path
    )
    assert "healthy" in shown
    assert "\x1b[3" not in shown
    assert "\x1b[38" not in shown


def on_a_terminal(args: list[str], environ: dict[str, str], folder: Path) -> str:
    """What the command writes to a terminal."""
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "chrono.cli", *args], env=environ, cwd=folder, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # Linux: the other end is closed
            pass
        process.wait(timeout=60)
    os.close(ours)
    return shown.decode(errors="replace")
