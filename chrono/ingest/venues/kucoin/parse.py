"""What KuCoin's spot messages say, and the answer that tells where a connection goes."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlsplit

from msgspec import Raw, Struct

from chrono.ingest.venues.reading import UNREADABLE, decoder, each, http_refusal, ns_from, ns_from_ms, side, unread
from chrono.ingest.venues.telling import dealt, listed, offered, shown, ticked
from chrono.ingest.venues.words import Beat, Instrument, RefusalKind, Refused, Said, Subscribed


class Frame(Struct):
    """One message. The topic ends in the symbol, except "all", whose symbol is the subject."""

    type: str = ""
    id: object = None
    topic: str = ""
    subject: str = ""
    data: Raw = Raw(b"null")
    code: object = None


class Match(Struct, rename={"id": "tradeId"}):
    """The data of /market/match. `time` is in nanoseconds."""

    symbol: str
    price: object = None
    size: object = None
    side: object = None
    time: object = None
    id: object = None


class Ticker(Struct, rename={"bid": "bestBid", "ask": "bestAsk"}):
    """The data of /market/ticker."""

    price: object = None
    bid: object = None
    ask: object = None
    time: object = None


class Level1(Struct):
    """The data of /spotMarket/level1: price and size of each best offer."""

    bids: list[object] = []
    asks: list[object] = []
    timestamp: object = None


class Summary(Struct, rename={"last": "lastTradedPrice", "at_ms": "datetime"}):
    """The inner data of /market/snapshot."""

    symbol: str
    last: object = None
    buy: object = None
    sell: object = None
    vol: object = None
    at_ms: object = None


class Snapshot(Struct):
    """The outer data of /market/snapshot."""

    data: Summary


class Row(Struct):
    """A row of the bulk ticker."""

    symbol: str
    last: object = None
    buy: object = None
    sell: object = None
    vol: object = None


class Tickers(Struct):
    """The data of the bulk ticker."""

    ticker: list[Raw]
    time: object = None


class TickerAnswer(Struct):
    """The whole bulk ticker."""

    data: Tickers


class Listed(Struct, rename="camel"):
    """A row of the symbol list."""

    symbol: str
    base_currency: str
    quote_currency: str
    enable_trading: bool


class ListAnswer(Struct):
    """The whole symbol list."""

    data: list[Raw]


class Verdict(Struct):
    """What every REST answer says of itself."""

    code: str
    msg: str = ""


class Server(Struct, rename="camel"):
    """Where a connection may go. Intervals are in milliseconds."""

    endpoint: str
    protocol: str
    ping_interval: int
    ping_timeout: int = 10_000


class Bullet(Struct, rename="camel"):
    """A token and the servers that take it."""

    token: str
    instance_servers: list[Server]


class BulletAnswer(Struct):
    """The whole answer to bullet-public."""

    data: Bullet


_frame = decoder(Frame)
_match = decoder(Match)
_ticker = decoder(Ticker)
_level1 = decoder(Level1)
_snapshot = decoder(Snapshot)
_row = decoder(Row)
_ticker_answer = decoder(TickerAnswer)
_list_answer = decoder(ListAnswer)
_listed = decoder(Listed)
_verdict = decoder(Verdict)
_bullet = decoder(BulletAnswer)
_loose = decoder(object)

_KINDS: Final = {
    "429000": RefusalKind.RATE_LIMITED,
    "1015": RefusalKind.BANNED,
    "400302": RefusalKind.GEO,
    "400100": RefusalKind.BAD_REQUEST,
    "900001": RefusalKind.UNKNOWN_SYMBOL,
    "900014": RefusalKind.BAD_REQUEST,
    "500000": RefusalKind.FAULT,
}
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


def parse_message(frame: bytes) -> list[Said]:
    """What one frame says. Never raises."""
    try:
        message = _frame.decode(frame)
        if message.type == "message":
            return [_told(message, frame)]
        return [_control(message, frame)]
    except UNREADABLE as why:
        return [unread(why, frame)]


def parse_tickers(body: bytes) -> list[Said]:
    """The bulk ticker; all rows have the answer's time. Never raises."""
    try:
        tickers = _ticker_answer.decode(body).data
    except UNREADABLE as why:
        return [unread(why, body)]
    at_ns = ns_from_ms(tickers.time)
    return each(tickers.ticker, _row, lambda row: ticked(row.symbol, row.last, row.buy, row.sell, at_ns, row.vol))


