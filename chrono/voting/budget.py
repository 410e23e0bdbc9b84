"""How many misses a reward epoch still forgives: hits counted round by round, against what the anchor condition asks.

The tally also holds the FDC's rounds, for `budget_fdc`. Source: fsp.md section 7, "Minimal conditions": of all rounds
times all feeds of the epoch, 80 % must hit.
"""

from threading import Lock
from typing import Final

from msgspec import Struct

from chrono.flare.frames import FTSO
from chrono.flare.rewards.minimal_conditions import ANCHOR_HITS_PPM
from chrono.flare.units import PPM

_KEPT_REWARD_EPOCHS: Final = 3


class Hits(Struct, frozen=True):
    """What was counted of a reward epoch: rounds, and of their values those that hit."""

    rounds: int = 0
    values: int = 0
    hits: int = 0


class CountedRound(Struct, frozen=True):
    """One round, as it was counted."""

    reward_epoch_id: int
    round_id: int
    hits: int
    values: int


class AnchorBudget(Struct, frozen=True, kw_only=True):
    """A reward epoch against the anchor condition. All but `rounds` and `rounds_over` count values: rounds x feeds."""

    rounds: int
    """Of the whole reward epoch."""
    rounds_over: int
    feeds: int
    counted: Hits

    @property
    def possible(self) -> int:
        """All values of the epoch."""
        return self.rounds * self.feeds

    @property
    def needed(self) -> int:
        """How many of them must hit."""
        return -(-self.possible * ANCHOR_HITS_PPM // PPM)

    @property
    def missed(self) -> int:
        """How many are known to have missed."""
        return self.counted.values - self.counted.hits

    @property
    def uncounted(self) -> int:
        """How many values of rounds that are over nobody here has counted: the process was not there."""
        return max(self.rounds_over - self.counted.rounds, 0) * self.feeds

    @property
    def most_left(self) -> int:
        """How many may still miss if everything uncounted hit; below 0, the condition has failed."""
        return self.possible - self.needed - self.missed

    @property
    def least_left(self) -> int:
        """How many may still miss even if everything uncounted missed."""
        return self.most_left - self.uncounted

    @property
    def left(self) -> int | None:
        """How many may still miss, for sure; None when too much is uncounted to say so."""
        if self.most_left < 0:
            return 0
        return self.least_left if self.least_left >= 0 else None

    @property
    def rounds_left(self) -> int | None:
        """How many whole rounds may still be missed, for sure."""
        return None if self.left is None else self.left // max(self.feeds, 1)


class HitTally:
    """Hits by protocol, reward epoch and round. May be told and asked from any thread.

    For the FTSO a value is one feed of a round; for the FDC, a round in which it rewarded anyone.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._epochs: dict[int, dict[tuple[int, int], tuple[int, int]]] = {}

    def count(self, reward_epoch_id: int, round_id: int, *, hits: int, values: int, protocol_id: int = FTSO) -> None:
        """A round is over, with so many values of which so many hit. Told again, the last telling holds."""
        with self._lock:
            self._epochs.setdefault(reward_epoch_id, {})[protocol_id, round_id] = (hits, values)
            while len(self._epochs) > _KEPT_REWARD_EPOCHS:
                del self._epochs[min(self._epochs)]

    def of(self, reward_epoch_id: int, before_round: int | None = None, protocol_id: int = FTSO) -> Hits:
        """What was counted of a reward epoch; only rounds before `before_round`, if given."""
        with self._lock:
            rounds = dict(self._epochs.get(reward_epoch_id, {}))
        told = [
            each
            for (protocol, round_id), each in rounds.items()
            if protocol == protocol_id and (before_round is None or round_id < before_round)
        ]
        return Hits(len(told), sum(values for _, values in told), sum(hits for hits, _ in told))

    def rounds(self, protocol_id: int = FTSO) -> tuple[CountedRound, ...]:
        """Every round that was counted for a protocol."""
        with self._lock:
            return tuple(
                CountedRound(epoch, round_id, hits, values)
                for epoch, counted in self._epochs.items()
                for (protocol, round_id), (hits, values) in counted.items()
                if protocol == protocol_id
            )

    def holds(self, reward_epoch_id: int, round_id: int, protocol_id: int = FTSO) -> bool:
        """Whether the round was counted."""
        with self._lock:
            return (protocol_id, round_id) in self._epochs.get(reward_epoch_id, {})
