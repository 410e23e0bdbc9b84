"""Real servers for tests: the embedded PostgreSQL in a folder of its own, and redis-server on a free port.

Use as context managers from a fixture of any scope; nothing here but `open_store` needs a running event loop:

    with chrono_folder() as data_dir: ...                # an empty one, for Settings(data_dir=str(data_dir))
    with prepared_folder() as data_dir: ...              # one in which a store opens at once: made, schema and all
    async with open_store(data_dir) as store: ...        # a Store with its parts running
    with postgres_server() as postgres:                  # about half a second
        url = postgres.database()                        # a fresh, empty database in it; give it as database_url
        url = postgres.migrated()                        # a fresh one with our schema
        postgres.freeze(); postgres.thaw(); postgres.kill()
    with redis_server() as redis: redis.url; redis.freeze(); redis.stop(); redis.start()
"""

import asyncio
import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from chrono.clock import Clock, SystemClock
from chrono.settings import Settings
from chrono.store import migrate
from chrono.store.door import Store
from chrono.store.postgres import EmbeddedPostgres
from chrono.store.postgres.leftovers import cluster_name, processes
from tests.fakes.ports import free_port


@contextmanager
def chrono_folder() -> Iterator[Path]:
    """A data folder that PostgreSQL's unprivileged user can enter (pytest's own tmp_path is 0700 as root)."""
    folder = Path(tempfile.mkdtemp(prefix="chrono-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def prepared_folder() -> Iterator[Path]:
    """A data folder whose PostgreSQL is made and has our schema: a copy of one that is made once per process."""
    original = _prepared()
    with chrono_folder() as folder:
        subprocess.run(["cp", "-a", f"{original}/.", str(folder)], check=True)
        folder.chmod(0o711)
        yield folder


@cache
def _prepared() -> Path:
    made = chrono_folder()
    folder = made.__enter__()
    atexit.register(made.__exit__, None, None, None)

    async def make() -> None:
        async with open_store(folder):
            pass

    _run(make)
    return folder


def _run(what: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Run a coroutine to its end, in a thread of its own, as the test that asks may have a loop running."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(lambda: asyncio.run(what())).result()


@asynccontextmanager
async def open_store(
    data_dir: Path, *, clock: Clock | None = None, without: Collection[str] = (), **settings: Any
) -> AsyncIterator[Store]:
    """A store on this folder with its parts running, as the root runs them; `settings` are more of Settings'.

    The parts named in `without` do not run: their steps are the test's to take.
    """
    store = await Store.open(Settings(data_dir=str(data_dir), **settings), clock or SystemClock())
    assert {name for name, _ in store.parts()} >= {*without}
    try:
        async with running([part for part in store.parts() if part[0] not in without]):
            yield store
    finally:
        await store.close()


@asynccontextmanager
async def running(parts: Sequence[tuple[str, Callable[[], Awaitable[None]]]]) -> AsyncIterator[None]:
    """Run long-running parts meanwhile; one that ended by itself fails the test."""
    tasks = [asyncio.ensure_future(part()) for _, part in parts]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        for (name, _), end in zip(parts, ends, strict=True):
            assert isinstance(end, asyncio.CancelledError), f"part {name} ended with {end!r}"


class PostgresServer:
    """A running embedded PostgreSQL, with handles to hurt it."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.server = server
        self.data_dir = server.data_dir
        self._template: str | None = None

    @property
    def conninfo(self) -> str:
        return self.server.conninfo

    @property
    def pid(self) -> int | None:
        return self.server.pid

    def pids(self) -> list[int]:
        """The postmaster first, then its backends and workers."""
        return pids_of(self.server.cluster, self.pid)

    def database(self) -> str:
        """The conninfo of a fresh, empty database."""
        return self.database_named(f"t_{uuid4().hex[:12]}")

    def migrated(self) -> str:
        """The conninfo of a fresh database with our schema."""
        if self._template is None:
            migrate.upgrade(self.database_named("our_template"))
            self._template = "our_template"
        name = f"t_{uuid4().hex[:12]}"
        return self.database_named(name, f"TEMPLATE {self._template}")

    def database_named(self, name: str, how: str = "") -> str:
        with psycopg.connect(self.conninfo, autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name} {how}")
        return self.conninfo.replace("dbname=postgres", f"dbname={name}")

    def freeze(self) -> None:
        """SIGSTOP everything: it holds its sockets and answers nothing."""
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL the postmaster and all its processes, as a power cut would for them."""
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def start(self) -> None:
        _run(self.server.start)

    def stop(self) -> None:
        _run(self.server.stop)


def pids_of(cluster: Path, postmaster: int | None) -> list[int]:
    """The processes of one cluster, the postmaster first."""
    title = f"postgres: {cluster_name(cluster)}: "
    children = [process.pid for process in processes() if f"{process.command} ".startswith(title)]
    return ([] if postmaster is None else [postmaster]) + children


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    with chrono_folder() as folder:
        server = PostgresServer(EmbeddedPostgres(folder))
        server.start()
        try:
            yield server
        finally:
            server.thaw()
            server.stop()


class RedisServer:
    """A real redis-server on loopback that keeps nothing on disk."""

    def __init__(self, folder: Path, password: str | None) -> None:
        self.port = free_port()
        self._folder = folder
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        user = f":{self._password}@" if self._password else ""
        return f"redis://{user}127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        binary = shutil.which("redis-server")
        assert binary, "redis-server is missing: apt-get install redis-server, or brew install redis"
        how = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        if self._password:
            how += ["--requirepass", self._password]
        self._process = subprocess.Popen(
            [binary, *how], cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _until_accepting(self.port, self._process)

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it by its pid; also what a test calls to make Redis go away."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self.thaw()
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def redis_server(password: str | None = None) -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory(prefix="chrono-redis-") as folder:
        server = RedisServer(Path(folder), password)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _until_accepting(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.01)
    raise TimeoutError(f"nothing listens on {port}")
