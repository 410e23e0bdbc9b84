"""Where Bybit's spot market answers, and what it allows (README.md beside this)."""

from collections.abc import Sequence
from typing import Final

from msgspec.json import encode

from chrono.ingest.venues.bybit.parse import Conversation, parse_instruments, parse_message, parse_tickers, refusal
from chrono.ingest.venues.spec import Budget, Heartbeat, Request, Rest, Stream, VenueSpec

_REST: Final = "https://api.bybit.com/v5/market"


def _frames(op: str, symbols: Sequence[str]) -> list[bytes]:
    """One frame per symbol: a name that Bybit does not know spoils the whole frame that it stands in."""
    return [encode({"op": op, "args": [f"orderbook.1.{s}", f"publicTrade.{s}"]}) for s in symbols]


SPEC: Final = VenueSpec(
    name="bybit",
    title="Bybit",
    docs="https://bybit-exchange.github.io/docs/v5/ws/connect",
    stream=Stream(
        url=lambda _: "wss://stream.bybit.com/v5/public/spot",
        subscribe=lambda symbols: _frames("subscribe", symbols),
        unsubscribe=lambda symbols: _frames("unsubscribe", symbols),
        parse=parse_message,
        new_parser=Conversation,
        heartbeat=Heartbeat(every_s=20.0, silent_after_s=45.0, ping=lambda: b'{"op":"ping"}'),
        symbols_per_connection=200,
        frames=Budget(units=50, per_s=1),
        connections=Budget(units=400, per_s=300),
    ),
    rest=Rest(
        tickers=lambda _: [Request(f"{_REST}/tickers?category=spot")],
        parse_tickers=parse_tickers,
        instruments=Request(f"{_REST}/instruments-info?category=spot&limit=1000"),
        parse_instruments=parse_instruments,
        refusal=refusal,
        budget=Budget(units=500, per_s=5),
    ),
)
