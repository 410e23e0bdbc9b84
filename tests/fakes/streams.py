"""What the stream tests share: estimates, quotes, a key ring, and an outlet that keeps what it is handed."""

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from chrono.clock import Clock
from chrono.market.names import Market, Venue
from chrono.market.quote import Quote
from chrono.pricing.estimate import Estimate, Quality
from chrono.settings import Stream
from chrono.stream.connection import Connection
from chrono.stream.hub import Hub

GOOD_KEY = "chrono_public_good_0123456789"
INTERNAL_KEY = "chrono_internal_good_0123456789"
AT_NS = 1_760_013_296_789_000_000  # 2025-10-09T12:34:56.789Z


class KeyHolder(Struct, frozen=True):
    """Whom a key belongs to."""

    key_id: str
    may_stream: bool = True


ACCESS = KeyHolder("load")


def authorise(key: str) -> KeyHolder | None:
    """Two keys are known; one may not read streams."""
    return {GOOD_KEY: KeyHolder("good"), INTERNAL_KEY: KeyHolder("internal", may_stream=False)}.get(key)


class NoEvidence:
    """A derivation that nobody asks for."""

    def derivation(self) -> bytes:
        """Nothing."""
        return b"{}"


_TEMPLATE = Estimate(
    market=Market("BTC/USD"), at_ns=AT_NS, newest_at_ns=AT_NS, price=Decimal("67234.56"), volume=Decimal("12.5"),
    vwap=None, twap=Decimal(1), median=Decimal(1), weighted_median=Decimal(1), mean=Decimal(1), std_dev=Decimal(0),
    spread_bps=Decimal(0), confidence=Decimal("0.95"), quality=Quality.OK,
    sources=(Venue("binance"), Venue("kraken"), Venue("okx")), excluded=(), minimum_sources=3, reason=None,
    evidence=NoEvidence(),
)  # fmt: skip


def an_estimate(market: str = "BTC/USD", **changed: Any) -> Estimate:
    """An estimate; `price` may be text. `newest_at_ns` follows `at_ns` unless given."""
    if isinstance(changed.get("price"), str):
        changed["price"] = Decimal(changed["price"])
    if "at_ns" in changed:
        changed.setdefault("newest_at_ns", changed["at_ns"])
    return msgspec.structs.replace(_TEMPLATE, market=Market(market), **changed)


def a_quote(market: str = "BTC/USD", venue: str = "binance", price: str = "67234.56", at_ns: int = AT_NS) -> Quote:
    """What a venue offered."""
    return Quote(Venue(venue), Market(market), Decimal(price), None, at_ns, at_ns)


class Board:
    """The newest estimates, as `pricing.board` gives them."""

    def __init__(self) -> None:
        self.estimates: dict[Market, Estimate] = {}
        self.history: dict[Market, Decimal] = {}

    def latest(self, market: Market) -> Estimate | None:
        """The newest estimate of a market."""
        return self.estimates.get(market)

    def listed(self) -> list[Market]:
        """Every market with an estimate."""
        return list(self.estimates)

    async def day_ago(self, markets: Any) -> dict[Market, Decimal]:
        """Yesterday's prices."""
        return {market: self.history[market] for market in markets if market in self.history}

    def put(self, hub: Hub, *estimates: Estimate) -> None:
        """Take new estimates and publish them, as the board does."""
        for estimate in estimates:
            self.estimates[estimate.market] = estimate
        hub.publish_estimates(estimates)


def a_hub(clock: Clock, board: Board | None = None, rules: Stream | None = None, **more: Any) -> Hub:
    """A hub over the fakes; waves go out whole unless `defer` is given."""
    board = board or Board()
    return Hub(
        rules or Stream(), clock, authorise=authorise, latest=board.latest, listed=board.listed,
        day_ago=board.day_ago, **more,
    )  # fmt: skip


class KeptOutlet:
    """An outlet that keeps frames. Give it `room` for so many more frames; None means that it never pauses."""

    def __init__(self, room: int | None = None) -> None:
        self.room = room
        self.frames: list[dict[str, Any]] = []
        self.waiting: list[dict[str, Any]] = []
        self.closed: tuple[int, str] | None = None
        self.aborted = False
        self.pings = 0
        self.connection: Connection | None = None

    def attach(self, connection: Connection) -> None:
        """Whose way out this is."""
        self.connection = connection

    def send(self, frame: bytes) -> None:
        """Keep one frame, or let it wait when there is no room."""
        self.send_many([frame])

    def send_many(self, frames: list[bytes]) -> None:
        """Keep frames, or let those wait for which there is no room."""
        for frame in map(msgspec.json.decode, frames):
            there_is_room = self.room is None or self.room > len(self.frames)
            (self.frames if there_is_room and not self.waiting else self.waiting).append(frame)
        if self.waiting and self.connection is not None and not self.connection.paused:
            self.connection.pause()

    def make_room(self, frames: int | None) -> None:
        """Let the reader take so many more frames (None: all from now on)."""
        self.room = None if frames is None else len(self.frames) + frames
        while self.waiting and (self.room is None or self.room > len(self.frames)):
            self.frames.append(self.waiting.pop(0))
        if not self.waiting and self.connection is not None and self.connection.paused:
            self.connection.resume()

    def backlog(self) -> int:
        """Frames that wait."""
        return len(self.waiting)

    def ping(self) -> bool:
        """Count a ping."""
        self.pings += 1
        return True

    def close(self, code: int, reason: str) -> None:
        """Remember how it ended."""
        self.closed = (code, reason)

    def abort(self) -> None:
        """Remember that it was let go."""
        self.aborted = True

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The frames of one type, in order."""
        return [frame for frame in self.frames if frame["type"] == kind]
