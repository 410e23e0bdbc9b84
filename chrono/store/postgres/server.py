"""One PostgreSQL server of our own: made once, started, guarded, supervised, stopped.

It listens on a unix socket only, in a folder that nobody else can enter, and lets in only the system user that
Chrono runs as. It has a session of its own, so that Ctrl-C does not reach it; and a guard inside that session,
which holds the reading end of a pipe: when Chrono dies, however it dies, the pipe ends and the guard stops it.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import IO

import structlog

from chrono.clock import SECOND_NS, Clock, SystemClock
from chrono.errors import DATA_DIR_BUSY, POSTGRES_FAILED, ChronoError
from chrono.store.postgres import leftovers
from chrono.store.postgres.files import FolderLock, open_log, private_folder, write_private
from chrono.store.postgres.install import (
    CLUSTER_VERSION,
    ENVIRONMENT,
    Account,
    choose_account,
    find_binaries,
    own_name,
    require_reachable,
)

ROLE = "chrono"
DATABASE = "postgres"
SOCKET_PATH_BYTES = 100
"""Longest socket path used; the systems allow 103 (macOS) and 107 (Linux)."""

START_PATIENCE_S = 120.0
STOP_STEPS = ((signal.SIGINT, 1.0), (signal.SIGQUIT, 1.0), (signal.SIGKILL, 5.0))
"""Fast, immediate, by force; each with the seconds it is given."""

_POLL_S = 0.01
_WATCH_S = 0.2
_CALM_S = 30.0

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "40",
    "shared_buffers": "64MB",
    "wal_buffers": "8MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "32MB",
    "max_locks_per_transaction": "256",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_sync_method": "fsync_writethrough" if sys.platform == "darwin" else "fdatasync",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "io_method": "sync",
    "max_logical_replication_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_max_workers": "2",
    "jit": "off",
    "log_checkpoints": "off",
    "log_min_messages": "log",  # key clashes are our daily bread: an ERROR line for each would fill the disk
    "log_line_prefix": "%m [%p] ",
    "log_timezone": "UTC",
    "timezone": "UTC",
}

_GUARD = """
exec 3<&0 </dev/null
(
  read -r _ <&3
  [ "$(head -n 1 "$0/postmaster.pid" 2>/dev/null)" = "$$" ] || exit 0
  kill -INT $$; kill -CONT $$
  tries=0
  while kill -0 $$ 2>/dev/null && [ $tries -lt 40 ]; do sleep 0.1; tries=$((tries+1)); done
  kill -QUIT $$
) 2>/dev/null &
exec "$@" 3<&-
"""
"""The shell becomes the server (one pid, our child); its background part waits for the end of the pipe."""

log = structlog.get_logger()


class EmbeddedPostgres:
    """The server on `<data_dir>/postgres/18`. One owner at a time, by a lock in the data folder."""

    def __init__(self, data_dir: Path, clock: Clock | None = None) -> None:
        self.data_dir = data_dir.absolute()
        self.home = self.data_dir / "postgres"
        self.cluster = self.home / CLUSTER_VERSION
        self.socket_dir = self.home / "socket"
        self._clock = clock or SystemClock()
        self._lock = FolderLock(self.data_dir / "postgres.lock")
        self._server: subprocess.Popen[bytes] | None = None
        self._lifeline: IO[bytes] | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The postmaster's pid; its other processes are children of it. None while it does not run."""
        return None if self._server is None or self._server.poll() is not None else self._server.pid

    @property
    def made(self) -> bool:
        """Whether the cluster exists; else the next start makes it."""
        return (self.cluster / "PG_VERSION").exists()

    @property
    def conninfo(self) -> str:
        """How to connect, as libpq reads it."""
        return f"host={self.socket_dir} port={leftovers.PORT} dbname={DATABASE} user={ROLE}"

    async def start(self) -> str:
        """Run the server, made first if there is none, and return its conninfo once it takes clients.

        Raises: ChronoError(DATA_DIR_BUSY, DATA_DIR_UNREACHABLE, POSTGRES_FAILED).
        """
        if not self._lock.take():
            raise ChronoError(DATA_DIR_BUSY, data_dir=str(self.data_dir))
        self._stopping = False
        account = choose_account()
        binaries = await asyncio.to_thread(self._prepare, account)
        await leftovers.clear(self.cluster, self.socket_dir, self._clock)
        if not self.made:
            await asyncio.to_thread(self._make_cluster, account, binaries)
        self._admit_only_us(account)
        await self._until_ready(self._spawn(account, binaries))
        return self.conninfo

    async def stop(self) -> None:
        """Stop the server: fast, then at once, then by force. Idle when it does not run."""
        self._stopping = True
        server = self._server
        if server is not None:
            for number, patience_s in STOP_STEPS:
                if server.poll() is None:
                    leftovers.send(server.pid, number)
                    await self._ended(server, patience_s)
            if server.returncode != 0:
                await leftovers.end_orphans(self.cluster, self._clock)
            self._server = None
        self._cut_lifeline()
        self._lock.release()

    async def watch(self) -> None:
        """Start the server again whenever it dies, with growing pauses. Runs until cancelled."""
        pause_s = 0.1
        started_ns = self._clock.monotonic_ns()
        while True:
            await asyncio.sleep(_WATCH_S)
            if self._stopping or self._server is None or self._server.poll() is None:
                continue
            log.error("postgres_died", status=self._server.returncode, restart_in_s=pause_s)
            await asyncio.sleep(pause_s)
            calm = self._clock.monotonic_ns() - started_ns > _CALM_S * SECOND_NS
            pause_s = 0.1 if calm else min(pause_s * 2, 5.0)
            self._cut_lifeline()
            try:
                await self.start()
            except ChronoError as error:
                log.exception("postgres_restart_failed", **error.facts)
            started_ns = self._clock.monotonic_ns()

    def _prepare(self, account: Account) -> Path:
        require_reachable(account, self.data_dir)
        private_folder(self.home, account)
        self.socket_dir = self._choose_socket_dir()
        private_folder(self.socket_dir, account)
        return find_binaries(account, self.home)

    def _choose_socket_dir(self) -> Path:
        near = self.home / "socket"
        if len(os.fsencode(near)) + len(f"/.s.PGSQL.{leftovers.PORT}") <= SOCKET_PATH_BYTES:
            return near
        told_apart = sha256(os.fsencode(self.data_dir)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"chrono-{os.geteuid()}-{told_apart}"

    def _make_cluster(self, account: Account, binaries: Path) -> None:
        # Made beside its place and then moved, so that a crash half-way leaves nothing that looks whole.
        unfinished = self.home / f"{CLUSTER_VERSION}.unfinished"
        _remove(unfinished, account)
        how = ["-U", ROLE, "-A", "reject", "--encoding=UTF8", "--locale=C", "--no-instructions"]
        done = subprocess.run(  # noqa: S603 - our own binary, our own words
            [binaries / "initdb", "-D", unfinished, *how],
            env=ENVIRONMENT, cwd="/", capture_output=True, check=False, **account.as_child(),
        )  # fmt: skip
        if done.returncode != 0:
            raise ChronoError(POSTGRES_FAILED, cause=done.stderr.decode(errors="replace").strip()[-500:])
        unfinished.rename(self.cluster)

    def _admit_only_us(self, account: Account) -> None:
        """Only the user that Chrono runs as gets in, by the socket's own proof of who calls."""
        write_private(self.cluster / "pg_hba.conf", "local all all peer map=chrono\n", account)
        write_private(self.cluster / "pg_ident.conf", f'chrono "{own_name()}" {ROLE}\n', account)

    def _spawn(self, account: Account, binaries: Path) -> subprocess.Popen[bytes]:
        settings = SETTINGS | {
            "cluster_name": leftovers.cluster_name(self.cluster),
            "unix_socket_directories": str(self.socket_dir),
            "port": str(leftovers.PORT),
        }
        flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
        command = [str(binaries / "postgres"), "-D", str(self.cluster), *flags]
        with open_log(self.data_dir / "postgres.log") as output:
            server: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - our own binary, our own words
                ["/bin/sh", "-c", _GUARD, str(self.cluster), *command],
                env=ENVIRONMENT, cwd="/", stdin=subprocess.PIPE, stdout=output, stderr=output,
                start_new_session=True, **account.as_child(),
            )  # fmt: skip
        self._server, self._lifeline = server, server.stdin
        return server

    async def _until_ready(self, server: subprocess.Popen[bytes]) -> None:
        until = self._clock.monotonic_ns() + int(START_PATIENCE_S * SECOND_NS)
        while True:
            told = leftovers.pid_file(self.cluster)
            if told is not None and told.pid == server.pid and told.ready:
                return
            if server.poll() is not None or self._clock.monotonic_ns() > until:
                raise ChronoError(POSTGRES_FAILED, cause=self._last_words(), log=str(self.data_dir / "postgres.log"))
            await asyncio.sleep(_POLL_S)

    def _last_words(self) -> str:
        told = (self.data_dir / "postgres.log").read_bytes()[-600:]
        return told.decode(errors="replace").strip()

    async def _ended(self, server: "subprocess.Popen[bytes]", patience_s: float) -> None:
        until = self._clock.monotonic_ns() + int(patience_s * SECOND_NS)
        while server.poll() is None and self._clock.monotonic_ns() < until:
            await asyncio.sleep(_POLL_S)

    def _cut_lifeline(self) -> None:
        if self._lifeline is not None:
            self._lifeline.close()
            self._lifeline = None


def running(data_dir: Path) -> str | None:
    """The conninfo of the server that another Chrono runs on this data folder; None when none runs."""
    cluster = data_dir.absolute() / "postgres" / CLUSTER_VERSION
    told = leftovers.pid_file(cluster)
    if told is None or leftovers.postmaster_of(cluster) is None:
        return None
    return f"host={told.socket_dir} port={leftovers.PORT} dbname={DATABASE} user={ROLE}"


def _remove(folder: Path, account: Account) -> None:
    """Remove a folder of the account's, as that account: a link planted in it leads root nowhere."""
    subprocess.run(["/bin/rm", "-rf", folder], env=ENVIRONMENT, cwd="/", check=True, **account.as_child())  # noqa: S603
