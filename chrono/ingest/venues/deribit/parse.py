"""What Deribit's v2 messages say of its spot pairs and its indexes."""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Raw, Struct

from chrono.ingest.venues.reading import UNREADABLE, decoder, each, excerpt, http_refusal, ns_from_ms, side, unread
from chrono.ingest.venues.telling import dealt, listed, offered, ticked
from chrono.ingest.venues.words import Beat, Instrument, RefusalKind, Refused, Said, Subscribed

PING: Final = b'{"jsonrpc":"2.0","id":2,"method":"public/test","params":{}}'

is_spot: Final = re.compile(r"[A-Z0-9]{1,20}_[A-Z0-9]{1,20}", re.ASCII).fullmatch
"""BTC_USDC is spot; BTC-PERPETUAL, UNI_USDC-PERPETUAL, BTC-25JUN21, options and combos have dashes."""

is_index: Final = re.compile(r"[a-z0-9]{1,20}_[a-z0-9]{1,20}", re.ASCII).fullmatch
"""btc_usd is an index: a price that Deribit makes from other venues'."""


class Params(Struct, frozen=True):
    """What a push holds; `type` is a heartbeat's."""

    channel: str = ""
    data: Raw = Raw(b"null")
    type: str = ""


class Failure(Struct):
    """Why a request failed."""

    code: object = None
    message: str = ""


class Frame(Struct):
    """One message of JSON-RPC: pushes have `method` and `params`, answers `result` or `error`."""

    method: str = ""
    params: Params = Params()
    result: Raw = Raw(b"null")
    error: Failure | None = None


class Trade(Struct, rename={"symbol": "instrument_name", "side": "direction", "at": "timestamp", "id": "trade_id"}):
    """A trade; the amount of a spot pair is in base units."""

    symbol: str
    price: object = None
    amount: object = None
    side: object = None
    at: object = None
    id: object = None


class Stats(Struct, frozen=True):
    """Sums of a day, in base units."""

    volume: object = None


class Ticker(
    Struct,
    rename={
        "symbol": "instrument_name",
        "bid": "best_bid_price",
        "ask": "best_ask_price",
        "last": "last_price",
        "at": "timestamp",
    },
):
    """The data of `quote` (offers only) and of `ticker`, streamed or asked for."""

    symbol: str
    bid: object = None
    ask: object = None
    last: object = None
    at: object = None
    stats: Stats = Stats()


class Summary(
    Struct,
    rename={"symbol": "instrument_name", "bid": "bid_price", "ask": "ask_price", "at": "creation_timestamp"},
):
    """A row of the book summaries of a currency."""

    symbol: str
    bid: object = None
    ask: object = None
    last: object = None
    at: object = None
    volume: object = None


class Index(Struct, rename={"symbol": "index_name", "at": "timestamp"}):
    """An index."""

    symbol: str
    price: object = None
    at: object = None


class Listed(
    Struct,
    rename={
        "symbol": "instrument_name",
        "base": "base_currency",
        "quote": "quote_currency",
        "is_open": "is_active",
    },
):
    """A row of the instrument list."""

    symbol: str
    kind: str
    base: str
    quote: str
    is_open: bool = False


_frame = decoder(Frame)
_rows = decoder(list[Raw])
_trade = decoder(Trade)
_ticker = decoder(Ticker)
_summary = decoder(Summary)
_index = decoder(Index)
_listed = decoder(Listed)
_channels = decoder(list[str])

_UNKNOWN_PAIR: Final = [13020, -32602]
"""Not found, and a parameter of the wrong form: the only one is the pair's name. A list, for codes may be any JSON."""

_KINDS: Final = {
    10028: RefusalKind.RATE_LIMITED,
    10047: RefusalKind.RATE_LIMITED,
    11051: RefusalKind.MAINTENANCE,
    13028: RefusalKind.MAINTENANCE,
    11094: RefusalKind.FAULT,
    13888: RefusalKind.FAULT,
    13020: RefusalKind.UNKNOWN_SYMBOL,
}


