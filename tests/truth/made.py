"""Simulated tapes whose truth is known: what the simulated market says, with faults planted, as a replay reads it."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from chrono.clock import SECOND_NS
from chrono.market.names import Market, Venue, base_of, quote_of
from chrono.market.quote import Quote
from chrono.market.tapes import Event, Survey
from chrono.simulation.faults import Fault, FaultKind
from chrono.simulation.market import SimulatedMarket
from chrono.simulation.venues import ASSETS, CURRENCIES, all_books
from chrono.simulation.walks import Walks

START_NS = 1_760_000_000 * SECOND_NS


class MadeTape:
    """Quotes that lie in memory, as a tape."""

    layout = "made"

    def __init__(self, quotes: Sequence[Quote]) -> None:
        self.path = Path("made")
        self.skipped: Counter[str] = Counter()
        self.faults: list[str] = []
        self._quotes = sorted(quotes, key=lambda quote: quote.received_at_ns)

    def survey(self) -> Survey:
        """Books and times."""
        survey = Survey()
        for venue, market in {(quote.venue, quote.market) for quote in self._quotes}:
            survey.add(venue, market, taken=True)
        survey.spread(self._quotes[0].received_at_ns, self._quotes[-1].received_at_ns, len(self._quotes))
        return survey

    def slices(self) -> Iterator[list[Event]]:
        """All of it at once."""
        yield list(self._quotes)


def spoken(
    seed: int,
    seconds: int,
    *,
    rate: float,
    faults: Sequence[Fault] = (),
    venues: Sequence[Venue] = (),
    bases: Sequence[str] = (),
    start_ns: int = START_NS,
) -> list[Quote]:
    """What the simulated venues say in so many seconds, each book about `rate` times a second; all, or only these."""
    market = SimulatedMarket(seed, start_ns, quotes_per_s=rate * len(all_books()))
    for fault in faults:
        market.inject(fault)
    quotes = market.quotes_until(start_ns + seconds * SECOND_NS)
    return [
        quote
        for quote in quotes
        if (not venues or quote.venue in venues) and (not bases or base_of(quote.market) in bases)
    ]


def truth(seed: int, faults: Sequence[Fault] = (), start_ns: int = START_NS) -> Callable[[int, Market], float]:
    """The fair price of a market at an instant, in its own quote currency; instants only go forward.

    The same walks from the same seed as the market of `spoken`, so that nothing of it is looked into.
    """
    walks = Walks(seed, (*ASSETS, *CURRENCIES), start_ns)
    lost = [fault for fault in faults if fault.kind is FaultKind.DEPEG]

    def fair(at_ns: int, market: Market) -> float:
        walks.advance(at_ns)
        return _worth(base_of(market), at_ns) / _worth(quote_of(market), at_ns)

    def _worth(name: str, at_ns: int) -> float:
        usd = walks.usd(name)
        for fault in lost:
            if fault.market == f"{name}/USD" and fault.from_ns <= at_ns < fault.until_ns:
                usd *= fault.factor
        return usd

    return fair
