"""One venue, lived with: its connections, its REST polls, and the watch over both. One supervised part per venue."""

import asyncio
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Final

import structlog

from chrono.clock import SECOND_NS, Clock
from chrono.ingest.venues.books import Books
from chrono.ingest.venues.budget import Allowance
from chrono.ingest.venues.deals import Deals
from chrono.ingest.venues.line import Line
from chrono.ingest.venues.listing import Lister
from chrono.ingest.venues.peers import Peers
from chrono.ingest.venues.poller import Poller
from chrono.ingest.venues.ports import Network
from chrono.ingest.venues.spec import VenueSpec
from chrono.ingest.venues.stalls import REMEDIES, Verdict
from chrono.ingest.venues.words import Said
from chrono.market.names import Market, Venue
from chrono.market.quote import Quote, Trade
from chrono.telemetry import VENUE_FROZEN, VENUE_OFFSET, VENUE_STALLS, VENUE_UNLISTED

LOOKS: Final = 20
"""The watch looks so often within the shorter of the thresholds it keeps."""

SHORTEST_LOOK_S: Final = 0.02
LONGEST_LOOK_S: Final = 2.0

log = structlog.get_logger()


class Connector:
    """A venue and the markets that it is read for. `tell` gets quotes as they become due, `tell_trades` the trades of
    the markets in `trades_of` as they are heard.
    """

    def __init__(
        self,
        spec: VenueSpec,
        markets: Mapping[str, Market],
        *,
        clock: Clock,
        network: Network,
        peers: Peers,
        jitter: Callable[[], float],
        tell: Callable[[list[Quote]], None],
        tell_trades: Callable[[list[Trade]], None] = lambda _: None,
        trades_of: Container[Market] | None = None,
    ) -> None:
        self.spec = spec
        venue = Venue(spec.name)
        self._deals = None if trades_of is None else Deals(venue, trades_of)
        self.books = Books(venue, markets, spec.frozen_s, self._deals)
        self.lines: list[Line] = []
        self.heard_at_ns: int | None = None
        self.quotes = 0
        self._clock = clock
        self._network = network
        self._peers = peers
        self._jitter = jitter
        self._tell = tell
        self._tell_trades = tell_trades
        self._symbols = list(markets)
        self._requests = Allowance(spec.rest.budget)
        self.lister = Lister(
            spec,
            self._symbols,
            clock=clock,
            network=network,
            requests=self._requests,
            jitter=jitter,
            tell=self._relist,
        )
        self.poller = Poller(
            spec,
            clock=clock,
            network=network,
            requests=self._requests,
            jitter=jitter,
            wanted=self.wanted,
            hear=self._hear_rest,
            most_left_out=max(1, len(markets) // 2),
        )
        stream = spec.stream
        self._frames = None if stream is None else Allowance(stream.frames)
        self._connections = None if stream is None else Allowance(stream.connections)
        look_s = min(spec.frozen_s, spec.quotes_late_s) / LOOKS
        self._frozen_ns = int(spec.frozen_s * SECOND_NS)
        self._quiet_ns = int(spec.quiet_s * SECOND_NS)
        self._look_s = min(max(look_s, SHORTEST_LOOK_S), LONGEST_LOOK_S)

    async def run(self) -> None:
        """Live with the venue, for ever. A crash of one of its parts ends all of them: the supervisor begins anew.

        Its instrument list is read first: one symbol that is gone could cost the subscription and the first tickers.
        """
        self.lines = self._split()
        self._relist(self.lister.unlisted)
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self.lister.run())
            await self.lister.first()
            for line in self.lines:
                parts.create_task(line.run())
            parts.create_task(self.poller.run())
            parts.create_task(self._watch())

    def due(self, now_ns: int) -> list[Quote]:
        """The quotes whose turn has come."""
        quotes = self.books.due(now_ns)
        self._note(quotes, now_ns)
        return quotes

    def wanted(self) -> Sequence[str]:
        """The symbols that REST is asked for: all but those which a healthy stream speaks of.

        Quiet books of a healthy stream are asked for in their own, slower time: a bulk answer is large.
        """
        now_ns = self._clock.monotonic_ns()
        books = self.books.by_symbol
        streamed = {symbol for line in self.lines if line.is_healthy for symbol in line.machine.symbols}
        away = [symbol for symbol, book in books.items() if symbol not in streamed or book.left_out]
        answered_ns = self.poller.answered_ns
        if away or answered_ns is None or now_ns - answered_ns >= self._quiet_ns:
            return [*away, *(s for s in books if s not in away and now_ns - books[s].streamed_ns >= self._quiet_ns)]
        return away

    def frozen(self) -> list[str]:
        """The symbols that are left out because they rest while the market moves."""
        return [symbol for symbol, book in self.books.by_symbol.items() if Verdict.FROZEN in book.left_out]

    def unlisted(self) -> list[str]:
        """The symbols that the venue does not list, or that its stream or REST refused as such."""
        refused = {symbol for line in self.lines for symbol in line.machine.unlisted}
        return sorted(self.lister.unlisted | refused | set(self.poller.left_out))

    def _split(self) -> list[Line]:
        """The symbols over as few connections as the venue allows."""
        stream, symbols = self.spec.stream, self._symbols
        if stream is None or self._frames is None or self._connections is None:
            return []
        size = stream.symbols_per_connection
        return [
            Line(
                self.spec,
                symbols[at : at + size],
                clock=self._clock,
                network=self._network,
                frames=self._frames,
                connections=self._connections,
                requests=self._requests,
                jitter=self._jitter,
                hear=self._hear_line,
                lost=self._lost,
            )
            for at in range(0, len(symbols), size)
        ]

    def _relist(self, unlisted: frozenset[str]) -> None:
        """The venue's list has changed: leave out what is not on it, and take back what is."""
        back = self.books.set_aside(unlisted)
        for line in self.lines:
            line.relist(self.books.by_symbol, back)
        self.poller.take_back(back)
        VENUE_UNLISTED.labels(self.spec.name).set(len(unlisted))
        if back:
            self.poller.hurry()

    def _hear_line(self, line: Line, said: list[Said]) -> None:
        received_at_ns, now_ns = self._clock.now_ns(), self._clock.monotonic_ns()
        self.heard_at_ns = received_at_ns
        quotes = self.books.hear(said, received_at_ns, now_ns, scope=line.machine.symbols, lag=line.lag)
        if quotes:
            self._note(quotes, now_ns)
            self._tell(quotes)
        if self._deals is not None and (trades := self._deals.taken()):
            self._tell_trades(trades)

    def _hear_rest(self, said: list[Said]) -> None:
        received_at_ns, now_ns = self._clock.now_ns(), self._clock.monotonic_ns()
        self.heard_at_ns = received_at_ns
        quotes = self.books.hear(said, received_at_ns, now_ns, by_rest=True)
        if quotes:
            self._note(quotes, now_ns)
            self._tell(quotes)

    def _note(self, quotes: list[Quote], now_ns: int) -> None:
        self.quotes += len(quotes)
        for quote in quotes:
            self._peers.hear(quote.venue, quote.market, quote.price, now_ns)

    def _lost(self, line: Line) -> None:
        self.books.forget_offers(line.machine.symbols)
        self.books.take_back(line.machine.symbols, Verdict.LAGGING)
        self.poller.hurry()

    async def _watch(self) -> None:
        """Look for books that freeze and clocks that lag."""
        while True:
            await self._clock.sleep(self._look_s)
            now_ns = self._clock.monotonic_ns()
            for line in self.lines:
                self._watch_clock(line, now_ns)
            self._watch_books(now_ns)
            VENUE_FROZEN.labels(self.spec.name).set(len(self.frozen()))

    def _watch_clock(self, line: Line, now_ns: int) -> None:
        was_late = line.lag.is_late
        is_late = line.lag.judge(now_ns)
        if line.lag.offset_ms is not None:
            VENUE_OFFSET.labels(self.spec.name).set(line.lag.offset_ms / 1000)
        if is_late:
            self.books.leave_out(line.machine.symbols, Verdict.LAGGING)
            if not was_late:
                self._found(Verdict.LAGGING, line.machine.symbols)
        else:
            self.books.take_back(line.machine.symbols, Verdict.LAGGING)

    def _watch_books(self, now_ns: int) -> None:
        venue = self.books.venue
        for symbol, book in self.books.by_symbol.items():
            if now_ns - book.streamed_ns > self._frozen_ns:
                # Nothing is said of it: that is not frozen but silent, and nothing of it is told either.
                continue
            is_frozen = book.standing.judge(now_ns, self._peers.of_others(book.market, venue, now_ns))
            if is_frozen and Verdict.FROZEN not in book.left_out:
                self.books.leave_out((symbol,), Verdict.FROZEN)
                self._found(Verdict.FROZEN, (symbol,))
            elif not is_frozen:
                book.left_out.discard(Verdict.FROZEN)

    def _found(self, verdict: Verdict, symbols: Sequence[str]) -> None:
        VENUE_STALLS.labels(self.spec.name, verdict.value).inc()
        log.warning(
            "venue_stalled",
            venue=self.spec.name,
            verdict=verdict.value,
            remedy=REMEDIES[verdict].value,
            symbols=list(symbols[:5]),
        )
        self.poller.hurry()
