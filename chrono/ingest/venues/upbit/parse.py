"""What Upbit says, in full and in short spelling. Bithumb speaks the same language and is read with this too.

Frames are JSON in binary frames. Symbols are QUOTE-BASE: KRW-BTC is bitcoin paid in won.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Raw, Struct

from chrono.ingest.venues.reading import UNREADABLE, decoder, each, http_refusal, ns_from, side, unread
from chrono.ingest.venues.telling import dealt, listed, offered, ticked
from chrono.ingest.venues.words import Beat, Instrument, RefusalKind, Refused, Said


class ShortLevel(Struct, rename={"ask": "ap", "bid": "bp"}):
    """A level of a book, in short spelling."""

    ask: object = None
    bid: object = None


class Short(
    Struct,
    rename={
        "kind": "ty",
        "symbol": "cd",
        "price": "tp",
        "size": "tv",
        "side": "ab",
        "traded_at": "ttms",
        "at": "tms",
        "id": "sid",
        "levels": "obu",
        "volume": "atv24h",
    },
):
    """A message in short spelling (format SIMPLE), which is what is asked for."""

    kind: str
    symbol: str
    price: object = None
    size: object = None
    side: object = None
    traded_at: object = None
    at: object = None
    id: object = None
    levels: list[ShortLevel] = []
    volume: object = None


class Level(Struct, rename={"ask": "ask_price", "bid": "bid_price"}):
    """A level of a book, in full spelling."""

    ask: object = None
    bid: object = None


class Full(
    Struct,
    rename={
        "kind": "type",
        "symbol": "code",
        "price": "trade_price",
        "size": "trade_volume",
        "side": "ask_bid",
        "traded_at": "trade_timestamp",
        "at": "timestamp",
        "id": "sequential_id",
        "levels": "orderbook_units",
        "volume": "acc_trade_volume_24h",
    },
):
    """A message in full spelling; rows of REST are the same and name the market `market`."""

    kind: str = ""
    symbol: str = ""
    market: str = ""
    price: object = None
    size: object = None
    side: object = None
    traded_at: object = None
    at: object = None
    id: object = None
    levels: list[Level] = []
    volume: object = None


class Failure(Struct):
    """What is wrong; REST gives its name as a number."""

    name: str | int = ""
    message: str = ""


class Answer(Struct):
    """What is neither a trade nor a book."""

    error: Failure | None = None
    status: object = None


class Listed(Struct):
    """A row of the market list. All that is on it is traded."""

    market: str


_short = decoder(Short)
_full = decoder(Full)
_rows = decoder(list[Raw])
_answer = decoder(Answer)
_listed = decoder(Listed)

_BUSY: Final = ("too_many_requests", "too_many_request", "429")


def parse_message(frame: bytes) -> list[Said]:
    """What one frame says. Never raises."""
    try:
        if frame[:6] == b'{"ty":':
            return [_told(_short.decode(frame), frame)]
        message = _full.decode(frame)
        return [_told(message, frame) if message.kind else _short_or_control(frame)]
    except UNREADABLE as why:
        return [unread(why, frame)]


def parse_tickers(body: bytes) -> list[Said]:
    """The tickers of many markets, or their books. Never raises."""
    try:
        return each(_rows.decode(body), _full, _row)
    except UNREADABLE as why:
        return [unread(why, body)]


def parse_instruments(body: bytes) -> list[Instrument]:
    """The markets; a row whose name has no two parts is absent. Never raises."""
    try:
        return listed(_rows.decode(body), _listed, _instrument)
    except UNREADABLE:
        return []


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refused | None:
    """What an answer refuses; None when it is good."""
    known = http_refusal(status, headers, body)
    try:
        failure = _answer.decode(body).error
    except UNREADABLE:
        return known
    return known if failure is None else _refused(failure, known)


def _short_or_control(frame: bytes) -> Said:
    """A short message whose fields come in another order, or no message of a market."""
    answer = _answer.decode(frame)
    if answer.error is not None:
        return _refused(answer.error, None)
    if answer.status == "UP":
        return Beat()
    return _told(_short.decode(frame), frame)


def _told(message: Short | Full, frame: bytes) -> Said:
    symbol = message.symbol.partition(".")[0]
    if "-" not in symbol:
        return unread("no market's name", frame)
    if message.kind == "trade":
        return dealt(symbol, message.price, message.size, side(message.side), _ns(message.traded_at), message.id)
    if message.kind == "orderbook":
        bid, ask = _best(message.levels)
        return offered(symbol, bid, ask, _ns(message.at))
    if message.kind == "ticker":
        return ticked(symbol, message.price, None, None, _ns(message.traded_at), message.volume)
    return unread("a type that is not read", frame)


def _best(levels: list[ShortLevel] | list[Level]) -> tuple[object, object]:
    return (levels[0].bid, levels[0].ask) if levels else (None, None)


def _ns(at: object) -> int | None:
    """Milliseconds; some books had microseconds in the same field."""
    return ns_from(at, "ms") or ns_from(at, "us")


def _row(row: Full) -> Said | None:
    if not row.market:
        return unread("a row without a market", "")
    if row.levels:
        return ticked(row.market, None, *_best(row.levels), _ns(row.at))
    if row.price is None:
        return None
    return ticked(row.market, row.price, None, None, _ns(row.traded_at), row.volume)


def _instrument(row: Listed) -> Instrument | None:
    quote, dash, base = row.market.partition("-")
    return Instrument(row.market, base, quote, active=True) if dash else None


def _refused(failure: Failure, known: Refused | None) -> Refused:
    name = failure.name if type(failure.name) is str else str(failure.name)[:20]
    kind = RefusalKind.BAD_REQUEST if known is None else known.kind
    if name.lower() in _BUSY:
        kind = RefusalKind.RATE_LIMITED
    elif name == "404" or "Code not found" in failure.message:
        kind = RefusalKind.UNKNOWN_SYMBOL
    return Refused(kind, f"{name}: {failure.message}"[:200], None if known is None else known.retry_after_s)
