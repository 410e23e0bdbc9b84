"""One voter for each identity of a network on this machine, whatever data folder it was given.

Two processes that vote for one entity make two commits a round, of which one is never revealed. The lock lies in the
user's state folder and is the kernel's: it goes with the process, however that ends.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from chrono.errors import IDENTITY_BUSY, ChronoError
from chrono.flare.address import Address, checksummed


def state_folder() -> Path:
    """Where this user's programs keep what is neither settings nor data."""
    return Path(platformdirs.user_state_dir("chrono", appauthor=False))


@contextmanager
def hold_identity(network: str, identity: Address, folder: Path | None = None) -> Iterator[Path]:
    """The right to vote for an identity, for this process alone; the file that stands for it.

    Raises: ChronoError(IDENTITY_BUSY) with the pid of the one that holds it, OSError when the folder cannot be used.
    """
    folder = folder or state_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"voter-{network}-{identity.hex()}.lock"
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            lock.seek(0)
            told = lock.read().strip()
            raise ChronoError(IDENTITY_BUSY, network=network, identity=checksummed(identity), held_by=told) from busy
        lock.truncate(0)
        lock.write(f"pid {os.getpid()}")
        lock.flush()
        yield path
