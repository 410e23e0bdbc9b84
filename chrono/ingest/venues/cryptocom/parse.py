"""What Crypto.com Exchange's v1 messages say; those of v2 before it have the same words."""

from collections.abc import Mapping
from typing import Final

from msgspec import Raw, Struct
from msgspec.json import encode

from chrono.ingest.venues.reading import UNREADABLE, decoder, each, http_refusal, ns_from_ms, side, unread
from chrono.ingest.venues.telling import dealt, listed, ticked
from chrono.ingest.venues.words import Beat, Instrument, RefusalKind, Refused, Said, Subscribed


class Result(Struct, frozen=True, rename={"symbol": "instrument_name"}):
    """What a push or an answer holds."""

    channel: str = ""
    symbol: str = ""
    subscription: str = ""
    data: list[Raw] = []
    instruments: list[Raw] = []


class Frame(Struct):
    """One message, of the stream and of REST alike."""

    id: int | str | None = None
    method: str = ""
    code: int = 0
    message: str = ""
    channel: str = ""
    result: Result | None = None


class Trade(Struct, rename={"symbol": "i", "id": "d", "at": "t", "price": "p", "size": "q", "side": "s"}):
    """A row of the trade channel."""

    symbol: str
    id: object = None
    at: object = None
    price: object = None
    size: object = None
    side: object = None


class Ticker(Struct, rename={"symbol": "i", "last": "a", "bid": "b", "ask": "k", "volume": "v", "at": "t"}):
    """A row of the ticker channel and of the bulk ticker."""

    symbol: str
    last: object = None
    bid: object = None
    ask: object = None
    volume: object = None
    at: object = None


class Listed(Struct):
    """A row of the instrument list, as v1 and v2 name its fields."""

    symbol: str = ""
    inst_type: str = "CCY_PAIR"
    base_ccy: str = ""
    quote_ccy: str = ""
    tradable: bool = True
    instrument_name: str = ""
    base_currency: str = ""
    quote_currency: str = ""


_frame = decoder(Frame)
_trade = decoder(Trade)
_ticker = decoder(Ticker)
_listed = decoder(Listed)

_KINDS: Final = {
    10003: RefusalKind.GEO,
    10001: RefusalKind.FAULT,
    30003: RefusalKind.UNKNOWN_SYMBOL,
    40103: RefusalKind.GEO,
    40107: RefusalKind.RATE_LIMITED,
    42901: RefusalKind.RATE_LIMITED,
    50001: RefusalKind.FAULT,
}


def parse_message(frame: bytes) -> list[Said]:
    """What one frame says; the venue's heartbeat comes with its answer. Never raises."""
    try:
        message = _frame.decode(frame)
        if message.code != 0:
            return [_refused(message)]
        if message.method == "public/heartbeat":
            return [Beat(reply=encode({"id": message.id, "method": "public/respond-heartbeat"}))]
        if message.method != "subscribe":
            return [unread("a method that is not read", frame)]
        return _pushed(message.result, message.channel, frame)
    except UNREADABLE as why:
        return [unread(why, frame)]


def parse_tickers(body: bytes) -> list[Said]:
    """The bulk ticker; contracts in it are left out. Never raises."""
    try:
        result = _frame.decode(body).result
    except UNREADABLE as why:
        return [unread(why, body)]
    if result is None or not result.data:
        return [unread("an answer without rows", body)]
    return each(result.data, _ticker, lambda row: _ticked(row) if _is_spot(row.symbol) else None)


def parse_instruments(body: bytes) -> list[Instrument]:
    """The spot pairs; contracts, and what cannot be read, are absent. Never raises."""
    try:
        result = _frame.decode(body).result
    except UNREADABLE:
        return []
    return listed(result.data or result.instruments, _listed, _instrument) if result is not None else []


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refused | None:
    """What an answer refuses; None when it is good."""
    try:
        answer = _frame.decode(body)
    except UNREADABLE:
        return http_refusal(status, headers, body)
    return _refused(answer) if answer.code != 0 else http_refusal(status, headers, body)


def _pushed(result: Result | None, confirmed: str, frame: bytes) -> list[Said]:
    if result is None or not result.channel:
        symbol = confirmed.partition(".")[2]
        return [Subscribed((symbol,) if symbol else ())]
    if not _is_spot(result.symbol):
        return [unread("not a spot pair", frame)]
    if result.channel == "trade":
        return each(reversed(result.data), _trade, _dealt)  # the newest stands first
    if result.channel == "ticker":
        return each(result.data, _ticker, _ticked)
    return [unread("a channel that is not read", frame)]


def _is_spot(symbol: str) -> bool:
    """BTC_USDT is spot; BTCUSD-PERP, BTCUSD-240628 and BTCUSD-INDEX are not."""
    return "_" in symbol and "-" not in symbol


def _dealt(row: Trade) -> Said:
    if not _is_spot(row.symbol):
        return unread("a trade of a contract", row.symbol)
    return dealt(row.symbol, row.price, row.size, side(row.side), ns_from_ms(row.at), row.id)


def _ticked(row: Ticker) -> Said:
    if not _is_spot(row.symbol):
        return unread("a ticker of a contract", row.symbol)
    return ticked(row.symbol, row.last, row.bid, row.ask, ns_from_ms(row.at), row.volume)


def _refused(message: Frame) -> Refused:
    kind = _KINDS.get(message.code, RefusalKind.BAD_REQUEST)
    words = message.message.lower()
    if "symbol" in words or "instrument" in words:
        kind = RefusalKind.UNKNOWN_SYMBOL
    symbol = message.channel.partition(".")[2]
    said = f"{message.code}: {message.message}"[:200]
    return Refused(kind, said, None, (symbol,) if symbol and kind is RefusalKind.UNKNOWN_SYMBOL else ())


def _instrument(row: Listed) -> Instrument | None:
    if row.inst_type != "CCY_PAIR":
        return None
    if row.instrument_name:
        return Instrument(row.instrument_name, row.base_currency, row.quote_currency, active=True)
    return Instrument(row.symbol, row.base_ccy, row.quote_ccy, row.tradable)
