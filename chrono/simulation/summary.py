"""What came of a replay, counted while its rows go by."""

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct, field

from chrono.simulation.rows import Row


class MarketCount(Struct):
    """Rows of one market: all, those with a value, and why the others have none."""

    rows: int = 0
    resolved: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def percent(self) -> float:
        """Share of rows with a value, in percent, two decimals."""
        return percent(self.resolved, self.rows)


class Summary(Struct):
    """Counts by market, in the order in which the markets first came."""

    markets: dict[str, MarketCount] = field(default_factory=dict)

    def add(self, rows: Sequence[Row]) -> None:
        """Count these rows."""
        for row in rows:
            count = self.markets.get(row.market)
            if count is None:
                count = self.markets[row.market] = MarketCount()
            count.rows += 1
            if row.reason is None:
                count.resolved += 1
            else:
                count.reasons[row.reason] += 1

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(count.rows for count in self.markets.values())

    @property
    def resolved(self) -> int:
        """Rows with a value."""
        return sum(count.resolved for count in self.markets.values())


def percent(part: int, whole: int) -> float:
    """The share in percent, two decimals; 0 of nothing."""
    return round(100 * part / whole, 2) if whole else 0.0
