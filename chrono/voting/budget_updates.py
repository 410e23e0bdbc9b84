"""Fast updates of the reward epoch that runs: those that the chain took, and how many of ours may still be missing.

How many everybody makes is drawn by lot, so what the epoch will ask is known only in share: what is left counts on its
rest to go as its rounds so far. Source: fsp.md section 7, "Minimal conditions": 80 % of the weight-expected updates.
"""

from collections import defaultdict

from msgspec import Struct

from chrono.errors import Reason
from chrono.flare.address import Address
from chrono.flare.rewards.minimal_conditions import FastUpdateDuty
from chrono.flare.units import PPM


class Updates(Struct, frozen=True):
    """Updates that the chain took in the first `rounds` rounds of a reward epoch."""

    rounds: int = 0
    made: int = 0
    """By us,"""
    by_all: int = 0
    """and by everybody, us included."""


class UpdateTally:
    """The updates of one reward epoch by round. `signing` is our signing policy address in it."""

    def __init__(self, reward_epoch_id: int, first_round: int, signing: Address) -> None:
        self.reward_epoch_id = reward_epoch_id
        self.first_round = first_round
        self.signing = signing
        self._made: defaultdict[int, int] = defaultdict(int)
        self._by_all: defaultdict[int, int] = defaultdict(int)

    def count(self, round_id: int, signing: Address) -> None:
        """One update was taken in a round. Each is told once; those of other reward epochs are passed over by `of`."""
        self._by_all[round_id] += 1
        self._made[round_id] += signing == self.signing

    def of(self, before_round: int) -> Updates:
        """What the rounds from the first of the epoch up to `before_round` come to."""
        rounds = range(self.first_round, before_round)
        made = sum(self._made.get(each, 0) for each in rounds)
        return Updates(len(rounds), made, sum(self._by_all.get(each, 0) for each in rounds))


class UpdatesSeen(Struct, frozen=True, kw_only=True):
    """How far the updates of a reward epoch were read. `reason` says what stands in the way, if anything does."""

    reward_epoch_id: int | None = None
    counted: Updates = Updates()
    reason: Reason | None = None
    blocks_since_last: int | None = None
    """Since one of ours was taken; None before one was seen."""


class FastUpdateBudget(Struct, frozen=True, kw_only=True):
    """A reward epoch against the fast-update condition, as far as its updates were read."""

    rounds: int
    """Of the whole reward epoch."""
    counted: Updates
    weight: int
    """Ours and everybody's in the signing policy."""
    total_weight: int

    @property
    def duty(self) -> FastUpdateDuty:
        """The condition, if the epoch ended with what was counted."""
        return FastUpdateDuty(self.weight, self.total_weight, self.counted.made, self.counted.by_all)

    @property
    def by_all_at_end(self) -> int:
        """How many updates everybody will have made if the rest of the epoch goes as its rounds so far."""
        return self.counted.by_all * self.rounds // self.counted.rounds if self.counted.rounds else 0

    @property
    def expected(self) -> int:
        """How many of those that were made by now our weight lets expect of us, rounded down for the eye."""
        return self.weight * self.counted.by_all // self.total_weight

    @property
    def enough(self) -> int:
        """How many of ours would be enough, if the epoch ended with what was counted."""
        return -(-self.duty.expected_ppm * self.counted.by_all // PPM)

    @property
    def needed(self) -> int:
        """How many of ours the whole epoch will then ask for."""
        return -(-self.duty.expected_ppm * self.by_all_at_end // PPM)

    @property
    def to_come(self) -> int:
        """How many of the rest our weight lets us draw."""
        return self.weight * (self.by_all_at_end - self.counted.by_all) // self.total_weight

    @property
    def most_left(self) -> int:
        """How many of those to come may be missing; below 0, they will not be enough."""
        return self.counted.made + self.to_come - self.needed

    @property
    def is_asked(self) -> bool:
        """Whether anything is asked of us: we are not too light for it, and somebody updates."""
        return not self.duty.spared and self.counted.by_all > 0

    @property
    def left(self) -> int | None:
        """How many of ours may still be missing; None while nothing is asked of us."""
        return max(self.most_left, 0) if self.is_asked else None
