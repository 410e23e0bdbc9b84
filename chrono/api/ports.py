"""What the API needs from the rest of the house. `app.py` of the root fills in an `ApiParts`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from msgspec import Struct, field

from chrono.api.round_ports import RecordedRounds
from chrono.clock import Clock
from chrono.flare.address import Address
from chrono.flare.epochs import Timing
from chrono.flare.feeds import FeedId
from chrono.flare.frames import SubmissionFunction
from chrono.market.names import Market, Venue
from chrono.market.quote import Candle, Quote, Receipt
from chrono.pricing.estimate import Estimate, Estimates, Exclusion
from chrono.supervisor import PartState
from chrono.voting.reports import Reports

After = tuple[int, str]
"""Where a page of rows ended: the time of its last row, nanoseconds, and that row's venue (empty for candles)."""

Probe = Callable[[], Awaitable[str]]
"""How one service does: `healthy`, `degraded`, `unhealthy` or `off`. Raises: ChronoError, which counts as degraded."""


class Accept(Protocol):
    """The ingest door. Fits: ingest.door.IngestDoor.accept."""

    async def __call__(self, body: bytes, *, worker_id: str, received_at_ns: int) -> Receipt:
        """Keep the good feeds of a body; returns when they are durable. Raises: ChronoError."""
        ...


class SignatureHeaders(Struct, frozen=True):
    """A request whose signature is to be checked; each header is None when it was not sent."""

    method: str
    path: str
    body: bytes
    worker_id: str
    timestamp: str | None
    nonce: str | None
    signature: str | None


Verify = Callable[[SignatureHeaders, int], Awaitable[None]]
"""Return when the request may pass at this time (ns). Raises: ChronoError(BAD_SIGNATURE)."""


class Board(Protocol):
    """Our newest values, in memory. Fits: pricing.board.Board."""

    def latest(self, market: Market) -> Estimate | None:
        """Our newest value of a market; None while there is none."""
        ...

    def listed(self) -> Sequence[Market]:
        """Every market that we can price."""
        ...

    def estimate_now(self, markets: Sequence[Market]) -> Mapping[Market, Estimate]:
        """The newest values of these markets, what has just come in included; those that have none are missing."""
        ...


class Window(Protocol):
    """The newest quotes, in memory. Fits: pricing.window.Window."""

    def markets(self) -> list[Market]:
        """Every book that was quoted."""
        ...

    def newest(self, market: Market, venue: Venue) -> Quote | None:
        """One venue's last quote."""
        ...

    def newest_of(self, market: Market) -> Mapping[Venue, Quote]:
        """Every venue's last quote."""
        ...


class Quotes(Protocol):
    """Raw quotes of the past. Fits: store.quotes."""

    async def range(
        self,
        market: Market,
        start_ns: int,
        end_ns: int,
        *,
        venue: Venue | None,
        limit: int,
        after: After | None,
        newest_first: bool,
    ) -> Sequence[Quote]:
        """Quotes in [start_ns, end_ns), at most `limit`, beginning behind `after`. Raises: ChronoError."""
        ...


class Candles(Protocol):
    """Candles of the past. Fits: store.candles."""

    async def range(
        self,
        market: Market,
        interval: str,
        start_ns: int,
        end_ns: int,
        *,
        venue: Venue | None,
        limit: int,
        after: After | None,
        newest_first: bool,
    ) -> Sequence[Candle]:
        """Candles that open in [start_ns, end_ns), at most `limit`, beginning behind `after`. Raises: ChronoError."""
        ...


class StoredConsensus(Protocol):
    """One recorded value. Fits: store.consensus.StoredConsensus, pricing.estimate.Estimate."""

    @property
    def market(self) -> Market: ...  # noqa: D102 - the words are Estimate's
    @property
    def at_ns(self) -> int: ...  # noqa: D102
    @property
    def price(self) -> Decimal: ...  # noqa: D102
    @property
    def median(self) -> Decimal: ...  # noqa: D102
    @property
    def mean(self) -> Decimal: ...  # noqa: D102
    @property
    def std_dev(self) -> Decimal: ...  # noqa: D102
    @property
    def vwap(self) -> Decimal | None: ...  # noqa: D102
    @property
    def twap(self) -> Decimal: ...  # noqa: D102
    @property
    def weighted_median(self) -> Decimal: ...  # noqa: D102
    @property
    def confidence(self) -> Decimal: ...  # noqa: D102
    @property
    def sources(self) -> Sequence[Venue]: ...  # noqa: D102
    @property
    def excluded(self) -> Sequence[Exclusion]: ...  # noqa: D102
    @property
    def algorithm(self) -> str: ...  # noqa: D102


