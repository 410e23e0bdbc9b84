"""What Bitget's spot messages say: v2, the rows of v1 before it, and the unified account's v3 beside it."""

from collections.abc import Mapping
from typing import Final

from msgspec import Raw, Struct

from chrono.ingest.venues.reading import UNREADABLE, decoder, each, http_refusal, ns_from_ms, side, unread
from chrono.ingest.venues.telling import dealt, listed, offered, shown, ticked
from chrono.ingest.venues.words import Beat, Instrument, RefusalKind, Refused, Said, Subscribed

_SPOT: Final = ("SPOT", "sp", "spot", "SP")
"""What v2, v1 and v3 call the spot market."""

Levels = list[list[object]]


class Arg(Struct, frozen=True, rename={"market": "instType", "v2_symbol": "instId"}):
    """What a message belongs to."""

    market: str = ""
    channel: str = ""
    v2_symbol: str = ""
    topic: str = ""
    symbol: str = ""


class Frame(Struct):
    """One message: pushes have an action, answers an event."""

    action: str = ""
    event: str = ""
    arg: Arg = Arg()
    code: object = None
    msg: str = ""
    data: list[Raw] = []


class Trade(Struct, rename={"id": "tradeId"}):
    """A row of v2's trade channel."""

    ts: object = None
    price: object = None
    size: object = None
    side: object = None
    id: object = None


class NewTrade(Struct, rename={"id": "i", "price": "p", "size": "v", "side": "S", "ts": "T"}):
    """A row of v3's publicTrade topic."""

    id: object = None
    price: object = None
    size: object = None
    side: object = None
    ts: object = None


class Book(Struct):
    """The data of books1, books5 and books15: whole, best level first."""

    asks: Levels = []
    bids: Levels = []
    ts: object = None
    seq: object = None


_TICKER: Final = {
    "stream_symbol": "instId",
    "last": "lastPr",
    "bid": "bidPr",
    "ask": "askPr",
    "vol": "baseVolume",
    "v1_last": "last",
    "v1_bid": "bestBid",
    "v1_ask": "bestAsk",
}


class Ticker(Struct, rename=_TICKER):
    """A row of the ticker channel or of the bulk ticker, as v2 and v1 name its fields."""

    symbol: str = ""
    stream_symbol: str = ""
    last: object = None
    bid: object = None
    ask: object = None
    vol: object = None
    ts: object = None
    v1_last: object = None
    v1_bid: object = None
    v1_ask: object = None


class Listed(Struct, rename="camel"):
    """A row of the symbol list."""

    symbol: str
    base_coin: str
    quote_coin: str
    status: str = ""
    support_margin_coins: object = None


class Answer(Struct):
    """A REST answer."""

    code: str
    msg: str = ""
    data: list[Raw] = []


class Verdict(Struct):
    """What every REST answer says of itself."""

    code: str
    msg: str = ""


_frame = decoder(Frame)
_trade = decoder(Trade)
_new_trade = decoder(NewTrade)
_old_trade = decoder(tuple[object, object, object, object])
_book = decoder(Book)
_ticker = decoder(Ticker)
_answer = decoder(Answer)
_listed = decoder(Listed)
_verdict = decoder(Verdict)

_KINDS: Final = {
    "429": RefusalKind.RATE_LIMITED,
    "30006": RefusalKind.RATE_LIMITED,
    "30007": RefusalKind.RATE_LIMITED,
    "30001": RefusalKind.UNKNOWN_SYMBOL,
    "40034": RefusalKind.UNKNOWN_SYMBOL,
    "40309": RefusalKind.UNKNOWN_SYMBOL,
    "40200": RefusalKind.MAINTENANCE,
    "45001": RefusalKind.MAINTENANCE,
    "40725": RefusalKind.FAULT,
    "40015": RefusalKind.FAULT,
    "40010": RefusalKind.FAULT,
}


