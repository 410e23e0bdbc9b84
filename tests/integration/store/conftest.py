"""One PostgreSQL for the tests that do not hurt it; those that do take a folder of their own."""

import pytest

from chrono.clock import SystemClock
from chrono.settings import Secret
from chrono.settings import Store as StoreSettings
from tests.fakes.servers import chrono_folder, open_store, postgres_server, prepared_folder


@pytest.fixture(scope="session")
def postgres():
    with postgres_server() as server:
        yield server


@pytest.fixture
def url(postgres):
    """The address of a fresh database with our schema."""
    return postgres.migrated()


@pytest.fixture
def folder():
    """A data folder whose own PostgreSQL may be killed."""
    with prepared_folder() as path:
        yield path


@pytest.fixture
def bare_folder():
    with chrono_folder() as path:
        yield path


@pytest.fixture
async def store(url, bare_folder):
    """A store on a fresh database of the shared server."""
    async with open_store(bare_folder, store=StoreSettings(database_url=Secret(url))) as opened:
        yield opened


@pytest.fixture
def now_ns():
    return SystemClock().now_ns() // 1_000_000 * 1_000_000
