"""Whoever takes alerts: a real HTTP server on loopback that keeps what it is told, and fails on demand."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any


class Receiver:
    """What was told, and how the next ones are answered: `statuses` in turn, then 200."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.statuses: list[int] = []
        self.extra = ""  # more headers of the answer
        self.hangs = False
        self.cuts = False
        self.body_bytes = 0  # of the answer
        self.port = 0

    @property
    def told(self) -> list[tuple[str, str]]:
        """Alert and status of all that came."""
        return [(body["alert"], body["status"]) for body in self.bodies]

    def header(self, name: str, place: int = -1) -> str | None:
        """A header of a request."""
        for line in self.heads[place].split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name:
                return value.strip()
        return None

    @asynccontextmanager
    async def listening(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
        """Listen on loopback, on the same port again after the first time."""
        writers: set[asyncio.StreamWriter] = set()

        async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.add(writer)
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._exchange(reader, writer)
            writers.discard(writer)
            writer.close()

        server = await asyncio.start_server(client, "127.0.0.1", self.port, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self.port
        finally:
            server.close()
            for writer in list(writers):
                writer.transport.abort()
            await asyncio.sleep(0)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length")
        )
        body = await reader.readexactly(length)
        if self.cuts:
            writer.transport.abort()
            return
        self.heads.append(head)
        self.bodies.append(json.loads(body))
        if self.hangs:
            await reader.read()  # until the caller gives up
            return
        status = self.statuses.pop(0) if self.statuses else 200
        writer.write(f"HTTP/1.1 {status} -\r\n{self.extra}Content-Length: {self.body_bytes}\r\n\r\n".encode())
        with suppress(ConnectionError):
            for _ in range(self.body_bytes // 1_000_000):
                writer.write(b"x" * 1_000_000)
                await writer.drain()
