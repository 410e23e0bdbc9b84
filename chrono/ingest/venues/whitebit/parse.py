"""What WhiteBIT's v4 messages say."""

from collections.abc import Mapping
from typing import Final

from msgspec import Raw, Struct

from chrono.ingest.venues.reading import UNREADABLE, decoder, each, excerpt, http_refusal, ns_from, side, unread
from chrono.ingest.venues.telling import dealt, listed, offered, ticked
from chrono.ingest.venues.words import Beat, Instrument, RefusalKind, Refused, Said, Subscribed


class Failure(Struct):
    """Why a request failed."""

    code: object = None
    message: str = ""


class Status(Struct):
    """The result of a subscription."""

    status: str = ""


class Frame(Struct):
    """One message: pushes have `method` and `params`, answers `result` or `error`."""

    method: str = ""
    params: list[Raw] = []
    result: Status | str | int | None = None
    error: Failure | None = None


class Top(Struct, array_like=True):
    """The best offers: times in seconds of the book and of the message, and an update number that skips."""

    changed_at: object
    sent_at: object
    symbol: str
    update: object
    bid: object
    bid_size: object
    ask: object


class Trade(Struct):
    """A trade."""

    id: object = None
    time: object = None
    price: object = None
    amount: object = None
    type: object = None


class Ticker(Struct, rename={"is_frozen": "isFrozen", "last": "last_price", "volume": "base_volume"}):
    """A market in the bulk ticker."""

    last: object = None
    volume: object = None
    is_frozen: bool = False


class Listed(Struct, rename={"symbol": "name", "base": "stock", "quote": "money", "is_open": "tradesEnabled"}):
    """A row of the market list."""

    symbol: str
    base: str
    quote: str
    is_open: bool = False
    type: str = ""


class Complaint(Struct):
    """A REST answer that refuses."""

    success: bool | None = None
    message: str = ""


_frame = decoder(Frame)
_symbol = decoder(str)
_top = decoder(Top)
_rows = decoder(list[Raw])
_trade = decoder(Trade)
_tickers = decoder(dict[str, Raw])
_ticker = decoder(Ticker)
_listed = decoder(Listed)
_complaint = decoder(Complaint)

_KINDS: Final = {
    2: RefusalKind.FAULT,
    3: RefusalKind.MAINTENANCE,
    5: RefusalKind.FAULT,
    7: RefusalKind.RATE_LIMITED,
}


def parse_message(frame: bytes) -> list[Said]:
    """What one frame says. Never raises."""
    try:
        message = _frame.decode(frame)
        if message.method == "bookTicker_update":
            return each(message.params, _top, _offered)
        if message.method == "trades_update":
            return _dealt(message.params, frame)
        return [_control(message, frame)]
    except UNREADABLE as why:
        return [unread(why, frame)]


def parse_tickers(body: bytes) -> list[Said]:
    """The bulk ticker: last prices only. Frozen markets and futures are left out. Never raises."""
    try:
        rows = _tickers.decode(body)
    except UNREADABLE as why:
        return [unread(why, body)]
    told = [_ticked(symbol, row) for symbol, row in rows.items() if _is_spot(symbol)]
    return [said for said in told if said is not None]


def parse_instruments(body: bytes) -> list[Instrument]:
    """The spot markets. Never raises."""
    try:
        return listed(_rows.decode(body), _listed, _instrument)
    except UNREADABLE:
        return []


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refused | None:
    """What an answer refuses; None when it is good."""
    known = http_refusal(status, headers, body)
    if known is not None:
        return known
    try:
        answer = _complaint.decode(body)
    except UNREADABLE:
        return None
    said = excerpt(answer.message) or "an error without words"
    return Refused(RefusalKind.BAD_REQUEST, said) if answer.success is False else None


def _is_spot(symbol: str) -> bool:
    """BTC_USDT is spot, BTC_PERP a perpetual."""
    base, found, quote = symbol.partition("_")
    return bool(base and found and quote) and quote != "PERP"


def _offered(top: Top) -> Said:
    if not _is_spot(top.symbol):
        return unread("offers of a contract", top.symbol)
    return offered(top.symbol, top.bid, top.ask, ns_from(top.changed_at, "s"))


def _dealt(params: list[Raw], frame: bytes) -> list[Said]:
    if len(params) < 2:
        return [unread("trades without a market", frame)]
    symbol = _symbol.decode(params[0])
    if not _is_spot(symbol):
        return [unread("trades of a contract", frame)]
    # The newest comes first.
    return each(
        reversed(_rows.decode(params[1])),
        _trade,
        lambda one: dealt(symbol, one.price, one.amount, side(one.type), ns_from(one.time, "s"), one.id),
    )


def _ticked(symbol: str, raw: Raw) -> Said | None:
    try:
        row = _ticker.decode(raw)
    except UNREADABLE as why:
        return unread(why, bytes(raw))
    if row.is_frozen or row.last in (None, "", "0"):
        return None
    return ticked(symbol, row.last, None, None, None, row.volume)


def _instrument(row: Listed) -> Instrument | None:
    if row.type != "spot" or not _is_spot(row.symbol):
        return None
    return Instrument(row.symbol, row.base, row.quote, row.is_open)


def _control(message: Frame, frame: bytes) -> Said:
    if message.error is not None:
        kind = RefusalKind.BAD_REQUEST
        if type(message.error.code) is int:
            kind = _KINDS.get(message.error.code, kind)
        return Refused(kind, excerpt(message.error.message) or "an error without words")
    if type(message.result) is Status and message.result.status == "success":
        return Subscribed(())
    if message.result is not None:
        return Beat()
    return unread("a method that is not read", frame)
