"""Where KuCoin's spot market answers, and what it allows (README.md beside this)."""

from collections.abc import Sequence
from typing import Final

from msgspec.json import encode

from chrono.ingest.venues.kucoin.parse import parse_instruments, parse_message, parse_tickers, refusal, server_of
from chrono.ingest.venues.spec import Budget, Heartbeat, Request, Rest, Stream, VenueSpec

_REST: Final = "https://api.kucoin.com/api"
_DAY_S: Final = 86_400.0


def ping() -> bytes:
    """KuCoin wants its own kind of ping, with an id."""
    return b'{"id":"beat","type":"ping"}'


def _frames(kind: str, symbols: Sequence[str]) -> list[bytes]:
    """Two frames per symbol: an unknown symbol spoils the whole topic that it stands in. The id comes back."""
    return [
        encode({"id": f"{topic}:{symbol}", "type": kind, "topic": f"{topic}:{symbol}", "response": True})
        for symbol in symbols
        for topic in ("/market/ticker", "/market/match")
    ]


def connect(body: bytes) -> tuple[str, Heartbeat]:
    """Where to connect, and KuCoin's own rhythm. Raises: ValueError when the answer names no usable server."""
    address, every_s, patience_s = server_of(body)
    return address, Heartbeat(every_s=every_s, silent_after_s=every_s + patience_s, ping=ping)


SPEC: Final = VenueSpec(
    name="kucoin",
    title="KuCoin",
    docs="https://www.kucoin.com/docs-new/websocket-api/base-info/introduction",
    stream=Stream(
        url=lambda _: "wss://ws-api-spot.kucoin.com/",
        subscribe=lambda symbols: _frames("subscribe", symbols),
        unsubscribe=lambda symbols: _frames("unsubscribe", symbols),
        parse=parse_message,
        heartbeat=Heartbeat(every_s=18.0, silent_after_s=28.0, ping=ping),
        symbols_per_connection=150,
        frames=Budget(units=100, per_s=10),
        connections=Budget(units=30, per_s=60),
        lives_s=_DAY_S,
        token=Request(f"{_REST}/v1/bullet-public", method="POST", weight=10),
        url_from_token=connect,
    ),
    rest=Rest(
        tickers=lambda _: [Request(f"{_REST}/v1/market/allTickers", weight=15)],
        parse_tickers=parse_tickers,
        instruments=Request(f"{_REST}/v2/symbols", weight=4),
        parse_instruments=parse_instruments,
        refusal=refusal,
        budget=Budget(units=2000, per_s=30),
    ),
)
