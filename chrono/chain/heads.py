"""New heads as a node makes them, over its WebSocket: sooner than polling, and never trusted to go on.

Polling does not stop for it, it only slows down: when the socket is lost, or leaves out blocks, it takes over within
five seconds, and the socket is tried again. Nothing of the address (it may hold a key) reaches a log or an error.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog
from picows import WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from chrono.chain.answers import Head
from chrono.chain.head_line import HeadLine, HeadRules
from chrono.chain.pool import Pool
from chrono.clock import SECOND_NS, Clock
from chrono.errors import NODE_GARBLED, NODE_UNREACHABLE, NODE_WRONG_CHAIN, ChronoError
from chrono.settings import Secret
from chrono.telemetry import RPC_SOCKET_LIVE, RPC_SOCKET_LOSSES

MOST_BYTES: Final = 2**18
"""Largest message: a header is a few kilobytes."""

HANDSHAKE_S: Final = 4.0
_DATA: Final = (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION)

log = structlog.get_logger()


class HeadStream:
    """The heads of one node. `run` is a supervised part, in the pool's loop; `verify` is for a private authority."""

    def __init__(
        self,
        node: str,
        url: Secret,
        chain_id: int,
        pool: Pool,
        clock: Clock,
        *,
        rules: HeadRules | None = None,
        verify: ssl.SSLContext | None = None,
    ) -> None:
        self._node = node
        self._url = url.reveal()
        self._chain_id = chain_id
        self._pool = pool
        self._clock = clock
        self._rules = rules or HeadRules()
        self._verify = verify
        self._lost = False
        RPC_SOCKET_LIVE.labels(node).set(0)

    async def run(self) -> None:
        """Keep a socket open, for ever."""
        wait_s = self._rules.first_wait_s
        while True:
            began_ns = self._clock.monotonic_ns()
            why = await self._session()
            if self._clock.monotonic_ns() - began_ns > self._rules.longest_wait_s * SECOND_NS:
                wait_s = self._rules.first_wait_s
            self._tell_lost(why)
            foreign = why.reason is NODE_WRONG_CHAIN
            await self._clock.sleep(self._rules.longest_wait_s if foreign else wait_s)
            wait_s = min(2 * wait_s, self._rules.longest_wait_s)

    async def _session(self) -> ChronoError:
        """One connection, until it is over; why it is."""
        line = HeadLine(self._node, self._chain_id, self._clock.monotonic_ns(), self._rules)
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                socket = await self._connect(line)
        except (WSError, OSError, TimeoutError, ValueError) as error:
            return ChronoError(NODE_UNREACHABLE, node=self._node, what="the socket", cause=type(error).__name__)
        try:
            return await self._watch(socket, line)
        finally:
            self._pool.pushes(self._node, alive=False)
            RPC_SOCKET_LIVE.labels(self._node).set(0)
            socket.drop()

    async def _connect(self, line: HeadLine) -> "_Socket":
        secure = self._url.startswith("wss://")
        socket = _Socket(line, self._clock, self._hear)
        await ws_connect(
            lambda: socket,
            self._url,
            ssl_context=(self._verify or ssl.create_default_context()) if secure else None,
            websocket_handshake_timeout=HANDSHAKE_S,
            logger_name=_LOG,
            max_frame_size=MOST_BYTES,
            enable_auto_pong=False,
            max_redirects=0,
        )
        return socket

    async def _watch(self, socket: "_Socket", line: HeadLine) -> ChronoError:
        pinged_ns = self._clock.monotonic_ns()
        while True:
            now_ns = self._clock.monotonic_ns()
            if socket.over is not None:
                return socket.over
            try:
                line.check(self._pool.standings.head_of(self._node), now_ns)
            except ChronoError as error:
                return error
            if line.is_live:
                self._tell_live()
            if now_ns - pinged_ns >= self._rules.ping_ns:
                pinged_ns = now_ns
                socket.ping()
            await self._clock.sleep(self._rules.beat_s)

    def _hear(self, head: Head) -> None:
        self._pool.pushed(self._node, head)

    def _tell_live(self) -> None:
        self._pool.pushes(self._node, alive=True)
        RPC_SOCKET_LIVE.labels(self._node).set(1)
        if self._lost:
            self._lost = False
            log.info("head_socket_back", node=self._node)

    def _tell_lost(self, why: ChronoError) -> None:
        RPC_SOCKET_LOSSES.labels(self._node, why.reason.code).inc()
        if not self._lost:
            self._lost = True
            log.warning("head_socket_lost", node=self._node, reason=why.reason.code, cause=str(why))


class _Socket(WSListener):
    """One picows connection: whole messages to the line, heads to `hear`. `over` says why it ended."""

    def __init__(self, line: HeadLine, clock: Clock, hear: Callable[[Head], None]) -> None:
        self.over: ChronoError | None = None
        self._line = line
        self._clock = clock
        self._hear = hear
        self._parts = bytearray()
        self._transport: WSTransport | None = None
        self._end: asyncio.Task[None] | None = None

    # What picows calls

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The handshake is done."""
        self._transport = transport
        self._end = asyncio.create_task(_end_of(transport))
        transport.send(WSMsgType.TEXT, self._line.opening())

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A frame came, whole or a part of a message. After the end, nothing more is read."""
        kind = frame.msg_type
        if self.over is not None:
            return
        if transport.is_close_frame_sent or kind == WSMsgType.CLOSE:
            self._finish(ChronoError(NODE_UNREACHABLE, what="the socket was closed"))
        elif kind in _DATA:
            self._join(frame.get_payload_as_bytes(), whole=frame.fin)
        else:
            self._line.alive(self._clock.monotonic_ns())
            if kind == WSMsgType.PING:
                transport.send_pong(frame.get_payload_as_bytes())

    def on_ws_disconnected(self, _: WSTransport) -> None:
        """The transport is gone."""
        self._transport = None
        self._finish(ChronoError(NODE_UNREACHABLE, what="the socket was cut"))

    # What the stream calls

    def ping(self) -> None:
        """Ask for a sign of life."""
        if self._transport is not None:
            self._transport.send_ping()

    def drop(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    def _join(self, part: bytes, *, whole: bool) -> None:
        self._parts += part
        if len(self._parts) > MOST_BYTES:
            self._finish(ChronoError(NODE_GARBLED, cause=f"a message of more than {MOST_BYTES} bytes"))
        elif whole:
            message, self._parts = bytes(self._parts), bytearray()
            self._take(message)

    def _take(self, message: bytes) -> None:
        try:
            found = self._line.heard(message, self._clock.monotonic_ns())
        except ChronoError as error:
            self._finish(error)
            return
        if isinstance(found, Head):
            self._hear(found)
        elif found is not None and self._transport is not None:
            self._transport.send(WSMsgType.TEXT, found)

    def _finish(self, why: ChronoError) -> None:
        self.over = self.over or why
        self.drop()


async def _end_of(transport: WSTransport) -> None:
    """Take note of how a socket ended: asyncio would call the failure lost otherwise."""
    with suppress(WSError, OSError):
        await transport.wait_disconnected()


def _quiet_log() -> "logging.LoggerAdapter[logging.Logger]":
    # What breaks on a socket is told here, once and in our words.
    quiet = logging.getLogger("chrono.chain.heads")
    quiet.setLevel(logging.CRITICAL)
    return logging.LoggerAdapter(quiet, {})


_LOG: Final = _quiet_log()
