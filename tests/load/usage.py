"""What a process and its children cost: CPU seconds and peak resident memory, PostgreSQL told apart."""

from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Usage:
    """CPU seconds so far and peak resident MB of Chrono's own process; MB of PostgreSQL (shared pages counted once)."""

    cpu_s: float
    peak_mb: float
    postgres_cpu_s: float
    postgres_mb: float


def usage(pid: int) -> Usage:
    """Now, of the process and its PostgreSQL children."""
    own = psutil.Process(pid)
    times = own.cpu_times()
    postgres = [child for child in own.children(recursive=True) if child.name().startswith("postgres")]
    return Usage(
        times.user + times.system,
        _status_kb(pid, "VmHWM") / 1024,
        sum(sum(child.cpu_times()[:2]) for child in postgres),
        sum(_pss_kb(child.pid) for child in postgres) / 1024,
    )


def _status_kb(pid: int, field: str) -> int:
    path = Path(f"/proc/{pid}/status")
    if not path.exists():
        return psutil.Process(pid).memory_info().rss // 1024
    return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith(field))


def _pss_kb(pid: int) -> int:
    path = Path(f"/proc/{pid}/smaps_rollup")
    if not path.exists():
        return 0
    return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith("Pss:"))
