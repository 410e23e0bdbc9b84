"""The command line as a user has it: a process of its own, a home without settings."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from chrono.cli.root import run as run_chrono
from tests.fakes.answering import Answering
from tests.fakes.published_epochs import Verify

ROOT = Path(__file__).parents[3]


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Chrono = Callable[..., Done]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment with a home of its own and nothing of ours in it."""
    keep = {
        name: os.environ[name]
        for name in ("PATH", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
        if name in os.environ
    }
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_DATA_HOME": str(tmp_path / "data")}
    return {**keep, **home, "PYTHONPATH": path, "CHRONO__DATA_DIR": str(tmp_path / "house"), "COLUMNS": "200"}


@pytest.fixture
def chrono(environ: dict[str, str], tmp_path: Path) -> Chrono:
    """Runs `chrono ...` in an empty folder; keywords are names in its environment."""

    def run(*args: str, timeout: float = 60, **more: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "chrono.cli", *args],
            env={**environ, **more}, cwd=tmp_path, capture_output=True, text=True, timeout=timeout,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def answering() -> Iterator[Answering]:
    """A server that answers as a healthy Chrono would, with one market."""
    price = {
        "symbol": "BTC/USD", "price": "67234.56", "volume": None, "source": "aggregated",
        "timestamp": "2025-10-09T12:34:56.789Z", "staleness_ms": 340, "quality": "ok",
        "sources": 5, "confidence": "0.9500",
    }  # fmt: skip
    market = {"symbol": "BTC/USD", "sources": [{"venue": v, "state": "used"} for v in "abc"], "minimum_sources": 3}
    venue = {
        "venue": "binance",
        "state": "live",
        "since": "2025-10-09T12:00:00.000Z",
        "markets": 12,
        "last_message_ms": 250,
    }
    services = {"database": "healthy", "redis": "off", "websocket": "healthy", "chain": "off", "venues": "healthy"}
    with Answering(
        {
            "/prices/latest": (200, {"data": [price], "missing": [], "cached": True, "latency_ms": 1}),
            "/health": (200, {"status": "healthy", "timestamp": "x", "services": services, "uptime_seconds": 3600}),
            "/ready": (200, {"status": "ready"}),
            "/live": (200, {"status": "live"}),
            "/metadata/venues": (200, {"data": [venue]}),
            "/metadata/markets": (200, {"data": [market]}),
        }
    ) as server:
        yield server


@pytest.fixture
def verify(capsys: pytest.CaptureFixture[str]) -> Verify:
    """Runs `chrono rewards verify --json` in this process."""

    def ran(*args: object) -> tuple[int, dict[str, Any], str]:
        code = run_chrono(["rewards", "verify", *map(str, args), "--json"])
        told = capsys.readouterr()
        return code, json.loads(told.out) if told.out else {}, told.err

    return ran
