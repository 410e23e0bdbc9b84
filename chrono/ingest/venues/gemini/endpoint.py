"""Where Gemini's spot market answers, and what it allows (README.md beside this)."""

from collections.abc import Sequence
from typing import Final

from msgspec.json import encode

from chrono.ingest.venues.gemini.parse import PING_ID, parse_instruments, parse_message, parse_tickers, refusal
from chrono.ingest.venues.spec import Budget, Heartbeat, Request, Rest, Stream, VenueSpec

_REST: Final = "https://api.gemini.com/v1"


def _frames(method: str, symbols: Sequence[str]) -> list[bytes]:
    """One frame per symbol: a name that Gemini does not know spoils the whole frame that it stands in."""
    return [encode({"id": 1, "method": method, "params": [f"{s}@bookTicker", f"{s}@trade"]}) for s in symbols]


SPEC: Final = VenueSpec(
    name="gemini",
    title="Gemini",
    docs="https://docs.gemini.com/websocket/streams",
    stream=Stream(
        url=lambda _: "wss://ws.gemini.com",
        subscribe=lambda symbols: _frames("subscribe", symbols),
        unsubscribe=lambda symbols: _frames("unsubscribe", symbols),
        parse=parse_message,
        # Gemini itself pings by protocol every 20 s.
        heartbeat=Heartbeat(every_s=15.0, silent_after_s=40.0, ping=lambda: encode({"id": PING_ID, "method": "ping"})),
        symbols_per_connection=50,
        frames=Budget(units=50, per_s=1),
        connections=Budget(units=200, per_s=300),
    ),
    rest=Rest(
        tickers=lambda _: [Request(f"{_REST}/pricefeed")],
        parse_tickers=parse_tickers,
        instruments=Request(f"{_REST}/symbols/details/all"),
        parse_instruments=parse_instruments,
        refusal=refusal,
        budget=Budget(units=60, per_s=60),
    ),
)
