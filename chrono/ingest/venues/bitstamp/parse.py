"""What Bitstamp's messages say. The best offers come with the first hundred levels, of which the first is read."""

from collections.abc import Mapping
from typing import Final

from msgspec import Raw, Struct

from chrono.ingest.venues.reading import UNREADABLE, decoder, each, http_refusal, ns_from, unread
from chrono.ingest.venues.telling import dealt, listed, offered, ticked
from chrono.ingest.venues.words import Beat, Instrument, RefusalKind, Refused, Resync, Said, Side, Subscribed

_SIDES: Final[dict[object, Side]] = {0: "buy", 1: "sell"}


class Frame(Struct):
    """One message: the channel ends in the symbol."""

    event: str = ""
    channel: str = ""
    data: Raw = Raw(b"null")


class Trade(Struct):
    """The data of live_trades. The texts are exact; the numbers beside them are doubles."""

    id: object = None
    type: object = None
    order_type: object = None
    price: object = None
    price_str: object = None
    amount: object = None
    amount_str: object = None
    microtimestamp: object = None


class Book(Struct):
    """The data of order_book: best level first. The levels are left as they were sent."""

    bids: Raw
    asks: Raw
    microtimestamp: object = None


class BookFrame(Struct):
    """A message of order_book, whose five kilobytes are better gone through once."""

    channel: str
    event: str
    data: Book


class Problem(Struct):
    """The data of an error."""

    message: str = ""
    code: object = None


class Ticker(Struct):
    """A row of the bulk ticker. The time is in seconds."""

    pair: str
    last: object = None
    bid: object = None
    ask: object = None
    volume: object = None
    timestamp: object = None
    market_type: str = "SPOT"


class Listed(Struct):
    """A row of the market list, and of the list of trading pairs before it, which names a market "BTC/USD"."""

    market_symbol: str = ""
    base_currency: str = ""
    counter_currency: str = ""
    market_type: str = "SPOT"
    trading: str = ""
    url_symbol: str = ""
    name: str = ""


class Verdict(Struct):
    """What a refused REST request says."""

    status: str
    reason: object = None
    code: object = None


_frame = decoder(Frame)
_trade = decoder(Trade)
_book_frame = decoder(BookFrame)
_level = decoder(tuple[object, object])
_problem = decoder(Problem)
_rows = decoder(list[Raw])
_ticker = decoder(Ticker)
_listed = decoder(Listed)
_verdict = decoder(Verdict)


def parse_message(frame: bytes) -> list[Said]:
    """What one frame says. Never raises."""
    try:
        if b'"data"' in frame and b'"order_book_' in frame:
            book = _book_frame.decode(frame)
            if book.event == "data":
                return [_offered(_symbol(book.channel, "order_book_"), book.data, frame)]
        return [_said(_frame.decode(frame), frame)]
    except UNREADABLE as why:
        return [unread(why, frame)]


def parse_tickers(body: bytes) -> list[Said]:
    """The bulk ticker; perpetuals in it are left out. Never raises."""
    try:
        return each(_rows.decode(body), _ticker, _ticked)
    except UNREADABLE as why:
        return [unread(why, body)]


def parse_instruments(body: bytes) -> list[Instrument]:
    """The spot markets; what cannot be read is absent. Never raises."""
    try:
        return listed(_rows.decode(body), _listed, _instrument)
    except UNREADABLE:
        return []


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refused | None:
    """What an answer refuses; None when it is good. Bitstamp tells a limit in the body as well."""
    general = http_refusal(status, headers, body)
    try:
        verdict = _verdict.decode(body)
    except UNREADABLE:
        return general
    if verdict.status != "error":
        return general
    said = f"{verdict.code}: {verdict.reason}"[:200] if type(verdict.reason) is str else "error"
    if verdict.code in ("400.002", "429") or "too many" in said.lower():
        return Refused(RefusalKind.RATE_LIMITED, said, general.retry_after_s if general else None)
    return Refused(general.kind if general else RefusalKind.BAD_REQUEST, said)


def _said(message: Frame, frame: bytes) -> Said:
    if message.event == "trade":
        return _dealt(_symbol(message.channel, "live_trades_"), _trade.decode(message.data), frame)
    if message.event in ("bts:heartbeat", "bts:unsubscription_succeeded"):
        return Beat()
    if message.event == "bts:subscription_succeeded":
        return Subscribed((message.channel.rpartition("_")[2],))
    if message.event == "bts:request_reconnect":
        return Resync("the venue asks to connect anew", reconnect=True)
    if message.event == "bts:error":
        return _refused(_problem.decode(message.data))
    return unread("an event that is not read", frame)


def _symbol(channel: str, prefix: str) -> str:
    """The symbol of a channel; empty when the channel is another one, or of a perpetual (btcusd-perp)."""
    symbol = channel.removeprefix(prefix) if channel.startswith(prefix) else ""
    return symbol if symbol.isalnum() else ""


def _dealt(symbol: str, row: Trade, frame: bytes) -> Said:
    if not symbol:
        return unread("not a spot channel", frame)
    paid = row.price if row.price_str is None else row.price_str
    size = row.amount if row.amount_str is None else row.amount_str
    taker = _SIDES.get(row.order_type if row.type is None else row.type, "") if _flat(row) else ""
    return dealt(symbol, paid, size, taker, ns_from(row.microtimestamp, "us"), row.id)


def _flat(row: Trade) -> bool:
    return type(row.type) in (int, type(None)) and type(row.order_type) in (int, type(None))


def _offered(symbol: str, book: Book, frame: bytes) -> Said:
    if not symbol:
        return unread("not a spot channel", frame)
    return offered(symbol, _best(book.bids), _best(book.asks), ns_from(book.microtimestamp, "us"))


def _best(levels: Raw) -> object:
    """The price of the first level; None of no levels. Raises: ValueError for what are none.

    Cut out by hand: making objects of two hundred levels, to use two, would cost ten times the rest.
    """
    text = bytes(levels)
    start = text.find(b"[", 1)
    if text[:1] != b"[" or (start < 0 and text.strip(b"[ \t\r\n]")):
        raise ValueError("not the levels of a book")
    if start < 0:
        return None
    return _level.decode(text[start : text.index(b"]", start) + 1])[0]


def _refused(problem: Problem) -> Refused:
    words = problem.message.lower()
    if "subscription" in words or "channel" in words:
        return Refused(RefusalKind.UNKNOWN_SYMBOL, problem.message[:200])
    kind = RefusalKind.RATE_LIMITED if "limit" in words or "too many" in words else RefusalKind.BAD_REQUEST
    return Refused(kind, problem.message[:200])


def _ticked(row: Ticker) -> Said | None:
    symbol = row.pair.replace("/", "").lower()
    if row.market_type != "SPOT" or not symbol.isalnum():
        return None
    return ticked(symbol, row.last, row.bid, row.ask, ns_from(row.timestamp, "s"), row.volume)


def _instrument(row: Listed) -> Instrument | None:
    base, _, quote = row.name.partition("/")
    symbol = row.market_symbol or row.url_symbol
    if row.market_type != "SPOT" or not symbol.isalnum():
        return None
    return Instrument(symbol, row.base_currency or base, row.counter_currency or quote, row.trading == "Enabled")
