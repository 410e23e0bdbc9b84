"""Values for voting rounds, as Flare's clients ask for them: asked twice, a round gives the same answer twice.

A round's values are pinned when they are first asked for at or after its commit instant, or when our own voter took
them; a round that nobody asked for is pinned with the values recorded at its end. Before its commit instant a round has
no values of its own, and the newest are given. What was pinned is on disk before it is answered, so a restart changes
nothing. Source: fsp.md section 5(a).
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Protocol

import structlog
from msgspec import Struct, ValidationError, json

from chrono.clock import SECOND_NS, Clock
from chrono.errors import ChronoError
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


class Pins(Protocol):
    """Where answers outlive the process. Fits: voting.journal.Journal."""

    def pin(self, round_id: int, answer: bytes) -> bytes:
        """What is answered for the round, for ever: the first answer, on disk before. Raises: ChronoError."""
        ...

    def pinned(self, round_id: int) -> bytes | None:
        """What was answered for the round; None before it was pinned."""
        ...

    def compact(self, keep_from_round: int, now_ns: int) -> None:
        """Forget older rounds. Raises: ChronoError."""
        ...


class _Kept(Struct, frozen=True):
    """A pin as it stands on disk: values as text, exactly."""

    at_ns: int
    values: dict[str, Decimal]


COMPACT_EVERY = 100
"""Rounds between two looks for what can be forgotten."""

log = structlog.get_logger()


class RoundValues:
    """The seam that a value provider's callers meet. `pinned` may be read from any thread, all else from one."""

    def __init__(
        self,
        board: Board,
        timing: Timing,
        clock: Clock,
        keep: int = 100,
        commit_after_ns: int = COMMIT_AFTER_NS,
        pins: Pins | None = None,
    ) -> None:
        """`pins` keeps the answers over restarts; without it they live in memory."""
        self._board = board
        self._timing = timing
        self._clock = clock
        self._keep = keep
        self._commit_after_ns = commit_after_ns
        self._disk = pins
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
        markets = [market_of(feed) for feed in feeds]
        if round_id == LATEST or self._clock.now_ns() < self._commit_ns(round_id):
            return self._latest(markets)
        pinned = self._pins.get(round_id) or self._from_disk(round_id) or self._pin_now(round_id)
        if pinned is None:
            return [None] * len(markets)
        return [None if market is None else pinned.values.get(market) for market in markets]

    def pinned(self, round_id: int) -> Pinned | None:
        """The values that were pinned for a round; None when there are none (yet, or any more)."""
        return self._pins.get(round_id)

    def adopt(self, round_id: int, at_ns: int, estimates: Sequence[Estimate]) -> None:
        """Our voter took these values for a round: they are its answer, unless another was given already."""
        if round_id not in self._pins and self._from_disk(round_id) is None:
            self._pin(round_id, at_ns, estimates)

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
        if at_ns == begun.commit_window.start_ns:
            self.adopt(ended, at_ns, estimates)

    def _pin(self, round_id: int, at_ns: int, estimates: Sequence[Estimate]) -> Pinned:
        values = {estimate.market: estimate.price for estimate in estimates if estimate.votable}
        pinned = self._keep_pin(self._to_disk(Pinned(round_id, at_ns, values)))
        self._hearers.tell(round_id, estimates)
        return pinned

    def _keep_pin(self, pinned: Pinned) -> Pinned:
        self._pins[pinned.round_id] = pinned
        while len(self._pins) > self._keep:
            del self._pins[min(self._pins)]
        return pinned

    def _from_disk(self, round_id: int) -> Pinned | None:
        """What an earlier process answered for a round."""
        raw = None if self._disk is None else self._disk.pinned(round_id)
        found = None if raw is None else _read(round_id, raw)
        return None if found is None else self._keep_pin(found)

    def _to_disk(self, pinned: Pinned) -> Pinned:
        """The answer as it is kept. A disk that fails costs the memory of it, not the answer."""
        if self._disk is None:
            return pinned
        raw = json.encode(_Kept(pinned.at_ns, {str(market): value for market, value in pinned.values.items()}))
        try:
            kept = self._disk.pin(pinned.round_id, raw)
            if pinned.round_id % COMPACT_EVERY == 0:
                self._disk.compact(pinned.round_id - self._keep, pinned.at_ns)
        except ChronoError as error:
            log.warning("round_not_pinned", round=pinned.round_id, cause=str(error))
            return pinned
        return _read(pinned.round_id, kept) or pinned


def _read(round_id: int, raw: bytes) -> Pinned | None:
    try:
        kept = _KEPT.decode(raw)
    except ValidationError:
        return None  # another version of Chrono wrote it
    return Pinned(round_id, kept.at_ns, {Market(name): value for name, value in kept.values.items()})


_KEPT = json.Decoder(_Kept)


def market_of(feed: FeedId) -> Market | None:
    """The market that a feed is about; None for a custom feed or a name that is no pair."""
    return Market(feed.name) if feed.category in _PRICED and is_market(feed.name) else None
