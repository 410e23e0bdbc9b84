"""Trades from the wire of a venue, and from a tape, to the table trades in a real PostgreSQL."""

import asyncio

import pytest

from chrono.clock import SECOND_NS, US_NS, ManualClock, SystemClock
from chrono.ingest.venues.behind import Behind
from chrono.market.names import Market, Venue
from chrono.market.quote import Trade
from chrono.market.tapes import Survey
from chrono.simulation.playing import play
from tests.fakes.venue_house import BTC, house
from tests.fakes.venue_server import running, until


async def stored(store, since_ns, least):
    """The trades in the table since then, once there are so many."""
    found = []
    async with asyncio.timeout(60):
        while len(found) < least:
            found = await store.trades.recent(since_ns)
    return found


@pytest.mark.parametrize("name", ["coinbase", "kraken", "binance"])
async def test_what_a_venue_deals_lies_in_the_table(store, name):
    since_ns = SystemClock().now_ns() - 10 * SECOND_NS
    async with house({name: {}}, write_trades=store.trades.write, trades_of=frozenset([BTC])) as built:
        await until(lambda: len([quote for quote in built.told(name) if quote.volume]) >= 3)
        found = await stored(store, since_ns, 3)
    assert {(trade.venue, trade.market) for trade in found} == {(name, "BTC/USD")}
    assert all(trade.amount > 0 and trade.traded_at_ns % US_NS == 0 for trade in found)
    assert len({(trade.traded_at_ns, trade.sequence) for trade in found}) == len(found)


async def test_the_volume_of_the_quotes_is_that_of_the_trades(store):
    """Nothing is dealt twice, nothing is lost, over a connection that breaks in between."""
    kept = []

    async def write(trades):
        kept.extend(trades)

    async with house({"kraken": {}}, write_trades=write, trades_of=frozenset([BTC])) as built:
        await until(lambda: len(built.told("kraken")) >= 2)
        built.servers["kraken"].hang_up()
        await until(lambda: built.servers["kraken"].handshakes == 2 and built.state("kraken") == "live")
        before = len(kept)
        await until(lambda: len(kept) > before + 2)
        quotes = built.told("kraken")
    last_ns = quotes[-1].received_at_ns
    dealt = sum(trade.amount for trade in kept if trade.received_at_ns <= last_ns)
    assert dealt == sum(quote.volume for quote in quotes if quote.volume is not None)


class Tape:
    """Three trades of one microsecond, as a tape."""

    path, layout, skipped, faults = "made", "made", {}, []

    def __init__(self, trades):
        self._trades = trades

    def survey(self):
        return Survey()

    def slices(self):
        yield list(self._trades)


async def test_every_single_trade_of_a_played_tape_lies_in_the_table(store, now_ns):
    at_ns, clock = now_ns - 3600 * SECOND_NS, ManualClock(now_ns)
    said = [Trade(Venue("ash"), Market("X/USD"), n, n, "sell", at_ns, at_ns + 40_000, n) for n in (1, 2, 3)]
    behind, quotes = Behind(store.trades.write, clock, "trades"), []

    async def sink(batch):
        quotes.extend(batch)

    async with running(lambda: play(Tape(said), clock, sink, keep=behind.add), behind.run):
        await until(lambda: len(quotes) == 1)
        clock.advance(SECOND_NS)
        found = await stored(store, now_ns - SECOND_NS, 3)
    assert [(trade.price, trade.amount, trade.side, trade.sequence) for trade in found[:3]] == [
        (n, n, "sell", n) for n in (1, 2, 3)
    ]
    assert {now_ns - trade.traded_at_ns for trade in found[:3]} == {40_000}
    assert quotes[0].volume == 6
