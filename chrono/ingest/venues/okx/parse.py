"""What OKX's v5 public messages say, and the spot tables of v3 that came before them."""

from collections.abc import Mapping
from typing import Final

from msgspec import Raw, Struct

from chrono.ingest.venues.reading import UNREADABLE, decoder, each, http_refusal, ns_from_iso, ns_from_ms, side, unread
from chrono.ingest.venues.telling import dealt, listed, offered, ticked
from chrono.ingest.venues.words import Beat, Instrument, RefusalKind, Refused, Resync, Said, Subscribed

Levels = list[list[object]]


class Arg(Struct, frozen=True, rename={"symbol": "instId"}):
    """The channel that a message belongs to."""

    channel: str = ""
    symbol: str = ""


class Frame(Struct):
    """One message: pushes have `arg` and `data`, answers an `event`, those of v3 a `table`."""

    arg: Arg = Arg()
    event: str = ""
    table: str = ""
    code: str = ""
    msg: str = ""
    data: list[Raw] = []


class Trade(Struct, rename={"symbol": "instId", "price": "px", "size": "sz", "id": "tradeId"}):
    """A row of trades and trades-all."""

    symbol: str
    price: object = None
    size: object = None
    side: object = None
    ts: object = None
    id: object = None


class Ticker(
    Struct, rename={"symbol": "instId", "kind": "instType", "bid": "bidPx", "ask": "askPx", "volume": "vol24h"}
):
    """A row of tickers, streamed or in a bulk answer."""

    symbol: str
    kind: str = "SPOT"
    last: object = None
    bid: object = None
    ask: object = None
    volume: object = None
    ts: object = None


class Book(Struct, rename={"sequence": "seqId"}):
    """The data of bbo-tbt and books5: whole, best level first."""

    asks: Levels = []
    bids: Levels = []
    ts: object = None
    sequence: object = None


class OldTrade(Struct, rename={"symbol": "instrument_id", "id": "trade_id"}):
    """A row of v3's spot/trade."""

    symbol: str
    price: object = None
    size: object = None
    side: object = None
    timestamp: object = None
    id: object = None


class OldTicker(Struct, rename={"symbol": "instrument_id", "volume": "base_volume_24h"}):
    """A row of v3's spot/ticker."""

    symbol: str
    last: object = None
    best_bid: object = None
    best_ask: object = None
    volume: object = None
    timestamp: object = None


class Answer(Struct):
    """A REST answer."""

    code: str
    msg: str = ""
    data: list[Raw] = []


class Listed(Struct, rename={"symbol": "instId", "kind": "instType", "base": "baseCcy", "quote": "quoteCcy"}):
    """A row of the instrument list."""

    symbol: str
    kind: str
    base: str = ""
    quote: str = ""
    state: str = ""


_frame = decoder(Frame)
_trade = decoder(Trade)
_ticker = decoder(Ticker)
_book = decoder(Book)
_old_trade = decoder(OldTrade)
_old_ticker = decoder(OldTicker)
_answer = decoder(Answer)
_listed = decoder(Listed)

_KINDS: Final = {
    "50011": RefusalKind.RATE_LIMITED,
    "50013": RefusalKind.MAINTENANCE,
    "50001": RefusalKind.MAINTENANCE,
    "50026": RefusalKind.FAULT,
    "50061": RefusalKind.RATE_LIMITED,
    "51001": RefusalKind.UNKNOWN_SYMBOL,
    "60014": RefusalKind.RATE_LIMITED,
    "60018": RefusalKind.UNKNOWN_SYMBOL,
}
_LEAVING: Final = "64008"


def parse_message(frame: bytes) -> list[Said]:
    """What one frame says. Never raises."""
    if frame == b"pong":
        return [Beat()]
    try:
        message = _frame.decode(frame)
        if message.event:
            return [_control(message, frame)]
        return _old(message, frame) if message.table else _pushed(message, frame)
    except UNREADABLE as why:
        return [unread(why, frame)]


def parse_tickers(body: bytes) -> list[Said]:
    """The bulk ticker. Never raises."""
    try:
        return each(_answer.decode(body).data, _ticker, _ticked)
    except UNREADABLE as why:
        return [unread(why, body)]


