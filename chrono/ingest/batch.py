"""From the bytes of one POST to quotes, feed by feed: a bad feed never costs the others.

The whole body is decoded once into typed Structs, and judged as columns. When a column is at fault, each feed is
judged on its own; when the body could not even be decoded, each feed is decoded on its own as well.
Source: api.md, "Ingest".
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec import DecodeError, Raw, Struct, ValidationError
from msgspec.json import Decoder

from chrono.clock import SECOND_NS
from chrono.errors import BAD_BATCH, BATCH_TOO_LARGE, ChronoError
from chrono.ingest.columns import all_quotes
from chrono.ingest.feed import MARKET_LENGTH, VENUE_LENGTH, Feed, market_of, venue_of
from chrono.ingest.judge import Terms, fault_of, shown
from chrono.ingest.metadata import NotMetadata, all_metadata, metadata_of
from chrono.ingest.numerals import Numeral, price_of, volume_of
from chrono.ingest.surrogates import without_halves
from chrono.ingest.times import wire_time_ns
from chrono.market.names import is_venue
from chrono.market.quote import FeedFault, Quote
from chrono.settings import Ingest

MOST_FEEDS: Final = 100
NOBODY: Final = ""
"""Stands for the source of a feed that names none that can be a venue's."""


class Batch(Struct, frozen=True):
    """What one POST brought: the quotes that are fit to keep, and a fault for each feed that is not.

    `refused` holds the source and the outcome (rejected, future, stale) of each fault, in the same order.
    """

    worker_id: str
    quotes: list[Quote]
    faults: list[FeedFault]
    refused: list[tuple[str, str]]


class _Body(Struct, gc=False):
    feeds: list[Feed]
    worker_id: Any = None
    timestamp: Any = None


class _Sender(Struct, gc=False):
    worker_id: Any = None


_BODY: Final = Decoder(_Body, float_hook=Numeral)
_FEED: Final = Decoder(Feed, float_hook=Numeral)
_SENDER: Final = Decoder(_Sender)
_FIELDS: Final = Decoder(dict[str, Raw])
_LIST: Final = Decoder(list[Raw])
_VALUE: Final = Decoder(Any, float_hook=Numeral)
_REFUSALS: Final = (DecodeError, UnicodeDecodeError, RecursionError)
"""How msgspec says no: bad JSON or a wrong type, text that is not UTF-8, nesting beyond all use."""


def read_batch(body: bytes, *, received_at_ns: int, rules: Ingest, worker_id: str) -> Batch:
    """The quotes and the faults of one POST. `worker_id` is the key's, for bodies that name none.

    Raises: ChronoError(BAD_BATCH) when it is no batch at all, listing every fault of its frame;
    ChronoError(BATCH_TOO_LARGE) beyond 100 feeds.
    """
    terms = Terms(
        received_at_ns=received_at_ns,
        oldest_ns=received_at_ns - rules.max_age_s * SECOND_NS,
        newest_ns=received_at_ns + rules.future_s * SECOND_NS,
    )
    if not body.isascii():
        _refuse_bad_text(body)
    try:
        whole = _BODY.decode(body)
    except _REFUSALS:
        return _read_apart(without_halves(body), terms, worker_id)
    worker_id = _frame(whole.worker_id, whole.timestamp, len(whole.feeds), worker_id)
    quotes = all_quotes(whole.feeds, terms, worker_id)
    if quotes is not None:
        return Batch(worker_id, quotes, [], [])
    return _judge(list(enumerate(whole.feeds)), terms, worker_id)


def sender_of(body: bytes) -> str | None:
    """The `worker_id` that the body claims; None when it claims none that can be one. Costs a tenth of a decode."""
    try:
        claimed = _SENDER.decode(body).worker_id
    except _REFUSALS:
        return None
    return claimed if isinstance(claimed, str) and is_venue(claimed) else None


def _judge(feeds: Sequence[tuple[int, Feed]], terms: Terms, worker_id: str) -> Batch:
    """Each feed on its own, with its place in the body: about two and a half microseconds a feed."""
    quotes: list[Quote] = []
    faults: list[FeedFault] = []
    refused: list[tuple[str, str]] = []
    attached = all_metadata([feed.metadata for _, feed in feeds])
    for place, (index, feed) in enumerate(feeds):
        try:
            metadata = attached[place] if attached is not None else metadata_of(feed.metadata)
            quote = _quote(feed, metadata, terms, worker_id)
        except NotMetadata:
            quote = None
        if quote is not None:
            quotes.append(quote)
            continue
        _note(faults, refused, fault_of(index, _told(feed), terms), feed.source)
    return Batch(worker_id, quotes, faults, refused)


def _quote(feed: Feed, metadata: bytes | None, terms: Terms, worker_id: str) -> Quote | None:
    """The feed as a quote; None when anything is wrong with it, which `fault_of` then names."""
    market = market_of(feed.symbol) if len(feed.symbol) <= MARKET_LENGTH else None
    venue = venue_of(feed.source) if len(feed.source) <= VENUE_LENGTH else None
    price = price_of(feed.price)
    at_ns = wire_time_ns(feed.timestamp)
    if market is None or venue is None or price is None or at_ns is None:
        return None
    volume = None
    if feed.volume is not None:
        volume = volume_of(feed.volume)
        if volume is None:
            return None
    if not terms.oldest_ns <= at_ns <= terms.newest_ns:
        return None
    return Quote(venue, market, price, volume, at_ns, terms.received_at_ns, worker_id, metadata)