def parse_message(frame: bytes) -> list[Said]:
    """What one frame says. Never raises."""
    if frame == b"pong":
        return [Beat()]
    try:
        message = _frame.decode(frame)
        return [_control(message, frame)] if message.event else _pushed(message, frame)
    except UNREADABLE as why:
        return [unread(why, frame)]


def parse_tickers(body: bytes) -> list[Said]:
    """The bulk ticker. Never raises."""
    try:
        return each(_answer.decode(body).data, _ticker, _ticked)
    except UNREADABLE as why:
        return [unread(why, body)]


def parse_instruments(body: bytes) -> list[Instrument]:
    """The spot symbols; what cannot be read is absent. Never raises."""
    try:
        return listed(_answer.decode(body).data, _listed, _instrument)
    except UNREADABLE:
        return []


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refused | None:
    """What an answer refuses; None when it is good."""
    general = http_refusal(status, headers, body)
    try:
        verdict = _verdict.decode(body)
    except UNREADABLE:
        return general
    if verdict.code == "00000":
        return general
    kind = _KINDS.get(verdict.code, general.kind if general else RefusalKind.BAD_REQUEST)
    return Refused(kind, f"{verdict.code}: {verdict.msg}"[:200], general.retry_after_s if general else None)


def _pushed(message: Frame, frame: bytes) -> list[Said]:
    arg = message.arg
    channel, symbol = arg.channel or arg.topic, arg.v2_symbol or arg.symbol
    if arg.market not in _SPOT or not symbol:
        return [unread("not of the spot market", frame)]
    if channel in ("trade", "publicTrade"):
        return _trades(symbol, arg, message.data)
    if channel in ("books1", "books5", "books15"):
        return each(message.data, _book, lambda book: _offered(symbol, book))
    if channel == "ticker" and arg.channel:
        return each(message.data, _ticker, _ticked)
    return [unread("a channel that is not read", frame)]


def _trades(symbol: str, arg: Arg, rows: list[Raw]) -> list[Said]:
    """The trades of a push, told oldest first: Bitget puts the newest first."""
    rows.reverse()
    if arg.topic:
        return each(rows, _new_trade, lambda row: _dealt(symbol, row))
    if arg.market in ("sp", "SP") and rows and bytes(rows[0]).lstrip()[:1] == b"[":
        return each(rows, _old_trade, lambda row: dealt(symbol, row[1], row[2], side(row[3]), ns_from_ms(row[0])))
    return each(rows, _trade, lambda row: _dealt(symbol, row))


def _dealt(symbol: str, row: Trade | NewTrade) -> Said:
    return dealt(symbol, row.price, row.size, side(row.side), ns_from_ms(row.ts), row.id)


def _offered(symbol: str, book: Book) -> Said:
    return offered(symbol, _best(book.bids), _best(book.asks), ns_from_ms(book.ts), book.seq)


def _best(levels: Levels) -> object:
    return levels[0][0] if levels and levels[0] else None


def _ticked(row: Ticker) -> Said:
    last, bid, ask = row.last or row.v1_last, row.bid or row.v1_bid, row.ask or row.v1_ask
    return ticked(row.symbol or row.stream_symbol, last, bid, ask, ns_from_ms(row.ts), row.vol)


def _control(message: Frame, frame: bytes) -> Said:
    symbol = message.arg.v2_symbol or message.arg.symbol
    if message.event == "subscribe":
        return Subscribed((symbol,) if symbol else ())
    if message.event == "unsubscribe":
        return Beat()
    if message.event == "error":
        code = shown(message.code)
        kind = _KINDS.get(code, RefusalKind.BAD_REQUEST)
        return Refused(kind, f"{code}: {message.msg}"[:200], None, (symbol,) if symbol else ())
    return unread("an event that is not known", frame)


def _instrument(row: Listed) -> Instrument | None:
    if row.support_margin_coins is not None:  # a contract
        return None
    return Instrument(row.symbol, row.base_coin, row.quote_coin, row.status == "online")
