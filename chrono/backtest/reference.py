"""What the rules are held against: every source in turn, or one that is named."""

from typing import NamedTuple

from chrono.market.names import Market, Venue, is_venue, parse_market


class Reference(NamedTuple):
    """One source of one market, or, without them, every source of every market in turn."""

    market: Market | None = None
    source: Venue | None = None

    def __str__(self) -> str:
        return "leave-one-out" if self.source is None else f"{self.market}@{self.source}"


LEAVE_ONE_OUT = Reference()


def parse_reference(text: str) -> Reference:
    """`leave-one-out`, or `MARKET@SOURCE`. Raises: ValueError with what is expected; ChronoError(BAD_MARKET)."""
    if text == str(LEAVE_ONE_OUT):
        return LEAVE_ONE_OUT
    market, at, source = text.partition("@")
    if not at or not is_venue(source.lower()):
        raise ValueError(f"{text!r} is no reference; write leave-one-out, or MARKET@SOURCE such as BTC/USD@kraken")
    return Reference(parse_market(market.upper()), Venue(source.lower()))
