"""What must be known of a venue to live with it: addresses, limits, heartbeats, and its three pure parsers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from chrono.ingest.venues.words import Instrument, Refused, Said


class Request(Struct, frozen=True):
    """One HTTP request to a venue. `weight` counts against the venue's budget in its own units."""

    url: str
    method: Literal["GET", "POST"] = "GET"
    body: bytes | None = None
    weight: float = 1.0


class Budget(Struct, frozen=True):
    """How much a venue allows per address: `units` within `per_s` seconds, shared by everything we send there."""

    units: float
    per_s: float


class Heartbeat(Struct, frozen=True):
    """How a connection is kept alive: `ping()` is sent every `every_s`; None when the venue itself pings.

    Without any message for `silent_after_s` the socket counts as dead, whatever TCP says.
    """

    every_s: float
    silent_after_s: float
    ping: Callable[[], bytes] | None = None
    """A text frame; None sends a protocol ping."""


class Stream(Struct, frozen=True, kw_only=True):
    """A venue's public WebSocket.

    `url(symbols)` is where to connect (some venues put the symbols into it). `subscribe(symbols)` are the text frames
    to send after opening, in order. `parse(frame)` says what one frame holds, in order; it never raises.
    `symbols_per_connection` and `frames` (what we may send within a time) are the vendor's. `lives_s` is when the
    venue itself ends a connection; we leave a little earlier. `settles_s` is to be waited after opening, before the
    first frame is sent. `token` must be fetched before `url`, where there is one:
    its answer's body is passed to `url_from_token`.
    `new_parser` is for venues whose frames lean on earlier ones of the same connection (numbered channels, changes of
    a book's top): every connection then makes a parser of its own and uses it instead of `parse`, which for such
    venues reads only what stands alone.
    """

    url: Callable[[Sequence[str]], str]
    subscribe: Callable[[Sequence[str]], list[bytes]]
    parse: Callable[[bytes], list[Said]]
    heartbeat: Heartbeat
    symbols_per_connection: int
    frames: Budget
    connections: Budget
    settles_s: float = 0.0
    lives_s: float | None = None
    new_parser: Callable[[], Callable[[bytes], list[Said]]] | None = None
    token: Request | None = None
    url_from_token: Callable[[bytes], tuple[str, Heartbeat]] | None = None
    """Raises: ValueError when the answer holds no address."""
    unsubscribe: Callable[[Sequence[str]], list[bytes]] | None = None
    """The frames that end a subscription; without them a new connection is how one subscribes again."""
    sequence_step: int | None = None
    """How much `Offered.sequence` rises from one message of a symbol to its next; None when it may skip."""


class Rest(Struct, frozen=True, kw_only=True):
    """A venue's public HTTP: the bulk ticker (start-up and fallback) and the instrument list.

    `tickers(symbols)` are the requests of one round. The parsers never raise. `refusal(status, headers, body)`
    reads an answer that is not the asked one; None when the answer is good.
    """

    tickers: Callable[[Sequence[str]], list[Request]]
    parse_tickers: Callable[[bytes], list[Said]]
    instruments: Request
    parse_instruments: Callable[[bytes], list[Instrument]]
    refusal: Callable[[int, Mapping[str, str], bytes], Refused | None]
    budget: Budget
    poll_every_s: float = 5.0


class VenueSpec(Struct, frozen=True, kw_only=True):
    """One venue. `name` is its name everywhere in Chrono. `stream` is None for venues that are only polled.

    `quotes_late_s`: how far behind our clock the venue's own times may lie before its clock counts as lagging.
    `quiet_s`: a connection that lives and told no price of any of its symbols for so long is silent.
    `frozen_s`: offers that rest for so long, while the market moved, are frozen.
    """

    name: str
    title: str
    docs: str
    stream: Stream | None
    rest: Rest
    quotes_late_s: float = 10.0
    quiet_s: float = 60.0
    frozen_s: float = 90.0
    through_node: "Callable[[str], VenueSpec] | None" = None
    """Of a venue that is a chain: its spec for the address of the operator's node. Without a node it is off."""
