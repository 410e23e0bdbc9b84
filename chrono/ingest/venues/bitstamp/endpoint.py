"""Where Bitstamp answers, and what it allows (README.md beside this)."""

from collections.abc import Sequence
from typing import Final

from msgspec.json import encode

from chrono.ingest.venues.bitstamp.parse import parse_instruments, parse_message, parse_tickers, refusal
from chrono.ingest.venues.spec import Budget, Heartbeat, Request, Rest, Stream, VenueSpec

_REST: Final = "https://www.bitstamp.net/api/v2"


def _frames(event: str, symbols: Sequence[str]) -> list[bytes]:
    """Two frames per symbol: Bitstamp takes one channel at a time."""
    channels = [f"{kind}_{symbol}" for symbol in symbols for kind in ("order_book", "live_trades")]
    return [encode({"event": event, "data": {"channel": channel}}) for channel in channels]


SPEC: Final = VenueSpec(
    name="bitstamp",
    title="Bitstamp",
    docs="https://www.bitstamp.net/websocket/v2/",
    stream=Stream(
        url=lambda _: "wss://ws.bitstamp.net",
        subscribe=lambda symbols: _frames("bts:subscribe", symbols),
        unsubscribe=lambda symbols: _frames("bts:unsubscribe", symbols),
        parse=parse_message,
        heartbeat=Heartbeat(every_s=15.0, silent_after_s=40.0, ping=lambda: b'{"event":"bts:heartbeat"}'),
        symbols_per_connection=50,
        frames=Budget(units=50, per_s=1),
        connections=Budget(units=10, per_s=60),
        lives_s=90 * 86_400.0,
    ),
    rest=Rest(
        tickers=lambda _: [Request(f"{_REST}/ticker/")],
        parse_tickers=parse_tickers,
        instruments=Request(f"{_REST}/markets/"),
        parse_instruments=parse_instruments,
        refusal=refusal,
        budget=Budget(units=10_000, per_s=600),
    ),
)
