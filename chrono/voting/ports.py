"""What the duty needs from the rest of the house: a log on disk, and what is known of the reward epochs."""

from collections.abc import Iterable
from typing import Protocol

from chrono.flare.epochs import VotingRound
from chrono.flare.signing_policy import Ruling
from chrono.voting.membership import Finalised, RewardEpochFacts


class ByteLog(Protocol):
    """Records on disk, in order. Fits: store.journal_file.JournalFile, and one in memory."""

    @property
    def damaged(self) -> bool:
        """Whether records were lost in the middle when it was opened, not only a torn last one."""
        ...

    @property
    def sound(self) -> bool:
        """Whether what `append` says is true: no write or sync has failed since the last `replace`."""
        ...

    def records(self) -> Iterable[bytes]:
        """All records."""
        ...

    def append(self, record: bytes) -> None:
        """Return when the record is on disk and synced. Raises: ChronoError(JOURNAL_BROKEN), from then on always."""
        ...

    def replace(self, records: Iterable[bytes]) -> None:
        """All records anew, at once or not at all; then it is sound again. Raises: ChronoError(JOURNAL_BROKEN)."""
        ...


class Epochs(Protocol):
    """What a round asks about reward epochs. Fits: epochs.EpochBook."""

    @property
    def last_initialised(self) -> int | None:
        """The newest reward epoch that has a signing policy; None before one is known."""
        ...

    def of_round(self, round_id: int) -> RewardEpochFacts | None:
        """All of the reward epoch that a round really belongs to; None while a part of it is not known."""
        ...

    def ruling(self, voting_round: VotingRound) -> Ruling | None:
        """The policy and threshold that a round is finalised with; None before the first known policy."""
        ...

    def finalised(self, protocol_id: int, voting_round_id: int) -> Finalised | None:
        """The result that the Relay holds for a round of a protocol; None while there is none."""
        ...
