"""What one venue said about one market lately, as columns that the Rust core reads as they are."""

from array import array
from bisect import bisect_left, bisect_right
from typing import NamedTuple

from chrono.market.quote import Quote, Trade

NO_SEQUENCE = -1
"""Where a trade has its sequence, a quote has this: one quote per venue, market and microsecond."""


class Points(NamedTuple):
    """Columns of equal length, oldest first: venue times in ns, prices, and base units traded (0.0: unknown)."""

    times: "array[int]"
    prices: "array[float]"
    volumes: "array[float]"


class Series:
    """The newest points of one venue's book, in the order of the venue's time.

    At least `keep` of the newest points are held and at most a quarter more, so that dropping the oldest is rare.
    """

    __slots__ = ("keep", "limit", "newest", "prices", "said_ns", "sequences", "times", "volumes")

    def __init__(self, keep: int, newest: Quote | Trade) -> None:
        self.keep = keep
        self.limit = keep + max(keep // 4, 1)
        self.newest = newest
        self.said_ns = newest.quoted_at_ns if isinstance(newest, Quote) else newest.traded_at_ns
        self.times: array[int] = array("q")
        self.prices: array[float] = array("d")
        self.volumes: array[float] = array("d")
        self.sequences: array[int] = array("q")

    def __len__(self) -> int:
        return len(self.times)

    def trim(self) -> None:
        """Forget all but the newest `keep` points."""
        surplus = len(self.times) - self.keep
        if surplus > 0:
            del self.times[:surplus], self.prices[:surplus], self.volumes[:surplus], self.sequences[:surplus]

    def insert(self, at_ns: int, price: float, volume: float, sequence: int) -> str | None:
        """Put a late point where its time belongs. Returns why it was not taken, None when it was.

        The first of two points with one time and sequence wins, and a point older than all kept ones of a full
        series displaces none of them.
        """
        place = bisect_left(self.times, at_ns)
        while place < len(self.times) and self.times[place] == at_ns and self.sequences[place] < sequence:
            place += 1
        if place < len(self.times) and self.times[place] == at_ns and self.sequences[place] == sequence:
            return "duplicate"
        if place == 0 and len(self.times) >= self.keep:
            return "late"
        self.times.insert(place, at_ns)
        self.prices.insert(place, price)
        self.volumes.insert(place, volume)
        self.sequences.insert(place, sequence)
        if len(self.times) >= self.limit:
            self.trim()
        return None

    def newest_ns(self, end_ns: int) -> int:
        """The time of the newest point up to `end_ns`; of the oldest when all are later, 0 without any."""
        times = self.times
        if not times:
            return 0
        if times[-1] <= end_ns:
            return times[-1]
        return times[max(bisect_right(times, end_ns) - 1, 0)]

    def between(self, start_ns: int, end_ns: int) -> Points:
        """Copies of the newest `keep` points with `start_ns` <= time <= `end_ns`.

        Without any, the single point nearest to that span: its age then tells why the venue does not count.
        Empty only when the series is.
        """
        times = self.times
        end = len(times)
        if end and times[-1] > end_ns:
            end = bisect_right(times, end_ns)
        start = bisect_left(times, start_ns, max(end - self.keep, 0), end)
        if start == end:
            start = max(end - 1, 0)
            end = start + 1
        return Points(times[start:end], self.prices[start:end], self.volumes[start:end])

    def say(self, said: Quote | Trade, at_ns: int, sequence: int) -> None:
        """Remember the newest thing said; of two with one identity the first."""
        newest = (self.said_ns, NO_SEQUENCE if isinstance(self.newest, Quote) else self.newest.sequence)
        if (at_ns, sequence) > newest:
            self.newest, self.said_ns = said, at_ns

    def newest_quote(self) -> Quote:
        """The newest thing said, a trade spelled as a quote."""
        said = self.newest
        if isinstance(said, Quote):
            return said
        return Quote(said.venue, said.market, said.price, said.amount, said.traded_at_ns, said.received_at_ns)
