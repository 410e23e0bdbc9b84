"""Where WhiteBIT's spot market answers, and what it allows (README.md beside this)."""

from collections.abc import Sequence
from typing import Final

from msgspec.json import encode

from chrono.ingest.venues.spec import Budget, Heartbeat, Request, Rest, Stream, VenueSpec
from chrono.ingest.venues.whitebit.parse import parse_instruments, parse_message, parse_tickers, refusal

_REST: Final = "https://whitebit.com/api/v4/public"


def _frames(word: str, symbols: Sequence[str]) -> list[bytes]:
    """One frame per channel: a second subscription of a channel would replace the first."""
    asked = [(1, f"bookTicker_{word}"), (2, f"trades_{word}")]
    return [encode({"id": number, "method": method, "params": list(symbols)}) for number, method in asked]


SPEC: Final = VenueSpec(
    name="whitebit",
    title="WhiteBIT",
    docs="https://docs.whitebit.com/websocket/overview",
    stream=Stream(
        url=lambda _: "wss://api.whitebit.com/ws",
        subscribe=lambda symbols: _frames("subscribe", symbols),
        unsubscribe=lambda symbols: _frames("unsubscribe", symbols),
        parse=parse_message,
        # Without anything from us for 60 s WhiteBIT closes.
        heartbeat=Heartbeat(every_s=20.0, silent_after_s=50.0, ping=lambda: b'{"id":0,"method":"ping","params":[]}'),
        symbols_per_connection=200,
        frames=Budget(units=200, per_s=60),
        connections=Budget(units=100, per_s=60),
    ),
    rest=Rest(
        tickers=lambda _: [Request(f"{_REST}/ticker")],
        parse_tickers=parse_tickers,
        instruments=Request(f"{_REST}/markets"),
        parse_instruments=parse_instruments,
        refusal=refusal,
        budget=Budget(units=2000, per_s=10),
    ),
)
