"""Tapes of ingest feeds as lines: one feed object of `POST /internal/ingest` per line (NDJSON, also gzipped).

A line may carry `received_at` (RFC 3339 or epoch ms): when the feed became known. Without it, its `timestamp`.
"""

import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from heapq import heapify, heappop, heappushpop
from pathlib import Path
from typing import Annotated, BinaryIO, cast

import msgspec
from msgspec import Meta, Raw, Struct

from chrono.clock import MS_NS, US_NS
from chrono.errors import BAD_TAPE, ChronoError
from chrono.market.names import MARKET_PATTERN, VENUE_PATTERN, Market, Venue
from chrono.market.quote import Quote
from chrono.market.tapes.tape import SLICE_ROWS, Event, Selection, Survey

GZIP = b"\x1f\x8b"
LINE_BYTES = 65_536
"""A longer line is not a feed."""
REORDERED = 4096
"""Lines that may stand out of order by this many places are put right; one further off is known when it is read."""
TOLD = 10
"""Bad lines told one by one; the rest is counted."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(rb'"?([0-9]{1,18}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,2})?)"?', re.ASCII)

_Time = Annotated[datetime, Meta(tz=True)] | Annotated[int, Meta(ge=0, lt=253_402_300_800_000)]


class _Feed(Struct):
    symbol: Annotated[str, Meta(pattern=MARKET_PATTERN)]
    price: Raw
    source: Annotated[str, Meta(pattern=VENUE_PATTERN)]
    timestamp: _Time
    volume: Raw = Raw(b"null")
    received_at: _Time | None = None
    worker_id: str = ""
    metadata: Raw = Raw(b"null")


_DECODER = msgspec.json.Decoder(_Feed)


class FeedsTape:
    """Lines of feeds. A bad line is told and skipped; only a file of nothing but bad lines is refused."""

    layout = "feeds, one per line"

    def __init__(self, path: Path, selection: Selection) -> None:
        self.path = path
        self.skipped: Counter[str] = Counter()
        self.faults: list[str] = []
        self._selection = selection

    def survey(self) -> Survey:
        """Books and times; reads the whole file once. Raises: ChronoError(BAD_TAPE) when no line is good."""
        survey = Survey()
        for quote in self._quotes():
            taken = self._selection.takes(quote.venue, quote.market)
            survey.add(quote.venue, quote.market, taken=taken)
            survey.spread(quote.received_at_ns, quote.received_at_ns, 1)
        if not survey.rows and self.faults:
            found = f"no good line; {'; '.join(self.faults)}"
            raise ChronoError(BAD_TAPE, file=str(self.path), found=found, expected="ingest feeds, one per line")
        return survey

    def slices(self) -> Iterator[list[Event]]:
        """Every good line, in order of when it became known."""
        events: list[Event] = []
        for quote in _in_order(self._quotes()):
            if self._selection.takes(quote.venue, quote.market):
                events.append(quote)
            else:
                self.skipped["not_selected"] += 1
            if len(events) == SLICE_ROWS:
                yield events
                events = []
        yield events

    def _quotes(self) -> Iterator[Quote]:
        self.skipped.clear()
        self.faults.clear()
        number, span = 0, self._selection
        try:
            for number, line in enumerate(_lines(self.path), 1):
                if line.isspace():
                    continue
                quote = self._read(number, line)
                if quote is not None and span.from_ns <= quote.received_at_ns < span.until_ns:
                    yield quote
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self._fault(number + 1, "cut_short", f"the gzip stream breaks off: {error}")

    def _read(self, number: int, line: bytes) -> Quote | None:
        try:
            return read_feed(line)
        # RecursionError: some thousand opening brackets; OverflowError: a time beyond the calendar
        except (msgspec.DecodeError, ValueError, RecursionError, OverflowError) as error:
            self._fault(number, "bad_line", str(error) or type(error).__name__)
            return None

    def _fault(self, number: int, reason: str, message: str) -> None:
        self.skipped[reason] += 1
        if len(self.faults) < TOLD:
            self.faults.append(f"{self.path}:{number}: {message}")


def read_feed(line: bytes) -> Quote:
    """The quote that one line says. Raises: ValueError or msgspec.DecodeError with what is wrong."""
    if len(line) > LINE_BYTES:
        raise ValueError(f"longer than {LINE_BYTES} bytes")
    feed = _DECODER.decode(line)
    quoted_at_ns = _ns(feed.timestamp)
    price = _decimal("price", feed.price)
    if not price:
        raise ValueError("price is not above 0")
    return Quote(
        Venue(feed.source),
        Market(feed.symbol),
        price,
        None if bytes(feed.volume) == b"null" else _decimal("volume", feed.volume),
        quoted_at_ns,
        quoted_at_ns if feed.received_at is None else _ns(feed.received_at),
        feed.worker_id,
        None if bytes(feed.metadata) == b"null" else bytes(feed.metadata),
    )


def _decimal(field: str, raw: Raw) -> Decimal:
    number = _NUMBER.fullmatch(bytes(raw))
    if number is None:
        raise ValueError(f"{field} is not a number: {bytes(raw)[:40].decode(errors='replace')}")
    return Decimal(number[1].decode())


def _ns(time: datetime | int) -> int:
    if isinstance(time, int):
        return time * MS_NS
    return (time - _EPOCH) // timedelta(microseconds=1) * US_NS


def _lines(path: Path) -> Iterator[bytes]:
    """Each line; of one that is too long, only its beginning."""
    with path.open("rb") as file:
        zipped = file.read(2) == GZIP
        file.seek(0)
        text = cast("BinaryIO", gzip.GzipFile(fileobj=file)) if zipped else file
        while line := text.readline(LINE_BYTES + 1):
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = text.readline(LINE_BYTES)
            yield line


def _in_order(quotes: Iterable[Quote]) -> Iterator[Quote]:
    """By the time of becoming known; what stands too far behind is known when it is read."""
    waiting: list[tuple[int, int, Quote]] = []
    reached_ns = 0
    for place, quote in enumerate(quotes):
        entry = (quote.received_at_ns, place, quote)
        if len(waiting) < REORDERED:
            waiting.append(entry)
            if len(waiting) == REORDERED:
                heapify(waiting)
            continue
        first = _not_before(heappushpop(waiting, entry)[2], reached_ns)
        reached_ns = first.received_at_ns
        yield first
    heapify(waiting)
    while waiting:
        yield _not_before(heappop(waiting)[2], reached_ns)


def _not_before(quote: Quote, reached_ns: int) -> Quote:
    if quote.received_at_ns >= reached_ns:
        return quote
    return msgspec.structs.replace(quote, received_at_ns=reached_ns)
