"""What the chain and published reward data say of our entity: registered, passes, and what an epoch still forgives."""

from collections.abc import Callable, Sequence
from typing import Final

import structlog

from chrono.clock import Clock
from chrono.errors import BAD_REWARDS, NOT_REGISTERED, REWARD_DATA_ABSENT, ChronoError
from chrono.flare.address import Address
from chrono.flare.epochs import Timing
from chrono.provider.budgets import Budgets
from chrono.provider.reward_data import RewardSource
from chrono.provider.watching import Standing
from chrono.voting.budget import AnchorBudget, HitTally
from chrono.voting.budget_updates import UpdatesSeen
from chrono.voting.closeness import score
from chrono.voting.conditions import PublishedConditions
from chrono.voting.epoch_openings import registered_for
from chrono.voting.epoch_words import DutyKind, DutyReport, DutyState
from chrono.voting.epochs import EpochBook
from chrono.voting.provider_report import Awaiting, Registered
from chrono.voting.reports import RoundPhase, RoundReport

LOOK_S: Final = 3600.0
"""How often newer published conditions are looked for."""

LOOKED_BACK: Final = 4
"""Reward epochs: the newest publication is a day or more behind."""

_NOT_THERE: Final = frozenset({REWARD_DATA_ABSENT, BAD_REWARDS})

log = structlog.get_logger()


def count_round(tally: HitTally, report: RoundReport) -> None:
    """A round changed: what is over and has a result is counted. Fits, with a tally: Reports.on_round."""
    if report.reward_epoch_id is None or report.phase not in (RoundPhase.FINALISED, RoundPhase.OVER):
        return
    found = score(report)
    if found.hits is not None and found.feeds:
        tally.count(report.reward_epoch_id, report.id, hits=found.hits, values=found.feeds)


def hindered(reports: Sequence[DutyReport]) -> Awaiting | None:
    """The oldest duty that something stands in the way of, with what the contract said and its remedy.

    Rewards that are not published yet are no hindrance: they come a day late. A missed registration is told until the
    next one opens.
    """
    newest = max((each.duty for each in reports if each.duty.kind is DutyKind.REGISTER), default=None)
    for report in reports:
        reason = report.reason
        left_out = report.duty == newest and reason is NOT_REGISTERED and report.state is DutyState.MISSED
        is_open = report.state in (DutyState.WAITING, DutyState.AT_WORK)
        if reason is None or reason is REWARD_DATA_ABSENT or not (is_open or left_out):
            continue
        said, remedy = report.facts.get("said"), report.facts.get("remedy")
        told = reason._replace(
            message=reason.message if said is None else f"{reason.message}: {said}", remedy=remedy or reason.remedy
        )
        what = f"the duty `{report.duty.kind.value}` of reward epoch {report.duty.reward_epoch_id}"
        return Awaiting(what=what, until_ns=report.next_ns, reason=told, facts=report.facts)
    return None


class EntityStanding:
    """Our standing. Call it for what is known now; `run` looks for publications, where there is a source."""

    def __init__(
        self,
        *,
        identity: Address,
        book: EpochBook,
        timing: Timing,
        clock: Clock,
        source: RewardSource | None = None,
        tally: HitTally | None = None,
        duties: Callable[[], Sequence[DutyReport]] = tuple,
        updates: Callable[[], UpdatesSeen] = UpdatesSeen,
    ) -> None:
        """`tally` may know of rounds before this process began; `duties` says how those of the epochs stand.

        `updates` tells how far the fast updates of the epoch were read.
        """
        self._identity = identity
        self._book = book
        self._timing = timing
        self._clock = clock
        self._source = source
        self.tally = tally or HitTally()
        self._duties = duties
        self._updates = updates
        self._budgets = Budgets(
            identity=identity, book=book, timing=timing, clock=clock, tally=self.tally, updates=updates
        )
        self.published: PublishedConditions | None = None
        """Of the newest published reward epoch in which we voted; None while none was found."""

    def __call__(self) -> Standing:
        """What is known now."""
        return Standing(
            registered=self._registered(),
            passes=self._passes(),
            budget=self._budgets.told(),
            blocks_since_update=self._updates().blocks_since_last,
            duty=hindered(self._duties()),
        )

    def budget(self) -> AnchorBudget | None:
        """The reward epoch that runs against the anchor condition; None when we do not vote in it, or it is unknown."""
        return self._budgets.anchor()

    async def run(self) -> None:
        """Look for newer publications, for ever."""
        while True:
            await self.look()
            await self._clock.sleep(LOOK_S)

    async def look(self) -> None:
        """Find the newest published reward epoch in which we voted."""
        newest = self._book.last_initialised
        if self._source is None or newest is None:
            return
        for epoch in range(newest - 1, max(newest - 1 - LOOKED_BACK, -1), -1):
            if self.published is not None and self.published.reward_epoch_id >= epoch:
                return
            try:
                found = await self._source.conditions(epoch, self._identity)
            except ChronoError as error:
                if error.reason not in _NOT_THERE:
                    raise
                log.debug("conditions_absent", reward_epoch=epoch, cause=error.reason.code)
                continue
            if found is not None:
                self.published = found
                return

    def _registered(self) -> Registered:
        epoch = self._book.reward_epoch_of(self._timing.round_at(self._clock.now_ns()).id)
        if epoch is None:
            return Registered()
        current = self._book.facts(epoch)
        votes = None if current is None else current.membership(self._identity) is not None
        return Registered(current=votes, next=registered_for(self._book, self._identity, epoch + 1))

    def _passes(self) -> int | None:
        return None if self.published is None else self.published.passes
