"""What a voter must do in a reward epoch to keep its rewards, and the passes that forgive a failure.

Source: fsp.md section 7, "Minimal conditions"; FTSO-Scaling minimal-conditions.ts and minimal-conditions-constants.ts.
"""

from collections.abc import Collection, Sequence
from enum import Enum

from msgspec import Struct

from chrono.flare.rewards.shares import truncated
from chrono.flare.units import COIN_GWEI, PPM

ANCHOR_BAND_PPM = 5000
"""A value hits when it is at most 0.5 % away from the median."""

ANCHOR_HITS_PPM = 800_000
"""Of rounds times feeds."""

FAST_UPDATES_PPM = 800_000
"""Of the updates that the voter's weight lets expect."""

FAST_UPDATES_SPARED_PPM = 2000
"""Voters with less than 0.2 % of the weight are not held to fast updates."""

FDC_ROUNDS_PPM = 600_000
"""Of the rounds in which FDC rewarded anyone."""

UPTIME_STAKE_PPM = 800_000
"""Of the voter's stake, on nodes that were up."""

LEAST_SELF_BOND_GWEI = 10**6 * COIN_GWEI
LEAST_SELF_BOND_FOR_PASS_GWEI = 3 * 10**6 * COIN_GWEI
LEAST_STAKE_FOR_PASS_GWEI = 15 * 10**6 * COIN_GWEI

MOST_PASSES = 3


class Condition(Enum):
    """A minimal condition, by the name that its failure has in the published passes."""

    ANCHOR_FEEDS = "FTSO_SCALING_FAILURE"
    FAST_UPDATES = "FAST_UPDATES_FAILURE"
    STAKING = "STAKING_AVAILABILITY"
    FDC = "FDC_FAILURE"


class FastUpdateDuty(Struct, frozen=True):
    """One voter's fast updates in a reward epoch, beside everybody's."""

    weight: int
    """The voter's signing weight, and that of the whole policy."""
    total_weight: int
    updates: int
    updates_by_all: int

    @property
    def spared(self) -> bool:
        """Whether the voter is too light to be held to it."""
        return self.weight * PPM // self.total_weight < FAST_UPDATES_SPARED_PPM

    @property
    def expected_ppm(self) -> int:
        """The share of all updates that is enough, cut to whole parts per million as the reference cuts it."""
        return self.weight * FAST_UPDATES_PPM // self.total_weight

    @property
    def expected(self) -> int:
        """The number of updates that is enough, rounded down for the eye; `met` does not round."""
        return self.expected_ppm * self.updates_by_all // PPM

    @property
    def met(self) -> bool:
        """Whether the voter sent enough updates, or need not."""
        return self.spared or self.updates * PPM >= self.expected_ppm * self.updates_by_all


class NodeStake(Struct, frozen=True):
    """One validator node of a voter in a reward epoch."""

    uptime_met: bool
    self_bond_gwei: int
    stake_gwei: int
    """Everything staked on the node, the self-bond included."""


class StakingDuty(Struct, frozen=True):
    """A voter's nodes; on networks without staking there is no such duty."""

    nodes: tuple[NodeStake, ...]

    @property
    def self_bond_gwei(self) -> int:
        """Over all nodes."""
        return sum(node.self_bond_gwei for node in self.nodes)

    @property
    def stake_gwei(self) -> int:
        """Over all nodes."""
        return sum(node.stake_gwei for node in self.nodes)

    @property
    def stake_with_uptime_gwei(self) -> int:
        """Over the nodes that were up."""
        return sum(node.stake_gwei for node in self.nodes if node.uptime_met)

    @property
    def met(self) -> bool:
        """Whether enough of the stake was up, with enough of the voter's own money in it."""
        up = self.stake_with_uptime_gwei * PPM >= self.stake_gwei * UPTIME_STAKE_PPM
        return up and self.self_bond_gwei >= LEAST_SELF_BOND_GWEI

    @property
    def obstructs_pass(self) -> bool:
        """Whether the stake, though it may be enough to be paid, is too small to earn a pass."""
        return self.self_bond_gwei < LEAST_SELF_BOND_FOR_PASS_GWEI or self.stake_gwei < LEAST_STAKE_FOR_PASS_GWEI


class Standing(Struct, frozen=True):
    """A voter after a reward epoch."""

    strikes: int
    pass_earned: bool
    eligible: bool
    """Whether it keeps its rewards; otherwise all of them burn."""
    passes: int
    """What it holds from now on, 0 to 3."""


def hits_median(value: int | None, median: int) -> bool:
    """Whether a value counts for the anchor condition: at most 0.5 % from the median, the edges included.

    The reference does not take the median's absolute value: nothing is within 0.5 % of a negative one with two
    hundred units or more.
    """
    band = truncated(median * ANCHOR_BAND_PPM, PPM)
    return value is not None and median - band <= value <= median + band


def anchor_met(hits: int, possible: int) -> bool:
    """Whether enough of `possible` (rounds times feeds) values hit."""
    return hits * PPM >= possible * ANCHOR_HITS_PPM


def fdc_met(rewarded_rounds: int, rounds: int) -> bool:
    """Whether FDC paid the voter, and found no offence, in enough of the `rounds` in which it paid anyone."""
    return rewarded_rounds * PPM >= rounds * FDC_ROUNDS_PPM


def failures(*, anchor: bool, fast_updates: bool, staking: bool, fdc: bool) -> list[Condition]:
    """The conditions that were not met, in the order in which the network publishes them."""
    met: Sequence[tuple[Condition, bool]] = (
        (Condition.ANCHOR_FEEDS, anchor),
        (Condition.FAST_UPDATES, fast_updates),
        (Condition.STAKING, staking),
        (Condition.FDC, fdc),
    )
    return [condition for condition, fulfilled in met if not fulfilled]


def standing(passes_held: int, failed: Collection[Condition], *, obstructed: bool = False) -> Standing:
    """What `passes_held` and the failures of an epoch come to. `obstructed`: the stake is too small for a pass."""
    strikes = len(failed)
    earned = not strikes and not obstructed
    passes = max(passes_held - strikes, 0) + earned
    return Standing(strikes, earned, passes_held >= strikes, min(passes, MOST_PASSES))
