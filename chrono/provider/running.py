"""A round under way, and a round that is over, as those see it who drive it, tell of it and count it."""

from collections.abc import Iterable
from typing import Protocol

from msgspec import Struct

from chrono.errors import Reason
from chrono.flare.round.outcome import Outcome
from chrono.flare.round.transactions import Transaction
from chrono.voting.actions import Action, Answer, ChainView
from chrono.voting.judging import Owed
from chrono.voting.membership import Membership
from chrono.voting.misses import Misses
from chrono.voting.plan import RoundPlan


class Duty(Protocol):
    """What a round asks for, and what it is told. Fits: voting.rounds.RoundDuty, handed_rounds.HandedRound."""

    membership: Membership | None
    """Our place in the round's reward epoch; None while unknown, or when we have none."""
    outcome: Outcome | None
    """The outcome of the round, once it was computed."""
    misses: Misses
    """What was missed so far."""
    over: bool
    """Whether End was given."""

    @property
    def why(self) -> Reason | None:
        """The gravest of what was missed."""
        ...

    @property
    def owed(self) -> tuple[Owed, ...]:
        """What must not be left undone."""
        ...

    def next_ns(self, now_ns: int) -> int:
        """When `due` is to be asked again, if nothing happens before."""
        ...

    def heard(self, transactions: Iterable[Transaction]) -> None:
        """Transactions of everybody to the Submission contract; the same again is harmless."""
        ...

    def due(self, now_ns: int, view: ChainView) -> list[Action]:
        """What is to be done now; each action once."""
        ...

    def answered(self, action: Action, answer: Answer, now_ns: int) -> None:
        """What came of an action."""
        ...


class Running(Struct, frozen=True):
    """A round under way."""

    plan: RoundPlan
    duty: Duty


class Ended(Struct, frozen=True):
    """A round that is over for us."""

    round_id: int
    reason: Reason | None
    """The gravest of what was missed."""
    uncommitted: Reason | None
    """Why there was no commit, if there was none."""
    ours: bool
    """Whether we are a voter of its reward epoch."""
    missed: bool
    """Whether nothing of ours counts in it."""
