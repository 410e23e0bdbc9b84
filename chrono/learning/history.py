"""History put through the pricing for training: tapes as `chrono replay` plays them, or what the store holds."""

from collections.abc import AsyncIterator, Callable, Sequence

from chrono.clock import SECOND_NS
from chrono.learning.points import TrainingPoints
from chrono.market.graph import QuoteGraph
from chrono.market.quote import Quote
from chrono.market.tapes import Tape
from chrono.pricing.consensus import Pricer
from chrono.pricing.window import Window
from chrono.settings import Pricing
from chrono.simulation.replay import Replay, with_minimum
from chrono.store.quotes import Quotes
from chrono.store.times import After

SLICE_NS = 600 * SECOND_NS
"""As much of the store as is held in memory at once."""

PAGE = 10_000

Progress = Callable[[int, int, int], None]
"""Hears of the first, the present and the last instant of the history."""


def from_tapes(tapes: Sequence[Tape], rules: Pricing, every_ns: int, progress: Progress) -> TrainingPoints:
    """The points of these tapes, one look every `every_ns`. Raises: ChronoError(BAD_TAPE)."""
    replay = Replay(tapes, with_minimum(rules, 1), every_ns=every_ns)
    points = TrainingPoints()
    for step in replay.steps():
        points.take(step.estimates.resolved.values())
        progress(replay.first_ns, step.at_ns, replay.last_ns)
    return points


async def from_store(
    quotes: Quotes, rules: Pricing, start_ns: int, end_ns: int, every_ns: int, progress: Progress
) -> TrainingPoints:
    """The points of the quotes stored for [start, end), by the venues' times. Raises: ChronoError(DATABASE_AWAY)."""
    window = Window(rules.window_s * SECOND_NS)
    pricer = Pricer(window, QuoteGraph.build(rules.edges), with_minimum(rules, 1))
    points, at_ns = TrainingPoints(), start_ns
    async for slice_end_ns, said in _slices(quotes, start_ns, end_ns):
        place = 0
        while at_ns + every_ns <= slice_end_ns:
            at_ns += every_ns
            begin = place
            while place < len(said) and said[place].quoted_at_ns <= at_ns:
                place += 1
            window.add(said[begin:place])
            points.take(pricer.price(pricer.routes.listed(), at_ns).resolved.values())
        window.add(said[place:])
        progress(start_ns, at_ns, end_ns)
    return points


async def _slices(quotes: Quotes, start_ns: int, end_ns: int) -> AsyncIterator[tuple[int, list[Quote]]]:
    """The end of each slice and its quotes, oldest first."""
    for from_ns in range(start_ns, end_ns, SLICE_NS):
        until_ns = min(from_ns + SLICE_NS, end_ns)
        said: list[Quote] = []
        for book in sorted(await quotes.books(from_ns, until_ns)):
            after: After | None = None
            while page := await quotes.range(book, from_ns, until_ns, limit=PAGE, after=after, newest_first=False):
                said += page
                after = (page[-1].quoted_at_ns, page[-1].venue)
        yield until_ns, sorted(said, key=lambda quote: (quote.quoted_at_ns, quote.venue, quote.market))
