"""The way out to a reader whose transport is awaited: one batch at a time is handed over, the rest waits conflated."""

import asyncio
from collections.abc import Awaitable, Callable

from chrono.stream.connection import Connection

Deliver = Callable[[list[bytes]], Awaitable[None]]


class Handover:
    """An outlet that pauses its connection from the moment it holds a frame until the transport took it."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self._frames: list[bytes] = []
        self._wake = asyncio.Event()
        self._in_flight = 0
        self._closing: tuple[int, str] | None = None
        self._connection: Connection | None = None

    def attach(self, connection: Connection) -> None:
        """Whose way out this is."""
        self._connection = connection

    def send(self, frame: bytes) -> None:
        """Hold one frame for the transport."""
        self.send_many([frame])

    def send_many(self, frames: list[bytes]) -> None:
        """Hold frames for the transport."""
        self._frames += frames
        self._wake.set()
        if self._connection is not None and not self._connection.paused:
            self._connection.pause()

    def backlog(self) -> int:
        """Frames not taken by the transport."""
        return len(self._frames) + self._in_flight

    def ping(self) -> bool:
        """ASGI knows no pings: False."""
        return False

    def close(self, code: int, reason: str) -> None:
        """End `run` behind the frames that are held."""
        self._closing = (code, reason)
        self._wake.set()

    def abort(self) -> None:
        """Tell the door to let go: `gone` is set."""
        self.gone.set()

    async def run(self, deliver: Deliver) -> tuple[int, str]:
        """Deliver batches until closed; the close code and reason. Raises: whatever `deliver` raises."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._frames:
                frames, self._frames = self._frames, []
                self._in_flight = len(frames)
                await deliver(frames)
                self._in_flight = 0
            if self._frames:
                self._wake.set()
            elif self._closing is not None:
                return self._closing
            elif self._connection is not None and self._connection.paused:
                self._connection.resume()

    def caught_up(self) -> bool:
        """Whether what is being delivered is all there is."""
        return not self._frames and (self._connection is None or self._connection.caught_up)
