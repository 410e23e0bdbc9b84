"""The schema: upgraded once, whole or not at all, and refused when it is of a newer Chrono."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from chrono.errors import DATABASE_AWAY, DATABASE_TOO_OLD, SCHEMA_UNKNOWN, ChronoError
from chrono.settings import Secret
from chrono.settings import Store as StoreSettings
from chrono.store import migrate
from chrono.store.postgres import install
from chrono.store.upgrade import Upgrade
from tests.fakes.ports import free_port
from tests.fakes.quoting import quote
from tests.fakes.servers import chrono_folder, open_store

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:alembic")


@pytest.fixture
def empty(postgres):
    return postgres.database()


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(migrate.scripts()))
    return made


def tables(url):
    with psycopg.connect(url) as connection:
        return {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


def test_the_head_that_the_program_knows_is_the_newest_revision():
    assert ScriptDirectory.from_config(config()).get_current_head() == migrate.HEAD


def test_there_is_one_line_of_revisions():
    assert len(ScriptDirectory.from_config(config()).get_heads()) == 1


def test_the_folder_of_revisions_does_not_hide_the_library():
    assert not (migrate.scripts() / "__init__.py").exists()


def test_an_empty_database_is_brought_to_the_head_and_then_left_alone(empty):
    assert migrate.check(empty) == migrate.SchemaState(None, migrate.HEAD)
    assert not migrate.check(empty).fits
    assert migrate.upgrade(empty).fits
    assert migrate.upgrade(empty).fits
    assert {"price_feeds", "trades", "aggregated_prices", "candles_1d", "system_metadata"} <= tables(empty)


def test_a_downgrade_takes_everything_away_and_an_upgrade_brings_it_back(empty):
    from sqlalchemy import create_engine

    from alembic import command

    migrate.upgrade(empty)
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(empty))
    with engine.connect() as connection:
        made = config()
        made.attributes["connection"] = connection
        command.downgrade(made, "base")
    engine.dispose()
    assert tables(empty) == {"alembic_version"}
    assert migrate.upgrade(empty).fits


def test_an_upgrade_that_fails_half_way_leaves_nothing(empty):
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("CREATE TABLE candles_4h ()")  # stands in the way of a later statement
    with pytest.raises(Exception, match="candles_4h"):
        migrate.upgrade(empty)
    assert tables(empty) == {"candles_4h"}


async def test_a_database_of_a_newer_chrono_is_refused_and_left_as_it_is(url, bare_folder):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ChronoError) as refused:
        async with open_store(bare_folder, store=StoreSettings(database_url=Secret(url))):
            pass
    assert refused.value.reason is SCHEMA_UNKNOWN
    assert migrate.check(url).version == "9999"


async def test_instances_that_start_together_on_an_empty_database_all_get_it(empty, tmp_path, now_ns):
    async def start(folder):
        folder.mkdir()
        async with open_store(folder, store=StoreSettings(database_url=Secret(empty))) as store:
            await store.quotes.write([quote(now_ns)])

    await asyncio.gather(*(start(tmp_path / f"{n}") for n in range(3)))
    assert migrate.check(empty).fits


async def test_a_postgres_that_is_too_old_is_refused_with_its_version(url, bare_folder, monkeypatch):
    monkeypatch.setattr("chrono.store.database.OLDEST_SERVER", 990_000)
    with pytest.raises(ChronoError) as refused:
        async with open_store(bare_folder, store=StoreSettings(database_url=Secret(url))):
            pass
    assert refused.value.reason is DATABASE_TOO_OLD
    assert refused.value.facts == {"found": 18, "needed": 99}


@pytest.fixture
def older_postgres():
    """PostgreSQL 16, also in the wheel, by TCP and with a password: a server that is not ours."""
    account = install.choose_account()
    with chrono_folder() as folder:
        binaries = install.find_binaries(account, folder).parents[1] / "pginstall" / "bin"
        data, secret = folder / "data", folder / "secret"
        data.mkdir()
        secret.write_text("pass word")
        install.give(account, folder)
        how = {"env": install.ENVIRONMENT, "cwd": "/", "capture_output": True, **account.as_child()}
        initdb = ["-U", "someone", "-A", "scram-sha-256", f"--pwfile={secret}", "--no-sync"]
        subprocess.run([binaries / "initdb", "-D", data, *initdb], check=True, **how)
        port = free_port()
        flags = f"-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        control = [binaries / "pg_ctl", "-D", data, "-w", "-l", data / "log"]
        subprocess.run([*control, "-o", flags, "start"], check=True, **how)
        try:
            yield f"postgresql://someone:pass%20word@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, **how)


async def test_an_external_postgres_by_url_works_the_same(older_postgres, bare_folder, now_ns):
    async with open_store(bare_folder, store=StoreSettings(database_url=Secret(older_postgres))) as store:
        await store.quotes.write([quote(now_ns), quote(now_ns)])
        assert await store.quotes.recent(now_ns - 10**9) == [quote(now_ns)]
        assert [c.num_feeds for c in await store.candles.range("BTC/USD", "1d", 0, now_ns + 10**9)] == [1]
        assert store.postgres_pid is None
        await store._partitions.keep()
        await store._rollups.keep()
    assert not (bare_folder / "postgres").exists()


async def test_an_upgrade_that_fails_says_why(empty):
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("CREATE TABLE trades ()")
    with pytest.raises(ChronoError) as failed:
        await (await Upgrade.begin()).finish(empty)
    assert failed.value.reason is DATABASE_AWAY
    assert "upgrade failed" in str(failed.value)


async def test_an_upgrade_that_is_not_needed_after_all_leaves_no_process():
    upgrade = await Upgrade.begin()
    await upgrade.abandon()
    assert upgrade._child.returncode is not None


def test_an_installed_wheel_carries_its_revisions_inside_the_package(tmp_path, monkeypatch):
    package = tmp_path / "chrono" / "store"
    package.mkdir(parents=True)
    shutil.copytree(migrate.scripts(), package / "alembic")
    monkeypatch.setattr(migrate, "__file__", str(package / "migrate.py"))
    assert migrate.scripts() == package / "alembic"
    assert ScriptDirectory.from_config(config()).get_current_head() == migrate.HEAD


def test_the_password_of_a_database_never_stands_on_a_command_line(url):
    source = Path(migrate.__file__).with_name("upgrade.py").read_text()
    assert "communicate(conninfo" in source
    assert os.fspath(migrate.scripts()).endswith("alembic")
