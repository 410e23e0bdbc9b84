"""Where a round is found: recent ones in memory, older ones in the store."""

from collections.abc import Sequence

from msgspec import Struct

from chrono.api.ports import ApiParts
from chrono.errors import DATABASE_AWAY, ChronoError
from chrono.flare.epochs import Timing, VotingRound
from chrono.flare.random import RoundRandom
from chrono.voting.closeness import Score, score
from chrono.voting.reports import RoundReport


class Counted(Struct, frozen=True):
    """A round with its feeds counted."""

    report: RoundReport
    score: Score
    root: bytes | None
    random: RoundRandom | None


class ToldRounds:
    """The rounds of one network, whoever remembers them."""

    def __init__(self, parts: ApiParts, network: str, timing: Timing) -> None:
        self._book = parts.reports
        self._recorded = parts.recorded_rounds
        self._network = network
        self.timing = timing

    def at(self, round_id: int) -> VotingRound:
        """The round of this number by the network's calendar."""
        return VotingRound(round_id, self.timing)

    async def find(self, round_id: int) -> RoundReport | None:
        """A round; None when nothing is known of it. Raises: ChronoError(DATABASE_AWAY)."""
        told = self._book.round(round_id)
        if told is not None and told.result is not None:
            return told
        recorded = await self._read(round_id, needed=told is None)
        # After a restart the store may know more than the memory.
        return recorded if told is None or (recorded is not None and recorded.result is not None) else told

    async def page(self, limit: int, before: int | None) -> Sequence[Counted]:
        """At most `limit` rounds, the newest first. Raises: ChronoError(DATABASE_AWAY) when none can be told."""
        told = [_counted(report) for report in self._book.rounds(limit, before)]
        if len(told) == limit or self._recorded is None:
            return told
        try:
            recorded = await self._recorded.rounds(self._network, self.timing, limit, before)
        except ChronoError as away:
            if away.reason is not DATABASE_AWAY or not told:
                raise
            return told
        known = {one.report.id for one in told}
        rest = [Counted(one.report, one.score, one.root, one.random) for one in recorded if one.report.id not in known]
        return sorted([*told, *rest], key=lambda one: one.report.id, reverse=True)[:limit]

    async def _read(self, round_id: int, *, needed: bool) -> RoundReport | None:
        if self._recorded is None:
            return None
        try:
            return await self._recorded.round(self._network, round_id, self.timing)
        except ChronoError as away:
            if away.reason is not DATABASE_AWAY or needed:
                raise
            return None


def _counted(report: RoundReport) -> Counted:
    result = report.result
    if result is None:
        return Counted(report, score(report), None, None)
    return Counted(report, score(report), result.root, result.random)
