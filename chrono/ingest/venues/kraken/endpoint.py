"""Where Kraken's public data is, and what it allows."""

from collections.abc import Sequence

import msgspec

from chrono.ingest.venues.kraken.parse import parse_instruments, parse_message, parse_tickers, refusal
from chrono.ingest.venues.spec import Budget, Heartbeat, Request, Rest, Stream, VenueSpec

_API = "https://api.kraken.com/0/public"


def subscribe(symbols: Sequence[str]) -> list[bytes]:
    """Trades, and the best offers whenever they change."""
    asked: list[dict[str, object]] = [
        {"channel": "trade", "symbol": list(symbols), "snapshot": False},
        {"channel": "ticker", "symbol": list(symbols), "event_trigger": "bbo", "snapshot": True},
    ]
    return [msgspec.json.encode({"method": "subscribe", "params": params}) for params in asked]


def unsubscribe(symbols: Sequence[str]) -> list[bytes]:
    """The end of what `subscribe` asked for."""
    asked: list[dict[str, object]] = [
        {"channel": "trade", "symbol": list(symbols)},
        {"channel": "ticker", "symbol": list(symbols), "event_trigger": "bbo"},
    ]
    return [msgspec.json.encode({"method": "unsubscribe", "params": params}) for params in asked]


def tickers(symbols: Sequence[str]) -> list[Request]:
    """All pairs named in one request, in REST's older spelling."""
    asked = ",".join(symbol.replace("BTC", "XBT").replace("DOGE", "XDG").replace("/", "") for symbol in symbols)
    return [Request(f"{_API}/Ticker?pair={asked}")]


SPEC = VenueSpec(
    name="kraken",
    title="Kraken",
    docs="https://docs.kraken.com/api/docs/guides/spot-ws-intro",
    stream=Stream(
        url=lambda _symbols: "wss://ws.kraken.com/v2",
        subscribe=subscribe,
        unsubscribe=unsubscribe,
        parse=parse_message,
        # Once a second something comes: an update or a heartbeat.
        heartbeat=Heartbeat(every_s=30.0, silent_after_s=10.0, ping=lambda: b'{"method":"ping"}'),
        symbols_per_connection=100,
        frames=Budget(10.0, 1.0),
        connections=Budget(150.0, 600.0),
    ),
    rest=Rest(
        tickers=tickers,
        parse_tickers=parse_tickers,
        instruments=Request(f"{_API}/AssetPairs"),
        parse_instruments=parse_instruments,
        refusal=refusal,
        budget=Budget(1.0, 1.0),
    ),
)
