"""What Bybit's v5 spot messages say. Bybit's contracts speak the same words: whatever marks one of them is unread."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from msgspec import Raw, Struct

from chrono.ingest.venues.reading import (
    UNREADABLE,
    amount,
    decoder,
    each,
    excerpt,
    http_refusal,
    ns_from_ms,
    price,
    side,
    unread,
)
from chrono.ingest.venues.telling import NotAPriceError, dealt, listed, offered, shown, ticked
from chrono.ingest.venues.words import Beat, Instrument, Offered, RefusalKind, Refused, Resync, Said, Subscribed

MOST_BOOKS: Final = 4096
"""A connection that tells more symbols than this is not one of ours."""

Levels = list[tuple[object, object]]
"""Price and size of the levels of one side of a book, as told. Size zero takes a level away."""


class Frame(Struct):
    """One message: data has a topic, everything else has an `op`."""

    topic: str = ""
    type: str = ""
    event: str = ""
    op: str = ""
    ts: object = None
    data: Raw = Raw(b"null")
    success: bool | None = None
    ret_msg: str = ""
    params: Raw = Raw(b"{}")
    code: object = None


class Trade(Struct, rename={"id": "i", "at": "T", "price": "p", "size": "v", "side": "S", "tick": "L"}):
    """A row of publicTrade. The last three stand only in the trades of contracts."""

    s: str
    id: object = None
    at: object = None
    price: object = None
    size: object = None
    side: object = None
    tick: object = None
    mP: object = None  # noqa: N815 - the venue's name
    iP: object = None  # noqa: N815 - the venue's name


class Book(Struct):
    """The data of orderbook.N: what changed, or the whole of it in a snapshot."""

    s: str
    b: Levels = []
    a: Levels = []


class Ticker(Struct, rename="camel"):
    """A row of tickers, streamed or in a bulk answer. The last four stand only in the tickers of contracts."""

    symbol: str
    last_price: object = None
    bid1_price: object = None
    ask1_price: object = None
    volume24h: object = None
    mark_price: object = None
    open_interest: object = None
    funding_rate: object = None
    underlying_price: object = None


class OldQuote(Struct, rename="camel"):
    """The data of the earlier bookTicker topic (2022)."""

    symbol: str
    bid_price: object = None
    ask_price: object = None
    time: object = None


class Listed(Struct, rename="camel"):
    """A row of instruments-info. Contracts and options tell their type."""

    symbol: str
    base_coin: str = ""
    quote_coin: str = ""
    status: str = ""
    contract_type: object = None
    options_type: object = None


class Rows(Struct):
    """The result of a bulk answer."""

    list: list[Raw]
    category: str = "spot"


class Answer(Struct):
    """A bulk answer."""

    result: Rows
    time: object = None


class Verdict(Struct, rename="camel"):
    """What every REST answer says of itself."""

    ret_code: int
    ret_msg: str = ""


class Param(Struct):
    """What an earlier confirmation repeats of its request."""

    symbol: str = ""


_frame = decoder(Frame)
_rows = decoder(list[Raw])
_trade = decoder(Trade)
_book = decoder(Book)
_ticker = decoder(Ticker)
_old_quote = decoder(OldQuote)
_param = decoder(Param)
_answer = decoder(Answer)
_listed = decoder(Listed)
_verdict = decoder(Verdict)

_KINDS: Final = {
    10001: RefusalKind.BAD_REQUEST,
    10006: RefusalKind.RATE_LIMITED,
    10009: RefusalKind.BANNED,
    10010: RefusalKind.BANNED,
    10018: RefusalKind.RATE_LIMITED,
    10024: RefusalKind.GEO,
}
_BAN_S: Final = 600.0


class Conversation:
    """One connection. A change of a book names only the side that changed, so the last top is remembered."""

    def __init__(self) -> None:
        self._tops: dict[str, tuple[Decimal | None, Decimal | None]] = {}

    def __call__(self, frame: bytes) -> list[Said]:
        """What one frame says. Never raises."""
        try:
            message = _frame.decode(frame)
            return self._told(message, frame) if message.topic else [_control(message, frame)]
        except UNREADABLE as why:
            return [unread(why, frame)]

    def _told(self, message: Frame, frame: bytes) -> list[Said]:
        channel = message.topic.partition(".")[0]
        if channel == "publicTrade":
            return each(_rows.decode(message.data), _trade, _dealt)
        if channel == "orderbook":
            return [self._offered(message, frame)]
        if channel == "tickers":
            return [_ticked(_ticker.decode(message.data), message.ts)]
        if message.event == "sub":
            return [Subscribed((_param.decode(message.params).symbol,))]
        if channel == "bookTicker":
            quote = _old_quote.decode(message.data)
            return [offered(quote.symbol, quote.bid_price, quote.ask_price, ns_from_ms(quote.time))]
        return [unread("a topic that is not read", frame)]

    def _offered(self, message: Frame, frame: bytes) -> Said:
        book = _book.decode(message.data)
        if not message.topic.startswith("orderbook.1.") or not _is_spot(book.s):
            return unread("not the first level of a spot book", frame)
        top = self._tops.pop(book.s, None)
        if message.type == "snapshot":
            top = None, None
        if top is None:
            return unread("a change before the book that it changes", frame)
        if len(self._tops) >= MOST_BOOKS:
            return unread("too many books on one connection", frame)
        try:
            bid, ask = _changed(top[0], book.b), _changed(top[1], book.a)
        except NotAPriceError as why:
            return Resync(f"a level of {book.s} that is none: {why}"[:200], reconnect=True)
        self._tops[book.s] = bid, ask
        # Its number `u` is not told: a book that rests is sent again every three seconds with the same one.
        return Offered(book.s, bid, ask, ns_from_ms(message.ts))


def parse_message(frame: bytes) -> list[Said]:
    """What one frame says by itself: changes of a book are unread here. Never raises."""
    return Conversation()(frame)


def parse_tickers(body: bytes) -> list[Said]:
    """The bulk ticker: one Ticked per symbol, all with the answer's time. Never raises."""
    try:
        answer = _answer.decode(body)
    except UNREADABLE as why:
        return [unread(why, body)]
    if answer.result.category != "spot":
        return [unread("tickers of contracts", body)]
    return each(answer.result.list, _ticker, lambda row: _ticked(row, answer.time))


