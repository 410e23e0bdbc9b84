"""What Gate's v4 spot messages say, and the JSON-RPC shape of v3 that came before them."""

from collections.abc import Mapping
from typing import Final

from msgspec import Raw, Struct

from chrono.ingest.venues.reading import UNREADABLE, decoder, each, http_refusal, ns_from, ns_from_ms, side, unread
from chrono.ingest.venues.telling import dealt, listed, offered, shown, ticked
from chrono.ingest.venues.words import Beat, Instrument, RefusalKind, Refused, Said, Subscribed


class Problem(Struct):
    """Why a request on the stream failed."""

    code: object = None
    message: str = ""


class Frame(Struct):
    """One message: those of v4 have a channel, those of v3 a method."""

    channel: str = ""
    event: str = ""
    time: object = None
    time_ms: object = None
    result: Raw = Raw(b"null")
    error: Problem | None = None
    payload: object = None
    method: str = ""
    params: list[Raw] = []


class Trade(Struct, rename={"symbol": "currency_pair"}):
    """The result of spot.trades."""

    symbol: str
    price: object = None
    amount: object = None
    side: object = None
    create_time_ms: object = None
    id: object = None


class Quote(Struct, rename={"symbol": "s", "bid": "b", "ask": "a", "at_ms": "t", "sequence": "u"}):
    """The result of spot.book_ticker."""

    symbol: str
    bid: object = None
    ask: object = None
    at_ms: object = None
    sequence: object = None


class Ticker(Struct, rename={"symbol": "currency_pair"}):
    """The result of spot.tickers, and a row of the bulk ticker."""

    symbol: str
    last: object = None
    highest_bid: object = None
    lowest_ask: object = None
    base_volume: object = None


class OldTrade(Struct):
    """A row of v3's trades.update."""

    price: object = None
    amount: object = None
    type: object = None
    time: object = None
    id: object = None


class OldTicker(Struct, rename={"volume": "quoteVolume"}):
    """The ticker of v3's ticker.update. What it calls the quote volume is in base units."""

    last: object = None
    volume: object = None


class Listed(Struct):
    """A row of the list of currency pairs."""

    id: str
    base: str
    quote: str
    trade_status: str = ""


class Verdict(Struct):
    """What a refused REST request says."""

    label: str
    message: str = ""


_frame = decoder(Frame)
_trade = decoder(Trade)
_quote = decoder(Quote)
_ticker = decoder(Ticker)
_old_trade = decoder(OldTrade)
_old_ticker = decoder(OldTicker)
_rows = decoder(list[Raw])
_text = decoder(str)
_listed = decoder(Listed)
_verdict = decoder(Verdict)

_KINDS: Final = {
    "INVALID_CURRENCY": RefusalKind.UNKNOWN_SYMBOL,
    "INVALID_CURRENCY_PAIR": RefusalKind.UNKNOWN_SYMBOL,
    "TOO_MANY_REQUESTS": RefusalKind.RATE_LIMITED,
    "TOO_FAST": RefusalKind.RATE_LIMITED,
    "SERVER_ERROR": RefusalKind.FAULT,
    "TOO_BUSY": RefusalKind.FAULT,
    "INTERNAL": RefusalKind.FAULT,
    "FORBIDDEN": RefusalKind.GEO,
}


def parse_message(frame: bytes) -> list[Said]:
    """What one frame says. Never raises."""
    try:
        message = _frame.decode(frame)
        if message.method:
            return _old(message, frame)
        return [_said(message, frame)]
    except UNREADABLE as why:
        return [unread(why, frame)]


def parse_tickers(body: bytes) -> list[Said]:
    """The bulk ticker; it tells no times. Never raises."""
    try:
        return each(_rows.decode(body), _ticker, lambda row: _ticked(row, None))
    except UNREADABLE as why:
        return [unread(why, body)]


def parse_instruments(body: bytes) -> list[Instrument]:
    """The spot pairs; what cannot be read is absent. Never raises."""
    try:
        return listed(_rows.decode(body), _listed, _instrument)
    except UNREADABLE:
        return []


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refused | None:
    """What an answer refuses; None when it is good."""
    general = http_refusal(status, headers, body)
    try:
        verdict = _verdict.decode(body)
    except UNREADABLE:
        return general
    kind = _KINDS.get(verdict.label, general.kind if general else RefusalKind.BAD_REQUEST)
    wait_s = general.retry_after_s if general else None
    return Refused(kind, f"{verdict.label}: {verdict.message}"[:200], wait_s)


def _said(message: Frame, frame: bytes) -> Said:
    if message.error is not None:
        return _refused(message)
    if message.event in ("subscribe", "unsubscribe"):
        return Subscribed(_payload(message)) if message.event == "subscribe" else Beat()
    if message.channel == "spot.pong":
        return Beat()
    if message.event != "update":
        return unread("an event that is not read", frame)
    if message.channel == "spot.trades":
        row = _trade.decode(message.result)
        return dealt(row.symbol, row.price, row.amount, side(row.side), ns_from_ms(row.create_time_ms), row.id)
    if message.channel == "spot.book_ticker":
        quote = _quote.decode(message.result)
        return offered(quote.symbol, quote.bid, quote.ask, ns_from_ms(quote.at_ms), quote.sequence)
    if message.channel == "spot.tickers":
        at_ns = ns_from_ms(message.time_ms) or ns_from(message.time, "s")
        return _ticked(_ticker.decode(message.result), at_ns)
    return unread("a channel that is not read", frame)


def _instrument(row: Listed) -> Instrument:
    return Instrument(row.id, row.base, row.quote, row.trade_status == "tradable")


def _ticked(row: Ticker, at_ns: int | None) -> Said:
    return ticked(row.symbol, row.last, row.highest_bid, row.lowest_ask, at_ns, row.base_volume)


def _payload(message: Frame) -> tuple[str, ...]:
    """The symbols that a confirmation repeats; earlier ones repeat none."""
    if type(message.payload) is not list:
        return ()
    return tuple(symbol for symbol in message.payload[:1000] if type(symbol) is str and "_" in symbol)


def _refused(message: Frame) -> Refused:
    error = message.error or Problem()
    said = f"{shown(error.code)}: {error.message}"[:200]
    words = error.message.lower()
    if "currency pair" in words or "currency_pair" in words:
        return Refused(RefusalKind.UNKNOWN_SYMBOL, said, None, _payload(message))
    if "too many" in words or "frequen" in words:
        return Refused(RefusalKind.RATE_LIMITED, said)
    return Refused(RefusalKind.BAD_REQUEST, said, None, _payload(message))


def _old(message: Frame, frame: bytes) -> list[Said]:
    if message.method == "trades.update" and len(message.params) >= 2:
        symbol = _text.decode(message.params[0])
        return each(
            reversed(_rows.decode(message.params[1])),  # the newest stood first
            _old_trade,
            lambda row: dealt(symbol, row.price, row.amount, side(row.type), ns_from(row.time, "s"), row.id),
        )
    if message.method == "ticker.update" and len(message.params) >= 2:
        row = _old_ticker.decode(message.params[1])
        return [ticked(_text.decode(message.params[0]), row.last, None, None, None, row.volume)]
    return [unread("a method that is not read", frame)]
