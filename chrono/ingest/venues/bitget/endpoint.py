"""Where Bitget's spot market answers, and what it allows (README.md beside this)."""

from collections.abc import Sequence
from typing import Final

from msgspec.json import encode

from chrono.ingest.venues.bitget.parse import parse_instruments, parse_message, parse_tickers, refusal
from chrono.ingest.venues.spec import Budget, Heartbeat, Request, Rest, Stream, VenueSpec

_REST: Final = "https://api.bitget.com/api/v2/spot"
_PER_FRAME: Final = 20
"""Symbols per frame: a frame may have 4096 bytes, and an unknown symbol is refused alone."""


def _frames(op: str, symbols: Sequence[str]) -> list[bytes]:
    """The first level of each book, and the trades."""
    frames = []
    for start in range(0, len(symbols), _PER_FRAME):
        some = symbols[start : start + _PER_FRAME]
        args = [{"instType": "SPOT", "channel": channel, "instId": s} for s in some for channel in ("books1", "trade")]
        frames.append(encode({"op": op, "args": args}))
    return frames


SPEC: Final = VenueSpec(
    name="bitget",
    title="Bitget",
    docs="https://www.bitget.com/api-doc/spot/websocket/public/Tickers-Channel",
    stream=Stream(
        url=lambda _: "wss://ws.bitget.com/v2/ws/public",
        subscribe=lambda symbols: _frames("subscribe", symbols),
        unsubscribe=lambda symbols: _frames("unsubscribe", symbols),
        parse=parse_message,
        heartbeat=Heartbeat(every_s=25.0, silent_after_s=60.0, ping=lambda: b"ping"),
        symbols_per_connection=25,
        frames=Budget(units=10, per_s=1),
        connections=Budget(units=300, per_s=300),
        lives_s=86_400.0,
    ),
    rest=Rest(
        tickers=lambda _: [Request(f"{_REST}/market/tickers")],
        parse_tickers=parse_tickers,
        instruments=Request(f"{_REST}/public/symbols"),
        parse_instruments=parse_instruments,
        refusal=refusal,
        budget=Budget(units=20, per_s=1),
    ),
)
