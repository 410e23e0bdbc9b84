"""A voting round as rows of its three tables, and back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, structs

from chrono.errors import Reason, reason_of
from chrono.flare.address import Address
from chrono.flare.epochs import Timing, VotingRound
from chrono.flare.feeds import Feed, FeedId
from chrono.flare.median import Median
from chrono.flare.random import RoundRandom
from chrono.flare.results import FeedResult, RoundResult
from chrono.store.database import Row
from chrono.store.times import as_datetime
from chrono.voting.closeness import Score, score
from chrono.voting.provider_report import Mode
from chrono.voting.reports import FeedOutcome, RoundPhase, RoundReport, Sent, SentPhase, SentStatus

ROUND_COLUMNS = (
    "network", "round", "reward_epoch", "mode", "phase", "submit_address", "reason", "secure_random", "random",
    "merkle_root", "feeds", "omitted", "in_iqr", "in_band", "hits", "updated_at",
)  # fmt: skip
SENT_COLUMNS = (
    "network", "round", "phase", "tx_hash", "intent", "status", "attempts", "gas_used", "fee_wei", "block_number",
    "submitted_at", "confirmed_at", "margin_ms", "reason",
)  # fmt: skip
VALUE_COLUMNS = (
    "network", "round", "feed_id", "place", "decimals", "value", "median", "q1", "q3", "participating_weight",
    "turnout_bips", "secondary_band_ppm",
)  # fmt: skip


class StoredRound(Struct, frozen=True):
    """A recorded round without its feeds, which `score` counts. Its result is there with the feeds only."""

    report: RoundReport
    score: Score
    root: bytes | None
    random: RoundRandom | None


def round_row(report: RoundReport, updated_at: object) -> tuple[object, ...]:
    """A row of ftso_rounds."""
    result, counted = report.result, score(report)
    return (
        report.network,
        report.id,
        report.reward_epoch_id,
        report.mode,
        report.phase,
        None if report.submit is None else _hex(report.submit),
        _code(report.reason),
        None if result is None else result.random.is_secure,
        None if result is None else f"0x{result.random.value:064x}",
        None if result is None else _hex(result.root),
        counted.feeds or None,
        counted.omitted if counted.feeds else None,
        counted.in_iqr,
        counted.in_band,
        counted.hits,
        updated_at,
    )


def sent_rows(report: RoundReport) -> list[tuple[object, ...]]:
    """Rows of ftso_submissions: one for each duty."""
    return [
        (
            report.network,
            report.id,
            sent.phase,
            _hex(sent.tx_hash),
            sent.intent_id,
            sent.status,
            sent.attempts,
            sent.gas_used,
            sent.fee_wei,
            sent.block_number,
            as_datetime(sent.submitted_at_ns),
            _time_or_none(sent.confirmed_at_ns),
            sent.margin_ms,
            _code(sent.reason),
        )
        for sent in report.transactions
    ]


def value_rows(report: RoundReport) -> list[tuple[object, ...]]:
    """Rows of ftso_submission_values: one for each feed, in the canonical order."""
    return [
        (
            report.network,
            report.id,
            outcome.feed.id.hex,
            place,
            outcome.feed.decimals,
            outcome.ours,
            None if outcome.median is None else outcome.median.value,
            None if outcome.median is None else outcome.median.quartile1,
            None if outcome.median is None else outcome.median.quartile3,
            None if outcome.median is None else outcome.median.participating_weight,
            outcome.turnout_bips,
            outcome.secondary_band_ppm,
        )
        for place, outcome in enumerate(report.feeds)
    ]


def stored_round(row: Row, sent: Sequence[Row], timing: Timing) -> StoredRound:
    """What a row of ftso_rounds and its transactions tell."""
    told = dict(zip(ROUND_COLUMNS, row, strict=True))
    report = RoundReport(
        network=told["network"],
        round=VotingRound(told["round"], timing),
        phase=RoundPhase(told["phase"]),
        mode=Mode(told["mode"]),
        reward_epoch_id=told["reward_epoch"],
        submit=None if told["submit_address"] is None else Address(_bytes(told["submit_address"])),
        reason=_reason(told["reason"]),
        transactions=tuple(_sent(one) for one in sent),
    )
    counted = Score(**{name: told[name] for name in Score.__struct_fields__} | _counted(told))
    root = None if told["merkle_root"] is None else _bytes(told["merkle_root"])
    random = None if told["random"] is None else RoundRandom(int(told["random"], 16), told["secure_random"])
    return StoredRound(report, counted, root, random)


def with_feeds(stored: StoredRound, values: Sequence[Row]) -> RoundReport:
    """The whole round; its result only where the recorded values lead to the recorded root."""
    feeds = tuple(_outcome(row) for row in values)
    report = structs.replace(stored.report, feeds=feeds)
    if stored.random is None or not all(outcome.turnout_bips is not None for outcome in feeds):
        return report
    found = tuple(FeedResult(report.id, one.feed, one.median, one.turnout_bips or 0) for one in feeds)
    result = RoundResult(report.id, stored.random, found)
    return structs.replace(report, result=result) if result.root == stored.root else report


def _counted(told: Mapping[str, Any]) -> dict[str, int]:
    return {"feeds": told["feeds"] or 0, "omitted": told["omitted"] or 0}


def _outcome(row: Row) -> FeedOutcome:
    told = dict(zip(VALUE_COLUMNS, row, strict=True))
    feed = FeedId.from_bytes(_bytes(told["feed_id"]))
    weight = told["participating_weight"]
    return FeedOutcome(
        feed=Feed(feed, told["decimals"]),
        ours=told["value"],
        median=None if weight is None else Median(told["median"], told["q1"], told["q3"], int(weight)),
        turnout_bips=told["turnout_bips"],
        secondary_band_ppm=told["secondary_band_ppm"],
    )


def _sent(row: Row) -> Sent:
    told = dict(zip(SENT_COLUMNS, row, strict=True))
    return Sent(
        intent_id=told["intent"],
        phase=SentPhase(told["phase"]),
        status=SentStatus(told["status"]),
        tx_hash=_bytes(told["tx_hash"]),
        attempts=told["attempts"],
        submitted_at_ns=told["submitted_at"],
        confirmed_at_ns=told["confirmed_at"],
        block_number=told["block_number"],
        gas_used=told["gas_used"],
        fee_wei=None if told["fee_wei"] is None else int(told["fee_wei"]),
        margin_ms=told["margin_ms"],
        reason=_reason(told["reason"]),
    )


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _code(reason: Reason | None) -> str | None:
    return None if reason is None else reason.code


def _reason(code: str | None) -> Reason | None:
    return None if code is None else reason_of(code)


def _time_or_none(at_ns: int | None) -> datetime | None:
    return None if at_ns is None else as_datetime(at_ns)
