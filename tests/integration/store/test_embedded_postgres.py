"""The PostgreSQL that Chrono runs: who may use it, what it survives, and that it never outlives its owner."""

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from importlib.machinery import ModuleSpec
from pathlib import Path

import psycopg
import pytest

from chrono.clock import SystemClock
from chrono.errors import DATA_DIR_BUSY, DATA_DIR_UNREACHABLE, ChronoError
from chrono.store.postgres import EmbeddedPostgres, install, leftovers
from chrono.store.postgres.server import running
from tests.fakes.servers import chrono_folder, pids_of, prepared_folder

ROOT = Path(__file__).parents[3]
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to hand PostgreSQL to another user")

OWNER = """
import asyncio, signal, sys
from pathlib import Path
from chrono.store.postgres import EmbeddedPostgres
signal.signal(signal.SIGINT, signal.SIG_IGN)
async def main():
    server = EmbeddedPostgres(Path(sys.argv[1]))
    await server.start()
    print(server.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.fixture
def folder():
    with prepared_folder() as path:
        yield path


@pytest.fixture
async def server(folder):
    embedded = EmbeddedPostgres(folder)
    await embedded.start()
    yield embedded
    await embedded.stop()


@pytest.fixture
def owner_of():
    """Starts processes of their own, in their own process groups, that run the server; with the postmaster's pid."""
    owners = []

    def start(folder: Path) -> tuple[subprocess.Popen[str], int]:
        owner = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(folder)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        owners.append(owner)
        assert owner.stdout is not None
        return owner, int(owner.stdout.readline())

    yield start
    for owner in owners:
        owner.kill()
        owner.wait()


def ends_with(command: list[object], **how: object) -> int:
    done = subprocess.run(command, env=install.ENVIRONMENT, cwd="/", capture_output=True, check=False, **how)
    return done.returncode


def sleeper(account: install.Account) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "600"], cwd="/", **account.as_child())


def mode(path: str) -> int:
    return stat.S_IMODE(Path(path).stat().st_mode)


def answers(conninfo: str) -> bool:
    with psycopg.connect(conninfo, connect_timeout=5) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


async def until_gone(pid: int) -> None:
    assert await leftovers.gone(pid, 30, SystemClock()), f"process {pid} lives on"


async def until_gone_all(pids: list[int]) -> None:
    for pid in pids:
        await until_gone(pid)


async def test_a_first_start_makes_the_cluster_and_a_stop_leaves_nothing_running():
    with chrono_folder() as folder:
        server = EmbeddedPostgres(folder)
        assert not server.made
        assert answers(await server.start())
        pids = pids_of(server.cluster, server.pid)
        await server.stop()
        await until_gone_all(pids)
        assert server.pid is None
        assert leftovers.pid_file(server.cluster) is None


async def test_a_half_made_cluster_is_made_anew():
    with chrono_folder() as folder:
        server = EmbeddedPostgres(folder)
        half = server.home / "18.unfinished"
        half.mkdir(parents=True)
        (half / "PG_VERSION").write_text("18\n")
        install.give(install.choose_account(), server.home)
        try:
            assert answers(await server.start())
        finally:
            await server.stop()


async def test_a_second_owner_of_the_folder_is_refused_and_harms_nothing(server):
    with pytest.raises(ChronoError) as refused:
        await EmbeddedPostgres(server.data_dir).start()
    assert refused.value.reason is DATA_DIR_BUSY
    assert answers(server.conninfo)


async def test_another_process_finds_the_running_server(server):
    assert running(server.data_dir) == server.conninfo
    await server.stop()
    assert running(server.data_dir) is None


@pytest.mark.skipif(not Path("/bin/ps").exists(), reason="this machine has no ps")
async def test_ps_and_proc_tell_the_same_processes(server):
    ours = {server.pid, os.getpid()}
    by_ps = {p.pid: p.command for p in leftovers.by_ps() if p.pid in ours}
    assert by_ps == {p.pid: p.command for p in leftovers.processes() if p.pid in ours}
    assert f" -D {server.cluster} " in by_ps[server.pid]


