"""Values for voting rounds, as Flare's clients ask for them: asked twice, a round gives the same answer twice.

A round's values are pinned when they are first asked for at or after its commit instant; a round that nobody asked
for is pinned with the values recorded at its end. Before its commit instant a round has no values of its own, and
the newest are given. Source: fsp.md section 5(a).
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

from msgspec import Struct

from chrono.clock import SECOND_NS, Clock
from chrono.flare.epochs import Timing, VotingRound
from chrono.flare.feeds import COMMODITY, CRYPTO, FOREX, STOCK, FeedId
from chrono.market.names import Market, is_market
from chrono.pricing.board import Board
from chrono.pricing.estimate import Estimate
from chrono.pricing.subscribers import Subscribers

COMMIT_AFTER_NS = 75 * SECOND_NS
"""When the clients fetch the values of a round, counted from its start. Source: fsp.md section 1."""

LATEST = 0
"""The round that stands for "now": the fast-updates client asks for it."""

_PRICED = frozenset({CRYPTO, FOREX, COMMODITY, STOCK})


class Pinned(Struct, frozen=True):
    """The values of one round: every market that was fit to vote with at `at_ns`."""

    round_id: int
    at_ns: int
    values: dict[Market, Decimal]


class RoundValues:
    """The seam that a value provider's callers meet."""

    def __init__(
        self,
        board: Board,
        timing: Timing,
        clock: Clock,
        keep: int = 100,
        commit_after_ns: int = COMMIT_AFTER_NS,
    ) -> None:
        self._board = board
        self._timing = timing
        self._clock = clock
        self._keep = keep
        self._commit_after_ns = commit_after_ns
        self._pins: dict[int, Pinned] = {}
        self._hearers: Subscribers[int, Sequence[Estimate]] = Subscribers()
        board.on_record(self._pin_at_end)

    def on_pinned(self, callback: Callable[[int, Sequence[Estimate]], None]) -> None:
        """Hear of a round when it is pinned, with the estimates (and their evidence) that its values are."""
        self._hearers.add(callback)

    def values(self, round_id: int, feeds: Sequence[FeedId]) -> list[Decimal | None]:
        """Our value of each feed, in the order asked; None where none is fit to vote with.

        Shapes: (n,) to (n,). `round_id` 0 means now, and so does a round whose commit instant has not come. A past
        round of which nothing was kept gives None for each.
        """
        markets = [_market_of(feed) for feed in feeds]
        if round_id == LATEST or self._clock.now_ns() < self._commit_ns(round_id):
            return self._latest(markets)
        pinned = self._pins.get(round_id) or self._pin_now(round_id)
        if pinned is None:
            return [None] * len(markets)
        return [None if market is None else pinned.values.get(market) for market in markets]

    def pinned(self, round_id: int) -> Pinned | None:
        """The values that were pinned for a round; None when there are none (yet, or any more)."""
        return self._pins.get(round_id)

    def _latest(self, markets: Sequence[Market | None]) -> list[Decimal | None]:
        found = self._board.estimate_now([market for market in markets if market is not None])
        votable = {market: estimate.price for market, estimate in found.items() if estimate.votable}
        return [None if market is None else votable.get(market) for market in markets]

    def _commit_ns(self, round_id: int) -> int:
        return VotingRound(round_id, self._timing).commit_window.start_ns + self._commit_after_ns

    def _pin_now(self, round_id: int) -> Pinned | None:
        """Pin a round that is still running; a past one cannot be told any more."""
        now_ns = self._clock.now_ns()
        if now_ns not in VotingRound(round_id, self._timing).commit_window:
            return None
        return self._pin(round_id, now_ns, self._board.snapshot(now_ns))

    def _pin_at_end(self, estimates: Sequence[Estimate]) -> None:
        """Take the record made at a round's end for its values, if it has none."""
        at_ns = estimates[0].at_ns
        begun = self._timing.round_at(at_ns)
        ended = begun.id - 1
        if at_ns == begun.commit_window.start_ns and ended not in self._pins:
            self._pin(ended, at_ns, estimates)

    def _pin(self, round_id: int, at_ns: int, estimates: Sequence[Estimate]) -> Pinned:
        values = {estimate.market: estimate.price for estimate in estimates if estimate.votable}
        pinned = self._pins[round_id] = Pinned(round_id, at_ns, values)
        while len(self._pins) > self._keep:
            del self._pins[min(self._pins)]
        self._hearers.tell(round_id, estimates)
        return pinned


def _market_of(feed: FeedId) -> Market | None:
    """The market that a feed is about; None for a custom feed or a name that is no pair."""
    return Market(feed.name) if feed.category in _PRICED and is_market(feed.name) else None
