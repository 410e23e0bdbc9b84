"""Where Coinbase is, and what it allows."""

from collections.abc import Sequence

import msgspec

from chrono.ingest.venues.coinbase.parse import parse_instruments, parse_message, parse_tickers, refusal
from chrono.ingest.venues.spec import Budget, Heartbeat, Request, Rest, Stream, VenueSpec

_LIST = "https://api.coinbase.com/api/v3/brokerage/market/products"


def subscribe(symbols: Sequence[str]) -> list[bytes]:
    """One frame for all: trades, best offers at each trade, and a beat each second."""
    return [_frame("subscribe", symbols)]


def unsubscribe(symbols: Sequence[str]) -> list[bytes]:
    """The end of what `subscribe` asked for."""
    return [_frame("unsubscribe", symbols)]


def _frame(kind: str, symbols: Sequence[str]) -> bytes:
    channels = ["matches", "ticker", "heartbeat"]
    return msgspec.json.encode({"type": kind, "product_ids": list(symbols), "channels": channels})


def tickers(symbols: Sequence[str]) -> list[Request]:
    """The product list for these symbols: Exchange itself has no ticker for many products at once."""
    return [Request(f"{_LIST}?{'&'.join(f'product_ids={symbol}' for symbol in symbols)}")]


SPEC = VenueSpec(
    name="coinbase",
    title="Coinbase Exchange",
    docs="https://docs.cdp.coinbase.com/exchange/websocket-feed/overview",
    stream=Stream(
        url=lambda _symbols: "wss://ws-feed.exchange.coinbase.com",
        subscribe=subscribe,
        unsubscribe=unsubscribe,
        parse=parse_message,
        # The heartbeat channel speaks once a second for each product.
        heartbeat=Heartbeat(every_s=20.0, silent_after_s=10.0),
        symbols_per_connection=50,
        frames=Budget(8.0, 1.0),
        connections=Budget(8.0, 1.0),
    ),
    rest=Rest(
        tickers=tickers,
        parse_tickers=parse_tickers,
        instruments=Request(f"{_LIST}?product_type=SPOT"),
        parse_instruments=parse_instruments,
        refusal=refusal,
        budget=Budget(10.0, 1.0),
    ),
)
