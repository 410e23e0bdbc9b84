"""What the venues need of the rest of the house and of the network."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from chrono.ingest.venues.spec import Request
from chrono.market.quote import Quote, Trade

Store = Callable[[Sequence[Quote]], Awaitable[object]]
"""Keep these quotes. Raises: ChronoError when nothing could be kept. Fits: store.quotes.Quotes.write."""

TradeStore = Callable[[Sequence[Trade]], Awaitable[object]]
"""Keep these trades. Raises: ChronoError when nothing could be kept. Fits: store.quotes.Trades.write."""

Subscriber = Callable[[Sequence[Quote]], None]
"""Told of quotes at once, before they are kept. Queues and returns at once."""


class Answer(Struct, frozen=True):
    """What HTTP gave."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class LineError(Exception):
    """No connection, or none any more; or no answer in time, or a larger one than is taken."""


class HandshakeRefusedError(Exception):
    """A WebSocket handshake was answered with something else than 101."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"HTTP {answer.status}")
        self.answer = answer


class Listener(Protocol):
    """Who hears what one socket says."""

    def on_frame(self, data: bytes) -> None:
        """A whole message. Does not raise."""
        ...

    def on_alive(self) -> None:
        """A ping or a pong."""
        ...

    def on_lost(self, why: str) -> None:
        """The socket is gone; nothing follows."""
        ...


class Wire(Protocol):
    """An open socket."""

    @property
    def is_broken(self) -> bool:
        """Whether the venue broke the protocol, so that the socket is to be dropped."""
        ...

    def send(self, data: bytes, *, is_text: bool) -> None:
        """Send one frame."""
        ...

    def ping(self) -> None:
        """Send a protocol ping."""
        ...

    def close(self) -> None:
        """Drop the socket at once; `on_lost` may still follow."""
        ...


class Network(Protocol):
    """The way out. Fits: transport.Transport."""

    async def connect(self, url: str, listener: Listener) -> Wire:
        """Open a WebSocket. Raises: HandshakeRefusedError, LineError."""
        ...

    async def fetch(self, request: Request) -> Answer:
        """Ask by HTTP. Raises: LineError."""
        ...

    async def close(self) -> None:
        """Let go of what is kept open between requests."""
        ...
