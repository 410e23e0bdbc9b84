"""Where Binance's public market data is, and what it allows."""

from collections.abc import Sequence

import msgspec

from chrono.ingest.venues.binance.parse import parse_instruments, parse_message, parse_tickers, refusal
from chrono.ingest.venues.spec import Budget, Heartbeat, Request, Rest, Stream, VenueSpec

_API = "https://data-api.binance.vision/api/v3"

STREAMS_PER_FRAME = 100


def subscribe(symbols: Sequence[str]) -> list[bytes]:
    """Trades (aggregated by order) and best offers of each symbol, a hundred streams to a frame."""
    return _frames("SUBSCRIBE", symbols)


def unsubscribe(symbols: Sequence[str]) -> list[bytes]:
    """The end of what `subscribe` asked for."""
    return _frames("UNSUBSCRIBE", symbols)


def _frames(method: str, symbols: Sequence[str]) -> list[bytes]:
    names = [f"{symbol.lower()}@{kind}" for symbol in symbols for kind in ("aggTrade", "bookTicker")]
    parts = [names[at : at + STREAMS_PER_FRAME] for at in range(0, len(names), STREAMS_PER_FRAME)]
    return [msgspec.json.encode({"method": method, "params": part, "id": at}) for at, part in enumerate(parts, 1)]


def ticker_requests(api: str, symbols: Sequence[str]) -> list[Request]:
    """The 24 h tickers of these symbols, up to a hundred a request; the weight follows the number of symbols."""
    asked = []
    for at in range(0, len(symbols), 100):
        part = symbols[at : at + 100]
        listed = ",".join(f"%22{symbol}%22" for symbol in part)
        asked.append(Request(f"{api}/ticker/24hr?symbols=%5B{listed}%5D", weight=2.0 if len(part) <= 20 else 40.0))
    return asked


SPEC = VenueSpec(
    name="binance",
    title="Binance",
    docs="https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams",
    stream=Stream(
        url=lambda _symbols: "wss://data-stream.binance.vision:443/stream",
        subscribe=subscribe,
        unsubscribe=unsubscribe,
        parse=parse_message,
        # The venue pings every 20 s and wants its pong within a minute; offers of 20 markets never rest as long.
        heartbeat=Heartbeat(every_s=20.0, silent_after_s=30.0),
        symbols_per_connection=200,
        frames=Budget(5.0, 1.0),
        connections=Budget(300.0, 300.0),
        lives_s=86_400.0,
    ),
    rest=Rest(
        tickers=lambda symbols: ticker_requests(_API, symbols),
        parse_tickers=parse_tickers,
        instruments=Request(f"{_API}/exchangeInfo?permissions=SPOT&showPermissionSets=false", weight=20.0),
        parse_instruments=parse_instruments,
        refusal=refusal,
        budget=Budget(6000.0, 60.0),
    ),
)
