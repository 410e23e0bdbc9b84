"""What Gemini's messages say: bare frames of the present socket, typed ones of the socket before it, REST lists."""

from collections.abc import Mapping
from typing import Final

from msgspec import Raw, Struct

from chrono.ingest.venues.reading import UNREADABLE, decoder, each, http_refusal, ns_from, ns_from_ms, side, unread
from chrono.ingest.venues.telling import dealt, listed, offered, ticked
from chrono.ingest.venues.words import Beat, Instrument, RefusalKind, Refused, Said, Side, Subscribed

PING_ID: Final = 2
"""Answers carry the id of what they answer, and nothing else of it."""


class Failure(Struct, rename={"said": "msg"}):
    """Why a request on the socket failed."""

    code: object = None
    said: str = ""


class Frame(
    Struct,
    rename={
        "event": "e",
        "at": "E",
        "symbol": "s",
        "bid": "b",
        "ask": "a",
        "price": "p",
        "size": "q",
        "trade": "t",
        "is_buyer_maker": "m",
    },
):
    """A message of the present socket. Trades and offers name no event: their fields tell which they are."""

    event: str = ""
    at: object = None
    symbol: str = ""
    bid: object = None
    ask: object = None
    price: object = None
    size: object = None
    trade: object = None
    is_buyer_maker: object = None
    id: object = None
    status: object = None
    error: Failure | None = None
    type: str = ""


class Old(Struct):
    """A message of the socket before (v2/marketdata), which always has a type."""

    type: str
    symbol: str = ""
    price: object = None
    quantity: object = None
    side: object = None
    timestamp: object = None
    event_id: object = None


class Fed(Struct, rename={"symbol": "pair"}):
    """A row of the price feed: the newest price of every pair, without a time."""

    symbol: str
    price: object = None


class Detail(Struct, rename={"base": "base_currency", "quote": "quote_currency", "kind": "product_type"}):
    """A row of the list of symbols with their details."""

    symbol: str
    base: str
    quote: str
    status: str = ""
    kind: str = "spot"


class Complaint(Struct):
    """A REST answer that refuses."""

    result: str = ""
    reason: str = ""
    message: str = ""


_frame = decoder(Frame)
_old = decoder(Old)
_rows = decoder(list[Raw])
_fed = decoder(Fed)
_detail = decoder(Detail)
_complaint = decoder(Complaint)

_OPEN: Final = ("open", "post_only", "limit_only")
_UNKNOWN_STREAM, _TOO_MANY = -1013, -1003


def parse_message(frame: bytes) -> list[Said]:
    """What one frame says. Never raises."""
    try:
        message = _frame.decode(frame)
        if message.symbol:
            return [_told(message, frame)]
        return [_before(_old.decode(frame), frame)] if message.type else [_control(message, frame)]
    except UNREADABLE as why:
        return [unread(why, frame)]


def parse_tickers(body: bytes) -> list[Said]:
    """The price feed: last prices of all pairs; perpetuals among them are left out. Never raises."""
    try:
        return each(_rows.decode(body), _fed, _row)
    except UNREADABLE as why:
        return [unread(why, body)]


def parse_instruments(body: bytes) -> list[Instrument]:
    """The spot symbols of a list of details, or of one symbol's details. Names alone are absent. Never raises."""
    try:
        rows = _rows.decode(body) if body.lstrip()[:1] == b"[" else [Raw(body)]
        return listed(rows, _detail, _instrument)
    except UNREADABLE:
        return []


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refused | None:
    """What an answer refuses; None when it is good."""
    known = http_refusal(status, headers, body)
    try:
        answer = _complaint.decode(body)
    except UNREADABLE:
        return known
    if answer.result != "error":
        return known
    kind = RefusalKind.BAD_REQUEST if known is None else known.kind
    if "not a valid symbol" in answer.message:
        kind = RefusalKind.UNKNOWN_SYMBOL
    elif answer.reason == "RateLimit":
        kind = RefusalKind.RATE_LIMITED
    elif answer.reason in ("Maintenance", "System"):
        kind = RefusalKind.MAINTENANCE
    return Refused(kind, f"{answer.reason}: {answer.message}"[:200], None if known is None else known.retry_after_s)


def _is_spot(symbol: str) -> bool:
    """Spot is btcusd; btcgusdperp is a perpetual, gemi-btc15m2607241200-hi100000 a bet."""
    return symbol.isalnum() and not symbol.endswith("perp")


def _told(message: Frame, frame: bytes) -> Said:
    symbol = message.symbol.lower()
    if not _is_spot(symbol):
        return unread("not a spot symbol", frame)
    if message.event:
        return unread("an event that is not read", frame)
    at_ns = ns_from(message.at, "ns")
    if message.price is not None:
        return dealt(symbol, message.price, message.size, _taker(message.is_buyer_maker), at_ns, message.trade)
    if message.bid is None and message.ask is None:
        return unread("neither offers nor a trade", frame)
    return offered(symbol, message.bid, message.ask, at_ns)


def _taker(is_buyer_maker: object) -> Side:
    if is_buyer_maker is True:
        return "sell"
    return "buy" if is_buyer_maker is False else ""


def _before(message: Old, frame: bytes) -> Said:
    """The socket before. Its changes of a book tell no top by themselves."""
    if message.type == "trade":
        symbol = message.symbol.lower()
        if not _is_spot(symbol):
            return unread("not a spot symbol", frame)
        at_ns = ns_from_ms(message.timestamp)
        return dealt(symbol, message.price, message.quantity, side(message.side), at_ns, message.event_id)
    if message.type == "heartbeat":
        return Beat()
    if message.type == "l2_updates":
        return unread("changes of a book, which tell no top", frame)
    return unread("a type that is not read", frame)


def _control(message: Frame, frame: bytes) -> Said:
    if message.error is not None:
        return _refused(message.error)
    if type(message.status) is int and message.status == 200:
        return Subscribed(()) if message.id in (1, "1") else Beat()
    return unread("neither data nor an answer", frame)


def _refused(failure: Failure) -> Refused:
    """Why a subscription failed: the text ends in the name of the stream that is not known."""
    code = failure.code if type(failure.code) is int and abs(failure.code) < 10**9 else 0
    said = f"{code}: {failure.said}"[:200]
    if code == _TOO_MANY:
        return Refused(RefusalKind.RATE_LIMITED, said)
    _, found, stream = failure.said.partition("Invalid stream name: ")
    if code == _UNKNOWN_STREAM and found and "@" in stream:
        return Refused(RefusalKind.UNKNOWN_SYMBOL, said, None, (stream.partition("@")[0][:60].lower(),))
    return Refused(RefusalKind.BAD_REQUEST, said)


def _row(row: Fed) -> Said | None:
    symbol = row.symbol.lower()
    if not _is_spot(symbol) or row.price in (None, "", "0"):
        return None
    return ticked(symbol, row.price, None, None, None)


def _instrument(row: Detail) -> Instrument | None:
    symbol = row.symbol.lower()
    if row.kind != "spot" or not _is_spot(symbol):
        return None
    return Instrument(symbol, row.base, row.quote, row.status in _OPEN)
