"""A trading desk for tests: quotes by age, and a window, a graph and a pricer around them."""

from collections.abc import Mapping
from decimal import Decimal

from chrono.clock import SECOND_NS, US_NS, ManualClock
from chrono.flare.epochs import Timing
from chrono.market.graph import QuoteGraph
from chrono.market.names import Market, Venue
from chrono.market.quote import Quote, Trade
from chrono.pricing.board import Board
from chrono.pricing.consensus import Pricer
from chrono.pricing.estimate import Estimate
from chrono.pricing.rounds import RoundValues
from chrono.pricing.window import Window
from chrono.settings import Pricing

AT_NS = 1_700_000_012 * SECOND_NS
"""12 s after the start of a voting epoch of coston2, and off every full minute."""

COSTON2 = Timing.of("coston2")
VENUES = ("ash", "birch", "cedar", "date", "elm", "fir", "gum")


def quote(
    market: str,
    venue: str,
    price: float | str | Decimal,
    *,
    age_s: float = 1.0,
    volume: str | None = None,
    at_ns: int = AT_NS,
) -> Quote:
    """A quote that was `age_s` old at `at_ns`."""
    quoted_at_ns = at_ns - round(age_s * SECOND_NS) // US_NS * US_NS
    amount = None if volume is None else Decimal(volume)
    return Quote(Venue(venue), Market(market), Decimal(str(price)), amount, quoted_at_ns, quoted_at_ns)


def trade(market: str, venue: str, price: str, *, age_s: float = 1.0, amount: str = "1", sequence: int = 0) -> Trade:
    """A trade that was `age_s` old at AT_NS."""
    at_ns = AT_NS - round(age_s * SECOND_NS) // US_NS * US_NS
    return Trade(Venue(venue), Market(market), Decimal(price), Decimal(amount), "buy", at_ns, at_ns, sequence)


class Desk:
    """Window, pricer, board and rounds on one manual clock."""

    def __init__(self, edges: tuple[str, ...] = ("USDT/USD", "USDC/USD"), **rules: object) -> None:
        self.rules = Pricing(edges=edges, **rules)  # type: ignore[arg-type]
        self.clock = ManualClock(AT_NS)
        self.window = Window(self.rules.window_s * SECOND_NS)
        self.graph = QuoteGraph.build(edges)
        self.pricer = Pricer(self.window, self.graph, self.rules)
        self.board = Board(self.window, self.pricer, self.clock, COSTON2)
        self.rounds = RoundValues(self.board, COSTON2, self.clock)

    def say(self, market: str, prices: Mapping[str, float | str], *, age_s: float = 1.0) -> None:
        """Each venue quotes `market` once, `age_s` before now."""
        now_ns = self.clock.now_ns()
        self.window.add([quote(market, venue, price, age_s=age_s, at_ns=now_ns) for venue, price in prices.items()])

    def all_say(self, market: str, price: float | str, n: int = 5, *, age_s: float = 1.0) -> None:
        """The first `n` venues quote the same price."""
        self.say(market, dict.fromkeys(VENUES[:n], price), age_s=age_s)

    def price(self, market: str, at_ns: int | None = None) -> Estimate:
        """The value of a market that must have one."""
        at_ns = self.clock.now_ns() if at_ns is None else at_ns
        return self.pricer.price([Market(market)], at_ns).resolved[Market(market)]
