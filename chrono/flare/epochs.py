"""Voting epochs and rounds: which 90 seconds a moment belongs to. Source: fsp.md section 1."""

from msgspec import Struct

from chrono.clock import SECOND_NS

VOTING_EPOCH_S = 90
REVEAL_WINDOW_S = 45
REWARD_EPOCH_ROUNDS = {"flare": 3360, "songbird": 3360, "coston": 240, "coston2": 240}
FIRST_ROUND_START_S = {
    "flare": 1_658_430_000,
    "songbird": 1_658_429_955,
    "coston": 1_658_429_955,
    "coston2": 1_658_430_000,
}
CHAIN_ID = {"flare": 14, "songbird": 19, "coston": 16, "coston2": 114}


class Span(Struct, frozen=True, order=True):
    """Half-open time: `start_ns` belongs to it, `end_ns` does not."""

    start_ns: int
    end_ns: int

    def __contains__(self, at_ns: int) -> bool:
        return self.start_ns <= at_ns < self.end_ns


class Timing(Struct, frozen=True, order=True):
    """One network's voting calendar, in whole seconds since 1970 UTC."""

    first_start_s: int
    rounds_per_reward_epoch: int
    epoch_s: int = VOTING_EPOCH_S
    reveal_s: int = REVEAL_WINDOW_S

    @classmethod
    def of(cls, network: str) -> "Timing":
        """The calendar of flare, songbird, coston or coston2. Raises: KeyError for another name."""
        return cls(FIRST_ROUND_START_S[network], REWARD_EPOCH_ROUNDS[network])

    def round_at(self, at_ns: int) -> "VotingRound":
        """The round whose voting epoch holds `at_ns`."""
        return VotingRound((at_ns // SECOND_NS - self.first_start_s) // self.epoch_s, self)


class VotingRound(Struct, frozen=True, order=True):
    """One anchor vote: opens with the voting epoch of its number, reveals in the next."""

    id: int
    timing: Timing

    @property
    def commit_window(self) -> Span:
        """Block times at which submit1 of this round counts: its whole voting epoch."""
        start = (self.timing.first_start_s + self.id * self.timing.epoch_s) * SECOND_NS
        return Span(start, start + self.timing.epoch_s * SECOND_NS)

    @property
    def reveal_window(self) -> Span:
        """Block times at which submit2 of this round counts: the first 45 s of the next epoch."""
        # Round n begins with epoch n, but its reveal falls into epoch n + 1.
        start = self.commit_window.end_ns
        return Span(start, start + self.timing.reveal_s * SECOND_NS)

    @property
    def expected_reward_epoch(self) -> int:
        """The reward epoch by the calendar; the real one starts with its signing policy."""
        return self.id // self.timing.rounds_per_reward_epoch
