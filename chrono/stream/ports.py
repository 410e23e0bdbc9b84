"""What the streams need from the rest of the house."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from chrono.market.names import Market
from chrono.pricing.estimate import Estimate

if TYPE_CHECKING:
    from chrono.stream.connection import Connection


class Access(Protocol):
    """Whom a key belongs to, as the streams see it."""

    @property
    def key_id(self) -> str:
        """A name of the key that may be logged; never the key."""
        ...

    @property
    def may_stream(self) -> bool:
        """Whether keys of this class may read streams."""
        ...


Authorise = Callable[[str], Access | None]
"""Whom the key belongs to; None for a wrong, revoked or expired one. Takes the same time for each."""

Latest = Callable[[Market], Estimate | None]
"""Our newest value of a market; None while there is none."""

Listed = Callable[[], Collection[Market]]
"""Every market that `*` stands for."""

DayAgo = Callable[[Collection[Market]], Awaitable[Mapping[Market, Decimal]]]
"""Our value of 24 hours ago for those of the markets that have one. Raises: ChronoError when the store is away."""


Defer = Callable[[Callable[[], None]], object]
"""Runs a function soon, on the same loop (`loop.call_soon`)."""


class Threshold(Protocol):
    """How often an address may fail to show a right key. Fits: api.handshakes.Handshakes."""

    def caller(self, peer: str | None, headers: Mapping[bytes, bytes]) -> str:
        """Under which name the limits of whoever comes from `peer` are counted; headers in lower case."""
        ...

    def is_proxy(self, peer: str) -> bool:
        """Whether `peer` is a trusted proxy, which comes for many."""
        ...

    def locked(self, caller: str) -> int | None:
        """Seconds for which this caller's keys are not looked at; None when they are."""
        ...

    def failed(self, caller: str) -> None:
        """Count an attempt that showed no right key."""
        ...


class Outlet(Protocol):
    """The way out to one reader. Fits: fast_door.FastOutlet, handover.Handover.

    An outlet that can take no more says so by calling its connection's `pause`, and `resume` when it can again.
    """

    def attach(self, connection: "Connection") -> None:
        """Whose way out this is; called once, before anything is sent."""
        ...

    def send(self, frame: bytes) -> None:
        """Hand over one encoded frame."""
        ...

    def send_many(self, frames: list[bytes]) -> None:
        """Hand over frames in order, in as few writes as the transport allows."""
        ...

    def backlog(self) -> int:
        """How much was handed over and is not on its way yet; only whether it shrinks means something."""
        ...

    def ping(self) -> bool:
        """Ask on the protocol's own level whether the peer is there; False when the transport cannot."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Say goodbye; what was handed over before still goes out if the reader takes it."""
        ...

    def abort(self) -> None:
        """Let go at once, whatever is left."""
        ...
