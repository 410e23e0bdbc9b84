"""Where Hyperliquid answers, and what it allows (README.md beside this)."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.json import encode

from chrono.ingest.venues.hyperliquid.parse import parse_instruments, parse_message, parse_tickers, refusal
from chrono.ingest.venues.spec import Budget, Heartbeat, Request, Rest, Stream, VenueSpec

_INFO: Final = "https://api.hyperliquid.xyz/info"


def _frames(method: str, symbols: Sequence[str]) -> list[bytes]:
    """Hyperliquid takes one subscription a frame."""
    return [
        encode({"method": method, "subscription": {"type": kind, "coin": symbol}})
        for symbol in symbols
        for kind in ("bbo", "trades")
    ]


def _asked(question: Mapping[str, str], weight: float) -> Request:
    return Request(_INFO, "POST", encode(question), weight)


SPEC: Final = VenueSpec(
    name="hyperliquid",
    title="Hyperliquid spot",
    docs="https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/websocket",
    stream=Stream(
        url=lambda _: "wss://api.hyperliquid.xyz/ws",
        subscribe=lambda symbols: _frames("subscribe", symbols),
        unsubscribe=lambda symbols: _frames("unsubscribe", symbols),
        parse=parse_message,
        heartbeat=Heartbeat(every_s=20.0, silent_after_s=50.0, ping=lambda: b'{"method":"ping"}'),
        symbols_per_connection=50,
        frames=Budget(units=1000, per_s=60),
        connections=Budget(units=20, per_s=60),
    ),
    rest=Rest(
        tickers=lambda symbols: [_asked({"type": "l2Book", "coin": symbol}, 2.0) for symbol in symbols],
        parse_tickers=parse_tickers,
        instruments=_asked({"type": "spotMeta"}, 20.0),
        parse_instruments=parse_instruments,
        refusal=refusal,
        budget=Budget(units=1000, per_s=60),
    ),
)
