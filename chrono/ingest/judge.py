"""Why a feed was refused: every fault of it, in words. Runs only for feeds that are."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Raw, Struct

from chrono.errors import ChronoError
from chrono.ingest.metadata import NotMetadata, metadata_of
from chrono.ingest.numerals import price_of, volume_of
from chrono.ingest.times import wire_time_ns
from chrono.market.names import is_venue, parse_market
from chrono.market.quote import FeedFault

CODE: Final = "VALIDATION_ERROR"
_MOST_SHOWN: Final = 60


class Terms(Struct, frozen=True):
    """The times that bound a batch, nanoseconds: when it came, and how old or early a quote may be."""

    received_at_ns: int
    oldest_ns: int
    newest_ns: int


def fault_of(index: int, told: Mapping[str, Any] | None, terms: Terms) -> FeedFault:
    """Everything that is wrong with the feed at `index`; `told` are its fields, None when it is not an object."""
    if told is None:
        return FeedFault(index, CODE, "a feed is a JSON object")
    said = [check(told) for check in _CHECKS]
    outcome, untimely = _untimely(told, terms)
    faults = [words for words in (*said, untimely) if words]
    if len(faults) > 1 or not untimely:
        outcome = "rejected"
    return FeedFault(index, CODE, "; ".join(faults) or "the feed cannot be read", outcome)


def shown(value: object) -> str:
    """A little of what was sent, in ASCII. Lists and objects are not shown: they may be as deep as they like."""
    return ascii(str(value)[:_MOST_SHOWN]) if isinstance(value, (str, int)) else "a value of another type"


def _symbol(told: Mapping[str, Any]) -> str | None:
    if "symbol" not in told:
        return "symbol: missing"
    value = told["symbol"]
    if not isinstance(value, str):
        return f"symbol: expected BASE/QUOTE, received {shown(value)}"
    try:
        parse_market(value)
    except ChronoError as refused:
        return f"symbol: expected {refused.facts['expected']}, received {shown(value)}"
    return None


def _source(told: Mapping[str, Any]) -> str | None:
    if "source" not in told:
        return "source: missing"
    value = told["source"]
    if isinstance(value, str) and is_venue(value):
        return None
    return f"source: expected [a-z0-9_-]{{1,100}}, received {shown(value)}"


def _price(told: Mapping[str, Any]) -> str | None:
    if "price" not in told:
        return "price: missing"
    if price_of(told["price"]) is not None:
        return None
    return f"price: expected a decimal above 0 and below 10**12, received {shown(told['price'])}"


def _volume(told: Mapping[str, Any]) -> str | None:
    value = told.get("volume")
    if value is None or volume_of(value) is not None:
        return None
    return f"volume: expected null or a decimal of 0 or more, received {shown(value)}"


def _timestamp(told: Mapping[str, Any]) -> str | None:
    if "timestamp" not in told:
        return "timestamp: missing"
    if wire_time_ns(told["timestamp"]) is not None:
        return None
    return f"timestamp: expected RFC 3339 UTC or epoch milliseconds, received {shown(told['timestamp'])}"


def _metadata(told: Mapping[str, Any]) -> str | None:
    value = told.get("metadata")
    if not isinstance(value, Raw):
        return None
    try:
        metadata_of(value)
    except NotMetadata as refused:
        return f"metadata: {refused}"
    return None


def _untimely(told: Mapping[str, Any], terms: Terms) -> tuple[str, str | None]:
    at_ns = wire_time_ns(told.get("timestamp"))
    if at_ns is not None and at_ns > terms.newest_ns:
        return "future", "timestamp: further in the future than is allowed"
    if at_ns is not None and at_ns < terms.oldest_ns:
        return "stale", "timestamp: older than is allowed"
    return "rejected", None


_CHECKS: Final[tuple[Callable[[Mapping[str, Any]], str | None], ...]] = (
    _symbol,
    _price,
    _volume,
    _source,
    _timestamp,
    _metadata,
)
