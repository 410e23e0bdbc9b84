"""Where Deribit answers, and what it allows (README.md beside this)."""

from collections.abc import Sequence
from typing import Final

from msgspec.json import encode

from chrono.ingest.venues.deribit.parse import (
    PING,
    is_index,
    parse_instruments,
    parse_message,
    parse_tickers,
    refusal,
)
from chrono.ingest.venues.spec import Budget, Heartbeat, Request, Rest, Stream, VenueSpec

_REST: Final = "https://www.deribit.com/api/v2/public"


def _channels(symbol: str) -> list[str]:
    if is_index(symbol):
        return [f"deribit_price_index.{symbol}"]
    return [f"quote.{symbol}", f"trades.{symbol}.100ms"]


def _frames(method: str, symbols: Sequence[str]) -> list[bytes]:
    """One frame for all. (`raw` intervals are for customers with a key.)"""
    channels = [channel for symbol in symbols for channel in _channels(symbol)]
    return [encode({"jsonrpc": "2.0", "id": 1, "method": f"public/{method}", "params": {"channels": channels}})]


SPEC: Final = VenueSpec(
    name="deribit",
    title="Deribit spot",
    docs="https://docs.deribit.com/",
    stream=Stream(
        url=lambda _: "wss://www.deribit.com/ws/api/v2",
        subscribe=lambda symbols: _frames("subscribe", symbols),
        unsubscribe=lambda symbols: _frames("unsubscribe", symbols),
        parse=parse_message,
        heartbeat=Heartbeat(every_s=20.0, silent_after_s=50.0, ping=lambda: PING),
        symbols_per_connection=100,
        frames=Budget(units=3, per_s=1),
        connections=Budget(units=5, per_s=10),
    ),
    rest=Rest(
        tickers=lambda symbols: [
            Request(f"{_REST}/ticker?instrument_name={symbol}") for symbol in symbols if not is_index(symbol)
        ],
        parse_tickers=parse_tickers,
        instruments=Request(f"{_REST}/get_instruments?currency=any&kind=spot&expired=false"),
        parse_instruments=parse_instruments,
        refusal=refusal,
        budget=Budget(units=10, per_s=1),
    ),
)