def parse_instruments(body: bytes) -> list[Instrument]:
    """The spot instruments; margin, swaps, futures and options are left out. Never raises."""
    try:
        return listed(_answer.decode(body).data, _listed, _instrument)
    except UNREADABLE:
        return []


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refused | None:
    """What an answer refuses; None when it is good."""
    try:
        answer = _answer.decode(body)
    except UNREADABLE:
        return http_refusal(status, headers, body)
    if answer.code == "0":
        return http_refusal(status, headers, body)
    kind = _KINDS.get(answer.code, RefusalKind.FAULT if status >= 500 else RefusalKind.BAD_REQUEST)
    return Refused(kind, f"{answer.code}: {answer.msg}"[:200])


def _pushed(message: Frame, frame: bytes) -> list[Said]:
    channel, symbol = message.arg.channel, message.arg.symbol
    if channel in ("trades", "trades-all"):
        return each(message.data, _trade, _dealt)
    if channel == "tickers":
        return each(message.data, _ticker, _ticked)
    if channel in ("bbo-tbt", "books5"):
        return each(message.data, _book, lambda book: _offered(symbol, book))
    return [unread("a channel that is not read", frame)]


def _old(message: Frame, frame: bytes) -> list[Said]:
    if message.table == "spot/trade":
        return each(
            message.data,
            _old_trade,
            lambda row: dealt(row.symbol, row.price, row.size, side(row.side), ns_from_iso(row.timestamp), row.id),
        )
    if message.table == "spot/ticker":
        return each(
            message.data,
            _old_ticker,
            lambda row: ticked(
                row.symbol, row.last, row.best_bid, row.best_ask, ns_from_iso(row.timestamp), row.volume
            ),
        )
    return [unread("a table that is not read", frame)]


def _instrument(row: Listed) -> Instrument | None:
    return Instrument(row.symbol, row.base, row.quote, row.state == "live") if row.kind == "SPOT" else None


def _is_spot(symbol: str) -> bool:
    """BTC-USDT is spot; BTC-USDT-SWAP, BTC-USD-220527 and options have more parts."""
    return symbol.count("-") == 1


def _dealt(row: Trade) -> Said:
    if not _is_spot(row.symbol):
        return unread("a trade of a contract", row.symbol)
    return dealt(row.symbol, row.price, row.size, side(row.side), ns_from_ms(row.ts), row.id)


def _ticked(row: Ticker) -> Said:
    if row.kind != "SPOT" or not _is_spot(row.symbol):
        return unread("a ticker of a contract", row.symbol)
    return ticked(row.symbol, row.last, row.bid, row.ask, ns_from_ms(row.ts), row.volume)


def _offered(symbol: str, book: Book) -> Said:
    if not _is_spot(symbol):
        return unread("a book of a contract", symbol)
    return offered(symbol, _best(book.bids), _best(book.asks), ns_from_ms(book.ts), book.sequence)


def _best(levels: Levels) -> object:
    return levels[0][0] if levels and levels[0] else None


def _control(message: Frame, frame: bytes) -> Said:
    if message.event == "subscribe":
        return Subscribed((message.arg.symbol,) if message.arg.symbol else ())
    if message.event == "error":
        kind = _KINDS.get(message.code, RefusalKind.BAD_REQUEST)
        return Refused(kind, f"{message.code}: {message.msg}"[:200], None, _meant(message.msg))
    if message.event == "notice":
        return Resync(message.msg[:200], reconnect=message.code == _LEAVING)
    if message.event == "channel-conn-count-error":
        return Refused(RefusalKind.RATE_LIMITED, "too many connections on a channel")
    if message.event in ("channel-conn-count", "unsubscribe"):
        return Beat()
    return unread("an event that is not known", frame)


def _meant(said: str) -> tuple[str, ...]:
    """The symbol that an error names: "Wrong URL or channel:trades,instId:ABC-DEF doesn't exist. …"."""
    _, found, rest = said.partition("instId:")
    return (rest.split(" ", 1)[0].rstrip(".,"),) if found and rest.strip() else ()
