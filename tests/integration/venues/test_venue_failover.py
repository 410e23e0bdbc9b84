"""A source dies: REST takes its place, then the next venue, and the feed has a votable value all the time."""

from chrono.clock import SECOND_NS, SystemClock
from chrono.flare.epochs import Timing
from chrono.ingest.venues.spec import Heartbeat
from chrono.market.graph import QuoteGraph
from chrono.pricing.board import Board
from chrono.pricing.consensus import Pricer
from chrono.pricing.window import Window
from chrono.settings import Pricing
from tests.fakes.venue_house import BTC, house
from tests.fakes.venue_server import until

NAMES = ("kraken", "coinbase", "okx", "kucoin")
WINDOW_S = 3


class Watch:
    """The newest value of the feed, looked at again and again; `gaps` are the looks at which it could not be voted."""

    def __init__(self, built):
        rules = Pricing(window_s=WINDOW_S, minimum_sources=3, edges=())
        window, clock = Window(WINDOW_S * SECOND_NS), SystemClock()
        pricer = Pricer(window, QuoteGraph.build(rules.edges), rules)
        self.board = Board(window, pricer, clock, Timing.of("coston2"))
        self.clock = clock
        self.gaps, self.looks, self.started = [], 0, False
        built.door.on_quotes(window.add)

    def sources(self) -> set[str]:
        """Who counts in the value just now."""
        self.board.refresh(self.clock.now_ns())
        estimate = self.board.latest(BTC)
        votable = estimate is not None and estimate.votable
        if self.started:
            self.looks += 1
            if not votable:
                self.gaps.append(estimate)
        self.started = self.started or votable
        return set() if estimate is None else set(estimate.sources)


async def test_rest_takes_the_place_of_a_dead_stream_and_the_next_venue_that_of_a_dead_venue():
    beat = {"heartbeat": Heartbeat(every_s=0.0, silent_after_s=0.8)}
    async with house(dict.fromkeys(NAMES, beat)) as built:
        watch = Watch(built)
        await until(lambda: watch.sources() == set(NAMES))
        assert watch.started

        kraken = built.servers["kraken"]
        kraken.refuse = (500, {}, b"")
        kraken.stop_reading()
        await until(lambda: watch.sources() and built.report("kraken").by == "rest")
        # After the window's length nothing of the stream counts any more: what counts is REST's.
        asked = kraken.asked
        await until(lambda: watch.sources() and kraken.asked > asked + 2 * WINDOW_S / 0.05)
        assert "kraken" in watch.sources()
        assert built.told("kraken")[-1].volume is None

        kraken.rest_refuses = (500, {}, b"")
        await until(lambda: "kraken" not in watch.sources())
        assert watch.sources() == set(NAMES) - {"kraken"}

        kraken.refuse = kraken.rest_refuses = None
        kraken.dead = False
        await until(lambda: watch.sources() == set(NAMES))
        assert watch.looks > 100
        assert watch.gaps == []
