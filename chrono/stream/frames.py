"""Every frame of the streams as one Struct. What is sent, what is understood and `/schema/asyncapi.json` all come
from here, so they cannot differ. Decimals are strings, times RFC 3339 UTC with milliseconds.
"""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

Id = Annotated[int, Meta(ge=-(2**53), le=2**53)] | Annotated[str, Meta(max_length=100)] | None
DecimalText = Annotated[str, Meta(pattern=r"^-?[0-9]+(\.[0-9]+)?$", extra_json_schema={"format": "decimal"})]
TimeText = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Seq = Annotated[int, Meta(ge=0, description="counts the data frames of this connection, without gaps")]
Rev = Annotated[int, Meta(ge=0, description="counts the changes of this market in this process")]


class Limits(Struct, frozen=True):
    """What one connection may do."""

    symbols: int
    msgs_per_s: int


class Price(Struct, frozen=True):
    """Our consensus for one market, in the shape of `/prices/latest`; `rev` says which update it already holds."""

    symbol: str
    price: DecimalText
    volume: DecimalText | None
    source: Literal["aggregated"]
    timestamp: TimeText
    staleness_ms: int
    quality: Literal["ok", "degraded", "stale"]
    sources: int
    confidence: DecimalText
    rev: Rev


class PriceChange(Struct, frozen=True, omit_defaults=True):
    """A new value of one market: our consensus (`source` is `aggregated`) or what one venue quoted.

    `change_24h` is in percent, null without 24 h of history. `quality`, `sources` and `confidence` come with the
    consensus only.
    """

    symbol: str
    price: DecimalText
    volume: DecimalText | None
    source: str
    timestamp: TimeText
    change_24h: DecimalText | None
    rev: Rev
    quality: Literal["ok", "degraded", "stale"] | UnsetType = UNSET
    sources: int | UnsetType = UNSET
    confidence: DecimalText | UnsetType = UNSET


class Submission(Struct, frozen=True):
    """How one transaction of a voting round does. `margin_ms` is from its block to its deadline, `reason` a code."""

    epoch: Annotated[int, Meta(ge=0, description="the number of the voting round")]
    phase: Literal["submit1", "submit2", "submitSignatures", "relay"]
    status: Annotated[
        Literal["pending", "confirmed", "failed", "reverted"],
        Meta(description="failed: in no block, and never will be; reverted: in a block, and failed there"),
    ]
    tx_hash: str | None = None
    gas_used: int | None = None
    margin_ms: int | None = None
    reason: str | None = None


class Problem(Struct, frozen=True):
    """Why something was refused: the inside of the one error envelope."""

    code: str
    message: str
    details: dict[str, Any]
    request_id: str


class SymbolFault(Struct, frozen=True):
    """Why one symbol of a request was refused; the others of the request are not touched by it."""

    symbol: str
    code: str
    message: str


class Hello(Struct, frozen=True, tag_field="type", tag="hello"):
    """First frame of a connection."""

    v: int
    session: str
    heartbeat_ms: int
    limits: Limits


class Authenticated(Struct, frozen=True, tag_field="type", tag="authenticated"):
    """The key was taken. Sent only when the `auth` frame had an `id`."""

    id: Id


class Subscribed(Struct, frozen=True, tag_field="type", tag="subscribed"):
    """What was subscribed, in our spelling, and what was not."""

    id: Id
    symbols: list[str]
    errors: list[SymbolFault]


class Unsubscribed(Struct, frozen=True, tag_field="type", tag="unsubscribed"):
    """What is no longer sent."""

    id: Id
    symbols: list[str]
    errors: list[SymbolFault]


class Snapshot(Struct, frozen=True, tag_field="type", tag="snapshot"):
    """Where the markets just subscribed stand now; `missing` ones have no value yet and will follow as updates."""

    seq: Seq
    data: list[Price]
    missing: list[str]


class PriceUpdate(Struct, frozen=True, tag_field="type", tag="price_update"):
    """One market changed."""

    seq: Seq
    data: PriceChange


class FtsoSubmission(Struct, frozen=True, tag_field="type", tag="ftso_submission"):
    """One transaction of a voting round changed its state."""

    seq: Seq
    data: Submission


class Heartbeat(Struct, frozen=True, tag_field="type", tag="heartbeat"):
    """Still here. `seq` repeats the last one sent, so that a silent loss shows."""

    seq: Seq
    timestamp: TimeText


class Pong(Struct, frozen=True, tag_field="type", tag="pong"):
    """Answer to `ping`."""

    id: Id


class Failure(Struct, frozen=True, tag_field="type", tag="error"):
    """The error envelope as a frame; `id` is that of the frame that caused it, if one did."""

    id: Id
    error: Problem
    status: int


class GoingAway(Struct, frozen=True, tag_field="type", tag="going_away"):
    """The server restarts: come back after this many milliseconds (another number for every client)."""

    reconnect_after_ms: int


class Auth(Struct, frozen=True, tag_field="action", tag="auth"):
    """The key, when the URL and the headers carried none; within 5 s."""

    key: str
    id: Id = None


class Subscribe(Struct, frozen=True, tag_field="action", tag="subscribe"):
    """Markets to be sent from now on: `BTC/USD`, or `BTC` for it, or `*` for all.

    `sources` adds every accepted quote under its venue's name (false takes that away again); `rounds` adds the
    FTSO submissions.
    """

    symbols: list[str] | str = field(default_factory=list)
    sources: bool | None = None
    rounds: bool | None = None
    id: Id = None


class Unsubscribe(Struct, frozen=True, tag_field="action", tag="unsubscribe"):
    """Markets not to be sent any more; `*` ends a subscription to `*` and all others. `rounds` true ends those."""

    symbols: list[str] | str = field(default_factory=list)
    rounds: bool | None = None
    id: Id = None


class Ping(Struct, frozen=True, tag_field="action", tag="ping"):
    """Is somebody there?"""

    id: Id = None


Command = Auth | Subscribe | Unsubscribe | Ping
"""What a client may say."""

SERVER_FRAMES: Final = (
    Hello, Authenticated, Subscribed, Unsubscribed, Snapshot, PriceUpdate, FtsoSubmission, Heartbeat, Pong, Failure,
    GoingAway,
)  # fmt: skip
CLIENT_FRAMES: Final = (Auth, Subscribe, Unsubscribe, Ping)

encode = msgspec.json.Encoder().encode
decode_change = msgspec.json.Decoder(PriceChange).decode
decode_submission = msgspec.json.Decoder(Submission).decode


def head_of(kind: str) -> bytes:
    """A numbered frame up to where its seq goes; `tail_of` is what follows."""
    return b'{"type":"%b","seq":' % kind.encode()


def tail_of(data: bytes) -> bytes:
    """A numbered frame from behind its seq: `data` is its encoded payload."""
    return b',"data":%b}' % data


PRICE_UPDATE_HEAD: Final = head_of("price_update")
SUBMISSION_HEAD: Final = head_of("ftso_submission")
SNAPSHOT_HEAD: Final = head_of("snapshot")


def snapshot_tail(rows: list[Price], missing: list[str]) -> bytes:
    """A snapshot from behind its seq."""
    return b',"data":%b,"missing":%b}' % (encode(rows), encode(missing))
