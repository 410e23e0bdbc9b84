"""What HTX's spot messages say. Every frame is gzipped; how far one may inflate is bounded."""

import zlib
from collections.abc import Mapping
from typing import Final

from msgspec import Raw, Struct

from chrono.ingest.venues.reading import UNREADABLE, decoder, each, http_refusal, ns_from_ms, side, unread
from chrono.ingest.venues.telling import dealt, listed, offered, ticked
from chrono.ingest.venues.words import Beat, Instrument, RefusalKind, Refused, Said, Subscribed

MOST_BYTES: Final = 1 << 20
"""A frame of ours inflates to a few kilobytes; one that would pass this is a bomb or not ours."""

_GZIP: Final = b"\x1f\x8b"
_WITH_GZIP_HEADER: Final = 31


class Frame(Struct, rename={"err_code": "err-code", "err_msg": "err-msg"}):
    """One message: pushes have `ch`, pings a `ping`, answers a status."""

    ch: str = ""
    ping: int | None = None
    subbed: str = ""
    unsubbed: str = ""
    status: str = ""
    err_code: object = None
    err_msg: str = ""
    ts: object = None
    tick: Raw = Raw(b"null")


class Deals(Struct):
    """The tick of trade.detail."""

    data: list[Raw]


class Deal(Struct, rename={"trade_id": "tradeId"}):
    """A row of trade.detail."""

    price: object = None
    amount: object = None
    direction: object = None
    ts: object = None
    trade_id: object = None
    id: object = None


class Quote(Struct, rename={"at_ms": "quoteTime", "sequence": "seqId"}):
    """The tick of bbo."""

    bid: object = None
    ask: object = None
    at_ms: object = None
    sequence: object = None


class Ticker(Struct, rename={"last": "lastPrice"}):
    """The tick of ticker and detail, and a row of the bulk ticker. `amount` is the volume in base units."""

    symbol: str = ""
    close: object = None
    last: object = None
    bid: object = None
    ask: object = None
    amount: object = None


class Answer(Struct, rename={"err_code": "err-code", "err_msg": "err-msg"}):
    """A REST answer."""

    status: str
    data: list[Raw] | None = None
    ts: object = None
    err_code: object = None
    err_msg: str = ""


class Listed(Struct, rename={"base": "base-currency", "quote": "quote-currency"}):
    """A row of the symbol list."""

    symbol: str
    base: str
    quote: str
    state: str = ""


_frame = decoder(Frame)
_deals = decoder(Deals)
_deal = decoder(Deal)
_quote = decoder(Quote)
_ticker = decoder(Ticker)
_answer = decoder(Answer)
_listed = decoder(Listed)


def inflated(frame: bytes) -> bytes:
    """The text of a frame. Raises: ValueError when it is no whole gzip, or inflates beyond the bound."""
    if frame[:2] != _GZIP:
        return frame
    reader = zlib.decompressobj(_WITH_GZIP_HEADER)
    try:
        text = reader.decompress(frame, MOST_BYTES)
    except zlib.error as why:
        raise ValueError(f"not a gzip frame: {why}") from why
    if not reader.eof:
        raise ValueError("a gzip frame that is cut short or too large")
    return text


def parse_message(frame: bytes) -> list[Said]:
    """What one frame says; a ping's answer comes with it. Never raises."""
    try:
        text = inflated(frame)
        message = _frame.decode(text)
        if message.ch:
            return _pushed(message, text)
        return [_control(message, text)]
    except UNREADABLE as why:
        return [unread(why, frame)]


def parse_tickers(body: bytes) -> list[Said]:
    """The bulk ticker; all rows have the answer's time. Never raises."""
    try:
        answer = _answer.decode(body)
        if answer.data is None:
            return [unread("an answer without rows", body)]
        return each(answer.data, _ticker, lambda row: _ticked(row.symbol, row, answer.ts))
    except UNREADABLE as why:
        return [unread(why, body)]


def parse_instruments(body: bytes) -> list[Instrument]:
    """The spot symbols; what cannot be read is absent. Never raises."""
    try:
        return listed(_answer.decode(body).data or [], _listed, _instrument)
    except UNREADABLE:
        return []


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refused | None:
    """What an answer refuses; None when it is good."""
    general = http_refusal(status, headers, body)
    try:
        answer = _answer.decode(body)
    except UNREADABLE:
        return general
    if answer.status != "error":
        return general
    return _refused(answer.err_code, answer.err_msg)


def _pushed(message: Frame, text: bytes) -> list[Said]:
    """A push: the channel is `market.SYMBOL.KIND`; contracts have symbols with dashes, underscores and capitals."""
    market, _, rest = message.ch.partition(".")
    symbol, _, kind = rest.partition(".")
    if market != "market" or not symbol.isalnum() or not symbol.islower():
        return [unread("not a spot channel", text)]
    if kind == "trade.detail":
        return each(_deals.decode(message.tick).data, _deal, lambda row: _dealt(symbol, row))
    if kind == "bbo":
        quote = _quote.decode(message.tick)
        return [offered(symbol, quote.bid, quote.ask, ns_from_ms(quote.at_ms), quote.sequence)]
    if kind in ("ticker", "detail"):
        return [_ticked(symbol, _ticker.decode(message.tick), message.ts)]
    return [unread("a channel that is not read", text)]


def _dealt(symbol: str, row: Deal) -> Said:
    number = row.id if row.trade_id is None else row.trade_id
    return dealt(symbol, row.price, row.amount, side(row.direction), ns_from_ms(row.ts), number)


def _ticked(symbol: str, row: Ticker, at: object) -> Said:
    last = row.close if row.last is None else row.last
    return ticked(symbol, last, row.bid, row.ask, ns_from_ms(at), row.amount)


def _control(message: Frame, text: bytes) -> Said:
    if message.ping is not None:
        return Beat(reply=b'{"pong":%d}' % message.ping)
    if message.status == "error":
        return _refused(message.err_code, message.err_msg)
    if message.subbed:
        return Subscribed((message.subbed.split(".")[1],) if message.subbed.count(".") > 1 else ())
    if message.unsubbed:
        return Beat()
    return unread("neither data nor an answer", text)


def _refused(code: object, said: str) -> Refused:
    """Why HTX refused. Its texts name the topic: "invalid topic market.abcxyz.bbo"."""
    words, kind = said.lower(), RefusalKind.BAD_REQUEST
    symbols: tuple[str, ...] = ()
    name = code if type(code) is str else ""
    if "symbol" in words or "topic" in words:
        kind = RefusalKind.UNKNOWN_SYMBOL
        _, found, rest = words.partition("market.")
        symbols = (rest.split(".")[0],) if found else ()
    elif "too many" in words or "limit" in words or "limit" in name:
        kind = RefusalKind.RATE_LIMITED
    elif "maintain" in words or "maintenance" in words:
        kind = RefusalKind.MAINTENANCE
    return Refused(kind, f"{name}: {said}"[:200], None, symbols)


def _instrument(row: Listed) -> Instrument:
    return Instrument(row.symbol, row.base, row.quote, row.state == "online")
