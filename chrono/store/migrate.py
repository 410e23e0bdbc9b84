"""The schema's version: whether the database is at ours, and how it gets there (Alembic, loaded only then)."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg
from msgspec import Struct, json

from chrono.errors import SCHEMA_UNKNOWN, ChronoError

HEAD = "0002"
"""The newest revision under alembic/versions; a test compares. Known here so that a start loads no Alembic."""

UNKNOWN_STATUS = 3
"""Exit status of this module as a program, when the database is of a newer Chrono."""

IS_VERSIONED = "SELECT to_regclass('alembic_version') IS NOT NULL"
VERSION = "SELECT version_num FROM alembic_version"


class SchemaState(Struct, frozen=True):
    """The database's revision (None: empty) beside the one that this Chrono needs."""

    version: str | None
    head: str

    @property
    def fits(self) -> bool:
        """Whether this Chrono can work on it as it is."""
        return self.version == self.head


def check(conninfo: str) -> SchemaState:
    """The schema's state. Raises: psycopg.OperationalError when the database does not answer."""
    with _connect(conninfo) as connection:
        connection.autocommit = True
        row = connection.execute(IS_VERSIONED).fetchone()
        found = connection.execute(VERSION).fetchone() if row and row[0] else None
    return SchemaState(found[0] if found else None, HEAD)


def upgrade(conninfo: str) -> SchemaState:
    """Bring the schema to our revision, in one transaction; nothing to do when it is there.

    Raises: ChronoError(SCHEMA_UNKNOWN) for a database of a newer Chrono, which stays untouched.
    """
    state = check(conninfo)
    if state.fits:
        return state
    _run_alembic(conninfo, state)
    return check(conninfo)


def _run_alembic(conninfo: str, state: SchemaState) -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from sqlalchemy import create_engine

    from alembic import command

    config = Config()
    config.set_main_option("script_location", str(scripts()).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if state.version is not None and state.version not in known:
        raise ChronoError(SCHEMA_UNKNOWN, version=state.version, head=state.head)
    engine = create_engine("postgresql+psycopg://", creator=lambda: _connect(conninfo))
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def _connect(conninfo: str) -> psycopg.Connection[tuple[Any, ...]]:
    # Text of a database made without an encoding would come as bytes, which nobody here expects.
    return psycopg.connect(conninfo, connect_timeout=5, client_encoding="utf8")


def scripts() -> Path:
    """The folder of revisions: beside the package in a checkout, inside it in an installed wheel."""
    inside = Path(__file__).with_name("alembic")
    return inside if (inside / "env.py").exists() else Path(__file__).parents[2] / "alembic"


def main() -> int:
    """Upgrade the database whose conninfo comes on stdin (it may hold a password) and tell its state as JSON."""
    import_module("alembic.command")  # a second of work, done while whoever called us starts the database
    import_module("sqlalchemy.dialects.postgresql.psycopg")
    try:
        state = upgrade(sys.stdin.read())
    except ChronoError as error:
        sys.stderr.write(str(error))
        return UNKNOWN_STATUS
    sys.stdout.buffer.write(json.encode(state))
    return 0


if __name__ == "__main__":
    sys.exit(main())
