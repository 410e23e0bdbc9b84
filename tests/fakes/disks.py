"""Disks that really fill up: a tiny tmpfs of our own, for tests that see what a full disk does.

    with small_disk(megabytes=8) as disk:
        disk.path                   # an empty folder of that size
        disk.fill(leave_kb=64)      # somebody else writes it full
        disk.free()                 # and takes it away again

Only root on Linux may mount one. Elsewhere `small_disk` skips the test and says so.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

FILLER = "somebody-elses-file"


class SmallDisk:
    """A file system of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def room(self) -> int:
        """Bytes that can still be written."""
        return shutil.disk_usage(self.path).free

    def fill(self, leave_kb: int = 0) -> None:
        """Write it full, all but `leave_kb`."""
        with (self.path / FILLER).open("ab") as file:
            while (wanted := self.room - leave_kb * 1024) > 0:
                with suppress(OSError):  # others write too: what is left now is asked again
                    os.posix_fallocate(file.fileno(), file.tell(), wanted)
                file.seek(0, os.SEEK_END)

    def free(self) -> None:
        """Take away what `fill` wrote."""
        (self.path / FILLER).unlink(missing_ok=True)


@contextmanager
def small_disk(megabytes: int, below: str = "") -> Iterator[SmallDisk]:
    """A disk of that size, empty; skips the test where none can be mounted.

    With `below` it is mounted on the folder of that name in an ordinary one, which is `disk.path.parent`.
    """
    folder = Path(tempfile.mkdtemp(prefix="chrono-disk-"))
    folder.chmod(0o755)
    place = folder / "disk" / below
    place.mkdir(parents=True, mode=0o755)
    try:
        _mount(place, megabytes)
        try:
            yield SmallDisk(place)
        finally:
            subprocess.run(["umount", "-l", str(place)], check=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _mount(place: Path, megabytes: int) -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("NOT TESTED HERE: a full disk; it takes root on Linux to mount a small one")
    options = f"size={megabytes}m,mode=0755"
    mounting = ["mount", "-t", "tmpfs", "-o", options, "chrono-test", str(place)]
    mounted = subprocess.run(mounting, check=False, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"NOT TESTED HERE: a full disk; this container may not mount one: {mounted.stderr.strip()}")
