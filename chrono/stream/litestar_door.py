"""The streams on the main port: WebSocket and the AsyncAPI document. SSE stands in `sse.py`.

Each reader has one task that reads and one that writes, and whichever ends first ends the other: a handler that
only writes would go on for ever after its client died (measured with granian 2.8.7: 300 MB/s of leak).
"""

from collections.abc import Sequence
from typing import Any, Final

from litestar import WebSocket, get, websocket
from litestar.di import NamedDependency, Provide
from litestar.handlers import BaseRouteHandler

from chrono.stream.asyncapi import asyncapi
from chrono.stream.connection import Connection
from chrono.stream.handover import Handover
from chrono.stream.handshake import HIDDEN, OPEN, forwarding, key_of, origin_allowed
from chrono.stream.hub import Hub
from chrono.stream.racing import first_of
from chrono.stream.sse import stream_events

DOOR: Final = "main"


def stream_handlers(hub: Hub) -> Sequence[BaseRouteHandler]:
    """Every stream route of the main port, bound to `hub`. Mount them at the root, and again under /api/v1."""
    parts: Any = {"hub": Provide(lambda: hub, use_cache=True, sync_to_thread=False)}
    return [
        websocket(["/stream", "/ws"], dependencies=parts, opt=OPEN)(stream_socket),
        get("/stream/sse", dependencies=parts, opt=OPEN, media_type="text/event-stream")(stream_events),
        get("/schema/asyncapi.json", opt=OPEN, sync_to_thread=False)(asyncapi),
    ]


async def stream_socket(socket: WebSocket[Any, Any, Any], hub: NamedDependency[Hub]) -> None:
    """Live prices over WebSocket."""
    try:
        await _converse(socket, hub)
    finally:
        # Litestar's wrappers know their socket and it them. In that circle granian's side, and with it the file of a
        # client that broke off, would wait for the garbage collector.
        del socket.receive, socket.send


async def _converse(socket: WebSocket[Any, Any, Any], hub: Hub) -> None:
    key = key_of(socket.headers, socket.scope["query_string"].decode("latin-1"))
    socket.scope["query_string"] = HIDDEN if key else b""
    if not origin_allowed(socket.headers.get("origin"), hub.rules.origins):
        await socket.close(4403, "this origin may not open streams")  # before accept: the client sees a 403
        return
    await socket.accept()
    outlet = Handover()
    connection = hub.open(outlet, DOOR, key, _caller(socket, hub))
    try:
        await first_of(_read(socket, hub, connection), _write(socket, outlet), outlet.gone.wait())
    finally:
        hub.left(connection)


def _caller(socket: WebSocket[Any, Any, Any], hub: Hub) -> str:
    if hub.threshold is None:
        return ""
    told = forwarding((name.decode("latin-1"), value.decode("latin-1")) for name, value in socket.scope["headers"])
    return hub.threshold.caller(socket.client.host if socket.client else None, told)


async def _read(socket: WebSocket[Any, Any, Any], hub: Hub, connection: Connection) -> None:
    while True:
        message: Any = await socket.receive()
        if message["type"] != "websocket.receive":
            return
        text = message.get("text")
        hub.receive(connection, text if text is not None else message.get("bytes") or b"")


async def _write(socket: WebSocket[Any, Any, Any], outlet: Handover) -> None:
    async def deliver(frames: list[bytes]) -> None:
        for frame in frames:
            await socket.send({"type": "websocket.send", "bytes": None, "text": frame.decode()})

    code, reason = await outlet.run(deliver)
    await socket.close(code, reason)
