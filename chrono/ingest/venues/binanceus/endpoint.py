"""Where Binance.US is, and what it allows."""

from chrono.ingest.venues.binance.endpoint import subscribe, ticker_requests, unsubscribe
from chrono.ingest.venues.binanceus.parse import parse_instruments, parse_message, parse_tickers, refusal
from chrono.ingest.venues.spec import Budget, Heartbeat, Request, Rest, Stream, VenueSpec

_API = "https://api.binance.us/api/v3"

SPEC = VenueSpec(
    name="binanceus",
    title="Binance.US",
    docs="https://docs.binance.us/",
    stream=Stream(
        url=lambda _symbols: "wss://stream.binance.us:9443/stream",
        subscribe=subscribe,
        unsubscribe=unsubscribe,
        parse=parse_message,
        # Markets are thin here: minutes may pass without an offer, but the venue pings every 3 minutes.
        heartbeat=Heartbeat(every_s=20.0, silent_after_s=60.0),
        symbols_per_connection=200,
        frames=Budget(5.0, 1.0),
        connections=Budget(300.0, 300.0),
        lives_s=86_400.0,
    ),
    rest=Rest(
        tickers=lambda symbols: ticker_requests(_API, symbols),
        parse_tickers=parse_tickers,
        instruments=Request(f"{_API}/exchangeInfo", weight=10.0),
        parse_instruments=parse_instruments,
        refusal=refusal,
        budget=Budget(1200.0, 60.0),
        poll_every_s=10.0,
    ),
)
