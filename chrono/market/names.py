"""Markets and venues by name: our own spelling, checked once at the door."""

import re
from typing import NewType

from chrono.errors import BAD_MARKET, ChronoError

Market = NewType("Market", str)
"""A pair in our spelling, `BASE/QUOTE`: what is bought, and what it is paid in."""

Venue = NewType("Venue", str)
"""Where a price comes from, such as `binance`. On the wire it is called `source`."""

MARKET_PATTERN = r"^[A-Z0-9]{1,20}/[A-Z0-9]{1,20}$"
VENUE_PATTERN = r"^[a-z0-9_-]{1,100}$"

_MARKET = re.compile(r"[A-Z0-9]{1,20}/[A-Z0-9]{1,20}", re.ASCII)
_BASE = re.compile(r"[A-Z0-9]{1,20}", re.ASCII)
_VENUE = re.compile(r"[a-z0-9_-]{1,100}", re.ASCII)


def is_market(text: str) -> bool:
    """Whether `text` is a market in our spelling."""
    return _MARKET.fullmatch(text) is not None


def is_venue(text: str) -> bool:
    """Whether `text` can name a venue or a worker."""
    return _VENUE.fullmatch(text) is not None


def parse_market(text: str) -> Market:
    """The market that `text` names; a bare `BTC` means `BTC/USD`.

    Raises: ChronoError(BAD_MARKET) with what was received and expected.
    """
    if is_market(text):
        return Market(text)
    if _BASE.fullmatch(text):
        return Market(f"{text}/USD")
    raise ChronoError(BAD_MARKET, received=text[:60], expected=_suggestion(text))


def base_of(market: str) -> str:
    """What is bought: `BTC` of `BTC/USD`."""
    return market.partition("/")[0]


def quote_of(market: str) -> str:
    """What it is paid in: `USD` of `BTC/USD`."""
    return market.partition("/")[2]


def _suggestion(text: str) -> str:
    guess = re.sub(r"[-_:. ]", "/", text.strip().upper())
    return guess if is_market(guess) else "BTC/USD"
