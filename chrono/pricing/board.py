"""The newest value of every market, kept new: four passes a second over what changed, one pass for all.

A market is priced again when one of its books has new points, when an edge on its way has moved, and when it ages:
weights fade and values turn stale though nothing arrives.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import structlog
from msgspec import structs

from chrono.clock import MS_NS, SECOND_NS, Clock
from chrono.errors import NO_SOURCES
from chrono.flare.epochs import Timing
from chrono.market.names import Market
from chrono.pricing import gauges
from chrono.pricing.consensus import Pass, Pricer
from chrono.pricing.estimate import Estimate, Quality
from chrono.pricing.rounding import share_of
from chrono.pricing.subscribers import Subscribers
from chrono.pricing.window import Window
from chrono.telemetry import AGGREGATION_SECONDS, MARKET_FAILURES, WINDOW_POINTS, span

EVERY_NS = 250 * MS_NS
"""At most four new values a second per market."""

AT_ONCE_NS = 25 * MS_NS
"""Between two passes, readers may have a market priced at once this often."""

AGEING_NS = 5 * SECOND_NS
"""A value that nothing touched is weighed again after this time, or when it turns stale if that is sooner."""

EDGE_MOVED = 1e-6
"""An edge that moved by less than this share (a hundredth of a bp) leaves what goes through it alone."""

PUNCTUAL_NS = SECOND_NS
"""A pass this near behind a full minute or the end of a voting epoch is made for that very instant."""

MINUTE_NS = 60 * SECOND_NS

PART = 4
"""Markets priced between two looks at what came in: about a millisecond each when 40 venues fill their books."""

Told = Callable[[Sequence[Estimate]], None]
"""Hears of values; queues them and returns at once."""

log = structlog.get_logger()


class Board:
    """The newest value of every market."""

    def __init__(self, window: Window, pricer: Pricer, clock: Clock, timing: Timing) -> None:
        self._window = window
        self._pricer = pricer
        self._clock = clock
        self._timing = timing
        self._latest: dict[Market, Estimate] = {}
        self._dirty: set[Market] = set()
        self._shown: dict[Market, tuple[object, ...]] = {}
        self._unshown: set[Market] = set()
        self._asked: dict[Market, Estimate] = {}
        self._at_once_ns = 0
        self._edge_rates: dict[Market, float | None] = {}
        self._boundary_ns = 0
        self._hearers: Subscribers[Sequence[Estimate]] = Subscribers()
        self._recorders: Subscribers[Sequence[Estimate]] = Subscribers()
        self._watchers: Subscribers[Sequence[Estimate]] = Subscribers()
        self._failing: set[Market] = set()
        self._overtaken: set[Market] = set()

    def on_estimates(self, callback: Told) -> None:
        """Hear of every value whose price or quality changed, at most four times a second per market."""
        self._hearers.add(callback)

    def on_record(self, callback: Told) -> None:
        """Hear of all values at each full minute and at the end of each voting epoch, changed or not."""
        self._recorders.add(callback)

    def on_pass(self, callback: Told) -> None:
        """Hear of all newest values after each pass, changed or not: four times a second."""
        self._watchers.add(callback)

    def latest(self, market: Market) -> Estimate | None:
        """The newest value; one that no venue backs any more is `stale`. None when there never was one."""
        return self._latest.get(market)

    def listed(self) -> list[Market]:
        """Every market with a price of its own: all books, and each base in USD where conversions lead there."""
        return self._pricer.routes.listed()

    async def run(self) -> None:
        """Keep the board new, for ever: a pass at every quarter of a second of the clock."""
        while True:
            with span("consensus_pass"):
                for _ in self._refreshing(self._clock.now_ns()):
                    # What came in meanwhile is answered between two parts of a pass, not behind the whole of it.
                    await self._clock.sleep(0)
            # The beat is of the wall clock, the wait is not: a clock that is set back stalls nothing.
            await self._clock.sleep((EVERY_NS - self._clock.now_ns() % EVERY_NS) / SECOND_NS)

    def refresh(self, at_ns: int) -> list[Estimate]:
        """One pass at `at_ns`. Returns the values whose price or quality changed, as `on_estimates` hears them."""
        return [estimate for part in self._refreshing(at_ns) for estimate in part]

    def _refreshing(self, at_ns: int) -> Iterator[list[Estimate]]:
        """One pass, part by part: what changed in each. Readers may have markets priced in between."""
        busy_ns = -self._clock.monotonic_ns()
        at_ns, recording = self._instant(at_ns)
        recorded: list[Estimate] = []
        for found in self._pass(at_ns, everything=recording):
            recorded += found
            changed = self._newly_shown()
            if changed:
                self._hearers.tell(changed)
            busy_ns += self._clock.monotonic_ns()
            yield changed
            busy_ns -= self._clock.monotonic_ns()
        if recording and recorded:
            gauges.count_anomalies(recorded)
            self._recorders.tell(recorded)
        self._watchers.tell(list(self._latest.values()))
        WINDOW_POINTS.set(self._window.points())
        AGGREGATION_SECONDS.observe((busy_ns + self._clock.monotonic_ns()) / SECOND_NS)

    def estimate_now(self, markets: Sequence[Market]) -> dict[Market, Estimate]:
        """The newest values of these markets, with what has just come in; those that nobody prices are missing.

        A market with new points is priced at once, all asked together, and at most every few milliseconds; the
        next pass tells the subscribers. A market that is listed nowhere is made from the books of its base.
        """
        now_ns = self._clock.now_ns()
        self._note_changes()
        wanted = [market for market in markets if self._is_due(market, now_ns)]
        patient = 0 <= now_ns - self._at_once_ns < AT_ONCE_NS
        at_once = [market for market in wanted if not (patient and market in self._latest)]
        if at_once:
            self._at_once_ns = now_ns
            self._price_at_once(at_once, now_ns)
        both = {market: self._latest.get(market) or self._asked.get(market) for market in markets}
        return {market: estimate for market, estimate in both.items() if estimate is not None}

    def snapshot(self, at_ns: int) -> list[Estimate]:
        """Every market that has a fresh venue, priced at `at_ns`; the next pass tells the subscribers."""
        return [estimate for found in self._pass(at_ns, everything=True) for estimate in found]

    def _instant(self, at_ns: int) -> tuple[int, bool]:
        """The instant of this pass, and whether it is recorded: the first after a minute or a voting epoch is."""
        epoch_ns = self._timing.round_at(at_ns).commit_window.start_ns
        boundary_ns = max(at_ns // MINUTE_NS * MINUTE_NS, epoch_ns)
        if boundary_ns == self._boundary_ns:
            return at_ns, False
        first = self._boundary_ns == 0
        self._boundary_ns = boundary_ns
        if at_ns - boundary_ns < PUNCTUAL_NS:
            return boundary_ns, True
        return at_ns, not first

    def _pass(self, at_ns: int, *, everything: bool) -> Iterator[list[Estimate]]:
        """The values of all that is due, a few markets at a time."""
        self._note_changes()
        self._overtaken.clear()
        found = self._pricer.begin(at_ns)
        if everything:
            self._forget_unlisted()
            due = set(self.listed())
        else:
            due = self._dirty | {market for market in self._latest if self._is_ageing(market, at_ns)}
        due |= self._behind_moved_edges(due, found)
        self._dirty.clear()
        markets = sorted(due)
        # Once at least: what readers had priced since the last pass is still to be told.
        for first in range(0, max(len(markets), 1), PART):
            yield self._keep(markets[first : first + PART], found, but=self._overtaken)

    def _forget_unlisted(self) -> None:
        """Let go of markets that the window has let go of."""
        listed = set(self.listed())
        self._latest = {market: value for market, value in self._latest.items() if market in listed}
        self._shown = {market: look for market, look in self._shown.items() if market in listed}

    def _note_changes(self) -> None:
        for book in self._window.changed():
            self._dirty.update(self._pricer.routes.targets_of(book))

    def _behind_moved_edges(self, due: Iterable[Market], found: Pass) -> set[Market]:
        """The due edges, and all markets priced through one that has moved since they last used it."""
        edges_of = self._pricer.routes.edges_of
        touched: dict[Market, None] = {}
        for edge in self._pricer.graph.edges:
            # An edge only goes through earlier ones, so that one walk in their order finds all.
            if edge in due or not edges_of(edge).isdisjoint(touched):
                touched[edge] = None
        self._try(list(touched), found)
        moved = {edge for edge in touched if self._has_moved(edge, found)}
        behind = {market for market in self.listed() if not moved.isdisjoint(edges_of(market))} if moved else set()
        return behind | touched.keys()

    def _has_moved(self, edge: Market, found: Pass) -> bool:
        priced = found.rate(edge)
        rate, before = None if priced is None else priced.rate, self._edge_rates.get(edge)
        if rate is not None and before is not None and abs(rate / before - 1.0) < EDGE_MOVED:
            return False
        self._edge_rates[edge] = rate
        return rate != before

    def _is_due(self, market: Market, at_ns: int) -> bool:
        if market in self._latest:
            return market in self._dirty or self._is_ageing(market, at_ns)
        asked = self._asked.get(market)
        return asked is None or at_ns - asked.at_ns >= EVERY_NS

    def _is_ageing(self, market: Market, at_ns: int) -> bool:
        estimate = self._latest[market]
        if at_ns - estimate.at_ns >= AGEING_NS:
            return estimate.reason is not NO_SOURCES
        stale_after_ns = self._pricer.rule.stale_after_ns
        return estimate.quality is not Quality.STALE and at_ns - estimate.newest_at_ns > stale_after_ns

    def _price_at_once(self, markets: Sequence[Market], at_ns: int) -> None:
        listed = set(self.listed())
        found = self._pricer.begin(at_ns)
        self._keep(sorted(market for market in markets if market in listed), found)
        self._overtaken.update(markets)
        # An edge stays due: the next pass must look at what goes through it.
        self._dirty.difference_update(set(markets).difference(self._pricer.graph.edges))
        foreign = [market for market in markets if market not in listed]
        # Those belong to nobody's books: they are kept for the next asker only.
        self._asked = {m: e for m, e in self._asked.items() if at_ns - e.at_ns < EVERY_NS}
        self._asked.update(found.price(foreign).resolved)

    def _keep(self, markets: Sequence[Market], found: Pass, *, but: Collection[Market] = ()) -> list[Estimate]:
        """Price these markets and keep them, but for those that have a newer value. Returns the values found."""
        resolved = self._try(markets, found)
        for market in markets:
            if market in but:
                continue
            before, estimate = self._latest.get(market), resolved.get(market)
            if estimate is None and before is not None:
                self._latest[market] = _faded(before)
                gauges.show_gone(market)
            elif estimate is not None:
                self._latest[market] = estimate
            self._unshown.add(market)
        gauges.show(resolved.values(), found.at_ns)
        return list(resolved.values())

    def _try(self, markets: Sequence[Market], found: Pass) -> dict[Market, Estimate]:
        """Price all in one go; if that raises, each by itself, so that a bad market costs itself only."""
        try:
            resolved = found.price(markets).resolved
        except Exception:  # noqa: BLE001 - looked at market by market below
            return self._try_each(markets, found.at_ns)
        self._failing.difference_update(markets)
        return resolved

    def _try_each(self, markets: Sequence[Market], at_ns: int) -> dict[Market, Estimate]:
        resolved: dict[Market, Estimate] = {}
        for market in markets:
            try:
                resolved |= self._pricer.price([market], at_ns).resolved
            except Exception:  # a fault of the program in one market may not stop the others
                MARKET_FAILURES.inc()
                if market not in self._failing:
                    self._failing.add(market)
                    log.exception("market_failed", market=market)
        return resolved

    def _newly_shown(self) -> list[Estimate]:
        """The values that look different from what was last told."""
        changed: list[Estimate] = []
        for market in sorted(self._unshown):
            estimate = self._latest.get(market)
            if estimate is not None and self._shown.get(market) != (look := (estimate.price, estimate.quality)):
                self._shown[market] = look
                changed.append(estimate)
        self._unshown.clear()
        return changed


def _faded(estimate: Estimate) -> Estimate:
    """The last value of a market that no fresh venue backs any more: still told, never trusted."""
    return structs.replace(estimate, quality=Quality.STALE, reason=NO_SOURCES, confidence=share_of(0.0))
