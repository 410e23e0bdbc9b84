"""The few files around the embedded PostgreSQL: its folders, its log, the lock that says whose it is.

As root we write into folders that another user owns, so no link is ever followed.
"""

import fcntl
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from chrono.errors import POSTGRES_FAILED, ChronoError
from chrono.store.postgres.install import Account

LOG_BYTES = 16 * 1024 * 1024
"""A log that has grown beyond this at a start is moved aside; one older log is kept."""


class FolderLock:
    """Held by one process at a time, and let go by the system when that process dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def take(self) -> bool:
        """Whether we hold it now."""
        if self._handle is not None:
            return True
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def release(self) -> None:
        """Let go; the file stays, as removing it would let two owners in."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def private_folder(folder: Path, account: Account) -> None:
    """Make `folder` 0700 and the account's, or check that it is.

    Raises: ChronoError(POSTGRES_FAILED) when something else stands there, such as another user's folder.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        if account.foreign:
            os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {account.uid, os.geteuid()}:
        raise ChronoError(POSTGRES_FAILED, cause=f"{folder} belongs to somebody else")
    if found.st_uid != account.uid:
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)


def write_private(path: Path, text: str, account: Account) -> None:
    """Write a small file that the account owns, 0600."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        if account.foreign:
            os.fchown(file.fileno(), account.uid, account.gid)


def open_log(path: Path) -> BinaryIO:
    """The log, opened to append; a large one is moved aside first."""
    with suppress(FileNotFoundError):
        if path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".1.log"))
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600), "ab")