def parse_instruments(body: bytes) -> list[Instrument]:
    """The spot instruments; none from an answer that cannot be read. Never raises."""
    try:
        return listed(_answer.decode(body).result.list, _listed, _instrument)
    except UNREADABLE:
        return []


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refused | None:
    """What an answer refuses; None when it is good.

    Status 403 means "too frequent, wait ten minutes" from Bybit, and a closed country from the CDN before it.
    """
    try:
        verdict = _verdict.decode(body)
    except UNREADABLE:
        if status == 403 and b"country" not in body:
            return Refused(RefusalKind.BANNED, f"HTTP 403: {excerpt(body)}"[:200], _BAN_S)
        return http_refusal(status, headers, body)
    if verdict.ret_code == 0:
        return http_refusal(status, headers, body)
    kind = _KINDS.get(verdict.ret_code, RefusalKind.FAULT)
    if kind is RefusalKind.BAD_REQUEST and "symbol" in verdict.ret_msg.lower():
        kind = RefusalKind.UNKNOWN_SYMBOL
    wait_s = _BAN_S if kind is RefusalKind.BANNED else None
    return Refused(kind, f"{verdict.ret_code}: {verdict.ret_msg}"[:200], wait_s)


def _instrument(row: Listed) -> Instrument | None:
    if row.contract_type is not None or row.options_type is not None:
        return None
    return Instrument(row.symbol, row.base_coin, row.quote_coin, row.status == "Trading")


def _is_spot(symbol: str) -> bool:
    """Spot symbols are letters and digits; options and futures have dashes, perpetuals in USDC end in PERP."""
    return symbol.isalnum() and not symbol.endswith("PERP")


def _dealt(row: Trade) -> Said:
    if row.tick is not None or row.mP is not None or row.iP is not None or not _is_spot(row.s):
        return unread("a trade of a contract", row.s)
    return dealt(row.s, row.price, row.size, side(row.side), ns_from_ms(row.at), row.id)


def _ticked(row: Ticker, at: object) -> Said:
    told = row.mark_price, row.open_interest, row.funding_rate, row.underlying_price
    if any(value is not None for value in told) or not _is_spot(row.symbol):
        return unread("a ticker of a contract", row.symbol)
    return ticked(row.symbol, row.last_price, row.bid1_price, row.ask1_price, ns_from_ms(at), row.volume24h)


def _changed(best: Decimal | None, levels: Levels) -> Decimal | None:
    """The best price of a side after these changes. Raises: NotAPriceError when one of them cannot be read."""
    put: Decimal | None = None
    for at, size in levels:
        told, left = price(at), amount(size)
        if told is None or left is None:
            raise NotAPriceError(f"{shown(at)} {shown(size)}")
        if left:
            put = told
        elif told == best:
            best = None
    return put or best


def _control(message: Frame, frame: bytes) -> Said:
    if message.success is False:
        return _refused(message.ret_msg)
    if message.op in ("ping", "pong") or message.ret_msg == "pong":
        return Beat()
    if message.success is True:
        return Subscribed(())
    return unread("neither data nor an answer", frame)


def _refused(said: str) -> Refused:
    """Why a subscription failed: the text ends in the topic that is not known."""
    _, found, topic = said.partition("topic:")
    if found and "." in topic:
        return Refused(RefusalKind.UNKNOWN_SYMBOL, said[:200], None, (topic.rpartition(".")[2].strip(),))
    hurried = "too many" in said.lower() or "frequent" in said.lower()
    return Refused(RefusalKind.RATE_LIMITED if hurried else RefusalKind.BAD_REQUEST, said[:200])
