"""Values at a past time that nobody recorded, computed anew from the stored quotes by the same rule as live."""

from collections.abc import Sequence

from chrono.clock import SECOND_NS
from chrono.market.graph import QuoteGraph
from chrono.market.names import Market, base_of
from chrono.pricing.case import Learned
from chrono.pricing.consensus import Pricer
from chrono.pricing.estimate import Estimates
from chrono.pricing.window import Window
from chrono.settings import Pricing
from chrono.store.quotes import Quotes

LOOK_BACK_NS = 300 * SECOND_NS
"""api.md: computed from the five minutes before the asked time."""

MOST_QUOTES = 10_000
"""Per book; five minutes of a busy one."""


class Past:
    """Consensus of the past, from the store."""

    def __init__(self, quotes: Quotes, graph: QuoteGraph, rules: Pricing, learned: Learned | None = None) -> None:
        self._quotes = quotes
        self._graph = graph
        self._rules = rules
        self._learned = learned

    async def estimate_at(self, markets: Sequence[Market], at_ns: int) -> Estimates:
        """Each market at `at_ns`, resolved or not. Raises: ChronoError(DATABASE_AWAY)."""
        window = Window(LOOK_BACK_NS)
        bases = {base_of(market) for market in (*markets, *self._graph.edges)}
        currencies = {name for edge in self._graph.edges for name in edge.split("/")}
        wanted = {*markets, *(Market(f"{base}/{currency}") for base in bases for currency in currencies)}
        books = await self._quotes.books(at_ns - LOOK_BACK_NS, at_ns)
        for book in sorted(wanted.intersection(books)):
            window.add(reversed(await self._quotes.range(book, at_ns - LOOK_BACK_NS, at_ns + 1, limit=MOST_QUOTES)))
        return Pricer(window, self._graph, self._rules, self._learned).price(markets, at_ns)
