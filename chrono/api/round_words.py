"""Rounds and the provider in the shapes of the wire."""

from decimal import Decimal
from typing import Any, Final

from chrono.api import schemas_rounds as wire
from chrono.clock import SECOND_NS, to_rfc3339
from chrono.errors import Reason
from chrono.flare.address import checksummed
from chrono.flare.epochs import Span
from chrono.flare.random import RoundRandom
from chrono.voting.closeness import Score, closeness
from chrono.voting.provider_report import Budget, CountedFdc, CountedUpdates, Mode, ProviderReport, RewardsTold
from chrono.voting.reports import FeedOutcome, Payload, RoundPhase, RoundReport, Sent

TELLING_NS: Final = 10 * SECOND_NS
"""So long after its time a round may still be told of by the duty."""


def round_row(
    report: RoundReport, counted: Score, root: bytes | None, random: RoundRandom | None, *, now_ns: int
) -> wire.RoundRow:
    """A round with its feeds counted."""
    return wire.RoundRow(
        **_common(report, root, random, now_ns),
        feeds=counted.feeds,
        omitted=counted.omitted,
        in_iqr=counted.in_iqr,
        in_band=counted.in_band,
        hits=counted.hits,
    )


def round_detail(report: RoundReport, *, now_ns: int, latency_ms: int) -> wire.RoundDetail:
    """A round with each of its feeds, and the bytes of it that may be seen at `now_ns`."""
    result = report.result
    root, random = (None, None) if result is None else (result.root, result.random)
    common = _common(report, root, random, now_ns)
    return wire.RoundDetail(
        **common,
        feeds=[_feed(outcome, report) for outcome in report.feeds],
        payloads=[_payload(one) for one in report.payloads if may_be_seen(one, report, now_ns)],
        latency_ms=latency_ms,
    )


def may_be_seen(payload: Payload, report: RoundReport, now_ns: int) -> bool:
    """Whether the bytes of a duty give nothing away that must stay secret now."""
    if report.mode is Mode.DRY_RUN:
        # Nothing of it was committed to, so nothing of it can be copied to anyone's harm.
        return True
    return now_ns >= payload.shown_from_ns


def provider_row(report: ProviderReport, current: RoundReport | None) -> wire.Provider:
    """The provider as it stands; `current` is the round whose voting epoch runs, if anything was told of it."""
    return wire.Provider(
        network=report.network,
        mode=report.mode.value,
        identity=None if report.identity is None else checksummed(report.identity),
        told_at=to_rfc3339(report.at_ns),
        round=None if report.round is None else report.round.id,
        phase=None if current is None else current.phase.value,
        reward_epoch=report.reward_epoch_id,
        addresses={role: checksummed(address) for role, address in report.addresses.items()},
        registered=wire.RegisteredRow(report.registered.current, report.registered.next),
        weight_bips=report.weight_bips,
        passes=report.passes,
        budget=budget_row(report.budget),
        balances=[
            wire.BalanceRow(one.role, checksummed(one.address), str(one.wei), one.runway_hours)
            for one in report.balances
        ],
        accuracy_rank=report.accuracy_rank,
        owed_reveals=[wire.OwedRow(one.round_id, to_rfc3339(one.until_ns)) for one in report.owed],
        awaiting=_awaiting(report),
        nodes=[wire.NodeRow(one.name, one.state, one.why or None) for one in report.nodes],
    )


def budget_row(budget: Budget) -> wire.BudgetRow:
    """What the reward epoch still forgives."""
    fast, fdc = budget.fast_updates, budget.fdc
    return wire.BudgetRow(
        anchor_misses_left=budget.anchor_misses_left,
        fast_updates_left=budget.fast_updates_left,
        fdc_rounds_left=budget.fdc_rounds_left,
        fast_updates=None if fast is None else _updates_row(fast),
        fdc=None if fdc is None else _fdc_row(fdc),
        unknown={name: wire.ReasonRow(*reason) for name, reason in budget.unknown.items()},
    )


def reward_list(told: RewardsTold) -> wire.RewardList:
    """What is known of the rewards, the newest reward epoch first."""
    ordered = sorted(told.rewards, key=lambda one: (-one.reward_epoch_id, one.claim_type))
    rows = [
        wire.RewardRow(
            one.reward_epoch_id, one.claim_type, str(one.amount_wei), one.claimable, _time_or_none(one.expires_ns)
        )
        for one in ordered
    ]
    looked = [wire.RewardLookRow(one.reward_epoch_id, one.reason is None, _reason(one.reason)) for one in told.looked]
    return wire.RewardList(rows, looked)


