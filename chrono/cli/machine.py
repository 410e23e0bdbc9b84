"""What `chrono doctor` checks on the machine itself: Python, core, data folder, ports, limits, clock, files."""

import errno
import os
import platform
import resource
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from chrono.cli.client import Client
from chrono.cli.ends import Stop
from chrono.cli.findings import Finding, failed, passed, warned
from chrono.cli.version import core_version
from chrono.cli.whereabouts import KEYS_FILE, read_home
from chrono.clock import SECOND_NS, Clock
from chrono.settings import Loaded, Settings

LOW_SPACE = 0.15
"""Share of a disk below which PostgreSQL should be given more room."""
NO_SPACE = 0.03
SPARE_FILES = 512
"""Open files beyond the streams: database, logs, venues, libraries."""
_BUILT_NS = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()) * SECOND_NS
_CLOCK_SAMPLE_S = 0.1


def check_python() -> Iterator[Finding]:
    """The interpreter and the Rust core, which must answer and not merely be importable."""
    yield passed("python", f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    try:
        import chrono_core

        works = chrono_core.median([3.0, 1.0, 2.0]) == 2.0
    except (ImportError, AttributeError):  # at the root of a checkout, the bare folder can be imported
        works = False
    if works:
        yield passed("chrono_core", f"version {core_version() or 'unknown'}")
    else:
        yield failed("chrono_core", "the Rust core is not built for this Python", "run `make setup`")


def check_data_dir(settings: Settings) -> Iterator[Finding]:
    """The data folder: there or to be made, writable, closed to other writers, with room."""
    folder = Path(settings.data_dir)
    standing = _nearest(folder)
    try:
        with tempfile.TemporaryFile(dir=standing) as file:
            file.write(b"chrono")
    except OSError as error:
        remedy = "choose another data_dir (CHRONO__DATA_DIR), or give this user the folder"
        yield failed("data_dir", f"{standing} cannot be written to ({error.strerror})", remedy)
        return
    if standing == folder and stat.S_IMODE(folder.stat().st_mode) & 0o022:
        yield warned("data_dir", f"others may write to {folder}", f"run `chmod go-w {folder}`")
    else:
        yield passed("data_dir", f"{folder}" if standing == folder else f"{folder} (to be made)")
    yield _space(standing)


def check_ports(settings: Settings, beside: Sequence[Path] = ()) -> Iterator[Finding]:
    """Each port: free, or held by a Chrono of ours: of this data folder, or of one of those `beside` it."""
    server = settings.server
    named = {"port": server.port, "stream_port": server.stream_port}
    if server.value_provider_port:
        named["value_provider_port"] = server.value_provider_port
    ours = any(_we_run(folder) for folder in (Path(settings.data_dir), *beside))
    for name, port in named.items():
        host = "127.0.0.1" if name == "value_provider_port" else server.host
        problem = _bind(host, port) if port else None
        if problem is None:
            yield passed(name, f"{port} is free" if port else "a free port is taken at the start")
        elif problem.errno == errno.EADDRINUSE and ours:
            yield passed(name, f"{port} is held by the Chrono that runs")
        elif problem.errno == errno.EADDRINUSE:
            remedy = f"stop what listens there, or set server.{name} to another port"
            yield failed(name, f"{port} is held by another program", remedy)
        else:
            yield failed(name, f"{host}:{port} cannot be bound ({problem.strerror})", "choose another host or port")


def check_open_files(settings: Settings) -> Iterator[Finding]:
    """Whether as many files may be open as streams are allowed. The server raises the soft limit itself."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = settings.stream.max_connections + SPARE_FILES
    if hard == resource.RLIM_INFINITY or hard >= needed:
        yield passed("open files", f"{'no limit' if hard == resource.RLIM_INFINITY else hard}, {needed} are needed")
    else:
        remedy = f"raise it (`ulimit -Hn {needed}`), or lower stream.max_connections"
        yield warned("open files", f"{hard} are allowed, {needed} are needed for every stream", remedy)


def check_clock(clock: Clock) -> Iterator[Finding]:
    """Whether time runs forward at its pace. Its distance from the world's time cannot be measured offline."""
    wall, monotonic = clock.now_ns(), clock.monotonic_ns()
    Event().wait(_CLOCK_SAMPLE_S)
    drift_ms = abs((clock.now_ns() - wall) - (clock.monotonic_ns() - monotonic)) / 1e6
    if wall < _BUILT_NS:
        yield failed("clock", "this machine's date lies before Chrono was made", "set the clock, and keep it by NTP")
    elif drift_ms > 10:
        yield warned("clock", f"the wall clock jumped by {drift_ms:.0f} ms within 0.1 s", "check NTP on this machine")
    else:
        told = "runs evenly; its offset to the world's time cannot be measured offline, so keep NTP on"
        yield passed("clock", told)


def check_files(loaded: Loaded) -> Iterator[Finding]:
    """Files that hold keys must be closed to other users."""
    folder = Path(loaded.settings.data_dir)
    found = [path for path in (folder / KEYS_FILE, folder / "dev" / KEYS_FILE) if path.is_file()]
    open_ones = [path for path in found if stat.S_IMODE(path.stat().st_mode) & 0o077]
    for path in open_ones:
        yield failed("key files", f"others may read {path}", f"run `chmod 600 {path}`")
    if not open_ones:
        yield passed("key files", f"{len(found)} found, closed to others" if found else "none lie open")


def _space(folder: Path) -> Finding:
    usage = shutil.disk_usage(folder)
    share = usage.free / usage.total if usage.total else 0.0
    told = f"{usage.free / 1e9:.1f} GB free ({share:.0%})"
    if share < NO_SPACE:
        return failed("disk", told, "make room: PostgreSQL stops when the disk is full")
    if share < LOW_SPACE:
        return warned("disk", told, f"keep {LOW_SPACE:.0%} free, or lower store.raw_retention_days")
    return passed("disk", told)


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    return next((above for above in (folder, *folder.parents) if above.is_dir()), Path("/"))


def _bind(host: str, port: int) -> OSError | None:
    """Why this port cannot be bound; None when it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error
    return None


def _we_run(folder: Path) -> bool:
    """Whether a Chrono of this data folder runs: it said so in server.json, is alive, and answers."""
    told = read_home(folder).server
    pid, url = told.get("pid"), told.get("url")
    if not isinstance(pid, int) or not isinstance(url, str):
        return False
    try:
        os.kill(pid, 0)
        Client(url, None, deadline_s=2).get("/live", accept=(503,))
    except (OSError, OverflowError, Stop):
        return False
    return True