def parse_instruments(body: bytes) -> list[Instrument]:
    """The spot symbols; what cannot be read is absent. Never raises."""
    try:
        return listed(_list_answer.decode(body).data, _listed, _instrument)
    except UNREADABLE:
        return []


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refused | None:
    """What an answer refuses; None when it is good. A limit's own header says when it ends, in milliseconds."""
    try:
        verdict = _verdict.decode(body)
    except UNREADABLE:
        return http_refusal(status, headers, body)
    if verdict.code == "200000":
        return http_refusal(status, headers, body)
    kind = _KINDS.get(verdict.code, RefusalKind.FAULT if status >= 500 else RefusalKind.BAD_REQUEST)
    return Refused(kind, f"{verdict.code}: {verdict.msg}"[:200], _reset_s(headers))


def server_of(body: bytes) -> tuple[str, float, float]:
    """The address to connect to, how often to ping and how long to wait for a pong, both in seconds.

    Raises: ValueError when the answer holds no usable server; an address without TLS is used on loopback only.
    """
    try:
        bullet = _bullet.decode(body).data
    except UNREADABLE as why:
        raise ValueError(f"no token in the answer: {why}"[:200]) from why
    for server in bullet.instance_servers:
        where = urlsplit(server.endpoint)
        safe = where.scheme == "wss" or (where.scheme == "ws" and where.hostname in _LOOPBACK)
        if server.protocol == "websocket" and safe and server.ping_interval >= 1000 and bullet.token:
            address = f"{server.endpoint}?token={quote(bullet.token, safe='')}"
            return address, server.ping_interval / 1000, max(server.ping_timeout, 1000) / 1000
    raise ValueError("no usable server in the answer")


def _told(message: Frame, frame: bytes) -> Said:
    channel, _, symbol = message.topic.partition(":")
    if channel == "/market/match":
        row = _match.decode(message.data)
        return dealt(row.symbol, row.price, row.size, side(row.side), ns_from(row.time, "ns"), row.id)
    if channel == "/market/ticker" and symbol:
        told = _ticker.decode(message.data)
        name = message.subject if symbol == "all" else symbol
        return ticked(name, told.price, told.bid, told.ask, ns_from_ms(told.time))
    if channel == "/spotMarket/level1" and symbol:
        book = _level1.decode(message.data)
        return offered(symbol, _best(book.bids), _best(book.asks), ns_from_ms(book.timestamp))
    if channel == "/market/snapshot":
        row24 = _snapshot.decode(message.data).data
        return ticked(row24.symbol, row24.last, row24.buy, row24.sell, ns_from_ms(row24.at_ms), row24.vol)
    return unread("a topic that is not read", frame)


def _best(level: list[object]) -> object:
    return level[0] if level else None


def _control(message: Frame, frame: bytes) -> Said:
    if message.type in ("welcome", "pong"):
        return Beat()
    if message.type == "ack":
        symbol = message.id.partition(":")[2] if type(message.id) is str else ""
        return Subscribed((symbol,) if symbol else ())
    if message.type == "error":
        return _refused(message)
    return unread("a type that is not known", frame)


def _refused(message: Frame) -> Refused:
    """Why the stream refused: the code is a number, the data a sentence that may name the topic."""
    code, told = shown(message.code), _loose.decode(message.data)
    text = told[:2000] if type(told) is str else ""
    said = f"{code}: {text}"[:200]
    _, found, topic = text.partition("topic ")
    if code in ("509", "429"):
        return Refused(RefusalKind.RATE_LIMITED, said)
    if code in ("404", "400", "406") and found and ":" in topic:
        symbols = topic.split(" ")[0].partition(":")[2].split(",")
        return Refused(RefusalKind.UNKNOWN_SYMBOL, said, None, tuple(symbol for symbol in symbols if symbol))
    return Refused(RefusalKind.BAD_REQUEST, said)


def _instrument(row: Listed) -> Instrument:
    return Instrument(row.symbol, row.base_currency, row.quote_currency, row.enable_trading)


def _reset_s(headers: Mapping[str, str]) -> float | None:
    for name, value in headers.items():
        if name.lower() == "gw-ratelimit-reset" and value.isascii() and value.isdigit() and len(value) < 9:
            return int(value) / 1000
    return None
