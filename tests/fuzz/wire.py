"""A lean HTTP/1.1 client that sends any bytes at all, over kept-alive sockets, and reads whatever comes back."""

import asyncio
from dataclasses import dataclass, field

PATIENCE_S = 30.0
BROKEN_PATIENCE_S = 2.0


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Closed(Exception):  # noqa: N818 - it names what happened
    """The server closed the connection before a whole answer; `began` when a part of it had come."""

    def __init__(self, began: bool) -> None:
        super().__init__("within the answer" if began else "without an answer")
        self.began = began


class Wire:
    """One connection, opened again whenever the server closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.opened = 0

    async def ask(self, request: bytes, *, bodiless: bool = False, patience_s: float = PATIENCE_S) -> Reply:
        """Send one request and read its answer; once more where a kept-alive connection turns out to be closed
        already, as every HTTP client must. Raises: Closed, TimeoutError.
        """
        kept_alive = self._writer is not None
        try:
            return await self._ask(request, bodiless, patience_s)
        except Closed as cut:
            if not kept_alive or cut.began:
                raise
        return await self._ask(request, bodiless, patience_s)

    async def _ask(self, request: bytes, bodiless: bool, patience_s: float) -> Reply:
        reader, writer = await self._connected()
        try:
            async with asyncio.timeout(patience_s):
                # Read while writing: an early answer to a large body must not be lost when the server hangs up.
                answering = asyncio.ensure_future(_read(reader, bodiless))
                await self._send(writer, request)
                reply = await answering
        except BaseException:
            self.close()
            raise
        if reply.headers.get("connection", "").lower() == "close" or reply.status == 101:
            self.close()
        return reply

    async def drop(self, request: bytes) -> None:
        """Send bytes and hang up without waiting for an answer."""
        self.close()
        _, writer = await self._connected()
        await self._send(writer, request)
        self.close()

    def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _send(self, writer: asyncio.StreamWriter, request: bytes) -> None:
        try:
            writer.write(request)
            await writer.drain()
        except ConnectionError:
            pass  # the answer may be there already: the reader says

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._reader is None or self._writer is None or self._reader.at_eof():
            self.close()
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**22)
            self.opened += 1
        return self._reader, self._writer


async def _read(reader: asyncio.StreamReader, bodiless: bool) -> Reply:
    began = False
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            began = True
            lines = head.decode("latin-1").split("\r\n")
            status = int(lines[0].split(" ")[1])
            if status != 100:
                break
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in lines[1:-2])
        }
        if bodiless or status in (101, 204, 304):
            return Reply(status, headers)
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return Reply(status, headers, await _chunks(reader))
        return Reply(status, headers, await reader.readexactly(int(headers.get("content-length", "0"))))
    except (asyncio.IncompleteReadError, ConnectionError) as cut:
        raise Closed(began or bool(getattr(cut, "partial", b""))) from cut


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts: list[bytes] = []
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return b"".join(parts)
