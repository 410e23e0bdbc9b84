"""The streams as Server-Sent Events: the same session and frames, for clients that have no WebSocket.

Each event's `data` is one frame, without an event name, so `onmessage` sees them all. `id:` stands on the last event
of a batch that left nothing waiting. Coming back with it (`Last-Event-ID`), a reader gets every market that changed
since, each once at its newest, and every submission since, instead of a snapshot; when the process was restarted
meanwhile, or another instance answers, it gets the snapshot. `seq` begins anew with each connection.
"""

import asyncio
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.exceptions import (
    NotAuthorizedException,
    PermissionDeniedException,
    TooManyRequestsException,
    ValidationException,
)
from litestar.params import HeaderParameter, QueryParameter
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Send

from chrono.errors import BAD_KEY, NO_KEY, STREAM_FULL, WRONG_CLASS, ChronoError
from chrono.market.names import parse_market
from chrono.stream.frames import GoingAway, Subscribe, encode
from chrono.stream.handover import Handover
from chrono.stream.handshake import HIDDEN, key_of
from chrono.stream.hub import Hub
from chrono.stream.racing import first_of
from chrono.stream.session import EVERYTHING

DOOR: Final = "sse"
_HEADERS: Final = {"cache-control": "no-cache", "x-accel-buffering": "no"}
_GOING_AWAY: Final = b'{"type":"going_away"'


async def stream_events(
    request: Request[Any, Any, Any],
    hub: NamedDependency[Hub],
    symbols: Annotated[str, QueryParameter(description="markets, comma-separated, or * for all")] = "",
    sources: Annotated[bool, QueryParameter(description="also every accepted quote, by venue")] = False,
    rounds: Annotated[bool, QueryParameter(description="also the FTSO submissions")] = False,
    last_event_id: Annotated[
        str | None, HeaderParameter(name="Last-Event-ID", description="where to go on: the last `id:` received")
    ] = None,
) -> Response[bytes]:
    """Live prices as Server-Sent Events: each event's data is one frame of the WebSocket streams."""
    key = key_of(request.headers, request.scope["query_string"].decode("latin-1"))
    if key:
        request.scope["query_string"] = HIDDEN
    _check_key(hub, key)
    wanted = Subscribe(_symbols(symbols, hub.rules.max_symbols, or_none=rounds), sources or None, rounds or None)
    if hub.full:
        raise TooManyRequestsException(STREAM_FULL.message, headers={"Retry-After": "5"})
    return EventStream(hub, key or "", wanted, last_event_id)


class EventStream(Response[bytes]):
    """An endless answer."""

    def __init__(self, hub: Hub, key: str, wanted: Subscribe, last_event_id: str | None) -> None:
        super().__init__(b"", media_type="text/event-stream", headers=_HEADERS)
        self._hub, self._key, self._wanted, self._last_event_id = hub, key, wanted, last_event_id

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:
        """The answer as Litestar sends it."""
        return _Events(self._hub, self._key, self._wanted, self._last_event_id)


class _Events(ASGIResponse):
    _should_set_content_length = False

    def __init__(self, hub: Hub, key: str, wanted: Subscribe, last_event_id: str | None) -> None:
        super().__init__(media_type="text/event-stream", headers=_HEADERS)
        self._hub, self._key, self._wanted, self._last_event_id = hub, key, wanted, last_event_id

    async def send_body(self, send: Send, receive: Receive) -> None:
        """Send events until either side ends it."""
        outlet = Handover()
        connection = self._hub.open(outlet, DOOR, self._key)
        try:
            self._hub.receive(connection, encode(self._wanted), self._last_event_id)
            await first_of(_watch(receive), self._write(outlet, send), outlet.gone.wait())
        finally:
            self._hub.left(connection)

    async def _write(self, outlet: Handover, send: Send) -> None:
        async def deliver(frames: list[bytes]) -> None:
            events = [_event(frame) for frame in frames]
            if outlet.caught_up():
                events[-1] = b"id: %b\n%b" % (self._hub.updates.token().encode(), events[-1])
            await send({"type": "http.response.body", "body": b"".join(events), "more_body": True})

        await outlet.run(deliver)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _watch(receive: Receive) -> None:
    """Return when the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        await asyncio.sleep(0)


def _event(frame: bytes) -> bytes:
    if frame.startswith(_GOING_AWAY):
        wait_ms = msgspec.json.decode(frame, type=GoingAway).reconnect_after_ms
        return b"retry: %d\ndata: %b\n\n" % (wait_ms, frame)
    return b"data: %b\n\n" % frame


def _check_key(hub: Hub, key: str | None) -> None:
    if key is None:
        raise NotAuthorizedException(NO_KEY.message)
    access = hub.authorise(key)
    if access is None:
        raise NotAuthorizedException(BAD_KEY.message)
    if not access.may_stream:
        raise PermissionDeniedException(WRONG_CLASS.message)


def _symbols(text: str, limit: int, *, or_none: bool) -> list[str]:
    """The markets asked for. Raises: ValidationException that lists every fault."""
    asked = [symbol.strip() for symbol in text.split(",") if symbol.strip()]
    faults = [fault for symbol in asked if symbol != EVERYTHING and (fault := _fault(symbol))]
    if not asked and not or_none:
        faults.append({"key": "symbols", "message": "at least one market, or *"})
    if len(asked) > limit:
        faults.append({"key": "symbols", "message": f"at most {limit} markets, or *"})
    if faults:
        raise ValidationException("the symbols have faults", extra=faults)
    return asked


def _fault(symbol: str) -> dict[str, str] | None:
    try:
        parse_market(symbol)
    except ChronoError as error:
        return {"key": "symbols", "message": str(error), "received": symbol[:60]}
    return None