def scaled(value: int, decimals: int) -> str:
    """A feed value in plain digits, with as many decimals as the feed has."""
    return f"{Decimal(value).scaleb(-decimals):f}"


def phase_at(report: RoundReport, now_ns: int) -> RoundPhase:
    """How far the round is at `now_ns`: what was told last, unless its time has passed since, as over a restart."""
    past = now_ns > report.round.signature_window.end_ns + TELLING_NS
    return RoundPhase.OVER if past and report.phase is not RoundPhase.FINALISED else report.phase


def _common(report: RoundReport, root: bytes | None, random: RoundRandom | None, now_ns: int) -> dict[str, Any]:
    voting_round = report.round
    return {
        "network": report.network,
        "round": report.id,
        "reward_epoch": report.reward_epoch_id,
        "phase": phase_at(report, now_ns).value,
        "mode": report.mode.value,
        "windows": wire.Windows(
            _window(voting_round.commit_window),
            _window(voting_round.reveal_window),
            _window(voting_round.signature_window),
        ),
        "secure_random": None if random is None else random.is_secure,
        "random": None if random is None else f"0x{random.value:064x}",
        "merkle_root": None if root is None else "0x" + root.hex(),
        "transactions": [_transaction(sent) for sent in report.transactions],
        "fee_wei": str(sum(sent.fee_wei or 0 for sent in report.transactions)),
        "reason": _reason(report.reason),
    }


def _transaction(sent: Sent) -> wire.RoundTransaction:
    return wire.RoundTransaction(
        phase=sent.phase.value,
        status=sent.status.value,
        tx_hash="0x" + sent.tx_hash.hex(),
        block=sent.block_number,
        gas_used=sent.gas_used,
        fee_wei=None if sent.fee_wei is None else str(sent.fee_wei),
        margin_ms=sent.margin_ms,
        attempts=sent.attempts,
        submitted_at=to_rfc3339(sent.submitted_at_ns),
        confirmed_at=_time_or_none(sent.confirmed_at_ns),
        reason=_reason(sent.reason),
    )


def _payload(payload: Payload) -> wire.RoundPayload:
    return wire.RoundPayload(
        payload.phase.value, checksummed(payload.sender), "0x" + payload.calldata.hex(), to_rfc3339(payload.made_at_ns)
    )


def _feed(outcome: FeedOutcome, report: RoundReport) -> wire.RoundFeed:
    feed, median = outcome.feed, outcome.median
    found = closeness(outcome, report.id, report.submit)
    return wire.RoundFeed(
        symbol=feed.id.label,
        feed_id=feed.id.hex,
        decimals=feed.decimals,
        ours=_scaled_or_none(outcome.ours, feed.decimals),
        median=None if median is None else scaled(median.value, feed.decimals),
        q1=None if median is None else _scaled_or_none(median.quartile1, feed.decimals),
        q3=None if median is None else _scaled_or_none(median.quartile3, feed.decimals),
        turnout_bips=outcome.turnout_bips,
        in_iqr=found.in_iqr,
        in_band=found.in_band,
        hit=found.hit,
        deviation_bps=None if found.deviation_bps is None else f"{found.deviation_bps:f}",
    )


def _updates_row(counted: CountedUpdates) -> wire.UpdatesRow:
    return wire.UpdatesRow(
        rounds=counted.rounds,
        rounds_in_epoch=counted.rounds_in_epoch,
        made=counted.made,
        by_all=counted.by_all,
        expected=counted.expected,
        enough=counted.enough,
        spared=counted.is_spared,
    )


def _fdc_row(counted: CountedFdc) -> wire.FdcRow:
    return wire.FdcRow(
        rounds=counted.rounds,
        rounds_over=counted.rounds_over,
        rounds_in_epoch=counted.rounds_in_epoch,
        rewarding=counted.rewarding,
        rewarded=counted.rewarded,
    )


def _awaiting(report: ProviderReport) -> wire.AwaitingRow | None:
    awaiting = report.awaiting
    if awaiting is None:
        return None
    return wire.AwaitingRow(awaiting.what, _time_or_none(awaiting.until_ns), _reason(awaiting.reason))


def _window(span: Span) -> wire.Window:
    return wire.Window(to_rfc3339(span.start_ns), to_rfc3339(span.end_ns))


def _reason(reason: Reason | None) -> wire.ReasonRow | None:
    return None if reason is None else wire.ReasonRow(reason.code, reason.message, reason.remedy)


def _scaled_or_none(value: int | None, decimals: int) -> str | None:
    return None if value is None else scaled(value, decimals)


def _time_or_none(at_ns: int | None) -> str | None:
    return None if at_ns is None else to_rfc3339(at_ns)
