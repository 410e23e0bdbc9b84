"""What Kraken's messages mean: WebSocket v2, and REST's public lists. Symbols are those of v2."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Struct

from chrono.ingest.venues.kraken.names import symbol_of
from chrono.ingest.venues.kraken.old import parse_array
from chrono.ingest.venues.reading import (
    UNREADABLE,
    amount,
    decoder,
    http_refusal,
    ns_from_iso,
    price,
    side,
    unread,
)
from chrono.ingest.venues.telling import dealt, offered
from chrono.ingest.venues.words import (
    Beat,
    Instrument,
    RefusalKind,
    Refused,
    Said,
    Subscribed,
    Ticked,
)

TRADED: Final = ("online", "limit_only", "reduce_only")
"""The states of a pair in which orders meet. Not: cancel_only, post_only, maintenance, delisted."""


class _Row(Struct, gc=False):
    """A trade or a ticker: each has some of these."""

    symbol: str = ""
    side: str = ""
    price: Decimal | None = None
    qty: Decimal | None = None
    trade_id: int | None = None
    timestamp: str = ""
    bid: Decimal | None = None
    ask: Decimal | None = None
    system: str = ""


class _Message(Struct, gc=False):
    channel: str = ""
    type: str = ""
    data: tuple[_Row, ...] = ()
    method: str = ""
    success: bool | None = None
    error: str = ""
    symbol: str = ""
    result: msgspec.Raw = msgspec.Raw(b"{}")
    event: str = ""
    errorMessage: str = ""  # noqa: N815 - the name on the wire
    status: str = ""
    pair: str = ""


class _Result(Struct, gc=False):
    symbol: str = ""


class _Envelope(Struct, gc=False):
    """REST: `error` is a list of texts, the values lie in `result` by pair."""

    error: tuple[str, ...] = ()
    result: dict[str, msgspec.Raw] = {}


class _Ticker(Struct, gc=False):
    """REST: a = ask, b = bid, c = last trade, v = volume today and in 24 h."""

    a: tuple[str, ...] = ()
    b: tuple[str, ...] = ()
    c: tuple[str, ...] = ()
    v: tuple[str, ...] = ()


class _Pair(Struct, gc=False):
    wsname: str
    status: str = "online"


_MESSAGE = decoder(_Message)
_RESULT = decoder(_Result)
_ENVELOPE = decoder(_Envelope)
_TICKER = decoder(_Ticker)
_PAIR = decoder(_Pair)


def parse_message(frame: bytes) -> list[Said]:
    """What one frame says. Never raises."""
    try:
        if frame[:1] == b"[":
            return parse_array(frame)
        message = _MESSAGE.decode(frame)
        match message.channel:
            case "trade":
                return [_trade(row, frame) for row in message.data]
            case "ticker":
                return [_offers(row, frame) for row in message.data]
            case "heartbeat":
                return [Beat()]
            case "status":
                return [_status(row.system) for row in message.data]
        return [_control(message, frame)]
    except UNREADABLE as why:
        return [unread(why, frame)]


def parse_tickers(body: bytes) -> list[Said]:
    """The public tickers; they tell no time. Never raises."""
    try:
        envelope = _ENVELOPE.decode(body)
    except UNREADABLE as why:
        return [unread(why, body)]
    if envelope.error:
        return [_refused(", ".join(envelope.error))]
    told: list[Said] = []
    for name, raw in envelope.result.items():
        try:
            told.append(_ticked(symbol_of(name), _TICKER.decode(raw), bytes(raw)))
        except UNREADABLE as why:
            told.append(unread(why, bytes(raw)))
    return told


def parse_instruments(body: bytes) -> list[Instrument]:
    """The asset pairs; what cannot be read is absent. Never raises."""
    try:
        pairs = _ENVELOPE.decode(body).result
    except UNREADABLE:
        return []
    listed = []
    for raw in pairs.values():
        try:
            pair = _PAIR.decode(raw)
        except UNREADABLE:
            continue
        symbol = symbol_of(pair.wsname)
        base, slash, quote = symbol.partition("/")
        if slash:
            listed.append(Instrument(symbol, base, quote, pair.status in TRADED))
    return listed


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refused | None:
    """What an answer other than the asked one means. Kraken says its errors with 200 in `error`."""
    refused = http_refusal(status, headers, body)
    try:
        faults = _ENVELOPE.decode(body).error if body[:2] == b'{"' and len(body) < 10_000 else ()
    except UNREADABLE:
        return refused
    return _refused(", ".join(faults)) if faults else refused


def _trade(row: _Row, frame: bytes) -> Said:
    if not row.symbol:
        return unread("a trade of no pair", frame)
    return dealt(row.symbol, row.price, row.qty, side(row.side), ns_from_iso(row.timestamp), row.trade_id)


def _offers(row: _Row, frame: bytes) -> Said:
    if not row.symbol:
        return unread("offers of no pair", frame)
    return offered(row.symbol, row.bid, row.ask, ns_from_iso(row.timestamp))


def _control(message: _Message, frame: bytes) -> Said:
    if message.method == "pong" or message.event in ("heartbeat", "pong"):
        return Beat()
    if message.event == "systemStatus":
        return _status(message.status)
    if message.error or message.errorMessage:
        return _refused(message.error or message.errorMessage, message.symbol or message.pair)
    if message.method == "subscribe" and message.success:
        confirmed = _RESULT.decode(message.result).symbol
        return Subscribed((confirmed,) if confirmed else ())
    if message.event == "subscriptionStatus" and message.status == "subscribed":
        return Subscribed((symbol_of(message.pair),) if message.pair else ())
    return unread(f"unexpected {message.channel or message.method or message.event or 'message'}", frame)


def _status(system: str) -> Said:
    if system == "online":
        return Beat()
    return Refused(RefusalKind.MAINTENANCE, f"status {system}"[:200])


def _ticked(symbol: str, ticker: _Ticker, raw: bytes) -> Said:
    last, bid, ask = (price(side[0]) if side else None for side in (ticker.c, ticker.b, ticker.a))
    if last is None and bid is None and ask is None:
        return unread("a ticker without a price", raw)
    volume = amount(ticker.v[1]) if len(ticker.v) > 1 else None
    return Ticked(symbol, last, bid, ask, None, volume)


def _refused(said: str, symbol: str = "") -> Refused:
    words = said.lower()
    kind = RefusalKind.BAD_REQUEST
    if "rate limit" in words or "too many" in words or "throttled" in words:
        kind = RefusalKind.RATE_LIMITED
    elif "temporary lockout" in words:
        kind = RefusalKind.BANNED
    elif "unknown asset pair" in words or "pair not supported" in words or "not in iso" in words:
        kind = RefusalKind.UNKNOWN_SYMBOL
    elif "unavailable" in words or "busy" in words or "market is" in words:
        kind = RefusalKind.MAINTENANCE
    return Refused(kind, said[:200], symbols=(symbol_of(symbol),) if symbol else ())
