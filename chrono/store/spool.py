"""What was accepted while PostgreSQL was away: batches in one SQLite file, in order, on disk before they count.

Every method blocks and is called from one thread of its own (see chrono.store.writer). The file holds the very
text that COPY will read, each batch with a checksum. It exists only while something waits.
"""

import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from zlib import crc32

import structlog
from msgspec import Struct, json

from chrono.errors import SPOOL_FULL, ChronoError
from chrono.store.rows import TARGETS, Batch, Minute
from chrono.telemetry import SPOOL_BYTES

_PAGE_BYTES = 4096
_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  target TEXT NOT NULL,
  rows INTEGER NOT NULL,
  oldest_ns INTEGER NOT NULL,
  minutes BLOB NOT NULL,
  checksum INTEGER NOT NULL,
  body BLOB NOT NULL
)
"""
_SELECT = "SELECT id, target, rows, oldest_ns, minutes, checksum, body FROM batches WHERE id > ? ORDER BY id"
_INSERT = "INSERT INTO batches (target, rows, oldest_ns, minutes, checksum, body) VALUES (?, ?, ?, ?, ?, ?)"
_DAMAGE = ("malformed", "not a database", "damaged", "corrupt", "no such table", "no such column")

log = structlog.get_logger()


class Spooled(Struct, frozen=True):
    """The oldest batches of the spool, and the highest id among them (0: none)."""

    last_id: int
    batches: tuple[Batch, ...]


class Spool:
    """Batches that wait for PostgreSQL. `bytes_waiting` and `rows_waiting` are known without asking the disk."""

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._file: sqlite3.Connection | None = None
        self._done_id = 0
        self.bytes_waiting = 0
        self.rows_waiting = 0
        if path.exists():
            self._open_left_over()

    def append(self, batches: Sequence[Batch]) -> None:
        """Keep the batches durably, all or none. Raises: ChronoError(SPOOL_FULL) when there is no room for them."""
        added = sum(len(batch.body) for batch in batches)
        if self.bytes_waiting + added > self._max_bytes:
            raise ChronoError(SPOOL_FULL, waiting_bytes=self.bytes_waiting, limit_bytes=self._max_bytes)
        try:
            _execute_whole(self._opened(), _INSERT, map(_record, batches))
        except (sqlite3.Error, OSError) as error:
            # Full disk, failing disk, damaged file: nothing is claimed, and the next try finds a sound file.
            self._mend(error)
            raise ChronoError(SPOOL_FULL, cause=str(error), path=str(self._path)) from error
        self._waits(added, sum(batch.rows for batch in batches))

    def oldest(self, max_rows: int) -> Spooled:
        """The oldest batches, about `max_rows` rows of them."""
        if self._file is None:
            return Spooled(0, ())
        try:
            return self._read(self._file, max_rows)
        except sqlite3.Error as error:
            self._mend(error)
            return Spooled(0, ())

    def remove(self, spooled: Spooled) -> None:
        """Forget batches that PostgreSQL holds now; the file goes with the last of them."""
        self._done_id = max(self._done_id, spooled.last_id)
        self._waits(-sum(len(b.body) for b in spooled.batches), -sum(b.rows for b in spooled.batches))
        if not self.rows_waiting:
            self._discard()
        elif self._file is not None:
            try:
                _execute_whole(self._file, "DELETE FROM batches WHERE id <= ?", [(self._done_id,)])
            except sqlite3.Error as error:
                # A full disk cannot even delete. They are known to be done; a restart would only store them again.
                log.warning("spool_not_trimmed", cause=str(error))

    def set_aside(self, batches: Sequence[Batch]) -> None:
        """Keep batches that PostgreSQL refuses in files beside the spool, as COPY text, out of the others' way."""
        for batch in batches:
            with self._path.with_name(f"refused-{batch.target.table}.copy").open("ab") as file:
                file.write(batch.body)
                file.flush()
                os.fsync(file.fileno())

    def close(self) -> None:
        """Close the file; what waits in it stays."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _read(self, file: sqlite3.Connection, max_rows: int) -> Spooled:
        batches: list[Batch] = []
        last_id = rows = 0
        with closing(file.execute(_SELECT, (self._done_id,))) as found:
            for number, *record in found:
                batches.append(_batch(number, *record))
                last_id, rows = number, rows + batches[-1].rows
                if rows >= max_rows:
                    break
        return Spooled(last_id, tuple(batches))

    def _opened(self) -> sqlite3.Connection:
        if self._file is None:
            self._file = self._open()
        return self._file

    def _open(self) -> sqlite3.Connection:
        if not self._path.exists():
            self._unlink()  # a write-ahead log whose file is gone must not speak into a new one
        file = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON", "checkpoint_fullfsync = ON"):
                file.execute(f"PRAGMA {pragma}")
            # A second wall behind `max_bytes`: slack and the notes beside the text count too.
            file.execute(f"PRAGMA max_page_count = {max(self._max_bytes * 2 // _PAGE_BYTES, 64)}")
            file.execute(_SCHEMA)
        except BaseException:
            file.close()
            raise
        _sync_folder(self._path.parent)
        return file

    def _open_left_over(self) -> None:
        try:
            self._file = self._open()
            verdict = self._file.execute("PRAGMA quick_check(1)").fetchone()[0]
            if verdict != "ok":
                raise sqlite3.DatabaseError(f"malformed: {verdict}")
            self._count()
        except sqlite3.Error as error:
            self._mend(error)
        log.warning("spool_left_over", rows=self.rows_waiting, bytes=self.bytes_waiting)

    def _mend(self, error: Exception) -> None:
        """After a failure: leave no transaction open, and replace a damaged file by what is sound of it."""
        if self._file is not None and self._file.in_transaction:
            with suppress(sqlite3.Error):
                self._file.execute("ROLLBACK")
        if not any(word in str(error).lower() for word in _DAMAGE):
            return
        salvaged = self._salvage()
        self.close()
        self._move_aside(error, salvaged)
        self._done_id = 0
        self._waits(-self.bytes_waiting, -self.rows_waiting)
        if salvaged:
            self.append(salvaged)

    def _salvage(self) -> list[Batch]:
        saved: list[Batch] = []
        try:
            with closing(sqlite3.connect(self._path)) as file:
                file.execute("PRAGMA writable_schema = ON")  # else a file cut short is not read at all
                for number, *record in file.execute(_SELECT, (self._done_id,)):
                    with suppress(sqlite3.DatabaseError):
                        saved.append(_batch(number, *record))
        except sqlite3.Error as error:
            log.warning("spool_salvage_ended", batches=len(saved), cause=str(error))
        return saved

    def _move_aside(self, error: Exception, salvaged: Sequence[Batch]) -> None:
        earlier = len(list(self._path.parent.glob(f"{self._path.name}.damaged-?")))
        aside = self._path.with_name(f"{self._path.name}.damaged-{earlier + 1}")
        log.error("spool_damaged", moved_to=str(aside), cause=str(error), salvaged=sum(b.rows for b in salvaged))
        self._path.rename(aside)
        for suffix in ("-wal", "-shm"):
            beside = self._path.with_name(self._path.name + suffix)
            if beside.exists():
                beside.rename(aside.with_name(aside.name + suffix))

    def _discard(self) -> None:
        self.close()
        self._unlink()
        self._done_id = 0

    def _unlink(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def _count(self) -> None:
        counted = "SELECT coalesce(sum(length(body)), 0), coalesce(sum(rows), 0) FROM batches"
        added_bytes, added_rows = self._opened().execute(counted).fetchone()
        self._waits(added_bytes, added_rows)

    def _waits(self, added_bytes: int, added_rows: int) -> None:
        self.bytes_waiting += added_bytes
        self.rows_waiting += added_rows
        SPOOL_BYTES.set(self.bytes_waiting)


_Record = tuple[str, int, int, bytes, int, bytes]


def _execute_whole(file: sqlite3.Connection, statement: str, rows: Iterable[Sequence[object]]) -> None:
    """All rows in one transaction, or none."""
    file.execute("BEGIN IMMEDIATE")
    try:
        file.executemany(statement, rows)
        file.execute("COMMIT")
    except BaseException:
        if file.in_transaction:
            file.execute("ROLLBACK")
        raise


def _record(batch: Batch) -> _Record:
    minutes = json.encode(sorted(batch.minutes()))
    return batch.target.table, batch.rows, batch.oldest_ns, minutes, crc32(batch.body), batch.body


def _batch(number: int, target: str, rows: int, oldest_ns: int, minutes: bytes, checksum: int, body: bytes) -> Batch:
    if target not in TARGETS or crc32(body) != checksum:
        raise sqlite3.DatabaseError(f"batch {number} is damaged")
    return Batch(TARGETS[target], body, rows, oldest_ns, noted=json.decode(minutes, type=tuple[Minute, ...]))


def _sync_folder(folder: Path) -> None:
    """Make the file's name durable too, not only what is in it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
