"""Where Bitfinex answers, and what it allows (README.md beside this)."""

from collections.abc import Sequence
from typing import Final

from msgspec.json import encode

from chrono.ingest.venues.bitfinex.parse import Conversation, parse_instruments, parse_message, parse_tickers, refusal
from chrono.ingest.venues.spec import Budget, Heartbeat, Request, Rest, Stream, VenueSpec

_REST: Final = "https://api-pub.bitfinex.com/v2"
_WITH_TIMES, _WITH_SEQUENCE = 32_768, 65_536


def subscribe(symbols: Sequence[str]) -> list[bytes]:
    """First that every push be numbered and timed, then two frames per symbol."""
    frames = [encode({"event": "conf", "flags": _WITH_TIMES + _WITH_SEQUENCE})]
    for symbol in symbols:
        frames += [encode({"event": "subscribe", "channel": kind, "symbol": symbol}) for kind in ("ticker", "trades")]
    return frames


SPEC: Final = VenueSpec(
    name="bitfinex",
    title="Bitfinex",
    docs="https://docs.bitfinex.com/docs/ws-general",
    stream=Stream(
        url=lambda _: "wss://api-pub.bitfinex.com/ws/2",
        subscribe=subscribe,
        parse=parse_message,
        new_parser=Conversation,
        # Each channel beats every fifteen seconds.
        heartbeat=Heartbeat(every_s=20.0, silent_after_s=40.0, ping=lambda: b'{"event":"ping","cid":1}'),
        symbols_per_connection=12,
        frames=Budget(units=20, per_s=1),
        connections=Budget(units=20, per_s=60),
    ),
    rest=Rest(
        tickers=lambda symbols: [Request(f"{_REST}/tickers?symbols={','.join(symbols) or 'ALL'}")],
        parse_tickers=parse_tickers,
        instruments=Request(f"{_REST}/conf/pub:list:pair:exchange"),
        parse_instruments=parse_instruments,
        refusal=refusal,
        budget=Budget(units=30, per_s=60),
    ),
)
