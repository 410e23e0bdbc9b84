"""How a price in one currency becomes a price in another: through edges, each a market with a price of its own.

An edge such as `USDT/USD` turns prices in USDT into prices in USD (multiply) and back (divide). No stable coin is
ever taken for its currency: without a priced edge there is no conversion.

Two rules keep the sums from biting their own tail:

- an edge may be priced through edges that were declared *before* it, never through a later one or itself. So
  `USDC/USD`, declared after `USDT/USD`, also hears the books of `USDC/USDT`;
- the declarations themselves may not run in a circle (`A/B`, `B/C`, `C/A`): each says what one currency is worth in
  the next, and a circle would stand on nothing. `QuoteGraph.build` refuses it and names it.
"""

from collections import deque
from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct

from chrono.errors import BAD_MARKET, GRAPH_CYCLE, ChronoError
from chrono.market.names import Market, base_of, is_market, quote_of

NUMERAIRE = "USD"
"""The currency that every base is priced in, when a conversion leads there."""


class Step(Struct, frozen=True, order=True):
    """One conversion by one edge: prices are multiplied by its rate, or divided by it."""

    edge: Market
    multiply: bool


class Path(Struct, frozen=True):
    """How the prices of `book` come into the currency of a target; no steps when they are there already."""

    book: Market
    steps: tuple[Step, ...]


class QuoteGraph(Struct, frozen=True):
    """The declared edges, in their order."""

    edges: tuple[Market, ...]

    @classmethod
    def build(cls, edges: Sequence[str]) -> "QuoteGraph":
        """The graph of these edges; one named twice counts once.

        Raises: ChronoError(BAD_MARKET) for a name that is no market, ChronoError(GRAPH_CYCLE) with the `circle`
        when the declarations run in a circle.
        """
        for edge in edges:
            if not is_market(edge):
                raise ChronoError(BAD_MARKET, received=edge[:60], expected="an edge such as USDT/USD")
        declared = tuple(Market(edge) for edge in dict.fromkeys(edges))
        circle = _circle(declared)
        if circle:
            raise ChronoError(GRAPH_CYCLE, circle=" -> ".join(circle))
        return cls(declared)

    def before(self, target: Market) -> tuple[Market, ...]:
        """The edges that may price `target`: those declared before it, or all when it is no edge."""
        if target in self.edges:
            return self.edges[: self.edges.index(target)]
        return self.edges

    def paths(self, target: Market, books: Collection[Market]) -> list[Path]:
        """The shortest path of each book of the same base that can price `target`, shortest first.

        Of equally short paths, those whose edges were declared first, looked at from the target: whoever declares
        the edges puts the best known first. Books without a path are left out.
        """
        base, quote = base_of(target), quote_of(target)
        ways = self._ways_into(quote, avoid=base, edges=self.before(target))
        found = [Path(book, ways[quote_of(book)]) for book in books if base_of(book) == base and quote_of(book) in ways]
        rank = {edge: place for place, edge in enumerate(self.edges)}
        return sorted(found, key=lambda path: (len(path.steps), [rank[s.edge] for s in path.steps[::-1]], path.book))

    def targets_of(self, book: Market) -> list[Market]:
        """The markets that `book` helps to price: itself, its base in USD, and edges of its base."""
        base = base_of(book)
        wanted = [edge for edge in self.edges if base_of(edge) == base]
        if base != NUMERAIRE:
            wanted.append(Market(f"{base}/{NUMERAIRE}"))
        reached = [target for target in wanted if self.paths(target, (book,))]
        return list(dict.fromkeys([book, *reached]))

    def _ways_into(self, quote: str, *, avoid: str, edges: Iterable[Market]) -> dict[str, tuple[Step, ...]]:
        """The shortest way from each currency into `quote`. Breadth first, so the first found is the shortest.

        A way through the target's own base would price it by itself: `avoid`.
        """
        edges = tuple(edges)
        ways: dict[str, tuple[Step, ...]] = {quote: ()}
        open_ends = deque([quote])
        while open_ends:
            end = open_ends.popleft()
            for edge in edges:
                step = _step_into(end, edge)
                if step is None or step[0] in ways or step[0] == avoid:
                    continue
                ways[step[0]] = (step[1], *ways[end])
                open_ends.append(step[0])
        return ways


def _step_into(currency: str, edge: Market) -> tuple[str, Step] | None:
    """The other currency of `edge` and the step from it into `currency`; None when it does not touch it."""
    if quote_of(edge) == currency:
        return base_of(edge), Step(edge, multiply=True)
    if base_of(edge) == currency:
        return quote_of(edge), Step(edge, multiply=False)
    return None


def _circle(edges: Sequence[Market]) -> list[Market]:
    """The edges of one circle of declarations, closed by its first; empty when there is none."""
    cleared: set[str] = set()
    for first in edges:
        trail = _trail_back_to(base_of(first), base_of(first), edges, cleared)
        if trail:
            return [*trail, trail[0]]
        cleared.add(base_of(first))
    return []


def _trail_back_to(goal: str, at: str, edges: Sequence[Market], cleared: set[str]) -> list[Market]:
    """Edges that lead from `at` back to `goal`; empty when none do. Depth first, without recursion."""
    trails: list[tuple[str, list[Market]]] = [(at, [])]
    seen = set(cleared)
    while trails:
        currency, trail = trails.pop()
        for edge in edges:
            if base_of(edge) != currency:
                continue
            if quote_of(edge) == goal:
                return [*trail, edge]
            if quote_of(edge) not in seen:
                seen.add(quote_of(edge))
                trails.append((quote_of(edge), [*trail, edge]))
    return []
