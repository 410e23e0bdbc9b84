"""The simulated market: many venues quoting many markets, seeded, with faults on demand.

The same seed and start give the same quotes, however often and in whatever steps they are asked for. Every book
draws from its own source of chance, so that a fault of one book changes nothing at another.
"""

import math
from collections.abc import Awaitable, Callable
from decimal import Decimal
from heapq import heapify, heappop, heappush
from random import Random

from chrono.clock import MS_NS, SECOND_NS, US_NS, Clock
from chrono.market.names import Market
from chrono.market.quote import Quote
from chrono.simulation.faults import Fault, FaultKind
from chrono.simulation.venues import ASSETS, CURRENCIES, SimulatedBook, all_books
from chrono.simulation.walks import Walks

WORKER_ID = "simulated"
QUOTES_PER_S = 40.0
BEAT_NS = 100 * MS_NS
ASLEEP_NS = 10 * SECOND_NS
"""A runner this far behind (the machine slept) leaps to now instead of catching up."""

Sink = Callable[[list[Quote]], Awaitable[None]]
"""Takes quotes as a venue connector would hand them over."""

_GAP_CHANCE = 1 / 1500  # per quote, that a book then says nothing for a while
_GAP_S = (5.0, 30.0)
_DAY_S = 86_400.0
BPS = 10_000


class _Booth:
    """A book, its own source of chance, and what it last said."""

    __slots__ = ("book", "chance", "quoted_at_ns", "shown")

    def __init__(self, book: SimulatedBook, seed: int, start_ns: int) -> None:
        self.book = book
        self.chance = Random(f"{seed}:{book.venue.name}:{book.market}")
        self.quoted_at_ns = start_ns
        self.shown: Decimal | None = None

    def price(self, fair: float, active: list[Fault]) -> Decimal:
        """The price shown for this fair value. A frozen book shows its last one."""
        venue = self.book.venue
        fair *= 1 + (venue.bias_bps + self.chance.gauss(0.0, venue.half_spread_bps)) / BPS
        for fault in active:
            if fault.kind is FaultKind.WRONG:
                fair *= fault.factor
        if self.shown is None or not any(fault.kind is FaultKind.FROZEN for fault in active):
            self.shown = rounded(fair)
        return self.shown

    def volume(self, base_usd: float, at_ns: int) -> Decimal:
        """Base units traded since the last quote."""
        asset, venue = self.book.base, self.book.venue
        usd_a_second = asset.turnover_usd * venue.share / len(venue.quoted_in) / _DAY_S
        seconds = (at_ns - self.quoted_at_ns) / SECOND_NS
        self.quoted_at_ns = at_ns
        return rounded(usd_a_second * seconds * self.chance.lognormvariate(-0.5, 1.0) / base_usd)

    def latency_ns(self, active: list[Fault]) -> int:
        """How long the quote is on its way, in whole microseconds."""
        ns = self.book.venue.latency_ms * (0.7 + self.chance.expovariate(3.0)) * MS_NS
        ns += sum(fault.factor * SECOND_NS for fault in active if fault.kind is FaultKind.LAGGING)
        return int(ns) // US_NS * US_NS


