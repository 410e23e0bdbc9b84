"""The duties of the reward epochs as a state machine: what is due now, and what to make of each answer. No I/O.

What is done is read from the chain's events and registries, so a restart repeats nothing; what is kept here is only
how soon to try again, and what stood in the way. Source: fsp.md section 6.
"""

from collections.abc import Mapping
from typing import Final

import structlog
from msgspec import Struct, field

from chrono.clock import SECOND_NS
from chrono.errors import EPOCH_DUTY_OVER, EPOCH_DUTY_REFUSED, INTENT_CHANGED, NOT_REGISTERED, Reason
from chrono.flare.address import Address
from chrono.flare.reverts import Revert
from chrono.voting.epoch_openings import Opening, known_duties, standing_of
from chrono.voting.epoch_words import (
    Action,
    Answer,
    Ask,
    DutyKind,
    DutyReport,
    DutyRules,
    DutyState,
    EpochDuty,
    Failed,
    Fetch,
    Fetched,
    Included,
    Reverted,
    RewardsToSign,
    Send,
    Told,
)
from chrono.voting.epochs import EpochBook

log = structlog.get_logger()

_ASKED: Final = frozenset({DutyKind.PREREGISTER, DutyKind.REGISTER})
"""The duties that a registry knows about."""

_DID: Final = frozenset({"already registered", "voter already pre-registered", "voter already signed"})
"""Reverts which say that it is done; the other harmless ones say that it is not needed."""

NOT_LISTED: Final = "read what the contract says; Chrono does not know it, and tries again"


class _Progress(Struct):
    """What is kept of a duty while this process lives."""

    at_work: Action | None = None
    wait_ns: int = 0
    number: int = 1
    asked: bool = False
    """Whether a registry said, since the last sending, that it is not done."""
    verified: bool = False
    """Whether a registry said that it is done."""
    verified_closing: bool = False
    included: bool = False
    rewards: RewardsToSign | None = None
    ended: DutyState | None = None
    reason: Reason | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


