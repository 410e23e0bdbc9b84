"""Where Upbit answers, and what it allows (README.md beside this)."""

from collections.abc import Sequence
from typing import Final

from msgspec.json import encode

from chrono.ingest.venues.spec import Budget, Heartbeat, Request, Rest, Stream, VenueSpec
from chrono.ingest.venues.upbit.parse import parse_instruments, parse_message, parse_tickers, refusal

_REST: Final = "https://api.upbit.com/v1"


def subscribe(symbols: Sequence[str]) -> list[bytes]:
    """One frame for all: a second one would replace the first. `.1` asks for the best level of a book only."""
    trades = {"type": "trade", "codes": list(symbols)}
    books = {"type": "orderbook", "codes": [f"{symbol}.1" for symbol in symbols]}
    return [encode([{"ticket": "chrono"}, trades, books, {"format": "SIMPLE"}])]


def tickers(symbols: Sequence[str]) -> list[Request]:
    """All tickers of the quote currencies in use: asked by name, one delisted market would refuse all others."""
    quotes = sorted({symbol.partition("-")[0] for symbol in symbols})
    return [Request(f"{_REST}/ticker/all?quote_currencies={','.join(quotes)}")]


SPEC: Final = VenueSpec(
    name="upbit",
    title="Upbit",
    docs="https://docs.upbit.com/kr/reference/websocket-guide",
    stream=Stream(
        url=lambda _: "wss://api.upbit.com/websocket/v1",
        subscribe=subscribe,
        parse=parse_message,
        # Without anything from us for 120 s Upbit closes.
        heartbeat=Heartbeat(every_s=30.0, silent_after_s=65.0, ping=lambda: b"PING"),
        symbols_per_connection=100,
        frames=Budget(units=5, per_s=1),
        connections=Budget(units=5, per_s=1),
    ),
    rest=Rest(
        tickers=tickers,
        parse_tickers=parse_tickers,
        instruments=Request(f"{_REST}/market/all?is_details=false"),
        parse_instruments=parse_instruments,
        refusal=refusal,
        budget=Budget(units=10, per_s=1),
    ),
)