async def test_nobody_else_may_enter(server):
    assert stat.S_IMODE(server.home.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
    for private in ("pg_hba.conf", "pg_ident.conf"):
        assert stat.S_IMODE((server.cluster / private).stat().st_mode) == 0o600


@AS_ROOT
@pytest.mark.parametrize("user", ["nobody", "the one it runs as"])
async def test_no_other_user_of_the_machine_can_log_in(server, user):
    account = install.choose_account()
    psql = install.find_binaries(account, server.home) / "psql"
    as_user = {"user": account.uid} if user == "the one it runs as" else {"user": "nobody"}
    assert ends_with([psql, server.conninfo, "-c", "SELECT 1"], **as_user) != 0


async def test_ctrl_c_in_the_terminal_does_not_reach_it(folder, owner_of):
    owner, postmaster = owner_of(folder)
    os.killpg(owner.pid, signal.SIGINT)
    conninfo = running(folder)
    assert conninfo is not None
    assert answers(conninfo)
    owner.kill()
    owner.wait()
    await until_gone(postmaster)


async def test_it_does_not_outlive_a_killed_owner(folder, owner_of):
    owner, postmaster = owner_of(folder)
    pids = pids_of(EmbeddedPostgres(folder).cluster, postmaster)
    owner.kill()
    owner.wait()
    await until_gone_all(pids)


async def test_it_does_not_outlive_a_killed_owner_even_when_it_was_stopped(folder, owner_of):
    owner, postmaster = owner_of(folder)
    os.kill(postmaster, signal.SIGSTOP)
    owner.kill()
    owner.wait()
    await until_gone(postmaster)


def guards(cluster: Path) -> list[int]:
    """The guards' pids: shells that were given the cluster's folder."""
    return [p.pid for p in leftovers.processes() if p.command.startswith("/bin/sh -c") and f" {cluster} " in p.command]


async def test_a_server_left_over_by_a_killed_owner_and_guard_does_not_hinder_the_next(folder, owner_of):
    owner, postmaster = owner_of(folder)
    server = EmbeddedPostgres(folder)
    for guard in guards(server.cluster):
        os.kill(guard, signal.SIGKILL)
    owner.kill()
    owner.wait()
    assert leftovers.postmaster_of(server.cluster) == postmaster
    assert answers(await server.start())
    assert server.pid != postmaster
    await server.stop()


async def test_backends_left_over_by_a_killed_postmaster_do_not_hinder_the_next(folder, owner_of):
    owner, postmaster = owner_of(folder)
    server = EmbeddedPostgres(folder)
    backend = psycopg.connect(running(folder) or "")
    os.kill(backend.info.backend_pid, signal.SIGSTOP)  # it cannot notice that its postmaster is gone
    for pid in (*guards(server.cluster), postmaster, owner.pid):
        os.kill(pid, signal.SIGKILL)
    owner.wait()
    assert answers(await server.start())
    await server.stop()
    backend.close()


async def test_a_stale_pid_file_whose_number_belongs_to_somebody_else_now_hurts_nobody(folder):
    account = install.choose_account()
    bystander = sleeper(account)
    server = EmbeddedPostgres(folder)
    await server.start()
    pids = pids_of(server.cluster, server.pid)
    written = (server.cluster / "postmaster.pid").read_text()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    await server.stop()
    file = server.cluster / "postmaster.pid"
    file.write_text(f"{bystander.pid}\n{written.partition(chr(10))[2]}")
    install.give(account, server.cluster)
    (server.socket_dir / ".s.PGSQL.5432.lock").write_text(f"{bystander.pid}\n")
    try:
        assert answers(await server.start())
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
        await server.stop()


async def test_a_torn_pid_file_does_not_hinder_a_start(folder):
    server = EmbeddedPostgres(folder)
    (server.cluster / "postmaster.pid").write_text("")
    assert answers(await server.start())
    await server.stop()


async def test_a_frozen_server_can_be_stopped(server):
    pids = pids_of(server.cluster, server.pid)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    async with asyncio.timeout(60):
        await server.stop()
    await until_gone_all(pids)


async def test_a_backend_that_never_ends_does_not_hold_up_a_stop(server):
    with psycopg.connect(server.conninfo) as stuck:
        os.kill(stuck.info.backend_pid, signal.SIGSTOP)
        async with asyncio.timeout(60):
            await server.stop()
        await until_gone(stuck.info.backend_pid)


async def test_it_is_started_again_when_it_dies_under_the_same_address(server):
    conninfo, first = server.conninfo, server.pid
    watching = asyncio.create_task(server.watch())
    for pid in pids_of(server.cluster, server.pid):
        os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(60):
        while server.pid in {None, first} or not await asyncio.to_thread(_tries, conninfo):
            await asyncio.sleep(0.05)
    watching.cancel()
    assert answers(conninfo)


def _tries(conninfo: str) -> bool:
    try:
        return answers(conninfo)
    except psycopg.OperationalError:
        return False


async def test_a_deep_data_folder_gets_a_short_private_socket_folder():
    with chrono_folder() as top:
        deep = top / ("d" * 90) / "data"
        deep.mkdir(parents=True)
        server = EmbeddedPostgres(deep)
        try:
            assert answers(await server.start())
            assert not server.socket_dir.is_relative_to(deep)
            assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
        finally:
            await server.stop()
            shutil.rmtree(server.socket_dir)


async def test_a_socket_folder_that_somebody_else_made_is_not_trusted():
    with chrono_folder() as top:
        deep = top / ("d" * 90)
        deep.mkdir()
        server = EmbeddedPostgres(deep)
        planted = server._choose_socket_dir()
        planted.symlink_to(top)
        try:
            with pytest.raises(ChronoError, match="somebody else"):
                await server.start()
        finally:
            planted.unlink()
            await server.stop()


@AS_ROOT
async def test_as_root_a_folder_that_postgres_cannot_enter_is_named_and_left_as_it_is():
    with tempfile.TemporaryDirectory() as barred:  # 0700, root's
        data_dir = Path(barred) / "chrono"
        data_dir.mkdir(mode=0o755)
        with pytest.raises(ChronoError) as refused:
            await EmbeddedPostgres(data_dir).start()
        assert refused.value.reason is DATA_DIR_UNREACHABLE
        assert refused.value.facts["folder"] == barred
        assert mode(barred) == 0o700


@AS_ROOT
async def test_as_root_binaries_under_a_barred_folder_are_copied_once(folder, monkeypatch):
    spec = install.find_spec(install.WHEEL)
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    with tempfile.TemporaryDirectory() as barred:
        for part in (package, package.parent / f"{package.name}.libs"):
            shutil.copytree(part, Path(barred) / part.name, symlinks=True, ignore=shutil.ignore_patterns("pginstall"))
        hidden = ModuleSpec(install.WHEEL, None, origin=str(Path(barred) / package.name / "__init__.py"))
        monkeypatch.setattr(install, "find_spec", lambda _: hidden)
        server = EmbeddedPostgres(folder)
        try:
            assert answers(await server.start())
            copied = server.home / "install"
            made_at = copied.stat().st_mtime_ns
            await server.stop()
            assert answers(await server.start())
            assert copied.stat().st_mtime_ns == made_at
        finally:
            await server.stop()


async def test_without_the_wheel_the_cause_is_told(folder, monkeypatch):
    monkeypatch.setattr(install, "find_spec", lambda _: None)
    with pytest.raises(ChronoError, match="not installed"):
        await EmbeddedPostgres(folder).start()


async def test_a_server_that_cannot_start_tells_its_last_words(folder):
    server = EmbeddedPostgres(folder)
    (server.cluster / "global" / "pg_control").unlink()
    with pytest.raises(ChronoError, match="pg_control"):
        await server.start()
    await server.stop()


async def test_a_large_log_is_moved_aside_at_a_start(folder, monkeypatch):
    monkeypatch.setattr("chrono.store.postgres.files.LOG_BYTES", 10)
    (folder / "postgres.log").write_text("x" * 11)
    server = EmbeddedPostgres(folder)
    await server.start()
    await server.stop()
    assert (folder / "postgres.1.log").read_text() == "x" * 11


async def test_stopping_what_never_started_is_fine():
    with chrono_folder() as folder:
        await EmbeddedPostgres(folder).stop()
