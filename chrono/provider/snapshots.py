"""What the market is worth, handed over from the loop that prices it to the loop that votes: whole, and with its age.

The duty never waits for the pricing loop. It reads the newest snapshot, whatever that loop is doing now; one that is
too old says nothing any more, and its feeds are left out of the vote.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct

from chrono.clock import SECOND_NS, Clock
from chrono.flare.feeds import FeedId
from chrono.market.names import Market
from chrono.pricing.estimate import Estimate
from chrono.pricing.rounds import market_of

MOST_AGE_NS: Final = 10 * SECOND_NS
"""An older snapshot is no market any more. A pricing loop that stalls for a few seconds costs no feed."""


class Snapshot(Struct, frozen=True):
    """All our values at one moment. `taken_ns` is monotonic, `at_ns` wall time."""

    taken_ns: int
    at_ns: int
    estimates: Mapping[Market, Estimate]

    def value(self, feed: FeedId) -> Decimal | None:
        """Our value of a feed; None where there is none to vote with."""
        market = market_of(feed)
        estimate = None if market is None else self.estimates.get(market)
        return estimate.price if estimate is not None and estimate.votable else None


class Snapshots:
    """The newest snapshot. One thread publishes, another reads: what they share is one reference, set at once."""

    def __init__(self, clock: Clock, most_age_ns: int = MOST_AGE_NS) -> None:
        self._clock = clock
        self._most_age_ns = most_age_ns
        self._newest = Snapshot(clock.monotonic_ns(), clock.now_ns(), {})

    def publish(self, estimates: Iterable[Estimate]) -> None:
        """These are all our values now."""
        found = {each.market: each for each in estimates}
        self._newest = Snapshot(self._clock.monotonic_ns(), self._clock.now_ns(), found)

    @property
    def newest(self) -> Snapshot | None:
        """The newest snapshot; None when it is too old. May be read from any thread."""
        newest = self._newest
        return newest if self._clock.monotonic_ns() - newest.taken_ns <= self._most_age_ns else None

    def values(self, feeds: Sequence[FeedId]) -> list[Decimal | None]:
        """Our value of each feed; None where there is none to vote with, or everything is too old. Shapes: (n,), (n,).

        May be called from any thread.
        """
        newest = self.newest
        return [None if newest is None else newest.value(feed) for feed in feeds]