def parse_message(frame: bytes) -> list[Said]:
    """What one frame says. Never raises."""
    try:
        message = _frame.decode(frame)
        if message.method == "subscription":
            return _pushed(message.params, frame)
        return [_control(message, frame)]
    except UNREADABLE as why:
        return [unread(why, frame)]


def parse_tickers(body: bytes) -> list[Said]:
    """The ticker of one instrument, or the book summaries of many. Never raises."""
    try:
        result = _frame.decode(body).result
        if bytes(result).lstrip()[:1] == b"[":
            return each(_rows.decode(result), _summary, _summed)
        return [_ticked(_ticker.decode(result))]
    except UNREADABLE as why:
        return [unread(why, body)]


def parse_instruments(body: bytes) -> list[Instrument]:
    """The spot pairs of the list; everything else is left out. Never raises."""
    try:
        return listed(_rows.decode(_frame.decode(body).result), _listed, _instrument)
    except UNREADABLE:
        return []


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refused | None:
    """What an answer refuses; None when it is good, and when it only does not know the one pair asked for."""
    known = http_refusal(status, headers, body)
    try:
        failure = _frame.decode(body).error
    except UNREADABLE:
        return known
    if failure is None:
        return known
    return None if failure.code in _UNKNOWN_PAIR else _refused(failure, known)


def _pushed(params: Params, frame: bytes) -> list[Said]:
    channel = params.channel.partition(".")[0]
    if channel == "quote":
        return [_offered(_ticker.decode(params.data))]
    if channel == "trades":
        return each(_rows.decode(params.data), _trade, _dealt)
    if channel == "ticker":
        return [_ticked(_ticker.decode(params.data))]
    if channel == "deribit_price_index":
        return [_indexed(_index.decode(params.data))]
    return [unread("a channel that is not read", frame)]


def _dealt(row: Trade) -> Said:
    if not is_spot(row.symbol):
        return unread("a trade of a contract", row.symbol)
    return dealt(row.symbol, row.price, row.amount, side(row.side), ns_from_ms(row.at), row.id)


def _offered(row: Ticker) -> Said:
    if not is_spot(row.symbol):
        return unread("offers of a contract", row.symbol)
    return offered(row.symbol, row.bid, row.ask, ns_from_ms(row.at))


def _ticked(row: Ticker) -> Said:
    if not is_spot(row.symbol):
        return unread("a ticker of a contract", row.symbol)
    return ticked(row.symbol, row.last, row.bid, row.ask, ns_from_ms(row.at), row.stats.volume)


def _summed(row: Summary) -> Said:
    if not is_spot(row.symbol):
        return unread("a summary of a contract", row.symbol)
    return ticked(row.symbol, row.last, row.bid, row.ask, ns_from_ms(row.at), row.volume)


def _indexed(row: Index) -> Said:
    if not is_index(row.symbol):
        return unread("not the name of an index", row.symbol)
    return ticked(row.symbol, row.price, None, None, ns_from_ms(row.at))


def _instrument(row: Listed) -> Instrument | None:
    if row.kind != "spot" or not is_spot(row.symbol):
        return None
    return Instrument(row.symbol, row.base, row.quote, row.is_open)


def _control(message: Frame, frame: bytes) -> Said:
    if message.error is not None:
        return _refused(message.error, None)
    if message.method == "heartbeat":
        return Beat(PING if message.params.type == "test_request" else None)
    result = bytes(message.result).strip()
    if result[:1] == b"[":
        return Subscribed(_confirmed(_channels.decode(result)))
    return unread("neither data nor an answer", frame) if result == b"null" else Beat()


def _confirmed(channels: list[str]) -> tuple[str, ...]:
    """The symbols of the channels that were taken; the others are left out of the answer."""
    named = {parts[1] for parts in (channel.split(".") for channel in channels) if len(parts) > 1}
    return tuple(sorted(named))


def _refused(failure: Failure, known: Refused | None) -> Refused:
    code = failure.code if type(failure.code) is int and abs(failure.code) < 10**9 else 0
    kind = _KINDS.get(code, RefusalKind.BAD_REQUEST if known is None else known.kind)
    return Refused(kind, excerpt(f"{code}: {failure.message}"), None if known is None else known.retry_after_s)
