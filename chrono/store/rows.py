r"""Quotes and trades as the text that PostgreSQL's COPY reads: made once, for the database or for the spool.

One line per row, columns parted by tabs, `\N` for null. A batch is encoded where it is written, so that a row that
no database could take is refused before anything was promised.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from msgspec import Struct, json

from chrono.clock import SECOND_NS, US_NS
from chrono.errors import ROW_REFUSED, ChronoError
from chrono.market.quote import Quote, Trade

MINUTE_NS = 60 * SECOND_NS
_NULL = "\\N"


class Target(Struct, frozen=True):
    """A table that batches go to: its columns in the order of the text, and its key."""

    table: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    rolled_up: bool

    @property
    def column_list(self) -> str:
        """The columns as SQL."""
        return ", ".join(f'"{name}"' for name in self.columns)

    @property
    def key_list(self) -> str:
        """The key's columns as SQL."""
        return ", ".join(f'"{name}"' for name in self.key)


QUOTES = Target(
    table="price_feeds",
    columns=("symbol", "timestamp", "source", "price", "volume", "ingested_at", "worker_id", "metadata"),
    key=("symbol", "timestamp", "source"),
    rolled_up=True,
)
TRADES = Target(
    table="trades",
    columns=("symbol", "timestamp", "source", "sequence", "price", "amount", "side", "received_at"),
    key=("symbol", "timestamp", "source", "sequence"),
    rolled_up=False,
)
TARGETS = {target.table: target for target in (QUOTES, TRADES)}


class Minute(Struct, frozen=True, order=True):
    """One market's minute, by its start: the smallest thing that is rolled up."""

    market: str
    start_ns: int


class Batch(Struct, frozen=True):
    """Rows of one table, encoded. `oldest_ns` is the earliest time among them, `rows` how many they are.

    `quotes` are what they were made from, if that is known; `minutes` what was noted of them in the spool.
    """

    target: Target
    body: bytes
    rows: int
    oldest_ns: int
    quotes: Sequence[Quote] = ()
    noted: tuple[Minute, ...] = ()

    def minutes(self, before_ns: int | None = None) -> set[Minute]:
        """The minutes that the rows fall into; only those that start before `before_ns`, if given."""
        if not self.target.rolled_up:
            return set()
        all_of_them = set(self.noted) | {
            Minute(quote.market, quote.quoted_at_ns // MINUTE_NS * MINUTE_NS) for quote in self.quotes
        }
        return {minute for minute in all_of_them if before_ns is None or minute.start_ns < before_ns}


def quote_batch(quotes: Sequence[Quote]) -> Batch:
    """The quotes as rows of price_feeds. Raises: ChronoError(ROW_REFUSED) for text that no row can hold."""
    oldest_ns = quotes[0].quoted_at_ns
    lines = []
    received_ns, received = -1, ""
    for quote in quotes:
        quoted_ns = quote.quoted_at_ns
        if quoted_ns < oldest_ns:
            oldest_ns = quoted_ns
        if quote.received_at_ns != received_ns:
            received_ns = quote.received_at_ns
            received = stamp(received_ns)
        second, rest_ns = divmod(quoted_ns, SECOND_NS)
        volume = quote.volume
        lines.append(
            f"{_name(quote.market)}\t{_second(second)}.{rest_ns // US_NS:06d}+00\t{_name(quote.venue)}\t{quote.price}"
            f"\t{_NULL if volume is None else volume}\t{received}\t{_name(quote.worker_id)}\t{_json(quote.metadata)}\n"
        )
    return Batch(QUOTES, "".join(lines).encode(), len(quotes), oldest_ns, quotes)


def trade_batch(trades: Sequence[Trade]) -> Batch:
    """The trades as rows of the table trades. Raises: ChronoError(ROW_REFUSED)."""
    body = "".join(
        f"{_name(t.market)}\t{stamp(t.traded_at_ns)}\t{_name(t.venue)}\t{t.sequence}\t{t.price}\t{t.amount}"
        f"\t{_name(t.side)}\t{stamp(t.received_at_ns)}\n"
        for t in trades
    )
    return Batch(TRADES, body.encode(), len(trades), min(t.traded_at_ns for t in trades))


def stamp(at_ns: int) -> str:
    """An instant as PostgreSQL reads it exactly, to the microsecond: `2025-10-09 12:34:56.123456+00`."""
    second, rest_ns = divmod(at_ns, SECOND_NS)
    return f"{_second(second)}.{rest_ns // US_NS:06d}+00"


def escape(text: str) -> str:
    """A text value of a COPY row. Raises: ChronoError(ROW_REFUSED) for a NUL, which no text column takes."""
    if "\0" in text:
        raise ChronoError(ROW_REFUSED, cause="a NUL character")
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def with_plain_metadata(body: bytes) -> bytes:
    """The same rows of price_feeds with each metadata as one JSON string that holds its text.

    For JSON that jsonb cannot hold, such as a lone surrogate or a number beyond numeric: what was said is kept.
    """
    return b"".join(map(_plain, body.splitlines(keepends=True)))


def _plain(line: bytes) -> bytes:
    head, _, metadata = line.rstrip(b"\n").rpartition(b"\t")
    if metadata == b"\\N":
        return line
    text = json.encode(_unescape(metadata.decode())).decode()
    return head + b"\t" + escape(text).encode() + b"\n"


def _unescape(text: str) -> str:
    parts = (part.replace("\\t", "\t").replace("\\n", "\n").replace("\\r", "\r") for part in text.split("\\\\"))
    return "\\".join(parts)


def _json(metadata: bytes | None) -> str:
    if metadata is None:
        return _NULL
    try:
        return escape(metadata.decode())
    except UnicodeDecodeError:
        raise ChronoError(ROW_REFUSED, cause="metadata is not UTF-8") from None


@lru_cache(maxsize=8192)
def _name(text: str) -> str:
    return escape(text)


@lru_cache(maxsize=8192)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S")


def all_minutes(batches: Iterable[Batch], before_ns: int | None = None) -> list[Minute]:
    """The minutes of all these batches in one order, so that two writers never wait for each other in a circle."""
    found: set[Minute] = set()
    for batch in batches:
        if before_ns is None or batch.oldest_ns < before_ns:
            found |= batch.minutes(before_ns)
    return sorted(found)
