"""What is known of each venue from its messages alone: who speaks, how often, and who has fallen silent."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from chrono.clock import MS_NS, SECOND_NS, Clock
from chrono.market.names import Market, Venue
from chrono.market.quote import Quote

SILENT_NS: Final = 90 * SECOND_NS
"""Three of the edge's beats of 30 s without a word."""

DEAD_NS: Final = 600 * SECOND_NS
LAGGING_NS: Final = 30 * SECOND_NS
"""A newest quote this much older than its arrival: the venue still talks, of the past."""

MOST_VENUES: Final = 512
MOST_MARKETS: Final = 4096
_RATE_NS: Final = 60 * SECOND_NS


class VenueState(Struct, frozen=True):
    """How one venue does. Times in nanoseconds; `per_s` is quotes a second over the last full minute."""

    venue: Venue
    state: str
    since_ns: int
    markets: int
    last_message_ns: int
    per_s: float


class _Told:
    """What one venue has told so far."""

    __slots__ = ("before", "count", "first_ns", "lag_ns", "last_ns", "markets", "minute_ns", "since_ns", "state")

    def __init__(self, at_ns: int) -> None:
        self.first_ns = self.last_ns = self.since_ns = self.minute_ns = at_ns
        self.lag_ns = 0
        self.count = 0
        self.before: float | None = None
        self.markets: set[Market] = set()
        self.state = "live"


class Venues:
    """Hears every accepted quote. Only what arrives through the ingest door is known to it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: dict[Venue, _Told] = {}

    def add(self, quotes: Sequence[Quote]) -> None:
        """Take note of a batch that is durable."""
        heard = Counter([quote.venue for quote in quotes])
        last = {quote.venue: quote for quote in quotes}
        for venue, count in heard.items():
            told = self._told.get(venue)
            if told is None:
                if len(self._told) >= MOST_VENUES:
                    continue
                told = self._told[venue] = _Told(last[venue].received_at_ns)
            _roll(told, last[venue].received_at_ns)
            told.count += count
            told.last_ns = last[venue].received_at_ns
            told.lag_ns = last[venue].received_at_ns - last[venue].quoted_at_ns
        for quote in quotes:
            known = self._told.get(quote.venue)
            if known is not None and len(known.markets) < MOST_MARKETS:
                known.markets.add(quote.market)

    def states(self) -> list[VenueState]:
        """Every venue that has spoken, as it is now."""
        now_ns = self._clock.now_ns()
        return [self._state(venue, told, now_ns) for venue, told in sorted(self._told.items())]

    def _state(self, venue: Venue, told: _Told, now_ns: int) -> VenueState:
        state, since_ns = _verdict(told, now_ns)
        if state != told.state:
            told.state, told.since_ns = state, since_ns
        return VenueState(venue, state, told.since_ns, len(told.markets), told.last_ns, _rate(told, now_ns))


def _verdict(told: _Told, now_ns: int) -> tuple[str, int]:
    """The state, and when it began as far as the messages tell."""
    quiet_ns = now_ns - told.last_ns
    if quiet_ns > DEAD_NS:
        return "dead", told.last_ns + DEAD_NS
    if quiet_ns > SILENT_NS:
        return "silent", told.last_ns + SILENT_NS
    if told.lag_ns > LAGGING_NS:
        return "lagging", told.last_ns
    return "live", told.last_ns


def _roll(told: _Told, at_ns: int) -> None:
    if at_ns - told.minute_ns >= _RATE_NS:
        told.before = told.count * SECOND_NS / (at_ns - told.minute_ns)
        told.count, told.minute_ns = 0, at_ns


def _rate(told: _Told, now_ns: int) -> float:
    if now_ns - told.last_ns > _RATE_NS:
        return 0.0
    rate = told.before if told.before is not None else told.count / max(1.0, (now_ns - told.first_ns) / SECOND_NS)
    return round(rate, 3)


def age_ms(at_ns: int, now_ns: int) -> int:
    """Whole milliseconds from then to now; 0 for a time ahead."""
    return max(0, now_ns - at_ns) // MS_NS