def _told(feed: Feed) -> dict[str, Any]:
    return {name: getattr(feed, name) for name in feed.__struct_fields__}


def _note(faults: list[FeedFault], refused: list[tuple[str, str]], fault: FeedFault, source: object) -> None:
    known = isinstance(source, str) and is_venue(source)
    faults.append(fault)
    refused.append((str(source) if known else NOBODY, fault.outcome))


def _read_apart(body: bytes, terms: Terms, worker_id: str) -> Batch:
    """The tolerant way, after the whole could not be decoded at once: every feed on its own."""
    try:
        fields = _FIELDS.decode(body)
    except _REFUSALS as refused:
        raise _malformed(refused) from refused
    if "feeds" not in fields:
        return _read_bare(body, fields, terms, worker_id)
    try:
        raws = _LIST.decode(fields["feeds"])
    except ValidationError:
        raws = None
    said = {name: _value(fields.get(name)) for name in ("worker_id", "timestamp")}
    worker_id = _frame(said["worker_id"], said["timestamp"], None if raws is None else len(raws), worker_id)
    return _judge_apart(raws or (), terms, worker_id)


def _read_bare(body: bytes, fields: dict[str, Raw], terms: Terms, worker_id: str) -> Batch:
    """A bare feed object is a batch of one; its sender then comes from the key."""
    if not fields.keys() & {"symbol", "price", "source"}:
        raise _bad_frame([("feeds", "missing", "a list of 1 to 100 feeds")])
    return _judge_apart([Raw(body)], terms, worker_id)


def _judge_apart(raws: Iterable[Raw], terms: Terms, worker_id: str) -> Batch:
    readable: list[tuple[int, Feed]] = []
    faults: list[FeedFault] = []
    refused: list[tuple[str, str]] = []
    for index, raw in enumerate(raws):
        try:
            readable.append((index, _FEED.decode(raw)))
        except _REFUSALS:
            fields = _fields_of(raw)
            _note(faults, refused, fault_of(index, fields, terms), fields and fields.get("source"))
    batch = _judge(readable, terms, worker_id)
    noted = sorted(zip(batch.faults + faults, batch.refused + refused, strict=True), key=lambda pair: pair[0].index)
    return Batch(worker_id, batch.quotes, [fault for fault, _ in noted], [source for _, source in noted])


def _fields_of(raw: Raw) -> dict[str, Any] | None:
    """What the feed says of itself, as far as it can be read; None when it is not an object."""
    try:
        fields = _FIELDS.decode(raw)
    except _REFUSALS:
        return None
    return {name: field if name == "metadata" else _value(field) for name, field in fields.items()}


def _value(raw: Raw | None) -> Any:
    """One field's value; a value that JSON allows but nobody can mean comes back as the Raw it is."""
    if raw is None:
        return None
    try:
        return _VALUE.decode(raw)
    except _REFUSALS:
        return raw


def _frame(worker_id: object, timestamp: object, count: int | None, of_key: str) -> str:
    """Check what surrounds the feeds; gives the sender. Raises: ChronoError with every fault found."""
    faults: list[tuple[str, str, str]] = []
    if worker_id is not None and not (isinstance(worker_id, str) and is_venue(worker_id)):
        faults.append(("worker_id", shown(worker_id), "[a-z0-9_-]{1,100}"))
    if timestamp is not None and wire_time_ns(timestamp) is None:
        faults.append(("timestamp", shown(timestamp), "RFC 3339 UTC or epoch milliseconds"))
    if not count:
        faults.append(("feeds", "nothing" if count == 0 else "no list", "a list of 1 to 100 feeds"))
    if faults:
        raise _bad_frame(faults)
    if count and count > MOST_FEEDS:
        raise ChronoError(BATCH_TOO_LARGE, field="feeds", received=count, expected=f"1 to {MOST_FEEDS} feeds")
    return str(worker_id) if worker_id is not None else of_key


def _bad_frame(faults: Iterable[tuple[str, str, str]]) -> ChronoError:
    listed = [{"field": field, "received": got, "expected": expected} for field, got, expected in faults]
    return ChronoError(BAD_BATCH, faults=listed)


def _refuse_bad_text(body: bytes) -> None:
    # A Raw is not checked for UTF-8 by msgspec, and PostgreSQL would refuse it later, with its whole group.
    try:
        body.decode()
    except UnicodeDecodeError as refused:
        raise _malformed(refused) from refused


def _malformed(refused: Exception) -> ChronoError:
    if isinstance(refused, RecursionError):
        said = "JSON nested too deep"
    elif isinstance(refused, UnicodeDecodeError):
        said = "text that is not UTF-8"
    elif isinstance(refused, ValidationError):
        said = "no JSON object"
    else:
        said = "malformed JSON"
    return ChronoError(BAD_BATCH, faults=[{"field": "body", "received": said, "expected": "a JSON object"}])
