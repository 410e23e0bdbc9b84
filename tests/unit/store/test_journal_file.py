"""The file behind the journal: what is on disk when `append` returns, and what a crash or a bad disk leaves."""

import errno
import fcntl
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chrono.errors import JOURNAL_BROKEN, ChronoError
from chrono.store import journal_file
from chrono.store.journal_file import JournalFile
from chrono.store.journal_frames import MOST_RECORD, frame

RECORDS = [b"one", b"two, longer", bytes(range(256))]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal" / "voter.log"


def written(path: Path, records: list[bytes] = RECORDS) -> JournalFile:
    file = JournalFile(path)
    for record in records:
        file.append(record)
    return file


def test_what_was_appended_is_there_when_it_is_opened_again(path: Path) -> None:
    written(path).close()
    again = JournalFile(path)
    assert again.records() == RECORDS
    assert (again.sound, again.damaged, again.cut_bytes) == (True, False, 0)


def test_only_the_owner_may_read_it(path: Path) -> None:
    file = written(path)
    file.replace([b"anew"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    JournalFile(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_last_record_torn_at_any_byte_is_cut_and_told(path: Path) -> None:
    written(path).close()
    whole = path.read_bytes()
    before = len(whole) - len(frame(RECORDS[-1]))
    for length in range(before, len(whole)):
        path.write_bytes(whole[:length])
        file = JournalFile(path)
        assert file.records() == RECORDS[:-1]
        assert (file.cut_bytes, file.damaged) == (length - before, False)
        file.append(b"after")
        file.close()
        assert JournalFile(path).records() == [*RECORDS[:-1], b"after"]


@pytest.mark.parametrize("tail", [bytes(5), bytes(4096), b"\xc7jr\x01" + bytes(8), b"\xff" * 300])
def test_a_tail_that_is_no_record_is_cut(path: Path, tail: bytes) -> None:
    written(path).close()
    path.write_bytes(path.read_bytes() + tail)
    file = JournalFile(path)
    assert file.records() == RECORDS
    assert file.cut_bytes == len(tail)
    assert path.stat().st_size == file.size_bytes == sum(len(frame(record)) for record in RECORDS)


def test_a_last_record_with_any_bit_turned_is_not_believed(path: Path) -> None:
    written(path, [b"one", b"two"]).close()
    whole = path.read_bytes()
    for at in range(len(frame(b"one")), len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :])
        assert JournalFile(path).records() == [b"one"], at


def test_records_behind_a_damaged_one_are_kept_and_the_damage_is_told(path: Path) -> None:
    written(path).close()
    whole = path.read_bytes()
    for at in range(len(frame(RECORDS[0])), len(frame(RECORDS[0])) + len(frame(RECORDS[1]))):
        damaged = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        path.write_bytes(damaged)
        file = JournalFile(path)
        assert file.records() == [RECORDS[0], RECORDS[2]], at
        assert file.damaged
        aside = path.with_name("voter.log.damaged-1")
        assert aside.read_bytes() == damaged
        file.close()
        assert not JournalFile(path).damaged
        aside.unlink()


def test_a_second_damaged_file_does_not_replace_the_first(path: Path) -> None:
    for _ in range(2):
        written(path).close()
        whole = bytearray(path.read_bytes())
        whole[len(frame(RECORDS[0])) + 13] ^= 1
        path.write_bytes(bytes(whole))
        JournalFile(path).close()
        path.unlink()
    assert sorted(each.name for each in path.parent.iterdir()) == ["voter.log.damaged-1", "voter.log.damaged-2"]


@pytest.mark.parametrize("record", [b"", bytes(MOST_RECORD + 1)])
def test_a_record_that_could_not_be_read_again_is_refused(path: Path, record: bytes) -> None:
    with pytest.raises(ValueError, match="a record has"):
        JournalFile(path).append(record)


class Calls:
    """What the file asks of the system, in order; any of it may fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[str] = []
        self.failing: dict[str, OSError] = {}
        for name in ("open", "write", "fsync", "replace"):
            monkeypatch.setattr(journal_file.os, name, self._watched(name, getattr(os, name)))

    def _watched(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **more: Any) -> Any:
            told = name
            if name == "fsync":
                told = "sync folder" if stat.S_ISDIR(os.fstat(arguments[0]).st_mode) else "sync file"
            self.made.append(told)
            if told in self.failing:
                raise self.failing[told]
            return real(*arguments, **more)

        return watched


def test_an_append_is_synced_before_it_returns(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = JournalFile(path)
    calls = Calls(monkeypatch)
    file.append(b"record")
    assert calls.made == ["write", "sync file"]


def test_a_new_file_and_its_name_are_made_durable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls(monkeypatch)
    JournalFile(path)
    assert calls.made == ["open", "open", "sync folder"]


def test_all_anew_is_synced_moved_into_place_and_its_name_synced(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(path)
    calls = Calls(monkeypatch)
    file.replace([b"a", b"b"])
    assert calls.made == ["open", "write", "sync file", "replace", "open", "sync folder"]
    file.append(b"c")
    assert file.records() == JournalFile(path).records() == [b"a", b"b", b"c"]


@pytest.mark.parametrize("step", ["write", "sync file"])
def test_after_a_failed_write_or_sync_nothing_is_trusted_until_all_was_written_anew(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    file = written(path)
    calls = Calls(monkeypatch)
    calls.failing[step] = OSError(errno.EIO, "I/O error")
    with pytest.raises(ChronoError) as refused:
        file.append(b"lost")
    assert refused.value.reason is JOURNAL_BROKEN
    assert not file.sound
    calls.failing.clear()
    with pytest.raises(ChronoError):  # the disk is well again, and still: that page may never have reached it
        file.append(b"not yet")
    file.replace([*RECORDS, b"anew"])
    assert file.sound
    file.append(b"after")
    assert JournalFile(path).records() == [*RECORDS, b"anew", b"after"]


@pytest.mark.parametrize("step", ["open", "write", "sync file", "replace", "sync folder"])
def test_a_rewrite_that_fails_anywhere_leaves_the_old_records_or_the_new_ones(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    file = written(path)
    calls = Calls(monkeypatch)
    calls.failing[step] = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(ChronoError) as refused:
        file.replace([b"new"])
    assert refused.value.reason is JOURNAL_BROKEN
    calls.failing.clear()
    moved = step == "sync folder"
    # Until the rename the old file is what it was; after it, nobody knows which name a crash would leave.
    assert file.sound is (step in ("open", "write", "sync file"))
    again = JournalFile(path)
    assert again.records() == ([b"new"] if moved else RECORDS)
    assert [each.name for each in path.parent.iterdir()] == ["voter.log"]


@pytest.mark.parametrize("step", ["open", "write", "sync file", "replace", "sync folder"])
def test_a_rewrite_that_is_tried_for_hours_holds_no_more_files_open_than_one(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    file = written(path)
    calls = Calls(monkeypatch)
    calls.failing[step] = OSError(errno.EIO, "I/O error")
    before = lowest_free_handle()
    for _ in range(50):
        with pytest.raises(ChronoError):
            file.replace(RECORDS)
    calls.failing.clear()
    assert lowest_free_handle() <= before + 1
    file.replace(RECORDS)
    assert file.records() == JournalFile(path).records() == RECORDS


def lowest_free_handle() -> int:
    """The number that the system gives to the next file: it grows with every one that is left open."""
    handle = os.dup(0)
    os.close(handle)
    return handle


def test_a_full_disk_is_told_and_what_was_there_stays(path: Path) -> None:
    """The real thing: the system takes a part of the record, then no more."""
    large = [bytes([number]) * MOST_RECORD for number in (1, 2)]  # larger than all that the test may print
    file = written(path, large)
    size = file.size_bytes
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, limits[1]))
    try:
        with pytest.raises(ChronoError) as refused:
            file.append(bytes(100))
        assert refused.value.reason is JOURNAL_BROKEN
        assert file.size_bytes == size + 20
        with pytest.raises(ChronoError):
            file.replace([*large, bytes(100)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    again = JournalFile(path)
    assert (again.records(), again.cut_bytes) == (large, 20)


@pytest.mark.parametrize(("torn", "step"), [(0, "sync folder"), (3, "sync file"), (3, "sync folder")])
def test_on_a_disk_that_takes_nothing_what_stands_there_is_read(
    path: Path, monkeypatch: pytest.MonkeyPatch, torn: int, step: str
) -> None:
    """A process that starts on such a disk may owe a reveal; new records wait until all was written anew."""
    written(path).close()
    if torn:
        path.write_bytes(path.read_bytes() + bytes(torn))
    calls = Calls(monkeypatch)
    calls.failing[step] = OSError(errno.EIO, "I/O error")
    file = JournalFile(path)
    assert (file.records(), file.sound) == (RECORDS, False)
    with pytest.raises(ChronoError):
        file.append(b"not yet")
    calls.failing.clear()
    file.replace([*RECORDS, b"anew"])
    assert file.sound
    assert JournalFile(path).records() == [*RECORDS, b"anew"]


def test_a_new_file_on_a_disk_that_takes_nothing_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls(monkeypatch)
    calls.failing["sync folder"] = OSError(errno.EIO, "I/O error")
    with pytest.raises(ChronoError) as refused:
        JournalFile(path)
    assert refused.value.reason is JOURNAL_BROKEN


def test_a_folder_that_cannot_be_made_is_a_named_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ChronoError) as refused:
        JournalFile(tmp_path / "file" / "journal")
    assert refused.value.reason is JOURNAL_BROKEN


def test_a_link_in_place_of_the_file_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ChronoError):
        JournalFile(path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_leftover_of_an_interrupted_rewrite_is_removed(path: Path) -> None:
    written(path).close()
    leftover = path.with_name(".voter.log.new")
    leftover.write_bytes(frame(b"never in place"))
    assert JournalFile(path).records() == RECORDS
    assert not leftover.exists()


def test_a_mac_flushes_its_drive_as_well(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    synced: list[int] = []
    file = JournalFile(path)
    monkeypatch.setattr(journal_file, "_FULL_SYNC", 51)
    monkeypatch.setattr(fcntl, "fcntl", lambda handle, command: asked.append(command))
    monkeypatch.setattr(journal_file.os, "fsync", synced.append)
    file.append(b"record")
    assert (asked, synced) == ([51], [])


@pytest.mark.parametrize(("code", "falls_back"), [(errno.ENOTSUP, True), (errno.EINVAL, True), (errno.EIO, False)])
def test_where_the_flush_is_not_known_a_plain_sync_must_do(
    path: Path, monkeypatch: pytest.MonkeyPatch, code: int, falls_back: bool
) -> None:
    def refuse(handle: int, command: int) -> int:
        raise OSError(code, "no")

    file = JournalFile(path)
    monkeypatch.setattr(journal_file, "_FULL_SYNC", 51)
    monkeypatch.setattr(fcntl, "fcntl", refuse)
    if falls_back:
        file.append(b"record")
        assert file.records() == [b"record"]
    else:
        with pytest.raises(ChronoError):
            file.append(b"record")


def test_a_closed_file_takes_nothing(path: Path) -> None:
    file = written(path)
    file.close()
    file.close()
    with pytest.raises(ChronoError):
        file.append(b"late")


WRITER = """
import sys
from pathlib import Path
from chrono.store.journal_file import JournalFile
file = JournalFile(Path(sys.argv[1]))
number = len(file.records())
while True:
    file.append(number.to_bytes(4, "big") * 500)
    number += 1
    print(number, flush=True)
"""


def test_a_process_killed_while_it_writes_has_lost_nothing_that_it_was_told_is_kept(path: Path) -> None:
    told = 0
    for more in (1, 7, 20):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(more):
                told = int(writer.stdout.readline())
            writer.kill()
            told = max([told, *(int(line) for line in writer.stdout if line.endswith("\n"))])
        file = JournalFile(path)
        records = file.records()
        assert told <= len(records) <= told + 1
        assert not file.damaged
        assert records == [number.to_bytes(4, "big") * 500 for number in range(len(records))]
        file.close()
