"""Snapshots of the market: whole, with their age, and nothing when that is too great."""

from decimal import Decimal

from chrono.clock import SECOND_NS, ManualClock
from chrono.errors import TOO_FEW_SOURCES
from chrono.flare.feeds import CRYPTO, FeedId
from chrono.market.names import Market
from chrono.provider.snapshots import Snapshots
from tests.fakes.estimating import estimate

FEEDS = [FeedId(CRYPTO, "BTC/USD"), FeedId(CRYPTO, "ETH/USD"), FeedId(0x21, "BTC/USD"), FeedId(CRYPTO, "nonsense")]


def test_values_are_those_that_may_be_voted_with_in_the_order_asked() -> None:
    clock = ManualClock(100 * SECOND_NS)
    snapshots = Snapshots(clock)
    assert snapshots.values(FEEDS) == [None] * 4
    weak = estimate(0, market=Market("ETH/USD"), price="3000", reason=TOO_FEW_SOURCES)
    snapshots.publish([estimate(0, market=Market("BTC/USD"), price="90000"), weak])
    assert snapshots.values(FEEDS) == [Decimal(90000), None, None, None]
    snapshots.publish([estimate(0, market=Market("ETH/USD"), price="3000")])
    assert snapshots.values(FEEDS) == [None, Decimal(3000), None, None]


def test_a_snapshot_of_ten_seconds_ago_counts_and_an_older_one_says_nothing() -> None:
    clock = ManualClock(100 * SECOND_NS)
    snapshots = Snapshots(clock)
    snapshots.publish([estimate(0, market=Market("BTC/USD"), price="90000")])
    clock.advance(10 * SECOND_NS)
    assert snapshots.values(FEEDS[:1]) == [Decimal(90000)]
    clock.advance(1)
    assert snapshots.values(FEEDS[:1]) == [None]
    assert snapshots.newest is None
