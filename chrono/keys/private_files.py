"""Files that only their owner may reach: written whole or not at all, and refused when others could reach them."""

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from chrono.errors import KEYSTORE_ABSENT, KEYSTORE_EXISTS, KEYSTORE_FOREIGN, KEYSTORE_OPEN, ChronoError

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
LARGEST: Final = 65_536
_OTHERS: Final = 0o077


def write_private(path: Path, data: bytes) -> None:
    """Write a new file of mode 600 into a folder of mode 700, durably: whole or not at all, never over another.

    Raises: ChronoError(KEYSTORE_EXISTS, KEYSTORE_OPEN), OSError when the disk refuses.
    """
    make_folder(path.parent)
    passing = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, FILE_MODE)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, FILE_MODE)
            file.write(data)
            file.flush()
            os.fsync(handle)
        # A link fails where a name is taken; a rename would write over it.
        os.link(passing, path)
    except FileExistsError:
        raise ChronoError(KEYSTORE_EXISTS, file=str(path)) from None
    finally:
        passing.unlink(missing_ok=True)
    _sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make the folder with mode 700, or see that it has it. Raises: ChronoError(KEYSTORE_OPEN)."""
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    check_folder(folder)


def check_folder(folder: Path) -> None:
    """See that only the owner may reach the folder, and that we are the owner.

    Raises: ChronoError(KEYSTORE_OPEN), OSError when it is not there.
    """
    _check(folder, folder.stat())


def read_private(path: Path) -> bytes:
    """The bytes of a file that only we may reach, in a folder that only we may reach.

    Raises: ChronoError(KEYSTORE_ABSENT, KEYSTORE_OPEN, KEYSTORE_FOREIGN).
    """
    try:
        check_folder(path.parent)
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise ChronoError(KEYSTORE_ABSENT, file=str(path)) from None
    except OSError as fault:
        raise ChronoError(KEYSTORE_FOREIGN, file=str(path), why=fault.strerror) from None
    with os.fdopen(handle, "rb") as file:
        # Of the open file, not of its name: another may stand there by now.
        state = os.fstat(handle)
        _check(path, state)
        if not stat.S_ISREG(state.st_mode) or state.st_size > LARGEST:
            raise ChronoError(KEYSTORE_FOREIGN, file=str(path), why="not a plain file of at most 64 KiB")
        return file.read(LARGEST + 1)


def _check(path: Path, state: os.stat_result) -> None:
    if state.st_uid != os.geteuid():
        raise ChronoError(KEYSTORE_OPEN, path=str(path), why=f"it belongs to user {state.st_uid}")
    if state.st_mode & _OTHERS:
        raise ChronoError(KEYSTORE_OPEN, path=str(path), why=f"its mode is {stat.S_IMODE(state.st_mode):03o}")


def _sync_folder(folder: Path) -> None:
    """Make the new name durable too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
