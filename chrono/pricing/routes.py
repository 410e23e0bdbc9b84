"""By which book each venue speaks for a market: one venue, one vote."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from chrono.market.graph import NUMERAIRE, Path, QuoteGraph
from chrono.market.names import Market, Venue, quote_of
from chrono.pricing.case import FUTURE_NS, EdgeRate, Rule, Source, Unused
from chrono.pricing.series import Series
from chrono.pricing.window import LISTED_NS, Window

STALE = "stale"
SUPERSEDED = "superseded"
UNPRICED_EDGE = "unpriced_edge"


class Routes:
    """The paths of every target, found once for each set of books that the window knows.

    USD markets and edges hear every book of their base. Another market, such as BTC/USDT, is what its own books
    say; only one that nobody quotes is made from the other books of its base.
    """

    def __init__(self, window: Window, graph: QuoteGraph) -> None:
        self._window = window
        self._graph = graph
        self._version = -1
        self._paths: dict[Market, list[Path]] = {}
        self._targets: dict[Market, list[Market]] = {}
        self._edges: dict[Market, frozenset[Market]] = {}
        self._listed: list[Market] | None = None

    def paths(self, target: Market) -> list[Path]:
        """How each known book comes into `target`, shortest first."""
        self._renew()
        known = self._paths.get(target)
        if known is not None:
            return known
        books = self._window.markets()
        own_only = target in books and quote_of(target) != NUMERAIRE and target not in self._graph.edges
        found = self._graph.paths(target, [target] if own_only else books)
        if found:  # names that lead nowhere are not kept: anybody may ask for any number of them
            self._paths[target] = found
        return found

    def edges_of(self, target: Market) -> frozenset[Market]:
        """The edges that the paths of `target` go through."""
        paths = self.paths(target)
        if target in self._edges:
            return self._edges[target]
        found = frozenset(step.edge for path in paths for step in path.steps)
        if found:
            self._edges[target] = found
        return found

    def targets_of(self, book: Market) -> list[Market]:
        """The markets that `book` helps to price."""
        self._renew()
        if book not in self._targets:
            self._targets[book] = self._graph.targets_of(book)
        return self._targets[book]

    def listed(self) -> list[Market]:
        """Every market that has a price of its own: books, edges, and each base in USD where a path leads there."""
        self._renew()
        if self._listed is None:
            found = (target for book in self._window.markets() for target in self.targets_of(book))
            self._listed = list(dict.fromkeys(found))
        return self._listed

    def _renew(self) -> None:
        if self._version != self._window.version:
            self._version = self._window.version
            self._paths.clear()
            self._targets.clear()
            self._edges.clear()
            self._listed = None


class _Candidate(NamedTuple):
    """A book by which a venue could speak, and what speaks against it."""

    path: Path
    series: Series
    missing: Market | None
    stale: bool
    """Out of the window."""
    ageing: bool
    """Out of that third of the window in which a value is fresh."""
    thin: bool
    """Some edge on the way is not fit to vote with."""

    @property
    def rank(self) -> tuple[bool, bool, bool, bool]:
        """What speaks against it, worst first; among equals the first path wins."""
        return (self.missing is not None, self.stale, self.ageing, self.thin)


class Spoken(NamedTuple):
    """Who speaks for a target, by name, and which books are not asked."""

    sources: tuple[Source, ...]
    unused: tuple[Unused, ...]


def choose(
    paths: Sequence[Path],
    window: Window,
    rates: Mapping[Market, EdgeRate | None],
    at_ns: int,
    rule: Rule,
) -> Spoken:
    """Let each venue speak once: by its direct book, unless that has aged; else by the shortest way that holds.

    A venue of which no book is fresh is still passed on with its newest point, so that the verdict says so.
    """
    start_ns, end_ns = at_ns - rule.window_ns, at_ns + FUTURE_NS
    by_venue = _candidates(paths, window, rates, at_ns, rule)
    sources: list[Source] = []
    unused: list[Unused] = []
    for venue in sorted(by_venue):
        candidates = by_venue[venue]
        best = candidates[0] if len(candidates) == 1 else min(candidates, key=lambda item: item.rank)
        if best.missing is None:
            points = best.series.between(start_ns, end_ns)
            sources.append(Source(venue, best.path.book, best.path.steps, points))
            unused += [_unused(venue, other) for other in candidates if other is not best]
        else:
            unused += [_unused(venue, other) for other in candidates]
    return Spoken(tuple(sources), tuple(sorted(unused, key=lambda item: (item.venue, item.book))))


def _candidates(
    paths: Sequence[Path],
    window: Window,
    rates: Mapping[Market, EdgeRate | None],
    at_ns: int,
    rule: Rule,
) -> dict[Venue, list[_Candidate]]:
    """The books by which each venue could speak, shortest path first; those silent for a day are left out."""
    by_venue: dict[Venue, list[_Candidate]] = {}
    for path in paths:
        missing = next((step.edge for step in path.steps if rates.get(step.edge) is None), None)
        thin = any(rate is None or not rate.firm for rate in (rates.get(step.edge) for step in path.steps))
        for venue, series in window.books(path.book).items():
            age_ns = at_ns - series.newest_ns(at_ns + FUTURE_NS)
            if age_ns <= LISTED_NS:
                stale, ageing = age_ns > rule.window_ns, age_ns > rule.stale_after_ns
                by_venue.setdefault(venue, []).append(_Candidate(path, series, missing, stale, ageing, thin))
    return by_venue


def _unused(venue: Venue, candidate: _Candidate) -> Unused:
    if candidate.stale:
        return Unused(venue, candidate.path.book, STALE)
    if candidate.missing is not None:
        return Unused(venue, candidate.path.book, UNPRICED_EDGE, candidate.missing)
    return Unused(venue, candidate.path.book, SUPERSEDED)
