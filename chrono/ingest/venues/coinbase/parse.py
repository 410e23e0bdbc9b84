"""What Coinbase's messages mean: Exchange channels (live), Advanced Trade's shape (also understood), REST lists."""

import re
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from chrono.ingest.venues.reading import (
    UNREADABLE,
    amount,
    decoder,
    each,
    excerpt,
    http_refusal,
    ns_from_iso,
    price,
    unread,
)
from chrono.ingest.venues.telling import dealt, listed, offered
from chrono.ingest.venues.words import (
    Beat,
    Instrument,
    RefusalKind,
    Refused,
    Said,
    Side,
    Subscribed,
    Ticked,
    Unread,
)

_TAKER: Mapping[str, Side] = {"buy": "sell", "sell": "buy", "BUY": "sell", "SELL": "buy"}
"""Both APIs tell the maker's side."""


class _Channel(Struct, gc=False):
    name: str
    product_ids: tuple[str, ...] = ()


class _Message(Struct, gc=False):
    """Every Exchange message in one shape: `type` says which fields it has."""

    type: str = ""
    product_id: str = ""
    price: str = ""
    size: str = ""
    side: str = ""
    time: str = ""
    trade_id: int = 0
    sequence: int | None = None
    best_bid: str = ""
    best_ask: str = ""
    message: str = ""
    reason: str = ""
    channels: tuple[_Channel, ...] = ()
    channel: str = ""


class _Trade(Struct, gc=False):
    trade_id: str
    product_id: str
    price: str
    size: str
    side: str = ""
    time: str = ""


class _Ticker(Struct, gc=False):
    product_id: str
    best_bid: str = ""
    best_ask: str = ""


class _Event(Struct, gc=False):
    trades: tuple[_Trade, ...] = ()
    tickers: tuple[_Ticker, ...] = ()


class _Advanced(Struct, gc=False):
    channel: str
    timestamp: str = ""
    events: tuple[_Event, ...] = ()


class _Product(Struct, gc=False):
    """A product of Advanced Trade's list, which is also its bulk ticker; Exchange's list has other names."""

    product_id: str = ""
    id: str = ""
    base_currency: str = ""
    quote_currency: str = ""
    price: str = ""
    volume_24h: str = ""
    base_currency_id: str = ""
    quote_currency_id: str = ""
    status: str = ""
    is_disabled: bool = False
    trading_disabled: bool = False
    product_type: str = "SPOT"


class _Products(Struct, gc=False):
    products: list[msgspec.Raw]


class _Error(Struct, gc=False):
    message: str = ""


_PRODUCT_NAME = re.compile(r"\b[A-Z0-9]{1,20}-[A-Z0-9]{1,20}\b", re.ASCII)

_MESSAGE = decoder(_Message)
_ADVANCED = decoder(_Advanced)
_PRODUCTS = decoder(_Products)
_ROWS = decoder(list[msgspec.Raw])
_PRODUCT = decoder(_Product)
_ERROR = decoder(_Error)


def parse_message(frame: bytes) -> list[Said]:
    """What one frame says. Never raises."""
    try:
        message = _MESSAGE.decode(frame)
        if message.channel and not message.type:
            return _advanced(_ADVANCED.decode(frame), frame)
        return [_exchange(message, frame)]
    except UNREADABLE as why:
        return [unread(why, frame)]


def parse_tickers(body: bytes) -> list[Said]:
    """The newest price of each product of the list; the list tells no bid, no ask and no time. Never raises."""
    try:
        rows = _PRODUCTS.decode(body).products
    except UNREADABLE as why:
        return [unread(why, body)]
    return each(rows, _PRODUCT, _row)


def parse_instruments(body: bytes) -> list[Instrument]:
    """The spot products of Advanced Trade's list, or of Exchange's; what cannot be read is absent. Never raises."""
    try:
        rows = _ROWS.decode(body) if body.lstrip()[:1] == b"[" else _PRODUCTS.decode(body).products
    except UNREADABLE:
        return []
    return listed(rows, _PRODUCT, _instrument)


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refused | None:
    """What an answer other than the asked one means; None when it is good."""
    return http_refusal(status, headers, body)


def _exchange(message: _Message, frame: bytes) -> Said:
    match message.type:
        case "match" | "last_match" | "ticker" if not message.product_id:
            return unread("a price of no product", frame)
        case "match" | "last_match":
            taker, at_ns = _TAKER.get(message.side, ""), ns_from_iso(message.time)
            return dealt(message.product_id, message.price, message.size, taker, at_ns, message.trade_id)
        case "ticker":
            # The sequence is the product's, over all channels: this one skips most of it, so it shows no gap.
            return offered(message.product_id, message.best_bid, message.best_ask, ns_from_iso(message.time))
        case "heartbeat":
            return Beat()
        case "subscriptions":
            return Subscribed(_confirmed(message.channels))
        case "error":
            return _refused(f"{message.message}: {message.reason}")
        case _:
            return unread(f"unexpected type {message.type[:40]}", frame)


def _confirmed(channels: tuple[_Channel, ...]) -> tuple[str, ...]:
    """The products that every confirmed price channel has."""
    lists = [set(channel.product_ids) for channel in channels if channel.name in ("matches", "ticker")]
    return tuple(sorted(set.intersection(*lists))) if lists else ()


def _advanced(message: _Advanced, frame: bytes) -> list[Said]:
    if message.channel == "heartbeats":
        return [Beat()]
    if message.channel == "subscriptions":
        return [Subscribed(())]
    if message.channel not in ("market_trades", "ticker", "ticker_batch"):
        return [unread(f"unexpected channel {message.channel}", frame)]
    said: list[Said] = []
    for event in message.events:
        for trade in event.trades:
            taker, at_ns = _TAKER.get(trade.side, ""), ns_from_iso(trade.time)
            said.append(dealt(trade.product_id, trade.price, trade.size, taker, at_ns, trade.trade_id))
        for ticker in event.tickers:
            at_ns = ns_from_iso(message.timestamp)
            said.append(offered(ticker.product_id, ticker.best_bid, ticker.best_ask, at_ns))
    return said


def _instrument(one: _Product) -> Instrument | None:
    symbol = one.product_id or one.id
    base, quote = one.base_currency_id or one.base_currency, one.quote_currency_id or one.quote_currency
    if one.product_type != "SPOT":
        return None
    return Instrument(symbol, base, quote, one.status == "online" and not (one.is_disabled or one.trading_disabled))


def _row(product: _Product) -> Ticked | Unread | None:
    if not product.price or not product.product_id:
        return None
    last = price(product.price)
    if last is None:
        return Unread("no price", excerpt(f"{product.product_id}: {product.price}"))
    return Ticked(product.product_id, last, None, None, None, amount(product.volume_24h))


def _refused(said: str) -> Refused:
    words = said.lower()
    kind = RefusalKind.BAD_REQUEST
    if "rate limit" in words or "slow" in words:
        kind = RefusalKind.RATE_LIMITED
    elif "not a valid product" in words or "is delisted" in words:
        kind = RefusalKind.UNKNOWN_SYMBOL
        return Refused(kind, said[:200], symbols=tuple(_PRODUCT_NAME.findall(said)))
    return Refused(kind, said[:200])
