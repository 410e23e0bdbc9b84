"""One feed as it is decoded, and the names in it: what both ways of judging a batch begin with."""

from functools import lru_cache
from typing import Any, Final

from msgspec import Raw, Struct

from chrono.errors import BAD_MARKET, ChronoError
from chrono.market.names import Market, Venue, is_venue, parse_market

MARKET_LENGTH: Final = 41
VENUE_LENGTH: Final = 100
"""Longer texts are no names; they must not get as far as the caches below, which would hold on to them."""


class Feed(Struct, gc=False):
    """One feed. JSON numbers with a point or an exponent arrive as numerals.Numeral, attachments unread."""

    symbol: str
    price: Any
    source: str
    timestamp: Any
    volume: Any = None
    metadata: Raw = Raw(b"")


@lru_cache(maxsize=4096)
def market_of(text: str) -> Market | None:
    """The market that a symbol of at most `MARKET_LENGTH` names; None when it names none."""
    try:
        return parse_market(text)
    except ChronoError as refused:
        if refused.reason is BAD_MARKET:
            return None
        raise


@lru_cache(maxsize=4096)
def venue_of(text: str) -> Venue | None:
    """The venue that a source of at most `VENUE_LENGTH` names; None when it names none."""
    return Venue(text) if is_venue(text) else None
