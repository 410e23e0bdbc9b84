"""Where Gate's spot market answers, and what it allows (README.md beside this)."""

from collections.abc import Sequence
from typing import Final

from msgspec.json import encode

from chrono.ingest.venues.gate.parse import parse_instruments, parse_message, parse_tickers, refusal
from chrono.ingest.venues.spec import Budget, Heartbeat, Request, Rest, Stream, VenueSpec

_REST: Final = "https://api.gateio.ws/api/v4/spot"
_SOME_TIME: Final = 1
"""Requests must have a time, which Gate does not compare with its own; nothing here reads a clock."""


def _frames(event: str, symbols: Sequence[str]) -> list[bytes]:
    """Two frames per symbol: an unknown pair spoils the whole frame that it stands in."""
    return [
        encode({"time": _SOME_TIME, "channel": channel, "event": event, "payload": [symbol]})
        for symbol in symbols
        for channel in ("spot.book_ticker", "spot.trades")
    ]


SPEC: Final = VenueSpec(
    name="gate",
    title="Gate",
    docs="https://www.gate.com/docs/developers/apiv4/ws/en/",
    stream=Stream(
        url=lambda _: "wss://api.gateio.ws/ws/v4/",
        subscribe=lambda symbols: _frames("subscribe", symbols),
        unsubscribe=lambda symbols: _frames("unsubscribe", symbols),
        parse=parse_message,
        heartbeat=Heartbeat(
            every_s=15.0, silent_after_s=40.0, ping=lambda: encode({"time": _SOME_TIME, "channel": "spot.ping"})
        ),
        symbols_per_connection=100,
        frames=Budget(units=50, per_s=1),
        connections=Budget(units=100, per_s=300),
    ),
    rest=Rest(
        tickers=lambda _: [Request(f"{_REST}/tickers")],
        parse_tickers=parse_tickers,
        instruments=Request(f"{_REST}/currency_pairs"),
        parse_instruments=parse_instruments,
        refusal=refusal,
        budget=Budget(units=200, per_s=10),
    ),
)
