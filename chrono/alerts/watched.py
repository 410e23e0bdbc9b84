"""What the alert rules look at: the facts of one second of a provider's life. Filled by the duty; no I/O, no judging.

Whatever is not known is None: an alert about it then stays as it is, and never begins for want of knowledge.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct, field

COUNTS: Final = ("offences", "conflicts", "strangers")
"""What is counted, from nothing by each duty that begins."""


class OwedReveal(Struct, frozen=True, kw_only=True):
    """A commit that left, and whose reveal is not confirmed yet. Times are chain time, nanoseconds since 1970 UTC."""

    round_id: int
    deadline_ns: int
    """The end of the reveal window."""
    window_ns: int
    """How long that window is: 45 s on Flare, less on a chain with short epochs."""


class Submitted(Struct, frozen=True, kw_only=True):
    """How one of our rounds ended. Rounds for which we are not registered are none of ours."""

    round_id: int
    missed: bool
    """Whether a submission was missed: nothing of ours counts in the round."""
    reason: str = ""
    """The code of the reason why, when it was."""


class Account(Struct, frozen=True, kw_only=True):
    """What one of our accounts holds. `chain.funding.Funding` says the same."""

    balance_wei: int
    runway_s: float | None
    """How long it lasts; None while nothing is spent, or not known."""
    reserve_wei: int = 0
    """Below it, what is owed may not be payable."""


class Watched(Struct, frozen=True, kw_only=True):
    """Everything that is watched, at one moment."""

    network: str
    now_ns: int
    """Chain time, nanoseconds since 1970 UTC: deadlines are compared with it."""
    monotonic_ns: int
    """Durations are counted by it."""
    owed: tuple[OwedReveal, ...] | None = None
    away: str | None = None
    """Why the duty is not at work; empty when it is."""
    offences: int | None = None
    """Commits of ours without a valid reveal at the deadline, counted since the duty began."""
    conflicts: int | None = None
    """Signatures that were refused because another result of the round was signed, counted since the duty began."""
    strangers: int | None = None
    """Transactions of our addresses that the journal does not know, counted since the duty began."""
    rounds: tuple[Submitted, ...] = ()
    """The last three rounds of ours that ended, the newest last; fewer after a start."""
    registered_next: bool | None = None
    """Whether we are registered for the next reward epoch."""
    epoch_ends_ns: int | None = None
    """When the next reward epoch is due: chain time."""
    epoch_length_ns: int | None = None
    """How long a reward epoch is: 3.5 days on Flare; shorter on test networks, where an hour is scaled with it."""
    healthy_nodes: int | None = None
    """Nodes that answer as they should, of those that are configured."""
    accounts: Mapping[str, Account] = field(default_factory=dict)
    """By role: submit, submit_signatures, signing_policy, …; empty while none is known."""
    skew_ns: int | None = None
    """How far the machine's wall clock is ahead of the chain."""
