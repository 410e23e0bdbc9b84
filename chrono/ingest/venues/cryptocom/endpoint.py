"""Where Crypto.com Exchange answers, and what it allows (README.md beside this)."""

from collections.abc import Sequence
from typing import Final

from msgspec.json import encode

from chrono.ingest.venues.cryptocom.parse import parse_instruments, parse_message, parse_tickers, refusal
from chrono.ingest.venues.spec import Budget, Heartbeat, Request, Rest, Stream, VenueSpec

_REST: Final = "https://api.crypto.com/exchange/v1/public"


def _frames(method: str, symbols: Sequence[str]) -> list[bytes]:
    """One frame per symbol, numbered: an unknown symbol spoils the whole frame that it stands in."""
    return [
        encode({"id": at, "method": method, "params": {"channels": [f"ticker.{symbol}", f"trade.{symbol}"]}})
        for at, symbol in enumerate(symbols, 1)
    ]


SPEC: Final = VenueSpec(
    name="cryptocom",
    title="Crypto.com Exchange",
    docs="https://exchange-docs.crypto.com/exchange/v1/rest-ws/index.html",
    stream=Stream(
        url=lambda _: "wss://stream.crypto.com/exchange/v1/market",
        subscribe=lambda symbols: _frames("subscribe", symbols),
        unsubscribe=lambda symbols: _frames("unsubscribe", symbols),
        parse=parse_message,
        # Crypto.com itself sends a heartbeat every thirty seconds and wants an answer within five.
        heartbeat=Heartbeat(every_s=30.0, silent_after_s=45.0),
        symbols_per_connection=100,
        frames=Budget(units=50, per_s=1),
        connections=Budget(units=10, per_s=60),
        settles_s=1.0,
    ),
    rest=Rest(
        tickers=lambda _: [Request(f"{_REST}/get-tickers")],
        parse_tickers=parse_tickers,
        instruments=Request(f"{_REST}/get-instruments"),
        parse_instruments=parse_instruments,
        refusal=refusal,
        budget=Budget(units=100, per_s=1),
    ),
)
