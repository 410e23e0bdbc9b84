"""What goes over the wire, one Struct per shape. The OpenAPI document is generated from these. Source: api.md.

Decimals are strings in plain digits, times RFC 3339 UTC with milliseconds, latencies and counts numbers.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

DecimalText = Annotated[
    str,
    Meta(pattern=r"^-?[0-9]+(\.[0-9]+)?$", extra_json_schema={"format": "decimal"}, description="a decimal"),
]
TimeText = Annotated[str, Meta(extra_json_schema={"format": "date-time"}, description="RFC 3339 UTC, milliseconds")]
Symbol = Annotated[str, Meta(pattern=r"^[A-Z0-9]{1,20}/[A-Z0-9]{1,20}$", description="BASE/QUOTE")]
Venue = Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,100}$")]
Count = Annotated[int, Meta(ge=0)]
Latency = Annotated[int, Meta(ge=0, description="milliseconds on our side")]
QualityName = Literal["ok", "degraded", "stale"]


class Price(Struct, frozen=True):
    """Our consensus for one market, or with `?source=` one venue's last quote, which has no confidence."""

    symbol: Symbol
    price: DecimalText
    volume: DecimalText | None
    source: str
    timestamp: TimeText
    staleness_ms: Count
    quality: QualityName
    sources: Count
    confidence: DecimalText | None


class LatestPrices(Struct, frozen=True):
    """The newest price of each market asked for; those that nobody has quoted are in `missing`."""

    data: list[Price]
    missing: list[Symbol]
    cached: bool
    latency_ms: Latency


class RawQuote(Struct, frozen=True):
    """One stored quote. `id` is a UUIDv5 of source, symbol and timestamp."""

    id: Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
    symbol: Symbol
    price: DecimalText
    volume: DecimalText | None
    timestamp: TimeText
    source: Venue
    ingested_at: TimeText
    worker_id: str
    metadata: dict[str, Any] | None


class CandleRow(Struct, frozen=True):
    """Open, high, low and close of the quotes of one interval; `timestamp` is its start."""

    timestamp: TimeText
    open: DecimalText
    high: DecimalText
    low: DecimalText
    close: DecimalText
    volume: DecimalText | None
    num_feeds: Count


class CandlePage(Struct, frozen=True):
    """Candles of the past. `next` is the cursor of the following page, null on the last."""

    data: list[CandleRow]
    interval: str
    count: Count
    next: str | None
    latency_ms: Latency


class QuotePage(Struct, frozen=True):
    """Raw quotes of the past. `next` is the cursor of the following page, null on the last."""

    data: list[RawQuote]
    interval: None
    count: Count
    next: str | None
    latency_ms: Latency


class ExcludedSource(Struct, frozen=True):
    """A venue that did not count, and why."""

    source: str
    reason: str


class ConsensusRow(Struct, frozen=True):
    """One market's consensus with each of its estimators."""

    symbol: Symbol
    price: DecimalText
    median: DecimalText
    mean: DecimalText
    std_dev: DecimalText
    vwap: DecimalText | None
    twap: DecimalText
    weighted_median: DecimalText
    confidence: DecimalText
    num_sources: Count
    sources: list[str]
    excluded: list[ExcludedSource]
    timestamp: TimeText
    algorithm: str


class ConsensusList(Struct, frozen=True):
    """The consensus of each market asked for that has one."""

    data: list[ConsensusRow]
    missing: list[Symbol]
    latency_ms: Latency


class Explanation(Struct, frozen=True):
    """How a value came about. `hash` is the SHA-256 of the derivation's bytes as they stand here."""

    symbol: Symbol
    round: int | None
    hash: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    derivation: dict[str, Any]
    latency_ms: Latency


class CacheState(Struct, frozen=True):
    """Whether the value came from memory, and how long it would stay there."""

    hit: bool
    ttl_seconds: Count


class RateLimit(Struct, frozen=True):
    """What the tightest of the caller's limits has left; all null for a caller without a limit."""

    limit: int | None
    remaining: int | None
    reset_at: TimeText | None


class SinglePrice(Struct, frozen=True):
    """Our consensus for one market, in the short form."""

    symbol: Symbol
    price: DecimalText
    timestamp: TimeText
    sources: Count
    confidence: DecimalText
    cache: CacheState
    rate_limit: RateLimit


class FeedRow(Struct, frozen=True):
    """A market as Flare names it. `decimals` is null until the chain has told it."""

    feed_id: Annotated[str, Meta(pattern="^0x[0-9a-f]{42}$")]
    symbol: Symbol
    category: int
    decimals: int | None
    sources: Count
    quality: QualityName | None


class FeedList(Struct, frozen=True):
    """Every feed that we can value."""

    data: list[FeedRow]


class VenueRow(Struct, frozen=True):
    """How one venue does. `since` is when its state began; null stands for what is not known."""

    venue: Venue
    state: Literal["live", "dead", "silent", "frozen", "lagging", "refused", "off"]
    since: TimeText
    markets: Count
    last_message_ms: Annotated[Count | None, Meta(description="milliseconds since its last message")]
    clock_offset_ms: int | None
    messages_per_s: float


class VenueList(Struct, frozen=True):
    """Every venue that Chrono reads, and every other that has spoken since this process began."""

    data: list[VenueRow]


class MarketSource(Struct, frozen=True):
    """One venue's part in a market: the book it quotes, its age, weight and verdict, and the way to the market."""

    venue: Venue
    symbol: Symbol
    age_ms: Count
    weight: DecimalText
    state: str
    path: list[str]


class MarketRow(Struct, frozen=True):
    """What one market's value is made from. `path` is that of its heaviest source."""

    symbol: Symbol
    sources: list[MarketSource]
    minimum_sources: Count
    path: list[str]


class MarketList(Struct, frozen=True):
    """Every market that has a value."""

    data: list[MarketRow]


class Part(Struct, frozen=True):
    """A long-running part: whether it runs now or waits for its restart, how often it crashed, and since when."""

    state: Literal["running", "restarting"]
    restarts: Count
    since: TimeText


class Health(Struct, frozen=True):
    """How each service does, and all together; `parts` are the supervised parts of the process."""

    status: Literal["healthy", "degraded", "unhealthy"]
    timestamp: TimeText
    services: dict[str, Literal["healthy", "degraded", "unhealthy", "off"]]
    uptime_seconds: Count
    parts: dict[str, Part]


class Live(Struct, frozen=True):
    """The loop turns."""

    status: Literal["live"] = "live"


class Ready(Struct, frozen=True):
    """Whether fresh prices can be served: `fresh` of `markets` are."""

    status: Literal["ready", "not_ready"]
    markets: Count
    fresh: Count
