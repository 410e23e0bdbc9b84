"""Writing behind: what waits in memory goes to PostgreSQL when that can take it, on a connection of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Sized
from typing import Final

import psycopg
import structlog

from chrono.errors import ChronoError
from chrono.store.database import AWAY, Database, Line

REST_S: Final = 1.0
"""How long after a failure it is tried again."""

log = structlog.get_logger()


class Behind:
    """Writes what is in `waiting`: its owner fills it, `write` empties it. `event` is what the log calls a failure."""

    def __init__(self, database: Database, waiting: Sized, event: str) -> None:
        self._database = database
        self._waiting = waiting
        self._event = event
        self._filled = asyncio.Event()

    def filled(self) -> None:
        """Something waits now."""
        self._filled.set()

    async def run(self, write: Callable[[Line], Awaitable[None]]) -> None:
        """Write whenever something waits, until cancelled."""
        line = Line(self._database)
        try:
            while True:
                await self._filled.wait()
                try:
                    await write(line)
                    if not self._waiting:
                        self._filled.clear()
                except (psycopg.Error, ChronoError, *AWAY) as error:
                    line.drop()
                    log.warning(self._event, waiting=len(self._waiting), cause=str(error)[:200])
                    await asyncio.sleep(REST_S)
        finally:
            line.drop()

    async def flush(self, write: Callable[[Line], Awaitable[None]]) -> None:
        """Write all that waits now. Raises: psycopg.Error and what chrono.store.database.AWAY lists."""
        line = Line(self._database)
        try:
            while self._waiting:
                await write(line)
        finally:
            line.drop()
