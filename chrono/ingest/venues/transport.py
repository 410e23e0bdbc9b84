"""The way out to venues: WebSockets by picows in our own loop, HTTP by httpx. TLS is verified, nothing is compressed
on sockets, and no answer may be larger or slower than we can bear.
"""

import asyncio
import logging
import ssl
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import Final

import httpx
from picows import WSError, WSFrame, WSHandshakeError, WSListener, WSMsgType, WSTransport, ws_connect

from chrono.ingest.venues.ports import Answer, HandshakeRefusedError, LineError, Listener, Wire
from chrono.ingest.venues.spec import Request

MOST_BODY: Final = 16 * 1024 * 1024
MOST_MESSAGE: Final = 4 * 1024 * 1024
DEADLINE_S: Final = 10.0
HANDSHAKE_S: Final = 10.0
MOST_REASON: Final = 200

_DATA: Final = (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION)
_HEADERS: Final = {"User-Agent": "chrono", "Accept": "application/json"}


class Transport:
    """Sockets and requests to venues. `verify` takes an SSL context of its own, for a private authority."""

    def __init__(self, *, verify: ssl.SSLContext | None = None, deadline_s: float = DEADLINE_S) -> None:
        self._verify = verify
        self._deadline_s = deadline_s

    async def connect(self, url: str, listener: Listener) -> Wire:
        """Open a WebSocket. Raises: HandshakeRefusedError when HTTP answers, LineError when nobody does."""
        secure = url.startswith("wss://")
        socket = _Socket(listener)
        try:
            await ws_connect(
                lambda: socket,
                url,
                ssl_context=self._context if secure else None,
                websocket_handshake_timeout=HANDSHAKE_S,
                logger_name=_LOG,
                max_frame_size=MOST_MESSAGE,
                enable_auto_pong=False,  # a ping is a sign of life: we want to see it
                max_redirects=0,
                extra_headers={"User-Agent": "chrono"},
            )
        except WSHandshakeError as error:
            raise _refused(error) from error
        except (OSError, WSError, TimeoutError, ssl.SSLError) as error:
            raise LineError(f"{type(error).__name__}: {error}"[:MOST_REASON]) from error
        return socket

    async def fetch(self, request: Request) -> Answer:
        """Ask by HTTP. Raises: LineError without an answer in time, or with one that is too large."""
        try:
            async with asyncio.timeout(self._deadline_s):
                return await self._answer(request)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            raise LineError(f"{type(error).__name__}: {error}"[:MOST_REASON]) from error

    async def close(self) -> None:
        """Close the connections that HTTP keeps open."""
        if "_client" in self.__dict__:
            await self._client.aclose()
            del self.__dict__["_client"]

    async def _answer(self, request: Request) -> Answer:
        headers = {"Content-Type": "application/json"} if request.body is not None else {}
        asked = self._client.build_request(request.method, request.url, content=request.body, headers=headers)
        response = await self._client.send(asked, stream=True)
        try:
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MOST_BODY:
                    raise LineError(f"the answer is larger than {MOST_BODY} bytes")
        finally:
            await response.aclose()
        return Answer(response.status_code, dict(response.headers), bytes(body))

    @cached_property
    def _context(self) -> ssl.SSLContext:
        # Made once: reading the list of authorities takes tens of milliseconds.
        return self._verify or ssl.create_default_context()

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=32, keepalive_expiry=30.0)
        return httpx.AsyncClient(
            verify=self._context, headers=_HEADERS, timeout=self._deadline_s, limits=limits, trust_env=False
        )


class _Socket(WSListener):
    """One picows connection: whole messages to the listener, frames to the venue."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._parts = bytearray()
        self._why = "the venue hung up"
        self._transport: WSTransport | None = None
        self._end: asyncio.Task[None] | None = None

    # What picows calls

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The handshake is done."""
        self._transport = transport
        self._end = asyncio.create_task(_end_of(transport))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A frame came, whole or a part of a message."""
        kind = frame.msg_type
        if transport.is_close_frame_sent:
            # The venue broke the protocol; picows still hands out what was on its way.
            self.close()
        elif kind in _DATA:
            if frame.fin and not self._parts:
                self._listener.on_frame(frame.get_payload_as_bytes())
            else:
                self._join(transport, frame)
        elif kind == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
            self._listener.on_alive()
        elif kind == WSMsgType.PONG:
            self._listener.on_alive()
        elif kind == WSMsgType.CLOSE:
            payload = frame.get_payload_as_bytes()
            reason = payload[2:].decode("utf-8", "replace")
            self._why = f"the venue closed: {int.from_bytes(payload[:2])} {reason}"[:MOST_REASON]
            transport.disconnect()

    def on_ws_disconnected(self, _: WSTransport) -> None:
        """The transport is gone."""
        self._transport = None
        self._listener.on_lost(self._why)

    # What the connector calls

    @property
    def is_broken(self) -> bool:
        """Whether the venue broke the protocol, such as by a frame that is too large: it is to be dropped.

        picows asks such a venue to close, and reads on for as long as it does not.
        """
        return self._transport is not None and self._transport.is_close_frame_sent

    def send(self, data: bytes, *, is_text: bool) -> None:
        """Send one frame; nothing happens when the socket is gone, which the listener was told."""
        if self._transport is not None:
            self._transport.send(WSMsgType.TEXT if is_text else WSMsgType.BINARY, data)

    def ping(self) -> None:
        """Send a protocol ping."""
        if self._transport is not None:
            self._transport.send_ping()

    def close(self) -> None:
        """Drop the socket at once."""
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    def _join(self, transport: WSTransport, frame: WSFrame) -> None:
        self._parts += frame.get_payload_as_bytes()
        if len(self._parts) > MOST_MESSAGE:
            self._why = "a message larger than is taken"
            transport.disconnect()
        elif frame.fin:
            whole, self._parts = bytes(self._parts), bytearray()
            self._listener.on_frame(whole)


async def _end_of(transport: WSTransport) -> None:
    """Take note of how a socket ended: the listener was told, and asyncio would call the failure lost otherwise."""
    with suppress(WSError, OSError):
        await transport.wait_disconnected()


def _refused(error: WSHandshakeError) -> Exception:
    response = error.response
    if response is None:
        return LineError(f"{type(error).__name__}: {error}"[:MOST_REASON])
    headers: Mapping[str, str] = {str(name): str(value) for name, value in response.headers.items()}
    body = error.raw_body or response.body or b""
    return HandshakeRefusedError(Answer(int(response.status), headers, bytes(body)[:MOST_BODY]))


def _quiet_log() -> "logging.LoggerAdapter[logging.Logger]":
    # What breaks on a socket is told by the connector, once and in our words.
    log = logging.getLogger("chrono.ingest.venues.transport")
    log.setLevel(logging.CRITICAL)
    return logging.LoggerAdapter(log, {})


_LOG: Final = _quiet_log()
