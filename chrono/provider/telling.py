"""Tells what the rounds do: each round whole when something of it changed, with its transactions as they are now."""

from collections.abc import Iterator
from typing import Final

import structlog
from msgspec import Struct

from chrono.chain.intents import Ending
from chrono.chain.ports import Attempt
from chrono.clock import MS_NS, SECOND_NS
from chrono.flare.epochs import VotingRound
from chrono.flare.feed_values import decode_values
from chrono.flare.frames import FTSO, Frame, SubmissionFunction, calldata
from chrono.provider.chain_side import ChainSide
from chrono.provider.counting import count_margin
from chrono.provider.running import Duty
from chrono.provider.setup import ProviderSetup
from chrono.telemetry import SUBSCRIBER_FAILURES
from chrono.voting.actions import Finalise, Submit
from chrono.voting.closeness import feed_outcomes
from chrono.voting.deadlines import deadline_ns
from chrono.voting.journal import Journal
from chrono.voting.membership import RewardEpochFacts
from chrono.voting.plan import RoundPlan
from chrono.voting.provider_report import Mode
from chrono.voting.reports import (
    FeedOutcome,
    Payload,
    RoundPhase,
    RoundReport,
    Sent,
    SentPhase,
    SentStatus,
)

log = structlog.get_logger()

KEPT: Final = 8
"""Rounds whose transactions are followed."""


class _Wanted(Struct, frozen=True):
    """A transaction that a round asked for."""

    round_id: int
    phase: SentPhase
    deadline_ns: int


