"""What MEXC's v3 spot messages say: pushes are protobuf, answers to our frames are JSON."""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Raw, Struct

from chrono.ingest.venues.mexc.wire import NO_BYTES, fields
from chrono.ingest.venues.reading import UNREADABLE, decoder, each, http_refusal, ns_from_ms, unread
from chrono.ingest.venues.telling import dealt, listed, offered, ticked
from chrono.ingest.venues.words import Beat, Instrument, RefusalKind, Refused, Said, Side, Subscribed

_CHANNEL, _SYMBOL, _SENT, _FIRST_BODY = 1, 3, 6, 300
_DEALS: Final = (301, 314)
_QUOTES: Final = (305, 315)
"""Numbers in MEXC's wrapper: plain and aggregated deals have one form, and so have the two book tickers."""

_TOPIC: Final = re.compile(r"spot@[^@,\[\]]{1,80}@(?:[0-9]{1,4}ms@)?([^@,\[\] ]{1,40})")
_SIDES: Final[dict[object, Side]] = {1: "buy", 2: "sell"}


class Reply(Struct):
    """An answer to one of our frames; the topics stand in `msg`."""

    code: int
    msg: str


class Ticker(Struct, rename="camel"):
    """A row of the bulk ticker."""

    symbol: str
    last_price: object = None
    bid_price: object = None
    ask_price: object = None
    volume: object = None
    close_time: object = None


class Listed(Struct, rename="camel"):
    """A row of the exchange's symbol list."""

    symbol: str
    base_asset: str
    quote_asset: str
    status: object = None


class ListAnswer(Struct):
    """The symbol list."""

    symbols: list[Raw]


class Verdict(Struct):
    """What a refused REST request says."""

    code: int
    msg: str = ""


_reply = decoder(Reply)
_rows = decoder(list[Raw])
_ticker = decoder(Ticker)
_listed = decoder(Listed)
_list_answer = decoder(ListAnswer)
_verdict = decoder(Verdict)

_KINDS: Final = {
    429: RefusalKind.RATE_LIMITED,
    510: RefusalKind.RATE_LIMITED,
    -1121: RefusalKind.UNKNOWN_SYMBOL,
    10007: RefusalKind.UNKNOWN_SYMBOL,
    30014: RefusalKind.UNKNOWN_SYMBOL,
    30000: RefusalKind.UNKNOWN_SYMBOL,
}


def parse_message(frame: bytes) -> list[Said]:
    """What one frame says, binary or text. Never raises."""
    try:
        if frame[:1] in (b"{", b"["):
            return _replied(_reply.decode(frame), frame)
        return _pushed(frame)
    except UNREADABLE as why:
        return [unread(why, frame)]


def parse_tickers(body: bytes) -> list[Said]:
    """The bulk ticker of all symbols. Never raises."""
    try:
        return each(_rows.decode(body), _ticker, _ticked)
    except UNREADABLE as why:
        return [unread(why, body)]


def parse_instruments(body: bytes) -> list[Instrument]:
    """The spot symbols; what cannot be read is absent. Never raises."""
    try:
        return listed(_list_answer.decode(body).symbols, _listed, _instrument)
    except UNREADABLE:
        return []


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refused | None:
    """What an answer refuses; None when it is good."""
    general = http_refusal(status, headers, body)
    try:
        verdict = _verdict.decode(body)
    except UNREADABLE:
        return general
    if verdict.code in (0, 200):
        return general
    kind = _KINDS.get(verdict.code, general.kind if general else RefusalKind.BAD_REQUEST)
    return Refused(kind, f"{verdict.code}: {verdict.msg}"[:200], general.retry_after_s if general else None)


def _pushed(frame: bytes) -> list[Said]:
    """A wrapper: a channel, a symbol, a time and one body. Raises: WireError, UnicodeDecodeError."""
    channel, symbol, sent, number, body = "", "", 0, 0, (0, 0)
    for field, start, stop in fields(frame):
        if stop == NO_BYTES:
            sent = start if field == _SENT else sent
        elif field == _CHANNEL:
            channel = frame[start:stop].decode()
        elif field == _SYMBOL:
            symbol = frame[start:stop].decode()
        elif field > _FIRST_BODY:
            number, body = field, (start, stop)
    if not channel.startswith("spot@public."):
        return [unread("not of a public spot channel", frame)]
    return _told(number, symbol or channel.rpartition("@")[2], frame, body, sent)


def _told(number: int, symbol: str, frame: bytes, body: tuple[int, int], sent: int) -> list[Said]:
    """What a body says, by its number in the wrapper."""
    if number in _DEALS:
        rows = [(start, stop) for field, start, stop in fields(frame, *body) if field == 1 and stop != NO_BYTES]
        return [_dealt(symbol, frame, start, stop) for start, stop in rows]
    if number in _QUOTES:
        told = _flat(frame, *body)
        return [offered(symbol, told.get(1), told.get(3), ns_from_ms(sent))]
    return [unread("a body that is not read" if number else "a push without a body", frame)]


def _flat(frame: bytes, start: int, stop: int) -> dict[int, object]:
    """The fields of a message without messages in it: texts and whole numbers."""
    return {field: at if end == NO_BYTES else frame[at:end].decode() for field, at, end in fields(frame, start, stop)}


def _dealt(symbol: str, frame: bytes, start: int, stop: int) -> Said:
    """A deal: price, quantity, who took (1 buys, 2 sells), time, and in newer pushes an id."""
    try:
        row = _flat(frame, start, stop)
    except UNREADABLE as why:
        return unread(why, frame[start:stop])
    return dealt(symbol, row.get(1), row.get(2), _SIDES.get(row.get(3), ""), ns_from_ms(row.get(4)), row.get(5, ""))


def _replied(reply: Reply, frame: bytes) -> list[Said]:
    """PONG, the topics that were subscribed, and those that were not: one answer may tell both kinds.

    "Subscribed successful! [A,B]. Not Subscribed successfully! [C].  Reason: Blocked!": the reason is the same for a
    symbol that is not listed and for a channel that is closed.
    """
    if reply.msg == "PONG":
        return [Beat()]
    if reply.code != 0:
        return [Refused(_KINDS.get(reply.code, RefusalKind.BAD_REQUEST), f"{reply.code}: {reply.msg}"[:200])]
    done, failed, missed = reply.msg.partition("Not Subscribed")
    told: list[Said] = []
    if symbols := _symbols(done):
        told.append(Subscribed(symbols))
    if failed:
        told.append(Refused(RefusalKind.UNKNOWN_SYMBOL, reply.msg[:200], None, _symbols(missed)))
    return told or [unread("an answer that is not known", frame)]


def _symbols(said: str) -> tuple[str, ...]:
    """The symbols of the topics in a text, each once: a topic is `spot@public.CHANNEL@100ms@SYMBOL`."""
    return tuple(dict.fromkeys(_TOPIC.findall(said)))


def _ticked(row: Ticker) -> Said:
    at_ns = ns_from_ms(row.close_time)
    return ticked(row.symbol, row.last_price, row.bid_price, row.ask_price, at_ns, row.volume)


def _instrument(row: Listed) -> Instrument:
    # `isSpotTradingAllowed` is about orders by API: BTCUSDT has been without while it traded.
    return Instrument(row.symbol, row.base_asset, row.quote_asset, row.status in ("1", 1, "ENABLED"))
