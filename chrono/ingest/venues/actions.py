"""What a connection's state machine asks of its driver, and where it stands."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from chrono.ingest.venues.spec import Request


class State(StrEnum):
    """Where a connection stands."""

    WAITING = "waiting"
    """Between attempts: backing off, or for the budget of connections."""
    FETCHING = "fetching"
    """Asking for the token that its address needs."""
    CONNECTING = "connecting"
    OPEN = "open"
    REFUSED = "refused"
    """The venue does not serve this address or region: a long wait, no fault of the line."""
    BANNED = "banned"
    OFF = "off"
    """Nothing is left to subscribe."""


class Fetch(Struct, frozen=True):
    """Ask for the token: answer with `fetched` or `closed`."""

    request: Request


class Connect(Struct, frozen=True):
    """Open a socket: answer with `opened`, `refused` or `closed`."""

    url: str


class Send(Struct, frozen=True):
    """Send a frame. `ping` sends a protocol ping instead."""

    data: bytes
    is_text: bool = True
    ping: bool = False


PING: Final = Send(b"", ping=True)


class Close(Struct, frozen=True):
    """Drop the socket, or the attempt; no answer is awaited."""

    why: str


Action = Fetch | Connect | Send | Close
