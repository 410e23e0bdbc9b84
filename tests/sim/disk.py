"""A disk that loses what was not synced. Stands where a module has `os`: files live in memory, and a crash is a call.

Kill the process, and what was written stays; pull the plug, and of what was not synced any part may be gone: the end of
a file, a new name. Every operation is a point at which the process may be killed.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

from tests.sim.process import point


class _File:
    def __init__(self) -> None:
        self.data = bytearray()
        self.durable = b""


class Disk:
    """The files of one machine. `fails` names operations that fail: write, fsync, open, replace."""

    def __init__(self, seed: object = 0) -> None:
        self._chance = Random(f"disk {seed}")
        self._names: dict[str, _File] = {}
        self._durable_names: dict[str, _File] = {}
        self._open: dict[int, tuple[_File | None, list[int]]] = {}
        """File, and place in it, by handle; None for a folder."""
        self._next = 1000
        self.fails: dict[str, int] = {}
        self.lies_about_sync = False
        """It says that it synced, and did not."""
        self.synced = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def crash(self) -> None:
        """The power fails: nothing is there that was not synced, or a part of it."""
        chance = self._chance
        names = self._durable_names if chance.random() < 0.5 else self._names
        kept: dict[str, _File] = {}
        for name, file in names.items():
            left = _File()
            rest = bytes(file.data[len(file.durable) :]) if file.data.startswith(file.durable) else b""
            left.data = bytearray(file.durable + rest[: chance.randint(0, len(rest))])
            left.durable = bytes(left.data)
            kept[name] = left
        self._names, self._durable_names = dict(kept), dict(kept)
        self._open.clear()

    def wipe(self) -> None:
        """Everything is lost: a new disk."""
        self._names, self._durable_names = {}, {}
        self._open.clear()

    def copy(self) -> dict[str, bytes]:
        """A backup of every file."""
        return {name: bytes(file.data) for name, file in self._names.items()}

    def restore(self, backup: dict[str, bytes]) -> None:
        """The files of a backup, and no others."""
        self.wipe()
        for name, data in backup.items():
            file = _File()
            file.data, file.durable = bytearray(data), data
            self._names[name] = self._durable_names[name] = file

    # What a module finds in `os`

    def open(self, path: str | Path, flags: int, mode: int = 0o777) -> int:
        self._begin("open")
        name = str(path)
        if flags & os.O_CREAT and name not in self._names:
            self._names[name] = _File()
        file = self._names.get(name)
        if file is None:
            return self._handle(None)
        if flags & os.O_TRUNC:
            file.data = bytearray()
        return self._handle(file)

    def read(self, handle: int, size: int) -> bytes:
        file, place = self._file(handle)
        found = bytes(file.data[place[0] : place[0] + size])
        place[0] += len(found)
        return found

    def lseek(self, handle: int, to: int, how: int) -> int:
        self._open[handle][1][0] = to
        return to

    def write(self, handle: int, data: Any) -> int:
        self._begin("write")
        file, _ = self._file(handle)
        data = bytes(data)
        if "short write" in self.fails:
            data = data[: max(len(data) // 2, 1)]
        file.data += data
        point("disk: written, not synced")
        return len(data)

    def fsync(self, handle: int) -> None:
        file, _ = self._open[handle]
        self._begin("fsync")
        if not self.lies_about_sync:
            if file is None:
                self._durable_names = dict(self._names)
            else:
                file.durable = bytes(file.data)
        self.synced += 1
        point("disk: synced")

    def ftruncate(self, handle: int, size: int) -> None:
        self._begin("write")
        file, _ = self._file(handle)
        del file.data[size:]

    def replace(self, old: str | Path, new: str | Path) -> None:
        self._begin("replace")
        self._names[str(new)] = self._names.pop(str(old))
        point("disk: renamed, not synced")

    def link(self, old: str | Path, new: str | Path) -> None:
        self._names[str(new)] = self._names[str(old)]

    def unlink(self, path: str | Path) -> None:
        self._names.pop(str(path), None)

    def close(self, handle: int) -> None:
        self._open.pop(handle, None)

    def fchmod(self, handle: int, mode: int) -> None:
        """Nobody else is here."""

    def fstat(self, handle: int) -> SimpleNamespace:
        return SimpleNamespace(st_size=len(self._file(handle)[0].data))

    def _file(self, handle: int) -> tuple[_File, list[int]]:
        file, place = self._open[handle]
        if file is None:
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        return file, place

    def _begin(self, operation: str) -> None:
        point(f"disk: before {operation}")
        code = self.fails.get(operation)
        if code is not None:
            raise OSError(code, os.strerror(code))

    def _handle(self, file: _File | None) -> int:
        self._next += 1
        self._open[self._next] = file, [0]
        return self._next


def full(disk: Disk) -> Callable[[], None]:
    """Let the disk be full; what is given ends it."""
    disk.fails["write"] = errno.ENOSPC
    return lambda: disk.fails.pop("write", None) and None
