"""Whatever readers do and whenever they stop: seq has no gap, rev never goes back, the newest value arrives."""

import json
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from chrono.clock import MS_NS, ManualClock
from chrono.settings import Stream
from tests.fakes.streams import AT_NS, GOOD_KEY, Board, KeptOutlet, a_hub, a_quote, an_estimate

MARKETS = ("BTC/USD", "ETH/USD")
VENUES = ("binance", "kraken")
NUMBERED = ("snapshot", "price_update", "ftso_submission")

markets = st.lists(st.sampled_from(MARKETS), min_size=1, max_size=2, unique=True)

values = st.lists(st.tuples(st.sampled_from(MARKETS), st.sampled_from(VENUES)), min_size=1, max_size=5)


class Reader:
    """One reader and what it may expect."""

    def __init__(self, outlet: KeptOutlet) -> None:
        self.outlet = outlet
        self.prices: set[str] = set()
        self.quotes: dict[str, int] = {}  # since which count of values quotes of a market are owed
        self.left = False


class Streams(RuleBasedStateMachine):
    """Publishes, subscriptions, stalls, slices and departures in any order."""

    readers = Bundle("readers")

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.board = ManualClock(AT_NS), Board()
        self.later: list[Any] = []
        self.hub = a_hub(self.clock, self.board, Stream(stall_s=1e6, heartbeat_interval_s=1e6), defer=self.later.append)
        self.everybody: list[Reader] = []
        self.count = 0
        self.newest_quote: dict[tuple[str, str], str] = {}

    def _next(self) -> str:
        self.count += 1
        self.clock.advance(MS_NS)
        return str(self.count)

    def _say(self, reader: Reader, **frame: Any) -> None:
        self.clock.advance(1_000 * MS_NS)
        assert reader.outlet.connection is not None
        self.hub.receive(reader.outlet.connection, json.dumps(frame))

    @rule(target=readers, symbols=markets, sources=st.none() | st.booleans(), room=st.none() | st.integers(0, 6))
    def come(self, symbols: list[str], sources: bool | None, room: int | None) -> Reader:
        reader = Reader(KeptOutlet())
        self.hub.open(reader.outlet, "test", GOOD_KEY)
        self.everybody.append(reader)
        self.subscribe(reader, symbols, sources)
        reader.outlet.make_room(room)
        return reader

    @rule(reader=readers, symbols=markets, sources=st.none() | st.booleans())
    def subscribe(self, reader: Reader, symbols: list[str], sources: bool | None) -> None:
        self._say(reader, action="subscribe", symbols=symbols, sources=sources)
        reader.prices |= set(symbols)
        for market in symbols:
            # A snapshot takes the place of whatever waits of its market.
            if sources or (sources is None and market in reader.quotes):
                reader.quotes[market] = self.count
            else:
                reader.quotes.pop(market, None)

    @rule(reader=readers)
    def subscribe_all(self, reader: Reader) -> None:
        self._say(reader, action="subscribe", symbols=["*"])
        reader.prices |= set(MARKETS)
        reader.quotes = dict.fromkeys(reader.quotes, self.count)

    @rule(reader=readers, symbols=markets)
    def unsubscribe(self, reader: Reader, symbols: list[str]) -> None:
        self._say(reader, action="unsubscribe", symbols=["*"])
        self._say(reader, action="subscribe", symbols=symbols)
        reader.prices, reader.quotes = set(symbols), {}

    @rule(pairs=values, symbols=markets)
    def quotes_and_prices(self, pairs: list[tuple[str, str]], symbols: list[str]) -> None:
        self.quote(pairs)
        self.price(symbols)
        self.quote(pairs)

    @rule(symbols=markets)
    def price(self, symbols: list[str]) -> None:
        made = [an_estimate(market, price=self._next(), at_ns=self.clock.now_ns()) for market in symbols]
        self.board.put(self.hub, *made)

    @rule(pairs=values)
    def quote(self, pairs: list[tuple[str, str]]) -> None:
        made = [a_quote(market, venue, self._next(), self.clock.now_ns()) for market, venue in pairs]
        self.newest_quote.update({(q.market, q.venue): str(q.price) for q in made})
        self.hub.publish_quotes(made)

    @rule(reader=readers, room=st.none() | st.integers(0, 5))
    def read(self, reader: Reader, room: int | None) -> None:
        reader.outlet.make_room(room)

    @rule()
    def turn(self) -> None:
        if self.later:
            self.later.pop(0)()

    @rule(reader=consumes(readers))
    def leave(self, reader: Reader) -> None:
        reader.left = True
        assert reader.outlet.connection is not None
        self.hub.left(reader.outlet.connection)

    @invariant()
    def seq_has_no_gap(self) -> None:
        for reader in self.everybody:
            seqs = [f["seq"] for f in (*reader.outlet.frames, *reader.outlet.waiting) if f["type"] in NUMBERED]
            assert seqs == list(range(1, len(seqs) + 1))

    @invariant()
    def rev_never_goes_back(self) -> None:
        for reader in self.everybody:
            seen: dict[str, int] = {}
            for frame in reader.outlet.frames:
                rows = frame["data"] if frame["type"] == "snapshot" else [frame["data"]] if "data" in frame else []
                for row in rows:
                    assert row["rev"] >= seen.get(row["symbol"], 0)
                    seen[row["symbol"]] = row["rev"]

    def teardown(self) -> None:
        """When all read again, each has the newest of what it subscribes, and nobody is held who left."""
        while self.later:
            self.later.pop(0)()
        for reader in self.everybody:
            before = len(reader.outlet.frames)
            reader.outlet.make_room(None)
            if reader.left:
                assert not [f for f in reader.outlet.frames[before:] if f["type"] == "price_update"][16:]
                continue
            self._has_the_newest(reader)
        assert self.hub.connections == sum(not reader.left for reader in self.everybody)

    def _has_the_newest(self, reader: Reader) -> None:
        shown: dict[str, str] = {}
        for frame in reader.outlet.frames:
            rows = frame["data"] if frame["type"] == "snapshot" else [frame["data"]] if "data" in frame else []
            shown.update({row["symbol"]: row["price"] for row in rows if row["source"] == "aggregated"})
        for market in reader.prices & set(self.board.estimates):
            assert shown[market] == str(self.board.estimates[market].price)  # type: ignore[index]
        for (market, venue), newest in self.newest_quote.items():
            sent = [
                int(frame["data"]["price"])
                for frame in reader.outlet.of("price_update")
                if (frame["data"]["symbol"], frame["data"]["source"]) == (market, venue)
            ]
            assert sent == sorted(sent)
            if market in reader.quotes and int(newest) > reader.quotes[market]:
                assert sent[-1] == int(newest)


Streams.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestStreams = pytest.mark.timeout(600)(Streams.TestCase)