class EpochDuties:
    """The duties of one entity on one chain. Driven by one loop; `book` is read, never changed."""

    def __init__(
        self, identity: Address, book: EpochBook, rules: DutyRules | None = None, *, signs_rewards: bool = True
    ) -> None:
        """`signs_rewards`: whether there is a source of reward data at all."""
        self._identity = identity
        self._book = book
        self._rules = rules or DutyRules()
        self._signs_rewards = signs_rewards
        self._progress: dict[EpochDuty, _Progress] = {}
        self._open: dict[EpochDuty, Opening] = {}

    def due(self, now_ns: int) -> list[Action]:
        """What is to be done now; each is given once, until it is answered."""
        self._look(now_ns)
        actions = []
        for duty, opening in self._open.items():
            progress = self._progress[duty]
            if progress.at_work is None and progress.ended is None and now_ns >= progress.wait_ns:
                progress.at_work = self._next(duty, opening, progress)
                if progress.at_work is not None:
                    actions.append(progress.at_work)
        return actions

    def answered(self, action: Action, answer: Answer, now_ns: int) -> None:
        """How an action went. Raises: ValueError for one that was not asked for."""
        progress = self._progress.get(action.duty)
        if progress is None or progress.at_work != action:
            raise ValueError(f"{action} was not asked for")
        progress.at_work = None
        match answer:
            case Told(done):
                self._told(action.duty, progress, done, now_ns)
            case Fetched(rewards):
                progress.rewards = rewards
            case Included():
                self._included(progress, now_ns)
            case Reverted():
                self._reverted(action.duty, progress, answer, now_ns)
            case Failed():
                self._failed(action.duty, progress, answer, now_ns)

    def next_ns(self, now_ns: int) -> int | None:
        """When something is due by time alone; None while only events or answers can change anything."""
        waits = [
            progress.wait_ns
            for duty in self._open
            if (progress := self._progress[duty]).at_work is None and progress.ended is None
        ]
        return min((at_ns for at_ns in waits if at_ns > now_ns), default=None)

    def reports(self) -> tuple[DutyReport, ...]:
        """All duties that were seen open or over, the oldest first."""
        return tuple(self._report(duty, self._progress[duty]) for duty in sorted(self._progress))

    def _look(self, now_ns: int) -> None:
        """See what the events opened and closed."""
        before, self._open = self._open, {}
        known = [duty for duty in known_duties(self._book) if self._signs_rewards or duty.kind is not DutyKind.REWARDS]
        for duty in known:
            standing = standing_of(duty, self._book, self._identity)
            if isinstance(standing, Opening):
                self._open[duty] = standing
                if duty not in before:
                    self._reopen(duty, now_ns)
            elif standing is not None and duty in before:
                self._close(duty, standing)
        kept = {duty for duty, progress in self._progress.items() if duty in known or progress.at_work is not None}
        self._progress = {duty: self._progress[duty] for duty in sorted(kept)}

    def _reopen(self, duty: EpochDuty, now_ns: int) -> None:
        """It opens; or the block that ended it was taken back, and the next one may well hold the same."""
        progress = self._progress.setdefault(duty, _Progress())
        if progress.ended is not None:
            progress.ended, progress.wait_ns = None, now_ns + self._rules.confirm_ns

    def _close(self, duty: EpochDuty, state: DutyState) -> None:
        """An event ended what was open."""
        progress = self._progress[duty]
        if progress.ended is None or state is DutyState.DONE:
            progress.ended = state
        if duty.kind is DutyKind.REGISTER:
            progress.reason = NOT_REGISTERED if state is DutyState.MISSED else None
        elif state is DutyState.DONE:
            progress.reason = None
        log.info("epoch_duty_ended", duty=duty.kind.value, reward_epoch=duty.reward_epoch_id, state=state.value)

    def _next(self, duty: EpochDuty, opening: Opening, progress: _Progress) -> Action | None:
        if duty.kind is DutyKind.REGISTER:
            return self._next_registration(duty, opening, progress)
        if duty.kind is DutyKind.PREREGISTER and not progress.asked:
            return Ask(duty)
        if duty.kind is DutyKind.REWARDS and progress.rewards is None:
            return Fetch(duty)
        return self._send(duty, opening, progress)

    def _next_registration(self, duty: EpochDuty, opening: Opening, progress: _Progress) -> Action | None:
        if opening.closing:
            return None if progress.verified_closing else Ask(duty)
        if opening.registered:
            return None if progress.verified else Ask(duty)
        progress.verified = False  # it was not, or another took our place
        return self._send(duty, opening, progress) if progress.asked else Ask(duty)

    def _send(self, duty: EpochDuty, opening: Opening, progress: _Progress) -> Send:
        if progress.included and duty.kind in _ASKED:
            # It stood in a block, and did not hold: this is another transaction with the same words.
            progress.included, progress.number = False, progress.number + 1
        return Send(
            duty,
            progress.number,
            signer=opening.signer,
            signer_block=opening.signer_block,
            policy_hash=opening.policy_hash,
            rewards=progress.rewards,
        )

    def _told(self, duty: EpochDuty, progress: _Progress, done: bool | None, now_ns: int) -> None:
        opening = self._open.get(duty)
        if duty.kind is DutyKind.PREREGISTER:
            if done or (done is None and progress.included):
                progress.ended, progress.reason = DutyState.DONE, None
            progress.asked = True
            return
        if opening is None:
            return
        if opening.closing:
            self._verify(duty, opening, progress, done, now_ns)
        elif done and opening.registered:
            progress.verified, progress.reason = True, None
        elif done or opening.registered:
            # Registry and events do not say the same yet: one of them is behind.
            progress.wait_ns = now_ns + self._rules.confirm_ns
        else:
            progress.asked = True

    def _verify(self, duty: EpochDuty, opening: Opening, progress: _Progress, done: bool | None, now_ns: int) -> None:
        """The policy is initialised: whether we are in it is settled."""
        if done is None:
            progress.wait_ns = now_ns + self._rules.retry_ns
            return
        progress.verified_closing = True
        votes = self._votes(duty.reward_epoch_id)
        progress.ended = DutyState.DONE if votes else DutyState.MISSED
        progress.reason = None if votes else NOT_REGISTERED
        if not votes:
            log.error(NOT_REGISTERED.code, reward_epoch=duty.reward_epoch_id, registry=done, events=opening.registered)
        elif not done:
            log.warning("registration_disputed", reward_epoch=duty.reward_epoch_id)

    def _votes(self, reward_epoch_id: int) -> bool:
        ours, policy = self._book.registration(self._identity, reward_epoch_id), self._book.policy(reward_epoch_id)
        return ours is not None and policy is not None and ours.signing_policy in policy.voters

    def _included(self, progress: _Progress, now_ns: int) -> None:
        progress.included, progress.asked, progress.reason = True, False, None
        progress.wait_ns = now_ns + self._rules.confirm_ns

    def _reverted(self, duty: EpochDuty, progress: _Progress, answer: Reverted, now_ns: int) -> None:
        progress.asked = False
        revert = answer.revert
        if revert is not None and not revert.fatal:
            self._harmless(duty, progress, revert, now_ns)
            return
        remedy = NOT_LISTED if revert is None else revert.remedy
        progress.reason, progress.facts = EPOCH_DUTY_REFUSED, {"said": answer.said, "remedy": remedy}
        progress.wait_ns = now_ns + self._rules.retry_ns
        progress.number += answer.in_block
        log.error(
            EPOCH_DUTY_REFUSED.code,
            duty=duty.kind.value,
            reward_epoch=duty.reward_epoch_id,
            said=answer.said,
            remedy=remedy,
        )

    def _harmless(self, duty: EpochDuty, progress: _Progress, revert: Revert, now_ns: int) -> None:
        """The contract refuses what is done, not needed, or not open."""
        log.info("epoch_duty_spared", duty=duty.kind.value, reward_epoch=duty.reward_epoch_id, said=revert.reason)
        if duty.kind is DutyKind.REGISTER:
            # Events and registry decide: until the policy is there, another may still take our place.
            progress.wait_ns = now_ns + self._rules.retry_ns
        else:
            progress.ended = DutyState.DONE if revert.reason in _DID else DutyState.MOOT
            progress.reason = None

    def _failed(self, duty: EpochDuty, progress: _Progress, answer: Failed, now_ns: int) -> None:
        if answer.reason is INTENT_CHANGED:
            progress.number += 1
            return
        progress.reason, progress.facts = answer.reason, answer.facts
        progress.asked = False
        progress.wait_ns = now_ns + self._rules.retry_ns
        fetching = duty.kind is DutyKind.REWARDS and progress.rewards is None
        log.warning(
            "epoch_duty_failed",
            duty=duty.kind.value,
            reward_epoch=duty.reward_epoch_id,
            cause=answer.reason.code,
            facts=dict(answer.facts),
        )
        if fetching:
            self._fetch_later(duty, progress, now_ns)

    def _fetch_later(self, duty: EpochDuty, progress: _Progress, now_ns: int) -> None:
        """The next try, counted from when signing began; after the last one nobody waits for us."""
        opening = self._open.get(duty)
        since_ns = now_ns if opening is None else opening.since_s * SECOND_NS
        tried = max(now_ns - since_ns, 0) // self._rules.reward_every_ns + 1
        progress.wait_ns = since_ns + tried * self._rules.reward_every_ns
        if tried >= self._rules.reward_tries:
            progress.ended = DutyState.MISSED

    def _report(self, duty: EpochDuty, progress: _Progress) -> DutyReport:
        state = progress.ended or (DutyState.WAITING if progress.at_work is None else DutyState.AT_WORK)
        verified = duty.kind is DutyKind.REGISTER and progress.verified and progress.ended is None
        reason = progress.reason
        if state is DutyState.MISSED and reason is None:
            reason = EPOCH_DUTY_OVER
        waits = state is DutyState.WAITING and not verified and progress.wait_ns > 0
        return DutyReport(
            duty=duty,
            state=DutyState.DONE if verified else state,
            reason=reason,
            facts=progress.facts if reason is not None else {},
            next_ns=progress.wait_ns if waits else None,
        )
