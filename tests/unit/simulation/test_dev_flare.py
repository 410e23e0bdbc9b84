"""The network of `chrono dev`: it votes on what its market prices, from the round in which it begins."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from types import SimpleNamespace

from chrono.clock import SECOND_NS, ManualClock
from chrono.flare.feeds import FeedId
from chrono.simulated_flare import EPOCH_S, DevFlare, all_feeds, simulated_feeds
from chrono.simulation.flare.network import SimulatedFlare
from chrono.simulation.market import SimulatedMarket

START_NS = 1_800_000_004 * SECOND_NS


def priced(feeds: Sequence[FeedId]) -> list[Decimal | None]:
    return [None if feed.name == "DOT/USD" else Decimal("3.5") for feed in feeds]


async def begun(clock: ManualClock) -> SimulatedFlare:
    crossing = SimpleNamespace(market=priced, values=None, reports=None, tally=None)
    async with DevFlare(clock, simulated=True)(crossing) as begun:  # type: ignore[arg-type]
        ((_, run),) = begun.besides
        return run.__self__  # type: ignore[attr-defined, no-any-return]


def test_the_simulated_market_prices_every_feed_that_is_voted_on() -> None:
    quoted = {market.partition("/")[0] for market in SimulatedMarket(1, START_NS).markets()}
    assert {feed.id.name.removesuffix("/USD") for feed in simulated_feeds()} <= quoted
    assert len(simulated_feeds()) == 22
    assert len(all_feeds()) == 63


def test_the_others_vote_in_the_round_that_runs_and_say_nothing_where_the_market_does() -> None:
    clock = ManualClock(START_NS)
    flare = asyncio.run(begun(clock))
    current = flare.network.timing.round_at(START_NS)
    for _ in range(2 * EPOCH_S):
        clock.advance(SECOND_NS)
        flare.step(clock.now_ns())
    outcome = flare.rounds.outcome(current.id)
    assert outcome is not None
    assert len(outcome.valid) == len(flare.voters)
    assert outcome.result is not None
    unknown = [result.feed.id.name for result in outcome.result.feeds if result.turnout_bips == 0]
    assert unknown == ["DOT/USD"]
