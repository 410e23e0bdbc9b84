"""What a model is trained on: the features of every source at many instants, as the live pricing computes them.

The rows come out of the same call of the core that prices live (`pricing.asking.find`), so that training and scoring
cannot look at different numbers.
"""

from array import array
from collections.abc import Iterable

from chrono.market.names import Market
from chrono.pricing.asking import N_FEATURES, find
from chrono.pricing.case import Case, Found
from chrono.pricing.derivation import Recorded
from chrono.pricing.estimate import Estimate

CROWD = 3
"""A source among fewer fresh ones says nothing about what is usual: nobody can be told apart."""

MOST_ROWS = 400_000
"""Sixteen megabytes. When there are more, every second row is let go and from then on every second one kept."""


class TrainingPoints:
    """Rows of features, bounded; the thinning is by count alone, so that the same history gives the same rows."""

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        self.rows: array[float] = array("d")
        self.markets: set[Market] = set()
        self.first_ns = 0
        self.last_ns = 0
        self._most = most_rows
        self._stride = 1
        self._seen = 0

    def __len__(self) -> int:
        return len(self.rows) // N_FEATURES

    def take(self, estimates: Iterable[Estimate]) -> None:
        """Take the sources of these values, which are all of one instant."""
        cases = [estimate.evidence.case for estimate in estimates if isinstance(estimate.evidence, Recorded)]
        crowded = [case for case in cases if len(case.sources) >= CROWD]
        for case, found in zip(crowded, find(crowded, watch=True), strict=True):
            if isinstance(found, Found):
                self._take(case, found)

    def _take(self, case: Case, found: Found) -> None:
        fresh = [place for place, said in enumerate(found.estimates) if said is not None]
        if len(fresh) < CROWD:
            return
        self.markets.add(case.market)
        self.first_ns = self.first_ns or case.at_ns
        self.last_ns = case.at_ns
        for place in fresh:
            self._seen += 1
            if self._seen % self._stride == 0:
                row = found.features[place * N_FEATURES : (place + 1) * N_FEATURES]
                self.rows.extend([value for value in row if value is not None])
        if len(self) > self._most:
            self._thin()

    def _thin(self) -> None:
        kept = [self.rows[at : at + N_FEATURES] for at in range(N_FEATURES, len(self.rows), 2 * N_FEATURES)]
        self.rows = array("d", b"".join(row.tobytes() for row in kept))
        self._stride *= 2
