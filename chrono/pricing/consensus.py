"""From the window to one value per market: conversions first, then everything that goes through them."""

from collections.abc import Iterable, Sequence

from chrono.errors import NO_PATH, NO_SOURCES, UNKNOWN_MARKET, UNPRICED_EDGE, Reason
from chrono.market.graph import QuoteGraph
from chrono.market.names import Market, base_of
from chrono.pricing.asking import find
from chrono.pricing.case import Case, EdgeRate, Found, Learned, Rule
from chrono.pricing.derivation import Recorded
from chrono.pricing.estimate import Estimate, Estimates, Quality
from chrono.pricing.rounding import price_of
from chrono.pricing.routes import UNPRICED_EDGE as UNPRICED
from chrono.pricing.routes import Routes, Spoken, choose
from chrono.pricing.verdict import estimate_of
from chrono.pricing.window import Window
from chrono.settings import Pricing


class Pricer:
    """The consensus of any market at any time that the window still holds."""

    def __init__(self, window: Window, graph: QuoteGraph, rules: Pricing, learned: Learned | None = None) -> None:
        self.window = window
        self.graph = graph
        self.routes = Routes(window, graph)
        self.rule = Rule.of(rules)
        self.learned = learned

    def price(self, markets: Sequence[Market], at_ns: int) -> Estimates:
        """The value of each of these markets at `at_ns`: every one is resolved, or unresolved with its reason.

        Resolved are all with at least one fresh venue, fit to vote with or not. Edges on the way are priced first,
        level by level, with one call of the Rust core per level.
        """
        return self.begin(at_ns).price(markets)

    def begin(self, at_ns: int) -> "Pass":
        """A pass at one instant, which can be asked several times and prices nothing twice."""
        return Pass(self, at_ns)


class Pass:
    """What has been found for one instant so far."""

    def __init__(self, pricer: Pricer, at_ns: int) -> None:
        self.at_ns = at_ns
        self._pricer = pricer
        self._resolved: dict[Market, Estimate] = {}
        self._unresolved: dict[Market, Reason] = {}
        self._rates: dict[Market, EdgeRate | None] = {}

    def price(self, markets: Iterable[Market]) -> Estimates:
        """The value of each of these markets; see `Pricer.price`."""
        asked = list(dict.fromkeys(markets))
        for level in self._levels(asked):
            self._price_level(level)
        return Estimates(
            resolved={market: self._resolved[market] for market in asked if market in self._resolved},
            unresolved={market: self._unresolved[market] for market in asked if market in self._unresolved},
        )

    def rate(self, edge: Market) -> EdgeRate | None:
        """What an edge that was priced in this pass converts with; None when it has no value to convert with."""
        return self._rates.get(edge)

    def _levels(self, markets: Iterable[Market]) -> list[list[Market]]:
        """These markets and the edges they need, so that each level needs only the ones before it."""
        depth: dict[Market, int] = {}
        for market in markets:
            self._deepen(market, depth)
        levels: list[list[Market]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
        for market, level in depth.items():
            if market not in self._resolved and market not in self._unresolved:
                levels[level].append(market)
        return levels

    def _deepen(self, market: Market, depth: dict[Market, int]) -> int:
        # An edge only needs edges declared before it, so this ends after as many steps as there are edges.
        if market not in depth:
            needed = self._pricer.routes.edges_of(market)
            depth[market] = 1 + max((self._deepen(edge, depth) for edge in sorted(needed)), default=-1)
        return depth[market]

    def _price_level(self, level: Sequence[Market]) -> None:
        cases: list[Case] = []
        for market in level:
            paths = self._pricer.routes.paths(market)
            spoken = choose(paths, self._pricer.window, self._rates, self.at_ns, self._pricer.rule)
            if spoken.sources:
                cases.append(self._case(market, spoken))
            else:
                self._unresolved[market] = self._why_silent(market, spoken)
        for case, found in zip(cases, find(cases), strict=True):
            if isinstance(found, Found):
                self._resolve(case, found)
            else:
                self._unresolved[case.market] = _why_nothing(case)

    def _case(self, market: Market, spoken: Spoken) -> Case:
        needed = {step.edge for source in spoken.sources for step in source.steps}
        edges = {edge: rate for edge in sorted(needed) if (rate := self._rates[edge]) is not None}
        rule, learned = self._pricer.rule, self._pricer.learned
        return Case(market, self.at_ns, rule, spoken.sources, spoken.unused, edges, learned)

    def _resolve(self, case: Case, found: Found) -> None:
        evidence = Recorded(case, found)
        estimate = estimate_of(case, found, evidence)
        self._resolved[case.market] = estimate
        if case.market in self._pricer.graph.edges:
            self._rates[case.market] = self._edge_rate(estimate, found, evidence)

    def _edge_rate(self, estimate: Estimate, found: Found, evidence: Recorded) -> EdgeRate | None:
        """What others may convert with; None when the edge is stale or heard by fewer venues than it asks for.

        An edge asks for the usual minimum, or for all that list it when those are fewer; never for none.
        """
        listed = len(self._pricer.window.listing(estimate.market, self.at_ns))
        asked = max(1, min(self._pricer.rule.minimum_sources, listed))
        if estimate.quality is Quality.STALE or len(estimate.sources) < asked:
            return None
        moved_bps = abs(found.price / found.level - 1.0) * 10_000
        return EdgeRate(
            edge=estimate.market,
            rate=found.price,
            newest_at_ns=estimate.newest_at_ns,
            confidence=estimate.confidence,
            spread_bps=estimate.spread_bps,
            moved_bps=price_of(moved_bps),
            sources=estimate.sources,
            weakness=_weakness(estimate, moved_bps, self._pricer.rule),
            evidence=evidence,
        )

    def _why_silent(self, market: Market, spoken: Spoken) -> Reason:
        if any(item.reason == UNPRICED for item in spoken.unused):
            return UNPRICED_EDGE
        if self._pricer.routes.paths(market):
            return NO_SOURCES
        quoted = any(base_of(book) == base_of(market) for book in self._pricer.window.markets())
        return NO_PATH if quoted else UNKNOWN_MARKET


MOVED = "moved"
DISAGREEMENT = "disagreement"


def _weakness(estimate: Estimate, moved_bps: float, rule: Rule) -> str | None:
    """Why an edge may not decide a vote; None when it may. No coin is ever taken for the currency it stands for."""
    if estimate.reason is not None:
        return estimate.reason.code
    if moved_bps > rule.edge_move_bps:
        return MOVED
    return DISAGREEMENT if float(estimate.spread_bps) > rule.edge_spread_bps else None


def _why_nothing(case: Case) -> Reason:
    """Every book that could speak is silent; an unpriced edge in front of a fresh one is the better answer."""
    return UNPRICED_EDGE if any(item.reason == UNPRICED for item in case.unused) else NO_SOURCES
