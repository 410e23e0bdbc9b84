"""Tapes replayed through the same window, graph and rule as live prices, on the tape's own time.

Nothing is known before its time: at each step the window holds what had been received by then, and no more.
The same tapes and rules give the same rows, on any machine and at any speed.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from chrono.clock import SECOND_NS, ManualClock
from chrono.errors import BAD_TAPE, ChronoError
from chrono.market.graph import QuoteGraph
from chrono.market.names import Market
from chrono.market.quote import Quote, Trade
from chrono.market.tapes import Event, Survey, Tape, merged
from chrono.market.tapes.tape import base_markets
from chrono.pricing.case import Learned
from chrono.pricing.consensus import Pricer
from chrono.pricing.estimate import Estimates
from chrono.pricing.window import Window
from chrono.settings import Pricing
from chrono.simulation.rows import Row, rows_of


class Step(Struct, frozen=True):
    """What every asked market was worth at one instant of the tape."""

    at_ns: int
    estimates: Estimates


class Replay:
    """A replay of `tapes`, one step every `every_ns` at whole multiples of it.

    `markets` empty means BASE/USD of every base on the tapes. Raises: ChronoError(BAD_TAPE) when the selection
    takes nothing of them.
    """

    def __init__(
        self,
        tapes: Sequence[Tape],
        rules: Pricing,
        *,
        markets: Sequence[Market] = (),
        every_ns: int = SECOND_NS,
        learned: Learned | None = None,
    ) -> None:
        self._tapes = sorted(tapes, key=lambda tape: str(tape.path))
        self._rules = rules
        self._learned = learned
        self.every_ns = every_ns
        self.survey = Survey()
        for tape in self._tapes:
            self.survey.join(tape.survey())
        if not self.survey.taken:
            found = f"only {', '.join(sorted(self.survey.books)) or 'nothing'}"
            raise ChronoError(BAD_TAPE, file=", ".join(str(tape.path) for tape in tapes), found=found)
        self.markets = list(markets) or base_markets(self.survey.taken)

    @property
    def first_ns(self) -> int:
        """The first step: the first instant on the beat at which something is known."""
        return -(-self.survey.first_ns // self.every_ns) * self.every_ns

    @property
    def last_ns(self) -> int:
        """The last step: the first on the beat at which everything is known."""
        return -(-self.survey.last_ns // self.every_ns) * self.every_ns

    def skipped(self) -> Counter[str]:
        """Rows that gave nothing, by reason, as far as the tapes have been read."""
        return sum((tape.skipped for tape in self._tapes), Counter())

    def faults(self) -> list[str]:
        """The first bad lines, by file and line."""
        return [fault for tape in self._tapes for fault in tape.faults]

    def steps(self) -> Iterator[Step]:
        """Every step, first to last."""
        clock = ManualClock()
        window = Window(span_ns=self._rules.window_s * SECOND_NS)
        for market, venues in self.survey.taken.items():
            for venue in venues:
                window.declare(market, venue)
        pricer = Pricer(window, QuoteGraph.build(self._rules.edges), self._rules, self._learned)
        for at_ns, events in self._beats():
            clock.set(at_ns)
            window.add([event for event in events if isinstance(event, Quote)])
            window.add_trades([event for event in events if isinstance(event, Trade)])
            yield Step(at_ns, pricer.price(self.markets, clock.now_ns()))

    def rows(self, step: Step) -> list[Row]:
        """The step as rows, one per market."""
        return rows_of(step.at_ns, self.markets, step.estimates, self._rules.minimum_sources)

    def _beats(self) -> Iterator[tuple[int, list[Event]]]:
        """Each step's time with what became known since the step before."""
        events = merged(self._tapes)
        ahead = next(events, None)
        for at_ns in range(self.first_ns, self.last_ns + 1, self.every_ns):
            known: list[Event] = []
            while ahead is not None and ahead.received_at_ns <= at_ns:
                known.append(ahead)
                ahead = next(events, None)
            yield at_ns, known


def with_minimum(rules: Pricing, minimum_sources: int | None) -> Pricing:
    """The rules with another minimum of sources; None leaves them."""
    if minimum_sources is None:
        return rules
    return msgspec.structs.replace(rules, minimum_sources=minimum_sources)
