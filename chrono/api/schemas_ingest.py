"""The shapes of ingest: what a worker posts, and what it hears. Source: api.md, "Ingest"."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from chrono.api.schemas import Count, Latency, TimeText, Venue


class IngestFeed(Struct, frozen=True):
    """One venue's quote of one pair, as the venue really quotes it."""

    symbol: Annotated[str, Meta(pattern=r"^[A-Z0-9]{1,20}(/[A-Z0-9]{1,20})?$")]
    price: Annotated[str, Meta(pattern=r"^[0-9]{1,12}(\.[0-9]{1,18})?$")] | float
    source: Venue
    timestamp: TimeText | int
    volume: Annotated[str, Meta(pattern=r"^[0-9]{1,18}(\.[0-9]{1,18})?$")] | float | None = None
    metadata: dict[str, Any] | None = None


class IngestBatch(Struct, frozen=True):
    """1 to 100 feeds of one worker. A feed at fault is refused by itself and listed in `errors`."""

    feeds: Annotated[list[Any], Meta(min_length=1, max_length=100, description="each an IngestFeed")]
    worker_id: Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,100}$")] | None = None
    timestamp: TimeText | int | None = field(default=None)


class FeedError(Struct, frozen=True):
    """Why one feed of a batch was refused; `index` is its place in `feeds`."""

    index: Count
    code: str
    message: str


class IngestReceipt(Struct, frozen=True):
    """What became of a batch. Every feed counted in `ingested` is durable."""

    status: Literal["success", "partial", "error"]
    ingested: Count
    failed: Count
    latency_ms: Latency
    message: str
    errors: Sequence[FeedError]
