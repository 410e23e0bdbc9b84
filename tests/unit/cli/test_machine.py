"""What `chrono doctor` finds on a machine, with its remedy."""

import json
import os
import shutil
import socket
from collections import namedtuple
from pathlib import Path

import msgspec
import pytest

from chrono.cli import machine
from chrono.cli.doctor import worst_of
from chrono.cli.findings import Finding, Verdict, failed, passed, warned
from chrono.clock import SECOND_NS
from chrono.settings import Server, Settings, Stream, load_settings
from tests.fakes.answering import Answering

Usage = namedtuple("Usage", "total used free")


def of(findings: object, name: str) -> Finding:
    (found,) = [finding for finding in findings if finding.name == name]
    return found


def test_the_worst_finding_is_the_verdict() -> None:
    a, b, c = passed("x", ""), warned("x", "", ""), failed("x", "", "")
    assert [worst_of(f) for f in ([], [a], [a, b], [b, c, a])] == [
        Verdict.PASS,
        Verdict.PASS,
        Verdict.WARN,
        Verdict.FAIL,
    ]


def test_a_data_folder_that_can_be_made_passes_and_is_not_made(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert of(machine.check_data_dir(Settings(data_dir=str(folder))), "data_dir").verdict is Verdict.PASS
    assert not folder.exists()


def test_a_data_folder_that_others_may_write_to_is_warned_of(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    found = of(machine.check_data_dir(Settings(data_dir=str(tmp_path))), "data_dir")
    assert (found.verdict, found.remedy) == (Verdict.WARN, f"run `chmod go-w {tmp_path}`")


def test_a_data_folder_that_cannot_be_written_to_fails() -> None:
    found = of(machine.check_data_dir(Settings(data_dir="/proc/chrono")), "data_dir")
    assert found.verdict is Verdict.FAIL
    assert "CHRONO__DATA_DIR" in found.remedy


@pytest.mark.parametrize(
    ("free", "verdict"), [(50, Verdict.PASS), (15, Verdict.PASS), (14, Verdict.WARN), (2, Verdict.FAIL)]
)
def test_a_disk_needs_15_percent_of_room(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, verdict: Verdict
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100, 100 - free, free))
    assert of(machine.check_data_dir(Settings(data_dir=str(tmp_path))), "disk").verdict is verdict


def test_a_port_that_another_program_holds_fails_with_the_setting_to_change(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        found = list(machine.check_ports(Settings(data_dir=str(tmp_path), server=Server(port=port, stream_port=0))))
    assert of(found, "port").verdict is Verdict.FAIL
    assert "server.port" in of(found, "port").remedy
    assert of(found, "stream_port").verdict is Verdict.PASS


def test_a_port_that_chrono_dev_holds_in_its_own_folder_is_no_fault(tmp_path: Path) -> None:
    dev = tmp_path / "dev"
    dev.mkdir()
    with Answering({"/live": (200, {"status": "alive"})}) as answering:
        port = int(answering.url.rpartition(":")[2])
        settings = Settings(data_dir=str(tmp_path), server=Server(port=port, stream_port=0))
        (dev / "server.json").write_text(json.dumps({"url": answering.url, "pid": os.getpid()}))
        assert of(machine.check_ports(settings), "port").verdict is Verdict.FAIL
        assert of(machine.check_ports(settings, [dev]), "port").verdict is Verdict.PASS


def test_a_host_that_is_not_this_machines_fails(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path), server=Server(host="192.0.2.1", port=3000, stream_port=0))
    assert of(machine.check_ports(settings), "port").verdict is Verdict.FAIL


def test_too_few_open_files_are_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.resource, "getrlimit", lambda _: (256, 1024))
    assert of(machine.check_open_files(Settings()), "open files").verdict is Verdict.WARN
    few = Settings(stream=Stream(max_connections=100))
    assert of(machine.check_open_files(few), "open files").verdict is Verdict.PASS


class TwoClocks:
    """Wall and monotonic time as told, one reading after the other."""

    def __init__(self, wall: list[int], monotonic: list[int]) -> None:
        self._wall, self._monotonic = iter(wall), iter(monotonic)

    def now_ns(self) -> int:
        return next(self._wall)

    def monotonic_ns(self) -> int:
        return next(self._monotonic)


NOW = 1_790_000_000 * SECOND_NS


@pytest.mark.parametrize(
    ("wall", "verdict"),
    [([NOW, NOW + 100], Verdict.PASS), ([NOW, NOW - SECOND_NS], Verdict.WARN), ([0, 100], Verdict.FAIL)],
)
def test_a_clock_that_jumps_or_lies_in_the_past_is_found(wall: list[int], verdict: Verdict) -> None:
    found = of(machine.check_clock(TwoClocks(wall, [0, 100])), "clock")
    assert found.verdict is verdict
    assert verdict is not Verdict.PASS or "cannot be measured offline" in found.found


def test_dev_keys_that_others_may_read_fail(tmp_path: Path) -> None:
    loaded = load_settings(None, {"CHRONO__DATA_DIR": str(tmp_path)})
    assert of(machine.check_files(loaded), "key files").found == "none lie open"
    (tmp_path / "dev-keys.json").write_text("{}")
    (tmp_path / "dev-keys.json").chmod(0o644)
    assert of(machine.check_files(loaded), "key files").verdict is Verdict.FAIL


@pytest.mark.parametrize(
    "told", ['{"pid": 1}', '{"pid": "x", "url": "http://x"}', '{"pid": 999999999, "url": "http://127.0.0.1:9"}']
)
def test_a_stale_server_file_is_not_a_running_chrono(tmp_path: Path, told: str) -> None:
    (tmp_path / "server.json").write_text(told)
    assert not machine._we_run(tmp_path)


def test_this_machine_is_told_by_its_python() -> None:
    found = next(iter(machine.check_python()))
    assert found.verdict is Verdict.PASS
    assert os.uname().sysname in found.found
    assert msgspec.json.encode(found.verdict.value) == b'"PASS"'
