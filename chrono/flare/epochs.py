"""Voting epochs, voting rounds and reward epochs: which duty a moment belongs to. Source: fsp.md section 1.

A moment is in nanoseconds since 1970 UTC; on chain it is the time of a block, never a local clock. Every window is
half-open, and exact at its edges.
"""

from collections.abc import Iterable

from msgspec import Struct

from chrono.clock import SECOND_NS

VOTING_EPOCH_S = 90
REVEAL_WINDOW_S = 45
SIGNATURE_GRACE_S = 15
"""Signatures within this time after the reveal window are rewarded, whenever the round is finalised."""

FINALISATION_GRACE_S = 20
"""Only the selected finalise within this time after the reveal window; its last instant belongs to it."""

POLICY_DELAY_ROUNDS = 3
"""A signing policy starts this many whole rounds after the one it is initialised in, or later."""

REWARD_EPOCH_ROUNDS = {"flare": 3360, "songbird": 3360, "coston": 240, "coston2": 240}
FIRST_ROUND_START_S = {
    "flare": 1_658_430_000,
    "songbird": 1_658_429_955,
    "coston": 1_658_429_955,
    "coston2": 1_658_430_000,
}


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
    first_reward_epoch_round: int = 0
    """The round with which reward epoch 0 begins by the calendar."""

    @classmethod
    def of(cls, network: str) -> "Timing":
        """The calendar of flare, songbird, coston or coston2. Raises: KeyError for another name."""
        return cls(FIRST_ROUND_START_S[network], REWARD_EPOCH_ROUNDS[network])

    def epoch_at(self, at_ns: int) -> "VotingEpoch":
        """The voting epoch that holds `at_ns`; ids before the first are negative."""
        return VotingEpoch((at_ns // SECOND_NS - self.first_start_s) // self.epoch_s, self)

    def round_at(self, at_ns: int) -> "VotingRound":
        """The round whose voting epoch holds `at_ns`."""
        return self.epoch_at(at_ns).round

    def reward_epoch_at(self, at_ns: int) -> "RewardEpoch":
        """The reward epoch of `at_ns` by the calendar; the real one may start later (`reward_epoch_of`)."""
        return RewardEpoch(self.round_at(at_ns).expected_reward_epoch, self)


class VotingEpoch(Struct, frozen=True, order=True):
    """One window of (everywhere but on a local chain) 90 s."""

    id: int
    timing: Timing

    @property
    def start_s(self) -> int:
        """Its first second."""
        return self.timing.first_start_s + self.id * self.timing.epoch_s

    @property
    def span(self) -> Span:
        """All of it; the epochs tile time."""
        return Span(self.start_s * SECOND_NS, (self.start_s + self.timing.epoch_s) * SECOND_NS)

    @property
    def round(self) -> "VotingRound":
        """The round that opens with this epoch."""
        return VotingRound(self.id, self.timing)


class VotingRound(Struct, frozen=True, order=True):
    """One anchor vote: opens with the voting epoch of its number, and is revealed, signed and finalised in the next."""

    id: int
    timing: Timing

    @property
    def epoch(self) -> VotingEpoch:
        """The voting epoch of the same number."""
        return VotingEpoch(self.id, self.timing)

    @property
    def commit_window(self) -> Span:
        """Block times at which submit1 of this round counts: its whole voting epoch."""
        return self.epoch.span

    @property
    def reveal_window(self) -> Span:
        """Block times at which submit2 of this round counts: the first 45 s of the next epoch."""
        # Round n begins with epoch n, but its reveal falls into epoch n + 1.
        start = self.commit_window.end_ns
        return Span(start, start + self.timing.reveal_s * SECOND_NS)

    @property
    def signature_window(self) -> Span:
        """Block times at which submitSignatures may be rewarded: from the reveal deadline to the next epoch's end.

        This is the code's window, not the 10 s that the written specification has. Source: fsp.md sections 0.8 and 1.
        """
        return Span(self.reveal_window.end_ns, VotingEpoch(self.id + 1, self.timing).span.end_ns)

    @property
    def signature_grace(self) -> Span:
        """Block times at which a signature is rewarded however early the round was finalised."""
        start = self.reveal_window.end_ns
        return Span(start, start + SIGNATURE_GRACE_S * SECOND_NS)

    @property
    def finalisation_grace(self) -> Span:
        """Block times at which only the selected are rewarded for finalising: [+45 s, +65 s], both included."""
        start = self.reveal_window.end_ns
        return Span(start, start + FINALISATION_GRACE_S * SECOND_NS + 1)

    @property
    def open_finalisation(self) -> Span:
        """Block times at which anyone is rewarded for finalising first: after the grace, to the next epoch's end."""
        return Span(self.finalisation_grace.end_ns, self.signature_window.end_ns)

    def rewards_signature(self, at_ns: int, finalised_at_ns: int | None) -> bool:
        """Whether a signature in a block of `at_ns` counts for rewards; `finalised_at_ns` is None if nobody finalised.

        Inside the grace it always does; after it, up to and including the block time of the first successful
        finalisation. Source: fsp.md section 1.
        """
        if at_ns not in self.signature_window:
            # Where epochs are short, the grace may reach beyond them.
            return False
        return at_ns in self.signature_grace or (finalised_at_ns is not None and at_ns <= finalised_at_ns)

    @property
    def expected_reward_epoch(self) -> int:
        """The reward epoch by the calendar; the real one starts with its signing policy."""
        return (self.id - self.timing.first_reward_epoch_round) // self.timing.rounds_per_reward_epoch


class RewardEpoch(Struct, frozen=True, order=True):
    """One signing policy's time, by the calendar."""

    id: int
    timing: Timing

    @property
    def expected_start_round(self) -> int:
        """The round with which it begins if its signing policy is in time."""
        return self.timing.first_reward_epoch_round + self.id * self.timing.rounds_per_reward_epoch

    @property
    def expected_span(self) -> Span:
        """From its first expected round to that of the reward epoch after it."""
        first, last = self.expected_start_round, RewardEpoch(self.id + 1, self.timing).expected_start_round
        return Span(VotingEpoch(first, self.timing).span.start_ns, VotingEpoch(last, self.timing).span.start_ns)

    def start_round(self, initialised_in_round: int) -> int:
        """The round with which it really begins if its signing policy is initialised in `initialised_in_round`.

        Source: fsp.md section 1, `_getStartVotingRoundId` of the contract.
        """
        return max(self.expected_start_round, initialised_in_round + POLICY_DELAY_ROUNDS + 1)


class PolicyStart(Struct, frozen=True, order=True):
    """With which round the signing policy of a reward epoch begins to count, as `SigningPolicyInitialized` says."""

    reward_epoch_id: int
    start_voting_round_id: int


def reward_epoch_of(round_id: int, starts: Iterable[PolicyStart]) -> int | None:
    """The reward epoch of a round: that of the newest policy that has started; None before the first known one."""
    started = [start for start in starts if start.start_voting_round_id <= round_id]
    return max(started).reward_epoch_id if started else None