class Teller:
    """Fills the reports. Everything is called from the duty's loop."""

    def __init__(self, setup: ProviderSetup, chain: ChainSide, journal: Journal) -> None:
        self._setup = setup
        self._chain = chain
        self._journal = journal
        self._wanted: dict[str, _Wanted] = {}
        self._sent: dict[int, dict[str, Sent]] = {}
        self._payloads: dict[int, dict[str, Payload]] = {}
        self._told: dict[int, RoundReport] = {}
        self._failing = False

    def wanted(self, action: Submit | Finalise, phase: SentPhase) -> None:
        """A round asked for a transaction."""
        round_id = round_of(action.intent_id)
        plan = RoundPlan.of(VotingRound(round_id, self._setup.network.timing), self._setup.rules.margins)
        self._wanted[action.intent_id] = _Wanted(round_id, phase, deadline_ns(plan, phase))
        hidden = phase is SentPhase.SUBMIT2 and self._setup.mode is Mode.LIVE
        self._payloads.setdefault(round_id, {})[action.intent_id] = Payload(
            phase=phase,
            sender=action.sender,
            calldata=action.data,
            made_at_ns=self._chain.clock.now_ns(),
            shown_from_ns=self._round_start_ns(round_id + 1) if hidden else 0,
        )

    def attempt(self, attempt: Attempt) -> None:
        """A transaction is on disk, and about to leave."""
        wanted = self._wanted.get(attempt.intent_id)
        if wanted is None:
            return
        before = self._sent.get(wanted.round_id, {}).get(attempt.intent_id)
        self._tell_sent(
            wanted,
            Sent(
                intent_id=attempt.intent_id,
                phase=wanted.phase,
                status=SentStatus.PENDING,
                tx_hash=attempt.signed.hash,
                attempts=attempt.number + 1,
                submitted_at_ns=attempt.made_at_ns if before is None else before.submitted_at_ns,
            ),
        )

    def ended(self, intent_id: str, ending: Ending, block_time_s: int | None) -> None:
        """A transaction is in a block, or will never be."""
        wanted = self._wanted.get(intent_id)
        attempts = self._journal.attempts_of(intent_id)
        if wanted is None or not attempts:
            return
        receipt = ending.receipt
        margin_ms = None
        if block_time_s is not None:
            margin_ms = (wanted.deadline_ns - block_time_s * SECOND_NS) // MS_NS
            count_margin(wanted.phase, margin_ms)
        self._tell_sent(
            wanted,
            Sent(
                intent_id=intent_id,
                phase=wanted.phase,
                status=_status(ending),
                tx_hash=attempts[-1].tx_hash if receipt is None else receipt.hash,
                attempts=len(attempts),
                submitted_at_ns=attempts[0].made_at_ns,
                confirmed_at_ns=None if block_time_s is None else block_time_s * SECOND_NS,
                block_number=None if receipt is None else receipt.block_number,
                gas_used=None if receipt is None else receipt.gas_used,
                fee_wei=None if receipt is None else receipt.cost_wei,
                margin_ms=margin_ms,
                reason=ending.reason,
            ),
        )

    def round(self, plan: RoundPlan, duty: Duty, now_ns: int) -> RoundReport | None:
        """Tell a round as it stands, if that is not what was told last; None when it could not be told.

        Whatever those do who hear of it, the duty goes on.
        """
        try:
            report = self._report(plan, duty, now_ns)
            if self._told.get(report.id) != report:
                self._told[report.id] = report
                self._forget(report.id)
                self._setup.reports.tell_round(report)
        except Exception:
            SUBSCRIBER_FAILURES.labels("round_reports").inc()
            if not self._failing:
                log.exception("round_not_told", round=plan.id)
            self._failing = True
            return None
        self._failing = False
        return report

    def _tell_sent(self, wanted: _Wanted, sent: Sent) -> None:
        self._sent.setdefault(wanted.round_id, {})[sent.intent_id] = sent

    def _report(self, plan: RoundPlan, duty: Duty, now_ns: int) -> RoundReport:
        facts = self._chain.book.of_round(plan.id)
        outcome = duty.outcome
        return RoundReport(
            network=self._setup.network.name,
            round=plan.round,
            phase=self._phase(plan, duty, now_ns),
            mode=self._setup.mode,
            reward_epoch_id=None if facts is None else facts.reward_epoch_id,
            submit=None if duty.membership is None else duty.membership.submit,
            reason=duty.why,
            result=None if outcome is None else outcome.result,
            outcome=outcome,
            electorate=None if facts is None else facts.electorate,
            transactions=tuple(self._sent.get(plan.id, {}).values()),
            payloads=(*self._payloads.get(plan.id, {}).values(), *self._unsent(plan, duty)),
            feeds=self._feeds(plan, duty, facts),
        )

    def _phase(self, plan: RoundPlan, duty: Duty, now_ns: int) -> RoundPhase:
        """How far it is; where we missed something, how far the others are."""
        journal, round_id = self._journal, plan.id
        if self._chain.is_finalised(round_id):
            return RoundPhase.FINALISED
        if duty.over:
            return RoundPhase.OVER
        if journal.done(round_id, SubmissionFunction.SUBMIT_SIGNATURES, FTSO):
            return RoundPhase.SIGNED
        if now_ns >= plan.reveal_deadline_ns or journal.done(round_id, SubmissionFunction.SUBMIT2, FTSO):
            return RoundPhase.REVEALED
        if now_ns >= plan.commit_deadline_ns or journal.done(round_id, SubmissionFunction.SUBMIT1, FTSO):
            return RoundPhase.COMMITTED
        return RoundPhase.COMMIT

    def _unsent(self, plan: RoundPlan, duty: Duty) -> Iterator[Payload]:
        """The reveal of a dry run, which no transaction ever carries."""
        commit = self._journal.committed(plan.id)
        payload = self._journal.payload(SubmissionFunction.SUBMIT2, FTSO, plan.id)
        if self._setup.mode is Mode.LIVE or commit is None or payload is None or duty.membership is None:
            return
        data = calldata(SubmissionFunction.SUBMIT2, [Frame(FTSO, plan.id, payload)])
        yield Payload(
            phase=SentPhase.SUBMIT2,
            sender=duty.membership.submit,
            calldata=data,
            made_at_ns=commit.at_ns,
            shown_from_ns=0,
        )

    def _feeds(self, plan: RoundPlan, duty: Duty, facts: RewardEpochFacts | None) -> tuple[FeedOutcome, ...]:
        commit = self._journal.committed(plan.id)
        result = None if duty.outcome is None else duty.outcome.result
        if facts is None or (commit is None and result is None):
            return ()
        feeds = facts.electorate.feeds
        if commit is not None and commit.feed_count != len(feeds):
            return ()  # it was made for another reward epoch than the round turned out to be of
        ours = [None] * len(feeds) if commit is None else decode_values(commit.encoded_values, commit.feed_count)
        return feed_outcomes(feeds, ours, result, facts.band_ppms)

    def _round_start_ns(self, round_id: int) -> int:
        timing = self._setup.network.timing
        return (timing.first_start_s + round_id * timing.epoch_s) * SECOND_NS

    def _forget(self, newest: int) -> None:
        oldest = newest - KEPT
        self._sent = {round_id: each for round_id, each in self._sent.items() if round_id > oldest}
        self._payloads = {round_id: each for round_id, each in self._payloads.items() if round_id > oldest}
        self._told = {round_id: each for round_id, each in self._told.items() if round_id > oldest}
        self._wanted = {name: each for name, each in self._wanted.items() if each.round_id > oldest}


def round_of(intent_id: str) -> int:
    """The round that an intent of a round is about: `NETWORK/ROUND/…`."""
    return int(intent_id.split("/")[1])


def _status(ending: Ending) -> SentStatus:
    if ending.receipt is None:
        return SentStatus.FAILED
    return SentStatus.CONFIRMED if ending.receipt.succeeded else SentStatus.REVERTED
