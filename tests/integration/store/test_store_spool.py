"""The spool by itself: durable, bounded, in order, and never a reason not to start."""

import itertools
import os
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from chrono.errors import SPOOL_FULL, ChronoError
from chrono.store.rows import QUOTES, Batch, quote_batch
from chrono.store.spool import Spool
from chrono.telemetry import SPOOL_BYTES
from tests.fakes.quoting import numbered

MEGABYTE = 1024 * 1024
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "spool.sqlite3"


@pytest.fixture
def spool(path):
    opened = Spool(path, max_bytes=MEGABYTE)
    yield opened
    opened.close()


def batches(count, rows=10, start=0):
    return [quote_batch(numbered(10**18, range(start + n * rows, start + (n + 1) * rows))) for n in range(count)]


def bodies(spooled):
    return [batch.body for batch in spooled.batches]


def drained(spool):
    found = []
    while spool.rows_waiting:
        some = spool.oldest(25)
        found += bodies(some)
        spool.remove(some)
    return found


def test_batches_come_back_in_order_with_what_was_noted_of_them(spool):
    put = batches(5)
    spool.append(put[:2])
    spool.append(put[2:])
    found = spool.oldest(1000)
    assert bodies(found) == [batch.body for batch in put]
    assert [b.minutes() for b in found.batches] == [b.minutes() for b in put]
    assert [(b.rows, b.oldest_ns, b.target) for b in found.batches] == [(b.rows, b.oldest_ns, b.target) for b in put]


def test_what_was_appended_is_there_after_the_process_is_gone(spool, path):
    spool.append(batches(3))
    again = Spool(path, max_bytes=MEGABYTE)  # a second reader sees only what was committed
    assert again.rows_waiting == 30
    again.close()


def test_every_append_is_on_the_disk_before_it_counts(spool):
    spool.append(batches(1))
    assert spool._file.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL: each commit waits for the disk
    assert spool._file.execute("PRAGMA fullfsync").fetchone() == (1,)  # and on a Mac for the drive itself
    assert not spool._file.in_transaction


def test_only_removed_batches_are_gone(spool, path):
    put = batches(9)
    spool.append(put)
    spool.remove(spool.oldest(30))
    assert bodies(spool.oldest(1000)) == [batch.body for batch in put[3:]]
    spool.close()
    assert drained(Spool(path, max_bytes=MEGABYTE)) == [batch.body for batch in put[3:]]


def test_an_empty_spool_has_no_file_and_the_metric_says_so(spool, path):
    assert not path.exists()
    spool.append(batches(3))
    assert SPOOL_BYTES._value.get() == spool.bytes_waiting > 0
    drained(spool)
    assert not path.exists()
    assert SPOOL_BYTES._value.get() == 0
    spool.append(batches(1))
    assert spool.rows_waiting == 10


def test_a_full_spool_refuses_whole_groups_and_keeps_what_it_has(path):
    spool = Spool(path, max_bytes=2000)
    put = batches(1)
    spool.append(put)
    with pytest.raises(ChronoError) as full:
        spool.append(batches(3, start=100))
    assert full.value.reason is SPOOL_FULL
    assert drained(spool) == [put[0].body]
    spool.append(put)  # there is room again


def test_the_file_itself_is_bounded_too(path):
    spool = Spool(path, max_bytes=128 * 1024)  # 64 pages of 4 KB are the least that it may have
    spool.append(batches(1))
    spool._max_bytes = 10**9  # as if the count of bytes were wrong
    with pytest.raises(ChronoError) as full:
        fill(spool, [])
    assert full.value.reason is SPOOL_FULL
    assert path.stat().st_size < 400 * 1024


def fill(spool, kept):
    """Append until it is refused."""
    for n in itertools.count():
        put = batches(1, start=n * 10)
        spool.append(put)
        kept += [put[0].body]


def fill_disk(ballast):
    with ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)


@pytest.fixture
def small_disk():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


