"""Where OKX's spot market answers, and what it allows (README.md beside this)."""

from collections.abc import Sequence
from typing import Final

from msgspec.json import encode

from chrono.ingest.venues.okx.parse import parse_instruments, parse_message, parse_tickers, refusal
from chrono.ingest.venues.spec import Budget, Heartbeat, Request, Rest, Stream, VenueSpec

_REST: Final = "https://www.okx.com/api/v5"
_PER_FRAME: Final = 20
"""Symbols per frame: an unknown one is refused alone, and 480 frames an hour are allowed."""


def _frames(op: str, symbols: Sequence[str]) -> list[bytes]:
    """Trades and tickers; tickers come at most every 100 ms and carry the best offers."""
    frames = []
    for start in range(0, len(symbols), _PER_FRAME):
        some = symbols[start : start + _PER_FRAME]
        args = [{"channel": channel, "instId": symbol} for symbol in some for channel in ("tickers", "trades")]
        frames.append(encode({"op": op, "args": args}))
    return frames


SPEC: Final = VenueSpec(
    name="okx",
    title="OKX",
    docs="https://www.okx.com/docs-v5/en/",
    stream=Stream(
        url=lambda _: "wss://ws.okx.com:8443/ws/v5/public",
        subscribe=lambda symbols: _frames("subscribe", symbols),
        unsubscribe=lambda symbols: _frames("unsubscribe", symbols),
        parse=parse_message,
        heartbeat=Heartbeat(every_s=20.0, silent_after_s=30.0, ping=lambda: b"ping"),
        symbols_per_connection=100,
        frames=Budget(units=480, per_s=3600),
        connections=Budget(units=3, per_s=1),
    ),
    rest=Rest(
        tickers=lambda _: [Request(f"{_REST}/market/tickers?instType=SPOT")],
        parse_tickers=parse_tickers,
        instruments=Request(f"{_REST}/public/instruments?instType=SPOT"),
        parse_instruments=parse_instruments,
        refusal=refusal,
        budget=Budget(units=20, per_s=2),
    ),
)
