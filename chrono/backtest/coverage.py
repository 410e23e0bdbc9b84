"""What became of every source and of the value itself: who was left out and why, and when there was no value."""

from collections import Counter

from msgspec import Struct, field

from chrono.errors import Reason
from chrono.market.names import Market, Venue
from chrono.pricing.estimate import Estimate
from chrono.pricing.verdict import USED
from chrono.simulation.replay import Step

SUPERSEDED = "superseded"
STALE = "stale"


class Stretch(Struct):
    """One stretch of time: instants, those with a value to vote with, and the fate of each source that was there."""

    instants: int = 0
    votable: int = 0
    fates: dict[Venue, Counter[str]] = field(default_factory=dict)

    def used(self, venue: Venue) -> int:
        """Instants at which a source counted."""
        return self._of(venue)[USED]

    def left_out(self, venue: Venue) -> dict[str, int]:
        """Instants at which it was there and did not count, by reason, the most frequent first."""
        return {reason: count for reason, count in self._of(venue).most_common() if reason != USED}

    def silent(self, venue: Venue) -> int:
        """Instants at which it was not there."""
        return self.instants - self._of(venue).total()

    def _of(self, venue: Venue) -> Counter[str]:
        return self.fates.get(venue, Counter())


class Coverage:
    """One market, nobody left out on purpose."""

    def __init__(self, length_ns: int, most: int) -> None:
        self.length_ns = length_ns
        self.reasons: Counter[str] = Counter()
        self._most = most
        self._stretches: dict[int, Stretch] = {}

    def add(self, step: Step, market: Market) -> None:
        """Count one instant."""
        found = step.estimates.resolved.get(market)
        reason = step.estimates.unresolved[market] if found is None else found.reason
        stretch = self._stretch(step.at_ns)
        stretch.instants += 1
        if reason is None:
            stretch.votable += 1
        else:
            self._note(reason)
        for venue, fate in _fates(found).items():
            stretch.fates.setdefault(venue, Counter())[fate] += 1

    def stretches(self) -> list[tuple[int, Stretch]]:
        """Every stretch with its beginning, oldest first."""
        return sorted(self._stretches.items())

    def whole(self) -> Stretch:
        """All of them as one."""
        total = Stretch()
        for _, stretch in self.stretches():
            _join(total, stretch)
        return total

    def _note(self, reason: Reason) -> None:
        self.reasons[reason.code] += 1

    def _stretch(self, at_ns: int) -> Stretch:
        start_ns = at_ns // self.length_ns * self.length_ns
        if start_ns not in self._stretches and len(self._stretches) >= self._most:
            self._double()
            start_ns = at_ns // self.length_ns * self.length_ns
        return self._stretches.setdefault(start_ns, Stretch())

    def _double(self) -> None:
        self.length_ns *= 2
        before, self._stretches = self._stretches, {}
        for start_ns, stretch in before.items():
            _join(self._stretches.setdefault(start_ns // self.length_ns * self.length_ns, Stretch()), stretch)


def _fates(found: Estimate | None) -> dict[Venue, str]:
    """What became of each source that was there: used, or why not; a verdict tells more than a missing conversion."""
    if found is None:
        return {}
    out = [one for one in found.excluded if one.reason not in (SUPERSEDED, STALE)]
    unpriced = {one.venue: one.reason for one in out if one.edge is not None}
    judged = {one.venue: one.reason for one in out if one.edge is None}
    return unpriced | judged | dict.fromkeys(found.sources, USED)


def _join(into: Stretch, other: Stretch) -> None:
    into.instants += other.instants
    into.votable += other.votable
    for venue, fates in other.fates.items():
        into.fates.setdefault(venue, Counter()).update(fates)
