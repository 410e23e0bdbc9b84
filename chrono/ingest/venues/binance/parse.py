"""What Binance's messages mean. Binance.US speaks the same wire and uses this too."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct, field

from chrono.ingest.venues.reading import (
    UNREADABLE,
    amount,
    decoder,
    each,
    http_refusal,
    ns_from_ms,
    price,
    unread,
)
from chrono.ingest.venues.telling import dealt, listed, offered
from chrono.ingest.venues.words import (
    Instrument,
    RefusalKind,
    Refused,
    Resync,
    Said,
    Side,
    Subscribed,
    Ticked,
    Unread,
)

RATE_LIMIT = -1003
BAD_SYMBOL = -1121


class _Event(Struct, gc=False):
    """Every market event in one shape: `e` says which fields it has; a spot bookTicker has none, and no time."""

    event: str = field(name="e", default="")
    symbol: str = field(name="s", default="")
    price: str = field(name="p", default="")
    quantity: str = field(name="q", default="")
    dealt_ms: int | None = field(name="T", default=None)
    buyer_is_maker: bool | None = field(name="m", default=None)
    aggregate: int | None = field(name="a", default=None)
    trade: int | None = field(name="t", default=None)


class _Best(Struct, gc=False):
    """A bookTicker: `a` is a price here, while it is a number in a trade."""

    symbol: str = field(name="s")
    bid: str = field(name="b")
    ask: str = field(name="a")
    update: int = field(name="u")
    quoted_ms: int | None = field(name="T", default=None)


class _EventFrame(Struct, gc=False):
    data: _Event


class _BestFrame(Struct, gc=False):
    data: _Best


class _Fault(Struct, gc=False):
    code: int = 0
    msg: str = ""


class _Answer(Struct, gc=False):
    """An answer to what we sent: `result` null means done."""

    id: int | str | None = None
    error: _Fault | None = None
    code: int | None = None
    msg: str = ""


class _Row(Struct, gc=False):
    symbol: str
    last: str = field(name="lastPrice", default="")
    bid: str = field(name="bidPrice", default="")
    ask: str = field(name="askPrice", default="")
    volume: str = ""
    price: str = ""


class _Symbol(Struct, gc=False):
    symbol: str
    status: str
    base: str = field(name="baseAsset")
    quote: str = field(name="quoteAsset")


class _Listed(Struct, gc=False):
    symbols: list[msgspec.Raw]


_EVENT_FRAME = decoder(_EventFrame)
_BEST_FRAME = decoder(_BestFrame)
_EVENT = decoder(_Event)
_BEST = decoder(_Best)
_ANSWER = decoder(_Answer)
_ROWS = decoder(list[msgspec.Raw])
_ROW = decoder(_Row)
_LISTED = decoder(_Listed)
_SYMBOL = decoder(_Symbol)
_FAULT = decoder(_Fault)


def parse_message(frame: bytes) -> list[Said]:
    """What one frame says, wrapped by its stream's name or bare. Never raises."""
    try:
        wrapped = frame.startswith(b'{"stream"')
        head = frame[:80]
        if b"@bookTicker" in head or head.startswith(b'{"u"') or b'"bookTicker"' in head:
            return [_best(_BEST_FRAME.decode(frame).data if wrapped else _BEST.decode(frame), frame)]
        if wrapped:
            return [_event(_EVENT_FRAME.decode(frame).data, frame)]
        if head.startswith(b'{"e"'):
            return [_event(_EVENT.decode(frame), frame)]
        return [_answer(_ANSWER.decode(frame), frame)]
    except UNREADABLE as why:
        return [unread(why, frame)]


def parse_tickers(body: bytes) -> list[Said]:
    """The 24 h tickers (or a single one). They tell no time of their offers. Never raises."""
    try:
        rows = _ROWS.decode(body) if body.lstrip()[:1] == b"[" else [msgspec.Raw(body)]
    except UNREADABLE as why:
        return [unread(why, body)]
    return each(rows, _ROW, _row)


def parse_instruments(body: bytes) -> list[Instrument]:
    """The symbols of exchangeInfo; what cannot be read is absent. Never raises."""
    try:
        rows = _LISTED.decode(body).symbols
    except UNREADABLE:
        return []
    return listed(rows, _SYMBOL, lambda one: Instrument(one.symbol, one.base, one.quote, one.status == "TRADING"))


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refused | None:
    """What an answer other than the asked one means: 429 slow down, 418 banned, 403/451 not from here."""
    refused = http_refusal(status, headers, body)
    if refused is None:
        return None
    try:
        fault = _FAULT.decode(body)
    except UNREADABLE:
        return refused
    if fault.code == BAD_SYMBOL:
        return Refused(RefusalKind.UNKNOWN_SYMBOL, fault.msg[:200])
    if fault.code == RATE_LIMIT and status != 418:
        return Refused(RefusalKind.RATE_LIMITED, fault.msg[:200], refused.retry_after_s)
    return refused


def _event(event: _Event, frame: bytes) -> Said:
    if event.event == "serverShutdown":
        return Resync("the venue shuts this connection down", reconnect=True)
    if event.event not in ("aggTrade", "trade"):
        return unread(f"unexpected event {event.event}", frame)
    if not event.symbol:
        return unread("a trade of no symbol", frame)
    trade_id = event.aggregate if event.event == "aggTrade" else event.trade
    taker: Side = "" if event.buyer_is_maker is None else "sell" if event.buyer_is_maker else "buy"
    return dealt(event.symbol, event.price, event.quantity, taker, ns_from_ms(event.dealt_ms), trade_id)


def _best(best: _Best, frame: bytes) -> Said:
    if not best.symbol:
        return unread("offers of no symbol", frame)
    return offered(best.symbol, best.bid, best.ask, ns_from_ms(best.quoted_ms), best.update)


def _answer(answer: _Answer, frame: bytes) -> Said:
    fault = answer.error or (_Fault(answer.code, answer.msg) if answer.code is not None else None)
    if fault is not None:
        limited = fault.code == RATE_LIMIT or "too many" in fault.msg.lower()
        return Refused(RefusalKind.RATE_LIMITED if limited else RefusalKind.BAD_REQUEST, fault.msg[:200])
    if answer.id is None:
        return unread("neither an event nor an answer", frame)
    return Subscribed(())


def _row(row: _Row) -> Ticked | Unread | None:
    last, bid, ask = price(row.last or row.price), price(row.bid), price(row.ask)
    if last is None and bid is None and ask is None:
        if row.last.strip("0.") or row.price.strip("0."):
            return unread("a ticker without a price", f"{row.symbol}: {row.last or row.price}")
        return None
    return Ticked(row.symbol, last, bid, ask, None, amount(row.volume))
