"""The provider as it stands, for whoever looks: registered, weighed, funded, and what it waits for.

What is not known is None or absent, never invented.
"""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

from chrono.errors import Reason
from chrono.flare.address import Address
from chrono.flare.epochs import VotingRound


class Mode(StrEnum):
    """Whether transactions leave."""

    DRY_RUN = "dry-run"
    LIVE = "live"


class Balance(Struct, frozen=True, kw_only=True):
    """What a role's account holds. The runway is None while nothing is known of what it spends."""

    role: str
    address: Address
    wei: int
    runway_hours: int | None = None


class Registered(Struct, frozen=True):
    """Whether we vote in this reward epoch and in the next; None where the chain has not decided, or told, it."""

    current: bool | None = None
    next: bool | None = None


class CountedUpdates(Struct, frozen=True, kw_only=True):
    """The fast updates of the reward epoch up to a round, all before it counted."""

    rounds: int
    """So many, from the first of the epoch on,"""
    rounds_in_epoch: int
    """of so many."""
    made: int
    """By us."""
    by_all: int
    expected: int
    """What our weight lets expect of us up to there."""
    enough: int
    """What would be enough up to there."""
    is_spared: bool
    """Whether we are too light to be held to them."""


class CountedFdc(Struct, frozen=True, kw_only=True):
    """The rounds of the reward epoch in which the FDC rewarded anyone, among those that were counted."""

    rounds: int
    """Counted,"""
    rounds_over: int
    """of so many that are over,"""
    rounds_in_epoch: int
    """of so many."""
    rewarding: int
    """Those in which it rewarded anyone,"""
    rewarded: int
    """and us, without an offence."""


class Budget(Struct, frozen=True):
    """How many misses the reward epoch still forgives; None for what is not known, with its reason in `unknown`."""

    anchor_misses_left: int | None = None
    """Values (rounds times feeds) that may still miss before the anchor condition fails."""
    fast_updates_left: int | None = None
    """Updates that our weight will draw and that may be missing, if the epoch goes on as it began."""
    fdc_rounds_left: int | None = None
    """Rounds in which the FDC may leave us without reward, if the epoch goes on as it began."""
    fast_updates: CountedUpdates | None = None
    fdc: CountedFdc | None = None
    unknown: Mapping[str, Reason] = field(default_factory=dict)
    """By the name of a figure above: why it is not known, or not asked of us."""


class NodeReport(Struct, frozen=True):
    """A node by its name (its address may hold a key), how it stands, and why when that is not well."""

    name: str
    state: str
    why: str


class OwedReveal(Struct, frozen=True):
    """A reveal that is owed: its round, and the deadline."""

    round_id: int
    until_ns: int


class Awaiting(Struct, frozen=True, kw_only=True):
    """What the duty waits for. `reason` is None when the wait is as it should be."""

    what: str
    """In words: "the moment to take the values of round 812576"."""
    until_ns: int | None = None
    """When it comes, or is given up; None where nobody can say."""
    reason: Reason | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


class ProviderReport(Struct, frozen=True, kw_only=True):
    """The provider as it stands. What is not known is None or absent, never invented."""

    network: str
    mode: Mode
    identity: Address | None
    at_ns: int
    """When this was told, chain time."""
    round: VotingRound | None = None
    """The round whose voting epoch runs."""
    reward_epoch_id: int | None = None
    addresses: Mapping[str, Address] = field(default_factory=dict)
    """By role: submit, submit_signatures, signing_policy, …"""
    registered: Registered = Registered()
    weight_bips: int | None = None
    """Our share of the signing policy's weight; None when we are not in it."""
    passes: int | None = None
    budget: Budget = Budget()
    balances: tuple[Balance, ...] = ()
    accuracy_rank: int | None = None
    owed: tuple[OwedReveal, ...] = ()
    awaiting: Awaiting | None = None
    nodes: tuple[NodeReport, ...] = ()


class RewardReport(Struct, frozen=True, kw_only=True):
    """What one reward epoch gives us of one claim type."""

    reward_epoch_id: int
    claim_type: str
    """DIRECT, FEE, WNAT, MIRROR or CCHAIN."""
    amount_wei: int
    claimable: bool | None = None
    """False: not signed by the network yet, or expired, or paid out; None: it may be, nobody told whether it was."""
    expires_ns: int | None = None


class RewardLook(Struct, frozen=True):
    """What came of looking for the rewards of one reward epoch: verified, or why not."""

    reward_epoch_id: int
    reason: Reason | None = None


class RewardsTold(Struct, frozen=True):
    """All that was found of our rewards, and where it was looked for."""

    rewards: tuple[RewardReport, ...] = ()
    looked: tuple[RewardLook, ...] = ()
    """Newest first. Without a verified one among them, no rewards says nothing."""
