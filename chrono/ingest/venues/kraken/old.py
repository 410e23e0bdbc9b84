"""Kraken's WebSocket v1: arrays `[channel, data, name, pair]`. Recordings hold it; we ask for v2."""

from typing import Any

from chrono.ingest.venues.kraken.names import symbol_of
from chrono.ingest.venues.reading import decoder, ns_from, side, unread
from chrono.ingest.venues.telling import dealt, offered
from chrono.ingest.venues.words import Said

_ARRAY = decoder(list[Any])


def parse_array(frame: bytes) -> list[Said]:
    """What an array says. Raises: one of `UNREADABLE` for what is no JSON array."""
    message = _ARRAY.decode(frame)
    if len(message) < 4 or type(message[-1]) is not str or type(message[-2]) is not str:
        return [unread("not an array of v1", frame)]
    symbol, data = symbol_of(message[-1]), message[1]
    match message[-2]:
        case "trade" if type(data) is list:
            return [_trade(symbol, row, frame) for row in data]
        case "spread" if type(data) is list and len(data) >= 3:
            return [offered(symbol, data[0], data[1], ns_from(data[2], "s"))]
        case "ticker" if type(data) is dict:
            return [offered(symbol, _first(data.get("b")), _first(data.get("a")), None)]
    return [unread(f"unexpected channel {message[-2]}", frame)]


def _trade(symbol: str, row: object, frame: bytes) -> Said:
    if type(row) is not list or len(row) < 4:
        return unread("a trade of another form", frame)
    return dealt(symbol, row[0], row[1], side(row[3]), ns_from(row[2], "s"))


def _first(pair: object) -> object:
    return pair[0] if type(pair) is list and pair else None
