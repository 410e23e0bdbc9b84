"""What the reward epoch that runs still forgives, condition by condition; what is not known has its reason."""

from collections.abc import Callable, Iterator

from msgspec import Struct

from chrono.clock import Clock
from chrono.errors import COUNT_INCOMPLETE, EPOCH_UNKNOWN, NOT_A_VOTER, NOTHING_ASKED, ROUNDS_UNCOUNTED, Reason
from chrono.flare.address import Address
from chrono.flare.epochs import RewardEpoch, Timing
from chrono.flare.frames import FDC
from chrono.voting.budget import AnchorBudget, HitTally
from chrono.voting.budget_fdc import FdcBudget
from chrono.voting.budget_updates import FastUpdateBudget, UpdatesSeen
from chrono.voting.epochs import EpochBook
from chrono.voting.membership import Membership, RewardEpochFacts
from chrono.voting.provider_report import Budget, CountedFdc, CountedUpdates


class _Running(Struct, frozen=True):
    """The reward epoch that runs, and our place in it."""

    facts: RewardEpochFacts
    member: Membership
    rounds: int
    rounds_over: int
    """Whose result may be known: the newest two are neither over nor counted."""

    @property
    def epoch(self) -> int:
        return self.facts.reward_epoch_id

    @property
    def before(self) -> int:
        """The first round that is not over."""
        return self.facts.policy.start_voting_round_id + self.rounds_over


class Budgets:
    """The budgets of one entity."""

    def __init__(
        self,
        *,
        identity: Address,
        book: EpochBook,
        timing: Timing,
        clock: Clock,
        tally: HitTally,
        updates: Callable[[], UpdatesSeen] = UpdatesSeen,
    ) -> None:
        """`updates` tells how far the fast updates were read."""
        self._identity = identity
        self._book = book
        self._timing = timing
        self._clock = clock
        self._tally = tally
        self._updates = updates

    def told(self) -> Budget:
        """All of them, as they are told."""
        running = self._running()
        if isinstance(running, Reason):
            return Budget(
                unknown=dict.fromkeys(("anchor_misses_left", "fast_updates_left", "fdc_rounds_left"), running)
            )
        anchor, fast, fdc = self._anchor(running), self._fast_updates(running), self._fdc(running)
        return Budget(
            anchor_misses_left=anchor.left,
            fast_updates_left=None if isinstance(fast, Reason) else fast.left,
            fdc_rounds_left=fdc.left,
            fast_updates=None if isinstance(fast, Reason) else _counted_updates(fast),
            fdc=_counted_fdc(fdc) if fdc.counted.rounds else None,
            unknown=dict(_unknown(anchor, fast, fdc)),
        )

    def anchor(self) -> AnchorBudget | None:
        """The reward epoch that runs against the anchor condition; None when we do not vote in it, or it is unknown."""
        running = self._running()
        return None if isinstance(running, Reason) else self._anchor(running)

    def _running(self) -> _Running | Reason:
        now = self._timing.round_at(self._clock.now_ns())
        facts = self._book.of_round(now.id)
        member = None if facts is None else facts.membership(self._identity)
        if facts is None or member is None:
            return EPOCH_UNKNOWN if facts is None else NOT_A_VOTER
        first = facts.policy.start_voting_round_id
        following = self._book.policy(facts.reward_epoch_id + 1)
        end = RewardEpoch(facts.reward_epoch_id + 1, self._timing).expected_start_round
        end = max(end, now.id + 1) if following is None else following.start_voting_round_id
        # The result of a round is known an epoch later, so the newest two are neither over nor counted.
        return _Running(facts, member, end - first, max(now.id - 2 + 1 - first, 0))

    def _anchor(self, running: _Running) -> AnchorBudget:
        return AnchorBudget(
            rounds=running.rounds,
            rounds_over=running.rounds_over,
            feeds=len(running.facts.electorate.feeds),
            counted=self._tally.of(running.epoch, before_round=running.before),
        )

    def _fast_updates(self, running: _Running) -> FastUpdateBudget | Reason:
        seen = self._updates()
        if seen.reason is not None or seen.reward_epoch_id != running.epoch:
            return seen.reason or COUNT_INCOMPLETE
        return FastUpdateBudget(
            rounds=running.rounds,
            counted=seen.counted,
            weight=running.member.weight,
            total_weight=max(sum(running.facts.policy.weights), 1),
        )

    def _fdc(self, running: _Running) -> FdcBudget:
        return FdcBudget(
            rounds=running.rounds,
            rounds_over=running.rounds_over,
            counted=self._tally.of(running.epoch, running.before, FDC),
        )


def _unknown(anchor: AnchorBudget, fast: FastUpdateBudget | Reason, fdc: FdcBudget) -> Iterator[tuple[str, Reason]]:
    """Why each figure that is not known is not."""
    if anchor.left is None:
        yield "anchor_misses_left", ROUNDS_UNCOUNTED
    if isinstance(fast, Reason):
        yield "fast_updates_left", fast
    elif fast.left is None:
        yield "fast_updates_left", NOTHING_ASKED
    if fdc.left is None:
        reason = NOTHING_ASKED if fdc.counted.rounds else COUNT_INCOMPLETE
        yield "fdc_rounds_left", ROUNDS_UNCOUNTED if fdc.is_asked else reason


def _counted_updates(fast: FastUpdateBudget) -> CountedUpdates:
    return CountedUpdates(
        rounds=fast.counted.rounds,
        rounds_in_epoch=fast.rounds,
        made=fast.counted.made,
        by_all=fast.counted.by_all,
        expected=fast.expected,
        enough=fast.enough,
        is_spared=fast.duty.spared,
    )


def _counted_fdc(fdc: FdcBudget) -> CountedFdc:
    return CountedFdc(
        rounds=fdc.counted.rounds,
        rounds_over=fdc.rounds_over,
        rounds_in_epoch=fdc.rounds,
        rewarding=fdc.counted.values,
        rewarded=fdc.counted.hits,
    )
