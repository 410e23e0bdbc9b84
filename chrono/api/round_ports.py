"""What the API needs of the voting rounds of the past."""

from collections.abc import Sequence
from typing import Protocol

from chrono.flare.epochs import Timing
from chrono.flare.random import RoundRandom
from chrono.voting.closeness import Score
from chrono.voting.reports import RoundReport


class RecordedRound(Protocol):
    """A recorded voting round, its feeds counted. Fits: store.round_rows.StoredRound."""

    @property
    def report(self) -> RoundReport:
        """The round as it was told last, without its feeds."""
        ...

    @property
    def score(self) -> Score:
        """Its feeds in numbers."""
        ...

    @property
    def root(self) -> bytes | None:
        """The Merkle root of the network's result; None without one."""
        ...

    @property
    def random(self) -> RoundRandom | None:
        """The random number of the network's result; None without one."""
        ...


class RecordedRounds(Protocol):
    """Voting rounds of the past. Fits: store.submissions.Submissions."""

    async def round(self, network: str, round_id: int, timing: Timing) -> RoundReport | None:
        """A recorded round with its feeds; None when nothing is recorded. Raises: ChronoError(DATABASE_AWAY)."""
        ...

    async def rounds(
        self, network: str, timing: Timing, limit: int, before: int | None = None
    ) -> Sequence[RecordedRound]:
        """At most `limit` recorded rounds before `before`, the newest first. Raises: ChronoError(DATABASE_AWAY)."""
        ...