@AS_ROOT
def test_a_full_disk_claims_nothing_and_loses_nothing_and_drains(small_disk):
    path = small_disk / "spool.sqlite3"
    spool = Spool(path, max_bytes=100 * MEGABYTE)
    kept = []
    with pytest.raises(ChronoError) as full:
        fill(spool, kept)
    assert full.value.reason is SPOOL_FULL
    assert len(kept) > 10
    spool.close()
    reopened = Spool(path, max_bytes=100 * MEGABYTE)
    assert drained(reopened) == kept
    assert not path.exists()
    reopened.append(batches(1))


@AS_ROOT
def test_a_disk_too_full_even_to_delete_still_drains(small_disk):
    spool = Spool(small_disk / "spool.sqlite3", max_bytes=100 * MEGABYTE)
    put = batches(9)
    spool.append(put)
    with pytest.raises(OSError, match="No space"):
        fill_disk(small_disk / "ballast")
    assert drained(spool) == [batch.body for batch in put]


@AS_ROOT
def test_a_disk_that_is_full_from_the_beginning_is_no_crash(small_disk):
    with pytest.raises(OSError, match="No space"):
        fill_disk(small_disk / "ballast")
    spool = Spool(small_disk / "spool.sqlite3", max_bytes=MEGABYTE)
    with pytest.raises(ChronoError) as full:
        spool.append(batches(1))
    assert full.value.reason is SPOOL_FULL
    assert spool.rows_waiting == 0
    (small_disk / "ballast").unlink()
    spool.append(batches(1))
    assert spool.rows_waiting == 10


def aside(path):
    return list(path.parent.glob("*.damaged-?"))


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 500, b"SQLite format 3\0" + b"\xff" * 9000])
def test_a_file_that_is_no_spool_is_moved_aside(path, content):
    path.write_bytes(content)
    spool = Spool(path, max_bytes=MEGABYTE)
    assert spool.rows_waiting == 0
    assert len(aside(path)) == (1 if content else 0)
    spool.append(batches(1))
    assert spool.rows_waiting == 10


def test_of_a_damaged_spool_every_sound_batch_is_saved(spool, path):
    put = batches(40, rows=20)
    spool.append(put)
    spool.close()
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = path.read_bytes()
    hurt = put[17].body
    place = content.index(hurt[200:260])
    path.write_bytes(content[:place] + b"#" * 20 + content[place + 20 :])
    found = drained(Spool(path, max_bytes=MEGABYTE))
    assert found == [batch.body for batch in put if batch.body != hurt]
    assert len(aside(path)) == 1


def test_a_spool_cut_short_saves_what_can_be_read(spool, path):
    put = batches(200, rows=20)
    spool.append(put)
    spool.close()
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3 // 4096 * 4096])
    found = drained(Spool(path, max_bytes=MEGABYTE))
    assert set(found) < {batch.body for batch in put}
    assert len(found) > 50


def test_two_damaged_files_are_both_kept(path):
    for _ in range(2):
        path.write_bytes(b"rubbish" * 1000)
        Spool(path, max_bytes=MEGABYTE).close()
    assert len(aside(path)) == 2


def test_refused_batches_are_kept_as_text_beside_the_spool(spool, path):
    spool.set_aside([Batch(QUOTES, b"a\tb\n", 1, 0), Batch(QUOTES, b"c\td\n", 1, 0)])
    assert (path.parent / "refused-price_feeds.copy").read_bytes() == b"a\tb\nc\td\n"


def test_a_log_without_its_file_does_not_speak_into_a_new_one(spool, path):
    spool.append(batches(3))
    log = path.with_name(path.name + "-wal").read_bytes()
    drained(spool)
    path.with_name(path.name + "-wal").write_bytes(log)
    spool.append(batches(1, start=500))
    assert spool.rows_waiting == 10
    assert drained(spool) == [batches(1, start=500)[0].body]