class SimulatedMarket:
    """Quotes of every simulated book from `start_ns` on, about `quotes_per_s` of them each second."""

    def __init__(self, seed: int, start_ns: int, *, quotes_per_s: float = QUOTES_PER_S) -> None:
        self._walks = Walks(seed, (*ASSETS, *CURRENCIES), start_ns)
        self._booths = [_Booth(book, seed, start_ns) for book in all_books()]
        self._interval_s = len(self._booths) / quotes_per_s
        self._faults: list[Fault] = []
        self._due = [(self._first_due(booth, start_ns), index) for index, booth in enumerate(self._booths)]
        heapify(self._due)
        self._on_the_way: list[tuple[int, int, Quote]] = []
        self._sent = 0
        self._reached_ns = start_ns

    def markets(self) -> set[Market]:
        """Every market that some venue quotes."""
        return {booth.book.market for booth in self._booths}

    def inject(self, fault: Fault) -> None:
        """Let this go wrong from its time on. What is already on the way arrives as it is."""
        self._faults.append(fault)

    def quotes_until(self, at_ns: int) -> list[Quote]:
        """Every quote received since the last call and up to `at_ns`, in order of receipt."""
        while self._due[0][0] <= at_ns:
            self._quote(*heappop(self._due))
        arrived: list[Quote] = []
        while self._on_the_way and self._on_the_way[0][0] <= at_ns:
            arrived.append(heappop(self._on_the_way)[2])
        self._reached_ns = max(self._reached_ns, at_ns)
        return arrived

    def leap(self, at_ns: int) -> None:
        """Go to `at_ns` without the quotes in between; the walks go on as if they had been made."""
        behind = at_ns - self._reached_ns
        if behind <= 0:
            return
        self._walks.leap(at_ns)
        self._due = [(due + behind, index) for due, index in self._due]
        self._on_the_way.clear()
        self._reached_ns = at_ns

    async def run(self, clock: Clock, sink: Sink) -> None:
        """Hand quotes to `sink` as they arrive, ten times a second, until cancelled."""
        while True:
            now_ns = clock.now_ns()
            if now_ns - self._reached_ns > ASLEEP_NS:
                self.leap(now_ns)
            quotes = self.quotes_until(now_ns)
            if quotes:
                await sink(quotes)
            await clock.sleep_until(now_ns + BEAT_NS)

    def _first_due(self, booth: _Booth, start_ns: int) -> int:
        return start_ns + int(booth.chance.random() * self._interval_s * SECOND_NS)

    def _quote(self, due_ns: int, index: int) -> None:
        booth = self._booths[index]
        at_ns = due_ns // US_NS * US_NS
        self._walks.advance(at_ns)
        active = [f for f in self._faults if f.strikes(booth.book.venue.name, booth.book.market, at_ns)]
        quote = self._said(booth, at_ns, active)
        if not any(fault.kind is FaultKind.SILENT for fault in active):
            self._sent += 1
            heappush(self._on_the_way, (quote.received_at_ns, self._sent, quote))
        heappush(self._due, (due_ns + self._pause_ns(booth.chance), index))

    def _pause_ns(self, chance: Random) -> int:
        pause_s = self._interval_s * chance.uniform(0.5, 1.5)
        if chance.random() < _GAP_CHANCE:
            pause_s += chance.uniform(*_GAP_S)
        return int(pause_s * SECOND_NS)

    def _said(self, booth: _Booth, at_ns: int, active: list[Fault]) -> Quote:
        """What the venue says now. Draws the same chances whether or not a fault acts."""
        book = booth.book
        price = booth.price(self._fair(book, at_ns), active)
        volume = booth.volume(self._worth(book.base.name, at_ns), at_ns)
        received_at_ns = at_ns + booth.latency_ns(active)
        half = price * Decimal(str(book.venue.half_spread_bps)) / BPS
        metadata = _told(price - half, price + half, at_ns)
        return Quote(book.venue.name, book.market, price, volume, at_ns, received_at_ns, WORKER_ID, metadata)

    def _fair(self, book: SimulatedBook, at_ns: int) -> float:
        return self._worth(book.base.name, at_ns) / self._worth(book.quote, at_ns)

    def _worth(self, name: str, at_ns: int) -> float:
        """USD value of one unit, with whatever depeg acts on it."""
        usd = self._walks.usd(name)
        for fault in self._faults:
            of_it = fault.kind is FaultKind.DEPEG and fault.market == f"{name}/USD"
            if of_it and fault.from_ns <= at_ns < fault.until_ns:
                usd *= fault.factor
        return usd


def rounded(number: float) -> Decimal:
    """Seven significant digits, at least two decimals: as venues write prices."""
    if number <= 0:
        return Decimal(0)
    decimals = max(2, 6 - math.floor(math.log10(number)))
    return Decimal(f"{number:.{min(decimals, 18)}f}")


def _told(bid: Decimal, ask: Decimal, at_ns: int) -> bytes:
    return f'{{"bid":"{bid:f}","ask":"{ask:f}","exchange_timestamp":{at_ns // MS_NS}}}'.encode()
