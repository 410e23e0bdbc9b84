"""The WebSocket door for scale: picows on a port of its own, in the same event loop as everything else.

The kernel is told to refuse what it cannot send soon (TCP_NOTSENT_LOWAT), and the transport to say so at its first
waiting byte. So a slow reader shows within a second of data, and what it misses is conflated here, not buffered.
"""

import asyncio
import logging
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from picows import (
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

from chrono.stream.connection import Connection
from chrono.stream.doorway import RESET_ON_CLOSE, Doorway
from chrono.stream.handshake import PATHS, envelope, forwarding, key_of, origin_allowed
from chrono.stream.hub import Hub
from chrono.stream.refusals import BROKEN
from chrono.stream.session import MESSAGE_MAX
from chrono.telemetry import WS_DROPPED

DOOR: Final = "fast"
UNSENT_BYTES: Final = 16 * 1024
PARTS_MAX: Final = 128
"""Parts of one message. Without it empty parts could come for ever, as they fill nothing and are no whole message."""

READ_BUFFER_BYTES: Final = 2048  # it grows by itself when a message needs more
LOOKED_AT: Final = ("connection", "upgrade", "sec-websocket-version", "sec-websocket-key")
WAITING_CONNECTIONS: Final = 1024
_TCP_NOTSENT_LOWAT: Final = 0x201 if sys.platform == "darwin" else 25  # netinet/tcp.h; Python names it from 3.12 on


class _ClientFaults(logging.Filter):
    """Counts what broken clients do instead of a log line for each: nobody can fill the disk with bad frames."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not str(record.msg).startswith("WS parser error"):
            return True
        WS_DROPPED.labels("bad_websocket").inc()
        return False


def _quiet_log() -> "logging.LoggerAdapter[logging.Logger]":
    # Below WARNING picows would write requests, and with them keys. An adapter spares it a logger per connection.
    log = logging.getLogger("chrono.stream.fast_door")
    log.setLevel(logging.WARNING)
    log.addFilter(_CLIENT_FAULTS)
    return logging.LoggerAdapter(log, {})


_CLIENT_FAULTS: Final = _ClientFaults()


Settled = Callable[[Any], object]
"""Told of a peer whose handshake is done."""


class FastOutlet(WSListener):
    """One picows connection, both ways."""

    __slots__ = ("_connection", "_hub", "_key", "_parts", "_parts_seen", "_settled", "_transport", "send")

    def __init__(self, hub: Hub, key: str | None, settled: Settled) -> None:
        self._hub, self._key, self._settled = hub, key, settled
        self._parts: bytearray | None = None
        self._parts_seen = 0

    # What picows calls

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The handshake is done."""
        self._transport = transport
        caller = self._caller(transport)
        transport.request.headers.clear()  # 10,000 of them would be kept for nothing
        tcp: socket.socket = transport.underlying_transport.get_extra_info("socket")
        tcp.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        transport.underlying_transport.set_write_buffer_limits(high=0)
        self.send = partial(transport.send, WSMsgType.TEXT)
        key, self._key = self._key, None
        self._hub.open(self, DOOR, key, caller)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A frame came, whole or a part of a message."""
        kind = frame.msg_type
        if self._connection.closed and kind != WSMsgType.CLOSE:
            return
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._hub.refuse(self._connection, BROKEN, fault="reserved bits are set")
        elif kind in (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION):
            self._take(frame)
        elif kind == WSMsgType.PING:
            # A reader that sends pings and reads no pongs must not fill our memory.
            if self._hub.counted(self._connection) and not self._connection.paused:
                transport.send_pong(frame.get_payload_as_bytes())
        elif kind == WSMsgType.PONG:
            if self._hub.counted(self._connection):  # pongs that nobody asked for are a flood like any other
                self._hub.heard(self._connection)
        elif kind == WSMsgType.CLOSE:
            if not transport.is_close_frame_sent:
                code = frame.get_close_code()
                transport.send_close(WSCloseCode.OK if code == WSCloseCode.NO_INFO else code)
            transport.disconnect()

    def on_ws_disconnected(self, _: WSTransport) -> None:
        """The transport is gone."""
        self._hub.left(self._connection)

    def pause_writing(self) -> None:
        """The kernel takes no more."""
        self._connection.pause()

    def resume_writing(self) -> None:
        """It took all that waited."""
        self._connection.resume()

    # What the hub calls; `send` is picows' own, bound once

    def attach(self, connection: Connection) -> None:
        """Whose way out this is."""
        self._connection = connection

    def send_many(self, frames: list[bytes]) -> None:
        """Several frames in one write."""
        transport = self._transport
        if not (transport.is_close_frame_sent or transport.is_disconnected):
            transport.underlying_transport.write(b"".join(map(_framed, frames)))

    def backlog(self) -> int:
        """Bytes that the kernel has not taken."""
        return self._transport.underlying_transport.get_write_buffer_size()

    def ping(self) -> bool:
        """Ask whether the peer is there, unless what it already has is in the way."""
        if self._connection.paused:
            return False
        self._transport.send_ping()
        return True

    def close(self, code: int, reason: str) -> None:
        """Send a close frame; the peer's answer, or `abort`, ends the connection."""
        self._transport.send_close(code, reason)  # type: ignore[arg-type]  # picows takes private codes as int

    def abort(self) -> None:
        """Let go at once, with a reset: a close would leave the unread rest in the kernel for minutes."""
        tcp: socket.socket = self._transport.underlying_transport.get_extra_info("socket")
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._transport.disconnect(graceful=False)

    def _caller(self, transport: WSTransport) -> str:
        tcp, threshold = transport.underlying_transport, self._hub.threshold
        peer = tcp.get_extra_info("peername")
        self._settled(peer)
        if threshold is None:
            return ""
        return threshold.caller(peer[0], forwarding(transport.request.headers.items()))

    def _take(self, frame: WSFrame) -> None:
        # picows leaves the order of parts to us (RFC 6455, 5.4).
        parts, goes_on = self._parts, frame.msg_type == WSMsgType.CONTINUATION
        if goes_on == (parts is None):
            fault = "a part of no message" if goes_on else "a message within a message"
            self._hub.refuse(self._connection, BROKEN, fault=fault)
            return
        if parts is None:
            if frame.fin:
                self._hub.receive(self._connection, frame.get_payload_as_bytes())
                return
            parts = self._parts = bytearray()
            self._parts_seen = 0
        parts += frame.get_payload_as_memoryview()
        self._parts_seen += 1
        if len(parts) > MESSAGE_MAX or self._parts_seen > PARTS_MAX:
            self._parts = None
            self._hub.too_large(self._connection)
        elif frame.fin:
            self._parts = None
            self._hub.receive(self._connection, bytes(parts))


class FastDoor:
    """The listener. `port` 0 takes a free one."""

    def __init__(self, hub: Hub, host: str, port: int) -> None:
        self._hub, self._host, self._port = hub, host, port
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Where it listens, once started."""
        return self._port

    async def start(self) -> None:
        """Listen. Raises: OSError when the port is taken."""
        self._doorway = self._listening()
        self._server = await ws_create_server(
            self._answer,
            sock=self._doorway,
            enable_auto_pong=False,
            max_frame_size=MESSAGE_MAX,
            read_buffer_init_size=READ_BUFFER_BYTES,
            logger_name=_quiet_log(),
            use_aiofastnet=True,
            backlog=WAITING_CONNECTIONS,
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Take no more connections. Those that are open end by `Hub.drain`."""
        if self._server is not None:
            self._server.close()

    def _listening(self) -> Doorway:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        doorway = Doorway(family, self._hub.rules.keyless_per_address, self._hub.threshold)
        try:
            doorway.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            doorway.setblocking(False)
            doorway.bind((self._host, self._port))
        except OSError:
            doorway.close()
            raise
        return doorway

    def _answer(self, request: WSUpgradeRequest) -> FastOutlet | WSUpgradeResponseWithListener:
        path, _, query = request.path.decode("latin-1").partition("?")
        headers = request.headers
        key, origin = key_of(headers, query), headers.get("origin")
        # The key stays out of whatever keeps the request.
        request.path = path.encode("latin-1")
        for name in ("authorization", "x-api-key"):
            headers.popall(name, None)
        if path not in PATHS:
            return _refusal(404, "NOT_FOUND", f"streams are at {' and '.join(PATHS[:2])}")
        if not origin_allowed(origin, self._hub.rules.origins):
            return _refusal(403, "FORBIDDEN", "this origin may not open streams")
        if not all(headers.get(name, "").isascii() for name in LOOKED_AT):
            # picows 2.3 would fall over these bytes when it tells what was wrong with them, and fill the log.
            return _refusal(400, "VALIDATION_ERROR", "the headers of a handshake are ASCII")
        # Firefox asks for `keep-alive, Upgrade`; picows 2.3 compares the whole header.
        if "upgrade" in (token.strip() for token in headers.get("connection", "").lower().split(",")):
            headers["connection"] = "upgrade"
        return FastOutlet(self._hub, key, self._doorway.settled)


def _refusal(status: int, code: str, message: str) -> WSUpgradeResponseWithListener:
    body, headers = envelope(code, message, status), {"Content-Type": "application/json"}
    return WSUpgradeResponseWithListener(WSUpgradeResponse.create_error_response(status, body, headers), None)


def _framed(payload: bytes) -> bytes:
    """A whole text message as a server sends it (RFC 6455, 5.2: final, text, no mask)."""
    size = len(payload)
    if size < 126:
        return b"\x81%c%b" % (size, payload)
    if size < 65536:
        return b"\x81\x7e%b%b" % (size.to_bytes(2), payload)
    return b"\x81\x7f%b%b" % (size.to_bytes(8), payload)
