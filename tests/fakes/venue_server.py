"""A venue on loopback that speaks its own wire, and fails in every way on demand.

Prices walk by themselves every few milliseconds. Faults are attributes: set one, and the venue behaves so from then
on; sockets that are open stay open unless the fault says otherwise.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from http import HTTPStatus
from urllib.parse import quote, unquote

from msgspec.structs import replace
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response

from chrono.clock import Clock, SystemClock
from chrono.ingest.venues.roster import spec_of
from chrono.ingest.venues.spec import Budget, Heartbeat, Request, VenueSpec
from tests.fakes.venue_wires import WIRES, Wire

PLENTY = Budget(10_000.0, 1.0)


class VenueServer:
    """One venue. `prices` are what it trades at now; `heard` are the frames that clients sent."""

    def __init__(self, wire: Wire, *, every_s: float = 0.01, clock: Clock | None = None) -> None:
        self.wire = wire
        self.prices = {symbol: Decimal(100 * (n + 1)) for n, symbol in enumerate(wire.symbols)}
        self.heard: list[str] = []
        self.handshakes = 0
        self.asked = 0
        self.asked_for: list[list[str]] = []
        self.lists = 0
        self.listed = dict.fromkeys(wire.symbols, True)
        # Faults
        self.dead = False  # nothing is read, nothing is sent, sockets stay open
        self.silent = False  # beats only
        self.frozen = False  # offers repeat; trades, when there are any, go on
        self.lag_s = 0.0
        self.trades = True
        self.moves = True
        self.refuse: tuple[int, dict[str, str], bytes] | None = None
        self.rest_refuses: tuple[int, dict[str, str], bytes] | None = None
        self.rest_slow_s = 0.0
        self.rest_body: bytes | None = None
        self.list_body: bytes | None = None
        self.list_hangs = False  # the list is asked for, and nothing ever comes
        self._every_s = every_s
        self._clock = clock or SystemClock()
        self._subscribed: dict[ServerConnection, set[str]] = {}
        self._shown: dict[str, Decimal] = {}
        self._server: Server | None = None
        self._stopped = asyncio.Event()

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            0,
            process_request=self._request,
            compression=None,
            ping_interval=None,
            close_timeout=0.1,
        )
        self._walk = asyncio.create_task(self._walking())

    async def stop(self) -> None:
        """Hang up on everybody."""
        self._walk.cancel()
        self._stopped.set()
        for connection in list(self._subscribed):
            connection.transport.abort()
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        assert self._server is not None
        return next(iter(self._server.sockets)).getsockname()[1]

    @property
    def connections(self) -> int:
        """How many clients are subscribed."""
        return sum(bool(symbols) for symbols in self._subscribed.values())

    def spec(self, **changes: object) -> VenueSpec:
        """The venue's own spec, with its addresses and budgets replaced by this server's."""
        spec = spec_of(self.wire.name)
        socket, http = f"ws://127.0.0.1:{self.port}/", f"http://127.0.0.1:{self.port}"
        assert spec.stream is not None
        beat = changes.pop("heartbeat", spec.stream.heartbeat)
        assert isinstance(beat, Heartbeat)
        local = replace(
            spec.stream, url=lambda _: socket, heartbeat=beat, frames=PLENTY, connections=PLENTY, settles_s=0.0
        )
        if spec.stream.token is not None:
            asked = Request(f"{http}/token", spec.stream.token.method)
            local = replace(local, token=asked, url_from_token=lambda body: self._address(spec, body, socket, beat))
        if "sequence_step" in changes:
            local = replace(local, sequence_step=changes.pop("sequence_step"))
        rest = replace(
            spec.rest,
            tickers=lambda symbols: [Request(f"{http}/tickers?symbols={quote(','.join(symbols))}")],
            instruments=Request(f"{http}/instruments"),
            budget=PLENTY,
            poll_every_s=changes.pop("poll_s", 0.05),
        )
        return replace(spec, stream=local, rest=rest, **changes)

    async def send(self, data: str | bytes) -> None:
        """Send this to every client, whatever it is."""
        for connection in list(self._subscribed):
            with suppress(ConnectionClosed):
                await connection.send(data)

    def send_raw(self, data: bytes) -> None:
        """Write bytes that are no WebSocket frame."""
        for connection in list(self._subscribed):
            connection.transport.write(data)

    def hang_up(self) -> None:
        """Cut every connection without a word."""
        for connection in list(self._subscribed):
            connection.transport.abort()

    async def close_all(self, code: int = 1001, reason: str = "going away") -> None:
        """Close every connection as the protocol asks."""
        for connection in list(self._subscribed):
            await connection.close(code, reason)

    def stop_reading(self) -> None:
        """Like a process that was stopped: nothing is read, answered or sent; the sockets stay."""
        self.dead = True
        for connection in list(self._subscribed):
            connection.transport.pause_reading()

    # Inside

    def _address(self, spec: VenueSpec, body: bytes, socket: str, beat: Heartbeat) -> tuple[str, Heartbeat]:
        assert spec.stream is not None
        assert spec.stream.url_from_token is not None
        url, _ = spec.stream.url_from_token(body)
        assert url.startswith("wss://token.test")
        return socket, beat

    async def _request(self, connection: ServerConnection, request: HttpRequest) -> Response | None:
        if "Upgrade" in request.headers:
            self.handshakes += 1
            return None if self.refuse is None else answer(*self.refuse)
        if request.path.startswith("/token"):
            return answer(200, {}, self.wire.token("wss://token.test/endpoint"))  # type: ignore[attr-defined]
        if request.path.startswith("/instruments"):
            return await self._list()
        self.asked += 1
        if self.rest_slow_s:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), self.rest_slow_s)
        if self.rest_refuses is not None:
            return answer(*self.rest_refuses)
        return answer(200, {}, self.rest_body) if self.rest_body is not None else self._tickers(request.path)

    async def _list(self) -> Response:
        self.lists += 1
        if self.list_hangs:
            await self._stopped.wait()
        if self.rest_refuses is not None:
            return answer(*self.rest_refuses)
        return answer(200, {}, self.wire.instruments(self.listed) if self.list_body is None else self.list_body)

    def _tickers(self, path: str) -> Response:
        """What was asked for by name, or all; one unknown name refuses the whole, as the strictest venues do."""
        names = unquote(path.removeprefix("/tickers?symbols=")) if path.startswith("/tickers?") else ""
        asked = names.split(",") if names else list(self.prices)
        self.asked_for.append(asked)
        if self.wire.delisted & set(asked):
            return answer(*self.wire.unknown())
        prices = {symbol: price for symbol, price in self.prices.items() if symbol in asked}
        return answer(200, {}, self.wire.tickers(prices, self._clock.now_ns()))

    async def _serve(self, connection: ServerConnection) -> None:
        self._subscribed[connection] = set()
        try:
            for text in self.wire.greeting():
                await connection.send(text)
            async for frame in connection:
                text = frame if isinstance(frame, str) else frame.decode()
                self.heard.append(text)
                self._subscribed[connection] |= set(self.wire.subscribed(text)) - self.wire.delisted
                for said in self.wire.answers(text):
                    await connection.send(said)
        except ConnectionClosed:
            pass
        finally:
            del self._subscribed[connection]

    async def _walking(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            if self.moves:
                for symbol, price in self.prices.items():
                    self.prices[symbol] = price + price * Decimal("0.00001")
            if self.dead:
                continue
            for connection, symbols in list(self._subscribed.items()):
                with suppress(ConnectionClosed):
                    for text in self._news(symbols):
                        await connection.send(text)

    def _news(self, symbols: set[str]) -> list[str]:
        if self.silent:
            beat = self.wire.beat()
            return [] if beat is None else [beat]
        at_ns = self._clock.now_ns() - int(self.lag_s * 10**9)
        news = []
        for symbol in sorted(symbols & self.prices.keys()):
            price = self.prices[symbol]
            shown = self._shown.setdefault(symbol, price) if self.frozen else price
            if not self.frozen:
                self._shown[symbol] = price
            step = shown / 10_000
            news.append(self.wire.offered(symbol, shown - step, shown + step, at_ns))
            if self.trades:
                news.append(self.wire.dealt(symbol, price, Decimal("0.5"), at_ns))
        return news


def answer(status: int, headers: dict[str, str], body: bytes) -> Response:
    shown = Headers({"Content-Length": str(len(body)), "Connection": "close"} | headers)
    return Response(status, HTTPStatus(status).phrase if status in set(HTTPStatus) else "", shown, body)


@asynccontextmanager
async def venue(name: str, **how: object) -> AsyncIterator[VenueServer]:
    """A running server of this venue."""
    server = VenueServer(WIRES[name](), **how)  # type: ignore[arg-type]
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def until(condition: Callable[[], object], within_s: float = 60.0) -> None:
    """Return as soon as the condition holds. Time in which this process itself stood still does not count.

    Raises: TimeoutError.
    """
    spent_s, looked_s = 0.0, time.monotonic()
    while not condition():
        if spent_s >= within_s:
            raise TimeoutError(f"not within {within_s} s")
        await asyncio.sleep(0.005)
        now_s = time.monotonic()
        spent_s, looked_s = spent_s + min(now_s - looked_s, 0.05), now_s


@asynccontextmanager
async def running(*runs: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run these parts; a crash of one is the test's."""
    tasks = [asyncio.ensure_future(run()) for run in runs]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def garbage() -> list[str]:
    """Texts that no venue's documents know."""
    return ["", "{", "null", "[]", "{}", '"x"', "[" * 5000, json.dumps({"type": "match", "price": "NaN"}), "\u0000"]