class Consensus(Protocol):
    """Recorded values and how they came about. Fits: store.consensus."""

    async def at(self, markets: Sequence[Market], at_ns: int, within_ns: int) -> Mapping[Market, StoredConsensus]:
        """The newest recorded value at or before `at_ns`, not older than `within_ns`, of those that have one."""
        ...

    async def derivation(self, market: Market, at_ns: int) -> bytes | None:
        """The canonical derivation of the newest recorded value at or before `at_ns`."""
        ...


EstimateAt = Callable[[Sequence[Market], int], Awaitable[Estimates]]
"""Values at a past time (ns), computed from the stored quotes of the five minutes before it."""


class Pinned(Protocol):
    """The values of one round. Fits: pricing.rounds.Pinned."""

    @property
    def at_ns(self) -> int:
        """The instant at which they were taken."""
        ...


class Rounds(Protocol):
    """Values pinned per voting round. Fits: pricing.rounds.RoundValues."""

    def pinned(self, round_id: int) -> Pinned | None:
        """What was pinned for a round; None when nothing is (yet, or any more)."""
        ...

    def values(self, round_id: int, feeds: Sequence[FeedId]) -> Sequence[Decimal | None]:
        """One value per feed, in order; None where we have none to vote with. Round 0 is the latest."""
        ...


Volumes = Callable[[Market, int, int], Mapping[Venue, Decimal]]
"""Base units per venue that a market saw within (window_ns) before (at_ns)."""


class Shared(Protocol):
    """Limits that several instances share. Fits: store.cache.Cache."""

    async def take(self, key: str, limit: int, window_s: int, now_ns: int) -> tuple[bool, int, int]:
        """Whether one more may pass, how many are left, and when (ns) the next place is free.

        Raises: ChronoError(CACHE_AWAY).
        """
        ...


class Answers(Protocol):
    """Answers that several instances remember together. Fits: store.cache.Cache."""

    async def get_answer(self, key: str) -> bytes | None:
        """What is remembered under `key`. Raises: ChronoError(CACHE_AWAY)."""
        ...

    async def put_answer(self, key: str, body: bytes, ttl_s: int) -> None:
        """Remember an answer for `ttl_s`. Raises: ChronoError(CACHE_AWAY)."""
        ...


Supervised = Callable[[], Mapping[str, PartState]]
"""The long-running parts by name, as they are now. Fits: supervisor.Supervisor.states."""


class ReadVenue(Protocol):
    """A venue that Chrono reads itself. Fits: ingest.venues.report.VenueReport."""

    @property
    def venue(self) -> Venue: ...  # noqa: D102 - the words are VenueReport's
    @property
    def state(self) -> str: ...  # noqa: D102
    @property
    def since_ns(self) -> int: ...  # noqa: D102
    @property
    def markets(self) -> int: ...  # noqa: D102
    @property
    def last_heard_ns(self) -> int | None: ...  # noqa: D102
    @property
    def clock_offset_ms(self) -> int | None: ...  # noqa: D102
    @property
    def messages_per_s(self) -> float: ...  # noqa: D102


ReadVenues = Callable[[], Sequence[ReadVenue]]
"""Every venue that Chrono reads itself, as it is now."""


class Handed(Protocol):
    """What the system client is to send. Fits: provider.handed_rounds.Handed."""

    @property
    def status(self) -> str:
        """`OK`, `EMPTY` or `RETRY`."""
        ...

    @property
    def data(self) -> bytes:
        """Whole frames, or the message to sign; empty unless the status is `OK`."""
        ...


Hand = Callable[[SubmissionFunction, int, Address], Awaitable[Handed]]
"""What another program is to send with a function, for a round, from an address. Raises: ChronoError."""


class ApiParts(Struct, frozen=True, kw_only=True):
    """Everything that the routes call. `environment` is told in every answer when it is not the real market."""

    clock: Clock
    accept: Accept
    verify: Verify | None
    board: Board
    window: Window
    quotes: Quotes
    candles: Candles
    consensus: Consensus
    estimate_at: EstimateAt
    rounds: Rounds
    volumes: Volumes
    health: Mapping[str, Probe] = field(default_factory=dict)
    supervised: Supervised = dict
    read_venues: ReadVenues = list
    decimals: Mapping[Market, int] = field(default_factory=dict)
    reports: Reports = field(default_factory=Reports)
    recorded_rounds: RecordedRounds | None = None
    network: str | None = None
    """Under which name rounds are recorded; None: the network of the settings."""
    hand: Hand | None = None
    """None: no protocol data provider is served here."""
    timing: Timing | None = None
    """The calendar of the chain; None: the one that the network of the settings is known by."""
    shared_limits: Shared | None = None
    shared_answers: Answers | None = None
    environment: str | None = None
