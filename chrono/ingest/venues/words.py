"""What a venue can say, in one set of words for all of them.

A venue's folder turns its wire into these; nothing outside the folder knows the wire. Symbols are the venue's own
spelling: which market a symbol is stands in `chrono/market/markets.toml`.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Literal

from msgspec import Struct

Side = Literal["buy", "sell", ""]
"""The taker's side; empty when the venue does not tell it."""


class Dealt(Struct, frozen=True, gc=False):
    """One trade. `amount` is in base units; `traded_at_ns` is the venue's time, None when it tells none."""

    symbol: str
    price: Decimal
    amount: Decimal
    side: Side
    traded_at_ns: int | None
    trade_id: str = ""


class Offered(Struct, frozen=True, gc=False):
    """The best bid and ask of a book. An empty side is None. `sequence` rises by the venue's own rule."""

    symbol: str
    bid: Decimal | None
    ask: Decimal | None
    quoted_at_ns: int | None
    sequence: int | None = None


class Ticked(Struct, frozen=True, gc=False):
    """A summary of a book: the last price, and the best offers where the venue tells them.

    `volume_24h` is in base units. This is what bulk REST answers say.
    """

    symbol: str
    last: Decimal | None
    bid: Decimal | None
    ask: Decimal | None
    quoted_at_ns: int | None
    volume_24h: Decimal | None = None


class Subscribed(Struct, frozen=True, gc=False):
    """The venue confirmed these symbols (empty: it confirms without naming them)."""

    symbols: tuple[str, ...]


class Beat(Struct, frozen=True, gc=False):
    """A sign of life without a price. `reply` is what must be sent back at once, None when nothing must."""

    reply: bytes | None = None
    is_text: bool = True


class RefusalKind(StrEnum):
    """Why a venue does not serve us; each has a remedy of its own."""

    RATE_LIMITED = "rate_limited"
    BANNED = "banned"
    GEO = "geo"
    MAINTENANCE = "maintenance"
    UNKNOWN_SYMBOL = "unknown_symbol"
    BAD_REQUEST = "bad_request"
    FAULT = "fault"


class Refused(Struct, frozen=True, gc=False):
    """The venue said no. `retry_after_s` is its own word on when to come back; `symbols` are those it meant."""

    kind: RefusalKind
    said: str
    retry_after_s: float | None = None
    symbols: tuple[str, ...] = ()


class Resync(Struct, frozen=True, gc=False):
    """The venue says that its stream has a gap or restarts: what was heard before must not be built on."""

    why: str
    reconnect: bool = False


class Unread(Struct, frozen=True, gc=False):
    """A message, or a part of one, that could not be read: `why` in a few words, `excerpt` at most 200 bytes of it."""

    why: str
    excerpt: str


Said = Dealt | Offered | Ticked | Subscribed | Beat | Refused | Resync | Unread


class Instrument(Struct, frozen=True):
    """One line of a venue's instrument list. `active` is false when it is not traded now."""

    symbol: str
    base: str
    quote: str
    active: bool
