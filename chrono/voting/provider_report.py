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


class Budget(Struct, frozen=True):
    """How many misses the reward epoch still forgives; None for what is not counted."""

    anchor_misses_left: int | None = None
    """Values (rounds times feeds) that may still miss before the anchor condition fails."""
    fast_updates_left: int | None = None


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


class RewardReport(Struct, frozen=True, kw_only=True):
    """What one reward epoch gives us of one claim type."""

    reward_epoch_id: int
    claim_type: str
    """DIRECT, FEE, WNAT, MIRROR or CCHAIN."""
    amount_wei: int
    claimable: bool | None = None
    expires_ns: int | None = None
