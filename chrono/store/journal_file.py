"""A file of records that are on disk before `append` returns: the journal of the voter lies in one.

Each record carries its length and checksum. A torn last record is cut off and told; records lost in the middle are told
too, and the damaged file is laid aside. After a failed write or sync nothing that the file says is trusted until all of
it was written anew: a page whose sync failed may read back well and yet be on no disk.
"""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import structlog

from chrono.clock import SECOND_NS, Clock, SystemClock
from chrono.errors import JOURNAL_BROKEN, ChronoError
from chrono.store.journal_frames import Scanned, frame, scan
from chrono.telemetry import JOURNAL_SYNC

FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700
_FULL_SYNC: Final[int | None] = getattr(fcntl, "F_FULLFSYNC", None)
"""macOS: an fsync there leaves the bytes in the drive's cache."""
_READ_BYTES: Final = 1 << 20

log = structlog.get_logger()


class JournalFile:
    """Fits voting.journal.ByteLog. Every method blocks; one thread at a time."""

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        """Open the file, or make it; mend what a crash left.

        On a disk that takes nothing, what stands in the file is read all the same, and it is not `sound`: a reveal
        may be owed by it. Raises: ChronoError(JOURNAL_BROKEN) when there is nothing to read.
        """
        self._path = path
        self._clock = clock or SystemClock()
        self._sound = True
        self._handle = -1
        self.cut_bytes = 0
        """How much of a torn last record was cut off when it was opened."""
        self.damaged = False
        """Whether records in the middle were lost when it was opened."""
        with self._breaking("open"):
            self._open()

    @property
    def sound(self) -> bool:
        """Whether no write or sync has failed since all was last written anew."""
        return self._sound

    @property
    def size_bytes(self) -> int:
        """How much the file holds."""
        return os.fstat(self._handle).st_size

    def records(self) -> list[bytes]:
        """All records, in the order in which they were written."""
        with self._breaking("read"):
            return list(self._scanned().records)

    def append(self, record: bytes) -> None:
        """Return when the record is on disk. Raises: ChronoError(JOURNAL_BROKEN), and then always until `replace`."""
        if not self._sound:
            raise ChronoError(JOURNAL_BROKEN, file=str(self._path), why="an earlier write failed")
        with self._breaking("append"):
            _write(self._handle, frame(record))
            self._sync(self._handle)

    def replace(self, records: Iterable[bytes]) -> None:
        """All records anew, whole or not at all; after it the file is trusted again. Raises: JOURNAL_BROKEN."""
        passing = self._passing()
        try:
            handle = os.open(passing, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW, FILE_MODE)
            try:
                os.fchmod(handle, FILE_MODE)
                _write(handle, b"".join(map(frame, records)))
                self._sync(handle)
            except OSError:
                os.close(handle)
                raise
        except OSError as error:
            # The old file still stands as it was.
            with contextlib.suppress(OSError):
                os.unlink(passing)  # noqa: PTH108 - by the module that tests take the disk away from
            raise self._broken("replace", error) from error
        self._take_place(passing, handle)

    def close(self) -> None:
        """Let go of the file; what was appended is on disk."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
        self._sound = False

    def _open(self) -> None:
        self._path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        self._handle = self._opened()
        scanned = self._scanned()
        self.damaged, self.cut_bytes = scanned.damaged, scanned.torn_bytes
        try:
            self._mend(scanned)
        except (OSError, ChronoError) as error:
            if not scanned.records:
                raise
            self._sound = False
            log.error("journal_unsound", file=str(self._path), cause=str(error))  # noqa: TRY400 - told, and gone on

    def _opened(self) -> int:
        flags = os.O_APPEND | os.O_NOFOLLOW
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT | flags, FILE_MODE)
        except OSError as error:
            if error.errno != errno.EROFS:
                raise
            return os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW)

    def _mend(self, scanned: Scanned) -> None:
        """Leave the folder and the file as they are when nothing has crashed."""
        self._passing().unlink(missing_ok=True)
        os.fchmod(self._handle, FILE_MODE)
        self._sync_folder()
        if scanned.damaged:
            self._lay_aside(scanned)
        elif scanned.torn_bytes:
            log.warning("journal_cut", file=str(self._path), bytes=scanned.torn_bytes, records=len(scanned.records))
            os.ftruncate(self._handle, scanned.sound_bytes)
            self._sync(self._handle)

    def _lay_aside(self, scanned: Scanned) -> None:
        """Keep the damaged file for whoever wants to look at it, and go on with what can be read."""
        aside = next(place for number in range(1, 1000) if not (place := self._aside(number)).exists())
        log.error("journal_damaged", file=str(self._path), aside=str(aside), records=len(scanned.records))
        os.link(self._path, aside)  # a second name, so that there is no moment without a journal
        self.replace(scanned.records)

    def _take_place(self, passing: Path, handle: int) -> None:
        """The new file becomes the journal. When that fails, nobody knows which of the two a crash would leave."""
        old, self._handle = self._handle, handle
        try:
            with self._breaking("rename"):
                os.replace(passing, self._path)  # noqa: PTH105 - as above
                self._sync_folder()
                self._sound = True
        finally:
            os.close(old)

    def _scanned(self) -> Scanned:
        os.lseek(self._handle, 0, os.SEEK_SET)
        parts = []
        while part := os.read(self._handle, _READ_BYTES):
            parts.append(part)
        return scan(b"".join(parts))

    def _sync(self, handle: int) -> None:
        started_ns = self._clock.monotonic_ns()
        _full_sync(handle)
        JOURNAL_SYNC.observe((self._clock.monotonic_ns() - started_ns) / SECOND_NS)

    def _sync_folder(self) -> None:
        """Make the file's name durable too."""
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _passing(self) -> Path:
        return self._path.with_name(f".{self._path.name}.new")

    def _aside(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.damaged-{number}")

    @contextlib.contextmanager
    def _breaking(self, doing: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._sound = False
            raise self._broken(doing, error) from error

    def _broken(self, doing: str, error: OSError) -> ChronoError:
        log.error("journal_broken", file=str(self._path), doing=doing, cause=str(error))
        return ChronoError(JOURNAL_BROKEN, file=str(self._path), doing=doing, cause=error.strerror or str(error))


def _write(handle: int, data: bytes) -> None:
    """Write all of it; the system may take it in parts."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _full_sync(handle: int) -> None:
    if _FULL_SYNC is None:
        os.fsync(handle)
        return
    try:
        fcntl.fcntl(handle, _FULL_SYNC)
    except OSError as error:
        if error.errno not in (errno.ENOTSUP, errno.EINVAL, errno.ENOTTY):
            raise
        os.fsync(handle)  # a file system that does not know it
