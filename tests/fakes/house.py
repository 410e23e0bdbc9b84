"""A whole Chrono as a process of its own, for tests that start, kill and question it as an operator would."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.fakes.ports import free_port

INTERNAL_KEY = "chrono_internal_test_0123456789abcdef0123456789abcdef"
PUBLIC_KEY = "chrono_public_test_0123456789abcdef0123456789abcdef"
ADMIN_KEY = "chrono_admin_test_0123456789abcdef0123456789abcdef"


class House:
    """One `chrono run` with a data folder, ports and keys of its own. Always `close()` it."""

    def __init__(self, environment: dict[str, str] | None = None, data_dir: Path | None = None) -> None:
        # PostgreSQL runs as another user when the tests are root: the folder must be reachable by it.
        self.data_dir = data_dir or Path(tempfile.mkdtemp(prefix="chrono-house-"))
        self.data_dir.chmod(0o755)
        self.port, self.stream_port = free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.log_path = self.data_dir.with_suffix(".log")
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("CHRONO__")},
            "CHRONO__DATA_DIR": str(self.data_dir),
            "CHRONO__SERVER__PORT": str(self.port),
            "CHRONO__SERVER__STREAM_PORT": str(self.stream_port),
            # What the tests send is all that this house hears.
            "CHRONO__VENUES__ENABLED": "[]",
            "INTERNAL_API_KEYS": INTERNAL_KEY,
            "PUBLIC_API_KEYS": PUBLIC_KEY,
            "ADMIN_API_KEYS": ADMIN_KEY,
            "RATE_LIMIT_INTERNAL": "100000000",
            "RATE_LIMIT_PUBLIC_FREE": "100000000",
            "CHRONO__API__RATE_LIMIT_ADDRESS": "100000000",
            **(environment or {}),
        }

    @property
    def url(self) -> str:
        """The main door."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Chrono's own process."""
        assert self.process is not None
        return self.process.pid

    def start(self, *command: str, ready: bool = True) -> "House":
        """Start `chrono run` (or another command) and wait until it answers."""
        argv = [sys.executable, "-m", "chrono.cli", *(command or ("run",))]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                argv, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.data_dir
            )
        if ready:
            self.wait_live()
        return self

    def wait_live(self, within_s: float = 120.0) -> None:
        """Until `/live` answers. Raises: RuntimeError with the log when the process ends or never answers."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            assert self.process is not None
            if self.process.poll() is not None:
                raise RuntimeError(f"chrono ended with {self.process.returncode}:\n{self.log()}")
            try:
                if self.get("/live")[0] == 200:
                    return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"chrono did not answer in {within_s} s:\n{self.log()}")

    def log(self) -> str:
        """What the process has said so far, its end."""
        return self.log_path.read_text(errors="replace")[-8000:] if self.log_path.exists() else ""

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout: float = 60,
    ) -> tuple[int, bytes]:
        """Status and body of one request; HTTP errors are answers, not exceptions."""
        asked = urllib.request.Request(self.url + path, data=body, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(asked, timeout=timeout) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def get(self, path: str, key: str | None = PUBLIC_KEY) -> tuple[int, Any]:
        """Status and decoded JSON of a GET."""
        status, body = self.request("GET", path, headers={"X-API-Key": key} if key else {})
        return status, json.loads(body) if body else None

    def ingest(self, feeds: list[dict[str, Any]], worker: str = "test-worker", timeout: float = 60) -> tuple[int, Any]:
        """Status and decoded JSON of one ingest batch."""
        body = json.dumps({"worker_id": worker, "feeds": feeds}).encode()
        headers = {"X-API-Key": INTERNAL_KEY, "Content-Type": "application/json"}
        status, answer = self.request("POST", "/internal/ingest", body, headers, timeout)
        return status, json.loads(answer) if answer else None

    def kill(self) -> None:
        """kill -9 of Chrono itself: nothing is cleaned up."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self, within_s: float = 60.0) -> int:
        """Ctrl-C, and the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(within_s)

    def close(self) -> None:
        """End the process and remove everything it wrote."""
        if self.process is not None and self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
        self.log_path.unlink(missing_ok=True)
        shutil.rmtree(self.data_dir, ignore_errors=True)

    def __enter__(self) -> "House":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
