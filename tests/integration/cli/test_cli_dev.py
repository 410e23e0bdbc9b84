"""`chrono dev` as a newcomer meets it: started, asked by the other commands, stopped."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.xdist_group("chrono-dev")


class Dev(NamedTuple):
    """A running `chrono dev` with its data folder, the banner it printed, and its first line of prices."""

    process: subprocess.Popen[str]
    folder: Path
    banner: list[str]
    prices: str


@pytest.fixture(scope="module")
def module_environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = str(tmp_path_factory.mktemp("home"))
    path = os.pathsep.join(filter(None, (str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH"))))
    keep = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("COVERAGE_")}
    return {**keep, "HOME": home, "XDG_CONFIG_HOME": home, "PYTHONPATH": path}


@contextmanager
def started(environ: dict[str, str]) -> Iterator[Dev]:
    """A `chrono dev` of its own, from its banner on; ended in any case."""
    folder = Path(tempfile.mkdtemp(prefix="chrono-dev-"))  # PostgreSQL's user must reach it
    folder.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-m", "chrono.cli", "dev", "--port", "0", "--market", "simulated"],
        env={**environ, "CHRONO__DATA_DIR": str(folder)},
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    assert process.stdout is not None
    try:
        banner: list[str] = []
        log: list[str] = []
        for line in process.stderr:
            (banner if banner or line.startswith("Chrono dev") else log).append(line.rstrip())
            if len(banner) == 5:
                break
        assert len(banner) == 5, log
        yield Dev(process, folder, banner, process.stdout.readline())
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def dev(module_environ: dict[str, str]) -> Iterator[Dev]:
    with started(module_environ) as running:
        yield running


def test_the_banner_says_what_it_is_where_it_answers_and_how_to_stop(dev: Dev) -> None:
    told = json.loads((dev.folder / "server.json").read_text())
    assert dev.banner[0] == "Chrono dev · simulated market · simulated Flare network · Ctrl-C stops it"
    assert told["url"] in dev.banner[1]
    assert told["stream_url"] in dev.banner[1]
    assert str(dev.folder) in dev.banner[2]
    assert dev.banner[3].strip().startswith("try    curl -H 'X-API-Key: chrono_public_")


def test_prices_follow_as_plain_lines_when_nobody_watches_a_terminal(dev: Dev) -> None:
    assert "/USD " in dev.prices
    assert "\x1b" not in dev.prices


def test_the_keys_are_closed_to_others(dev: Dev) -> None:
    assert stat.S_IMODE((dev.folder / "dev-keys.json").stat().st_mode) == 0o600


def test_price_finds_the_server_and_its_key_by_itself(dev: Dev, chrono) -> None:
    market = dev.prices.split()[0]
    done = chrono("price", market, CHRONO__DATA_DIR=str(dev.folder))
    assert (done.code, done.err) == (0, "")
    assert market in done.out


def test_status_says_that_the_market_is_simulated(dev: Dev, chrono) -> None:
    done = chrono("status", CHRONO__DATA_DIR=str(dev.folder))
    assert "simulated" in done.out
    assert "sim-" in done.out
    assert set(json.loads(chrono("status", "--json", CHRONO__DATA_DIR=str(dev.folder)).out)["health"]) >= {"services"}


def test_explain_recomputes_the_value_here(dev: Dev, chrono) -> None:
    done = chrono("explain", dev.prices.split()[0], CHRONO__DATA_DIR=str(dev.folder))
    assert done.code == 0, done.err
    assert "recomputed: identical" in done.out
    assert done.out.splitlines()[3].split()[:3] == ["venue", "book", "path"]
    assert "estimators" in done.out


def test_explain_in_json_is_the_servers_own_document(dev: Dev, chrono) -> None:
    done = chrono("explain", dev.prices.split()[0], "--json", CHRONO__DATA_DIR=str(dev.folder))
    assert "derivation" in json.loads(done.out)
    assert "recomputed: identical" in done.err


def test_explain_of_a_market_nobody_quotes_is_told(dev: Dev, chrono) -> None:
    done = chrono("explain", "NOBODY/USD", CHRONO__DATA_DIR=str(dev.folder))
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[-1] == "next: chrono status"


def test_a_wrong_key_is_refused_with_what_helps(dev: Dev, chrono) -> None:
    done = chrono("price", "BTC", "--key", "chrono_public_wrong", CHRONO__DATA_DIR=str(dev.folder))
    assert done.code == 1
    assert "(UNAUTHORIZED)" in done.err
    assert "--key" in done.err.splitlines()[-1]


def test_a_second_one_on_the_same_folder_is_refused(dev: Dev, chrono) -> None:
    for command in (["dev", "--port", "0"], ["run", "--port", "0"]):
        done = chrono(*command, CHRONO__DATA_DIR=str(dev.folder), CHRONO__SERVER__STREAM_PORT="0")
        assert done.code == 1
        assert "another Chrono runs on this data folder" in done.err
        assert done.err.splitlines()[-1] == "next: chrono status"


def test_doctor_knows_the_ports_of_the_running_one(dev: Dev, chrono) -> None:
    told = json.loads((dev.folder / "server.json").read_text())
    port, fast = told["url"].rpartition(":")[2], told["stream_url"].rpartition(":")[2].partition("/")[0]
    done = chrono("doctor", "--json", CHRONO__DATA_DIR=str(dev.folder), PORT=port, CHRONO__SERVER__STREAM_PORT=fast)
    found = {check["name"]: check for check in json.loads(done.out)["checks"]}
    assert found["port"]["found"] == f"{port} is held by the Chrono that runs"
    assert found["stream_port"]["verdict"] == "PASS"


def test_db_leaves_the_database_of_a_running_one_alone(dev: Dev, chrono) -> None:
    done = chrono("db", "check", CHRONO__DATA_DIR=str(dev.folder))
    assert done.code == 1
    assert "a Chrono runs on" in done.err


def test_ctrl_c_ends_it_quietly_and_takes_its_traces_away(module_environ: dict[str, str]) -> None:
    with started(module_environ) as running:
        running.process.send_signal(signal.SIGINT)
        _, said = running.process.communicate(timeout=60)
        assert running.process.returncode == 0
        assert "Traceback" not in said
        assert not (running.folder / "server.json").exists()
