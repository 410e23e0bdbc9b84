"""A venue that exists on paper only: a stream whose frames are words of a tiny language, for tests of the machinery.

P BTC 100 101 [sequence] [at_ns]   offers          T BTC 100.5 0.1 [at_ns]   a trade          B a beat
R KIND [seconds] [symbol]          a refusal       G / GG   resync / with a new connection    Q reply   a ping
"""

import json
from collections.abc import Sequence
from decimal import Decimal

from chrono.ingest.venues.reading import http_refusal
from chrono.ingest.venues.spec import Budget, Heartbeat, Request, Rest, Stream, VenueSpec
from chrono.ingest.venues.words import (
    Beat,
    Dealt,
    Instrument,
    Offered,
    RefusalKind,
    Refused,
    Resync,
    Said,
    Ticked,
    Unread,
)


def whole(words: list[str], at: int) -> int | None:
    return int(words[at]) if len(words) > at and words[at] != "-" else None


def parse(frame: bytes) -> list[Said]:
    words = frame.decode().split()
    match words[:1]:
        case ["P"]:
            return [Offered(words[1], Decimal(words[2]), Decimal(words[3]), whole(words, 5), whole(words, 4))]
        case ["T"]:
            return [Dealt(words[1], Decimal(words[2]), Decimal(words[3]), "buy", whole(words, 4))]
        case ["B"]:
            return [Beat()]
        case ["Q"]:
            return [Beat(words[1].encode())]
        case ["G"]:
            return [Resync("gap")]
        case ["GG"]:
            return [Resync("shutdown", reconnect=True)]
        case ["R"]:
            after = float(words[2]) if len(words) > 2 else None
            return [Refused(RefusalKind(words[1]), "no", after, tuple(words[3:]))]
    return [Unread("not a word", frame.decode(errors="replace"))]


def parse_tickers(body: bytes) -> list[Said]:
    return [Ticked(row[0], Decimal(row[1]), None, None, None) for row in json.loads(body)]


def subscribe(symbols: Sequence[str]) -> list[bytes]:
    return [f"subscribe {symbol}".encode() for symbol in symbols]


def unsubscribe(symbols: Sequence[str]) -> list[bytes]:
    return [f"unsubscribe {symbol}".encode() for symbol in symbols]


def stream(**changes) -> Stream:
    asked = {
        "url": lambda symbols: f"wss://venue.test/{len(symbols)}",
        "subscribe": subscribe,
        "unsubscribe": unsubscribe,
        "parse": parse,
        "heartbeat": Heartbeat(every_s=20.0, silent_after_s=10.0, ping=lambda: b"ping"),
        "symbols_per_connection": 10,
        "frames": Budget(10.0, 1.0),
        "connections": Budget(10.0, 60.0),
    }
    return Stream(**(asked | changes))


def spec(**changes) -> VenueSpec:
    rest = Rest(
        tickers=lambda symbols: [Request("https://venue.test/tickers")],
        parse_tickers=parse_tickers,
        instruments=Request("https://venue.test/list"),
        parse_instruments=lambda body: [Instrument("BTC", "BTC", "USD", True)],
        refusal=http_refusal,
        budget=Budget(10.0, 1.0),
    )
    asked = {"name": "paper", "title": "Paper", "docs": "https://venue.test", "stream": stream(), "rest": rest}
    return VenueSpec(**(asked | changes))
