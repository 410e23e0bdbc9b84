"""The table of yesterday's prices: when it is read, and what a store that is away does to it."""

import asyncio
from collections.abc import Collection, Mapping
from decimal import Decimal

from chrono.clock import SECOND_NS, ManualClock
from chrono.errors import DATABASE_AWAY, ChronoError
from chrono.market.names import Market
from chrono.stream.changes import Changes
from tests.fakes.streams import AT_NS

BTC, ETH = Market("BTC/USD"), Market("ETH/USD")


class History:
    """A store that can be away."""

    def __init__(self) -> None:
        self.away = False
        self.asked: list[set[Market]] = []
        self.read = asyncio.Event()
        self.prices = {BTC: Decimal(100), ETH: Decimal(0)}

    async def day_ago(self, markets: Collection[Market]) -> Mapping[Market, Decimal]:
        self.asked.append(set(markets))
        self.read.set()
        if self.away:
            raise ChronoError(DATABASE_AWAY)
        return {market: self.prices[market] for market in markets}


def a_table(listed: list[Market]) -> tuple[ManualClock, History, Changes]:
    clock, history = ManualClock(AT_NS), History()
    return clock, history, Changes(clock, history.day_ago, lambda: listed)


async def test_a_store_that_is_away_leaves_the_old_table_for_a_quarter_of_an_hour() -> None:
    clock, history, changes = a_table([BTC])
    await changes.refresh()
    history.away = True
    clock.advance(14 * 60 * SECOND_NS)
    await changes.refresh()
    assert changes.percent(BTC, Decimal(99)) == "-1.0000"
    clock.advance(2 * 60 * SECOND_NS)
    await changes.refresh()
    assert changes.percent(BTC, Decimal(99)) is None


async def test_the_table_is_read_each_minute_and_soon_after_a_market_was_listed() -> None:
    listed = [BTC]
    clock, _, changes = a_table(listed)
    assert changes.due
    await changes.refresh()
    clock.advance(59 * SECOND_NS)
    assert not changes.due
    listed.append(ETH)
    assert changes.due
    await changes.refresh()
    assert not changes.due
    clock.advance(61 * SECOND_NS)
    assert changes.due


async def test_a_price_of_zero_is_no_history_and_no_fall_is_shown_as_minus_nothing() -> None:
    _, _, changes = a_table([BTC, ETH])
    await changes.refresh()
    assert changes.percent(ETH, Decimal(1)) is None
    assert changes.percent(BTC, Decimal("99.99999999")) == "0.0000"
    assert changes.percent(BTC, Decimal("1e20")) == "99999999999999999900.0000"


async def test_the_supervised_part_reads_the_table_by_itself() -> None:
    _, history, changes = a_table([BTC])
    part = asyncio.create_task(changes.run())
    async with asyncio.timeout(60):
        await history.read.wait()
    part.cancel()
    assert history.asked == [{BTC}]
