"""Where HTX's spot market answers, and what it allows (README.md beside this)."""

from collections.abc import Sequence
from typing import Final

from msgspec.json import encode

from chrono.ingest.venues.htx.parse import parse_instruments, parse_message, parse_tickers, refusal
from chrono.ingest.venues.spec import Budget, Heartbeat, Request, Rest, Stream, VenueSpec

_REST: Final = "https://api.huobi.pro"


def _frames(word: str, symbols: Sequence[str]) -> list[bytes]:
    """Two frames per symbol: HTX takes one topic at a time."""
    topics = [f"market.{symbol}.{kind}" for symbol in symbols for kind in ("bbo", "trade.detail")]
    return [encode({word: topic, "id": topic}) for topic in topics]


SPEC: Final = VenueSpec(
    name="htx",
    title="HTX",
    docs="https://www.htx.com/en-us/opend/newApiPages/",
    stream=Stream(
        url=lambda _: "wss://api.huobi.pro/ws",
        subscribe=lambda symbols: _frames("sub", symbols),
        unsubscribe=lambda symbols: _frames("unsub", symbols),
        parse=parse_message,
        # HTX itself pings every five seconds; a pong that fails to come twice ends the connection.
        heartbeat=Heartbeat(every_s=10.0, silent_after_s=15.0),
        symbols_per_connection=50,
        frames=Budget(units=20, per_s=1),
        connections=Budget(units=10, per_s=1),
    ),
    rest=Rest(
        tickers=lambda _: [Request(f"{_REST}/market/tickers")],
        parse_tickers=parse_tickers,
        instruments=Request(f"{_REST}/v1/common/symbols"),
        parse_instruments=parse_instruments,
        refusal=refusal,
        budget=Budget(units=10, per_s=1),
    ),
)
