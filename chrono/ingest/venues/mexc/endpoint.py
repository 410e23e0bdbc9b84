"""Where MEXC's spot market answers, and what it allows (README.md beside this)."""

from collections.abc import Sequence
from typing import Final

from msgspec.json import encode

from chrono.ingest.venues.mexc.parse import parse_instruments, parse_message, parse_tickers, refusal
from chrono.ingest.venues.spec import Budget, Heartbeat, Request, Rest, Stream, VenueSpec

_REST: Final = "https://api.mexc.com/api/v3"
_TOPICS: Final = ("spot@public.aggre.bookTicker.v3.api.pb@100ms", "spot@public.aggre.deals.v3.api.pb@100ms")


def _frames(method: str, symbols: Sequence[str]) -> list[bytes]:
    """One frame per symbol, numbered: its best offers and its deals, each at most every 100 ms."""
    return [
        encode({"id": at, "method": method, "params": [f"{topic}@{symbol}" for topic in _TOPICS]})
        for at, symbol in enumerate(symbols, 1)
    ]


SPEC: Final = VenueSpec(
    name="mexc",
    title="MEXC",
    docs="https://www.mexc.com/api-docs/spot-v3/websocket-market-streams",
    stream=Stream(
        url=lambda _: "wss://wbs-api.mexc.com/ws",
        subscribe=lambda symbols: _frames("SUBSCRIPTION", symbols),
        unsubscribe=lambda symbols: _frames("UNSUBSCRIPTION", symbols),
        parse=parse_message,
        heartbeat=Heartbeat(every_s=20.0, silent_after_s=60.0, ping=lambda: b'{"method":"PING"}'),
        symbols_per_connection=15,
        frames=Budget(units=50, per_s=1),
        connections=Budget(units=30, per_s=60),
        lives_s=86_400.0,
    ),
    rest=Rest(
        tickers=lambda _: [Request(f"{_REST}/ticker/24hr", weight=40)],
        parse_tickers=parse_tickers,
        instruments=Request(f"{_REST}/exchangeInfo", weight=10),
        parse_instruments=parse_instruments,
        refusal=refusal,
        budget=Budget(units=500, per_s=10),
    ),
)
