"""Upgrading the schema in a process of its own: Alembic and SQLAlchemy would stay in ours, some 25 MB."""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE

from msgspec import json

from chrono.errors import DATABASE_AWAY, SCHEMA_UNKNOWN, ChronoError
from chrono.store import migrate


class Upgrade:
    """One run of chrono.store.migrate. Started early, it loads what it needs while the database starts."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child

    @classmethod
    async def begin(cls) -> "Upgrade":
        """Start the process; it waits to be told the database."""
        return cls(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", migrate.__name__),
                cwd=Path(__file__).parents[2],
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
            )
        )

    async def finish(self, conninfo: str) -> migrate.SchemaState:
        """Upgrade this database. Raises: ChronoError(SCHEMA_UNKNOWN, DATABASE_AWAY)."""
        try:
            told, complaint = await self._child.communicate(conninfo.encode())
        finally:
            await self.abandon()
        if self._child.returncode == migrate.UNKNOWN_STATUS:
            raise ChronoError(SCHEMA_UNKNOWN, needed=migrate.HEAD)
        if self._child.returncode != 0:
            last_words = complaint.decode(errors="replace").strip().rpartition("\n")[2]
            raise ChronoError(DATABASE_AWAY, cause=f"the upgrade failed: {last_words[:300]}")
        return json.decode(told, type=migrate.SchemaState)

    async def abandon(self) -> None:
        """End the process if it still runs."""
        if self._child.returncode is None:
            with suppress(ProcessLookupError):
                self._child.kill()
            await self._child.communicate()
