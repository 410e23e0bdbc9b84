"""What an earlier run left behind: a server that still runs, a stale pid file, a stale socket.

A process is touched only after it was seen to be a PostgreSQL of this very folder.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from chrono.clock import SECOND_NS, Clock
from chrono.errors import POSTGRES_FAILED, ChronoError

PORT = 5432
_POLL_S = 0.01


class Process(NamedTuple):
    """A running process: its id and its command line, words joined by blanks."""

    pid: int
    command: str


def cluster_name(cluster: Path) -> str:
    """The name that every process of this cluster shows in its title."""
    return f"chrono-{sha256(os.fsencode(cluster)).hexdigest()[:12]}"


def processes() -> Iterator[Process]:
    """Every process that can be seen, by /proc where there is one (Linux), else by ps (macOS)."""
    return _by_proc() if Path("/proc/self/cmdline").exists() else by_ps()


def _by_proc() -> Iterator[Process]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").strip()
                yield Process(int(entry.name), os.fsdecode(words))


def by_ps() -> Iterator[Process]:
    """Every process, as ps lists them."""
    listed = subprocess.run(["/bin/ps", "-axww", "-o", "pid=,command="], capture_output=True, check=True)
    for line in os.fsdecode(listed.stdout).splitlines():
        pid, _, command = line.strip().partition(" ")
        yield Process(int(pid), command.strip())


def postmaster_of(cluster: Path) -> int | None:
    """The pid of the server that runs on this cluster now, by its pid file, proven by its command line."""
    written = pid_file(cluster)
    if written is None:
        return None
    mine = (p.pid for p in processes() if p.pid == written.pid and f" -D {cluster} " in f"{p.command} ")
    return next(mine, None)


class PidFile(NamedTuple):
    """What PostgreSQL's postmaster.pid says: who runs, where its socket is, and whether it takes clients."""

    pid: int
    socket_dir: str
    ready: bool


def pid_file(cluster: Path) -> PidFile | None:
    """The cluster's postmaster.pid; None when there is none or it is torn."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return None
    socket_dir = lines[4].strip() if len(lines) > 4 else ""
    return PidFile(pid, socket_dir, len(lines) > 7 and lines[7].strip() == "ready")


async def clear(cluster: Path, socket_dir: Path, clock: Clock) -> None:
    """End what still runs on this cluster and remove what would hinder a start.

    The caller holds the data folder's lock, so that nobody else can own it.
    Raises: ChronoError(POSTGRES_FAILED) when a leftover cannot be ended.
    """
    leftover = postmaster_of(cluster)
    if leftover is not None:
        await end(leftover, clock)
    await end_orphans(cluster, clock)
    _disown_pid_file(cluster)
    for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
        (socket_dir / name).unlink(missing_ok=True)


async def end(pid: int, clock: Clock) -> None:
    """Stop a postmaster that is not our child: fast, then at once, then by force."""
    for number, patience_s in ((signal.SIGINT, 3.0), (signal.SIGQUIT, 2.0), (signal.SIGKILL, 2.0)):
        send(pid, number)
        if await gone(pid, patience_s, clock):
            return
    raise ChronoError(POSTGRES_FAILED, cause="a server of an earlier run does not end", pid=pid)


def send(pid: int, number: int) -> None:
    """Signal a process and wake it, in case it was stopped; one that is gone already is fine."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
        os.kill(pid, signal.SIGCONT)


async def gone(pid: int, patience_s: float, clock: Clock) -> bool:
    """Whether the process ends within `patience_s`."""
    until = clock.monotonic_ns() + int(patience_s * SECOND_NS)
    while _alive(pid):
        if clock.monotonic_ns() >= until:
            return False
        await asyncio.sleep(_POLL_S)
    return True


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state not in {"Z", "X"}
    return True


async def end_orphans(cluster: Path, clock: Clock) -> None:
    """End backends whose postmaster died by force: they hold the shared memory that a new server needs."""
    title = f"postgres: {cluster_name(cluster)}: "
    orphans = [p.pid for p in processes() if f"{p.command} ".startswith(title)]
    for pid in orphans:
        send(pid, signal.SIGKILL)
    for pid in orphans:
        if not await gone(pid, 5.0, clock):
            raise ChronoError(POSTGRES_FAILED, cause="a backend of an earlier run does not end", pid=pid)


def _disown_pid_file(cluster: Path) -> None:
    """Write our own pid over the dead server's in its pid file.

    Its number may meanwhile belong to somebody else, which makes PostgreSQL refuse. Its parent's it takes for
    stale, and still checks the shared memory that the rest of the file names; removing the file would skip that.
    """
    file = cluster / "postmaster.pid"
    try:
        handle = os.open(file, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    with os.fdopen(handle, "r+", errors="replace") as opened:
        rest = opened.read().partition("\n")[2]
        if not rest:
            file.unlink()
            return
        opened.seek(0)
        opened.write(f"{os.getpid()}\n{rest}")
        opened.truncate()
