"""What feeds are worth in a simulation that is given no prices: seeded walks, any time asked for at any moment."""

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Final, TypeAlias

from chrono.clock import SECOND_NS
from chrono.flare.feeds import CRYPTO, Feed, FeedId
from chrono_core import keccak256

Prices: TypeAlias = Callable[[FeedId, int], Decimal | None]
"""What a feed is worth at a time in nanoseconds; None where nobody knows it."""

FEEDS: Final = (
    Feed(FeedId(CRYPTO, "FLR/USD"), 7),
    Feed(FeedId(CRYPTO, "BTC/USD"), 2),
    Feed(FeedId(CRYPTO, "ETH/USD"), 3),
    Feed(FeedId(CRYPTO, "XRP/USD"), 6),
    Feed(FeedId(CRYPTO, "USDT/USD"), 5),
)
_START: Final = {"FLR/USD": "0.02", "BTC/USD": "90000", "ETH/USD": "3000", "XRP/USD": "2.2", "USDT/USD": "1"}
_WAVES: Final = ((7.0, 0.0003), (61.0, 0.001), (1801.0, 0.01), (86_413.0, 0.03))
"""Periods in seconds, and how far each moves a price."""


class Waves:
    """Prices that swing in several waves, each feed and seed with other phases."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._known: dict[FeedId, tuple[Decimal, tuple[float, ...]]] = {}

    def __call__(self, feed: FeedId, at_ns: int) -> Decimal:
        """What a feed is worth at that time."""
        if feed not in self._known:
            self._known[feed] = self._start(feed)
        start, phases = self._known[feed]
        at_s = at_ns / SECOND_NS
        turns = zip(_WAVES, phases, strict=True)
        moved = sum(size * math.sin(2 * math.pi * (at_s / period + phase)) for (period, size), phase in turns)
        return start * (10**9 + round(moved * 10**9)) / 10**9

    def _start(self, feed: FeedId) -> tuple[Decimal, tuple[float, ...]]:
        drawn = keccak256(f"{self._seed} {feed.name}".encode())
        start = Decimal(_START.get(feed.name) or 1 + int.from_bytes(drawn[:2], "big") % 500)
        return start, tuple(byte / 256 for byte in drawn[2 : 2 + len(_WAVES)])
