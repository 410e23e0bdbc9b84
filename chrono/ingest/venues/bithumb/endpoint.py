"""Where Bithumb answers, and what it allows (README.md beside this)."""

from collections.abc import Sequence
from typing import Final

from msgspec.json import encode

from chrono.ingest.venues.bithumb.parse import parse_instruments, parse_message, parse_tickers, refusal
from chrono.ingest.venues.spec import Budget, Heartbeat, Request, Rest, Stream, VenueSpec

_REST: Final = "https://api.bithumb.com/v1"


def subscribe(symbols: Sequence[str]) -> list[bytes]:
    """One frame for all: trades and books."""
    wanted: list[object] = [{"type": kind, "codes": list(symbols)} for kind in ("trade", "orderbook")]
    return [encode([{"ticket": "chrono"}, *wanted, {"format": "SIMPLE"}])]


SPEC: Final = VenueSpec(
    name="bithumb",
    title="Bithumb",
    docs="https://apidocs.bithumb.com/",
    stream=Stream(
        url=lambda _: "wss://ws-api.bithumb.com/websocket/v1",
        subscribe=subscribe,
        parse=parse_message,
        heartbeat=Heartbeat(every_s=30.0, silent_after_s=65.0),
        symbols_per_connection=100,
        frames=Budget(units=5, per_s=1),
        connections=Budget(units=10, per_s=1),
    ),
    rest=Rest(
        # One by one: a market that is gone would refuse all others beside it.
        tickers=lambda symbols: [Request(f"{_REST}/ticker?markets={symbol}") for symbol in symbols],
        parse_tickers=parse_tickers,
        instruments=Request(f"{_REST}/market/all?isDetails=false"),
        parse_instruments=parse_instruments,
        refusal=refusal,
        budget=Budget(units=100, per_s=1),
    ),
)
