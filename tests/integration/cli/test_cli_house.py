"""`chrono doctor` and `chrono db` on this machine, with real PostgreSQL and Redis."""

import asyncio
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from chrono.store.postgres import EmbeddedPostgres
from tests.fakes.ports import free_port

SLOW = 120


@pytest.fixture
def house() -> Iterator[Path]:
    """A data folder that PostgreSQL's user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="chrono-cli-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def redis_port(tmp_path: Path) -> Iterator[int]:
    """A Redis of our own that wants the password `hunter2`."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed; `make test-tools` brings it")
    port = free_port()
    arguments = ["--port", str(port), "--requirepass", "hunter2", "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(["redis-server", *arguments], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        for line in server.stdout:
            if "Ready to accept connections" in line:
                break
        yield port
        server.terminate()
        server.communicate()


def checks(done) -> dict[str, dict[str, str]]:
    told = json.loads(done.out)
    worst = {"PASS": 0, "WARN": 3, "FAIL": 1}[told["verdict"]]
    assert done.code == worst
    return {check["name"]: check for check in told["checks"]}


def test_doctor_checks_everything_that_a_start_needs(chrono, house: Path) -> None:
    found = checks(chrono("doctor", "--json", CHRONO__DATA_DIR=str(house), PORT="0", CHRONO__SERVER__STREAM_PORT="0"))
    expected = {
        "python", "chrono_core", "settings", "data_dir", "disk", "postgresql", "socket path", "redis", "port",
        "stream_port", "open files", "clock", "key files",
    }  # fmt: skip
    assert set(found) == expected
    assert found["postgresql"]["verdict"] == "PASS"
    assert found["clock"]["verdict"] != "FAIL"
    assert all(check["remedy"] for check in found.values() if check["verdict"] != "PASS")


def test_doctor_changes_nothing(chrono, house: Path) -> None:
    chrono("doctor", CHRONO__DATA_DIR=str(house / "new"))
    assert list(house.iterdir()) == []


def test_doctor_tells_faults_of_the_settings_and_goes_no_further(chrono) -> None:
    done = chrono("doctor", PORT="x")
    assert done.code == 1
    assert "FAIL  settings" in done.out
    assert "-> mend it" in done.out
    assert "not checked" in done.out


def test_doctor_finds_databases_that_do_not_answer_and_shows_no_password(chrono, house: Path) -> None:
    done = chrono(
        "doctor", "--json", CHRONO__DATA_DIR=str(house),
        DATABASE_URL="postgresql://me:hunter2@127.0.0.1:9/x", REDIS_URL="redis://:hunter2@127.0.0.1:9/0",
    )  # fmt: skip
    found = checks(done)
    assert (found["postgresql"]["verdict"], found["redis"]["verdict"]) == ("FAIL", "FAIL")
    assert "hunter2" not in done.out + done.err


def test_doctor_sees_that_redis_wants_its_password(chrono, house: Path, redis_port: int) -> None:
    right, wrong = (f"redis://:{word}@127.0.0.1:{redis_port}/0" for word in ("hunter2", "wrong"))
    found = checks(chrono("doctor", "--json", CHRONO__DATA_DIR=str(house), REDIS_URL=right))["redis"]
    assert found["verdict"] == "PASS"
    assert "with a password" in found["found"]
    assert (
        checks(chrono("doctor", "--json", CHRONO__DATA_DIR=str(house), REDIS_URL=wrong))["redis"]["verdict"] == "FAIL"
    )


def test_a_check_of_a_database_that_was_never_made_makes_none(chrono, house: Path) -> None:
    done = chrono("db", "check", CHRONO__DATA_DIR=str(house / "new"))
    assert done.code == 1
    assert "an empty database" in done.out
    assert "next: chrono db upgrade" in done.err
    assert list(house.iterdir()) == []


@pytest.mark.timeout(SLOW)
def test_upgrade_brings_the_embedded_database_to_this_version(chrono, house: Path) -> None:
    done = chrono("db", "upgrade", timeout=SLOW, CHRONO__DATA_DIR=str(house))
    assert done.code == 0, done.err
    assert done.out.startswith("the schema is at ")
    again = chrono("db", "check", "--json", timeout=SLOW, CHRONO__DATA_DIR=str(house))
    told = json.loads(again.out)
    assert again.code == 0
    assert told["fits"] is True
    assert told["version"] == told["head"]


def test_a_database_that_does_not_answer_is_told_without_its_password(chrono) -> None:
    for part in ("check", "upgrade"):
        done = chrono("db", part, DATABASE_URL="postgresql://me:hunter2@127.0.0.1:9/x")
        assert (done.code, done.out) == (1, "")
        assert "does not answer" in done.err
        assert "hunter2" not in done.err
        assert done.err.splitlines()[-1] == "next: chrono doctor"


def test_a_data_folder_that_cannot_be_made_is_told(chrono) -> None:
    done = chrono("db", "upgrade", CHRONO__DATA_DIR="/proc/chrono")
    assert done.code == 1
    assert done.err.splitlines()[-1] == "next: chrono doctor"


@pytest.mark.timeout(SLOW)
async def test_a_database_by_its_address_is_checked_upgraded_and_examined(chrono, house: Path) -> None:
    server = EmbeddedPostgres(house)
    await server.start()
    try:
        address = f"postgresql://chrono@/postgres?host={quote(str(server.socket_dir))}&port=5432"

        def ask(*args: str) -> object:
            return chrono(*args, CHRONO__DATA_DIR=str(house), DATABASE_URL=address)

        before = await asyncio.to_thread(ask, "doctor", "--json")
        assert checks(before)["postgresql"]["verdict"] == "PASS"
        assert "an empty database" in checks(before)["schema"]["found"]
        assert (await asyncio.to_thread(ask, "db", "check")).code == 1
        assert (await asyncio.to_thread(ask, "db", "upgrade")).code == 0
        assert (await asyncio.to_thread(ask, "db", "check")).code == 0
        assert checks(await asyncio.to_thread(ask, "doctor", "--json"))["schema"]["verdict"] == "PASS"
    finally:
        await server.stop()


def test_doctor_refuses_a_far_redis_without_a_password(chrono, house: Path) -> None:
    done = chrono("doctor", CHRONO__DATA_DIR=str(house), REDIS_URL="redis://redis.example.com")
    assert done.code == 1
    assert "needs a password" in done.out
