"""What the metrics say of the rounds: how each part ended, how near the values came, and what was left out."""

from collections import deque
from typing import Final

from chrono.clock import MS_NS, SECOND_NS
from chrono.errors import (
    CLOCK_SKEWED,
    EPOCH_UNKNOWN,
    EPOCHS_DIFFER,
    HEAD_STALE,
    JOURNAL_BROKEN,
    NO_VALUES,
    NOT_MINED,
    NOT_READY,
    SCAN_NOT_DONE,
    STOPPING,
    TOO_LATE,
    TRANSACTION_REVERTED,
    UNKNOWN_SUBMISSION,
    VALUES_LATE,
    Reason,
)
from chrono.flare.frames import FTSO, SubmissionFunction
from chrono.provider.handed_rounds import HandedRound
from chrono.provider.running import Duty
from chrono.telemetry import (
    BAND_HITS,
    FEED_DEVIATION,
    FEEDS_OMITTED,
    FTSO_MARGIN,
    FTSO_MISSES,
    FTSO_SUBMISSIONS,
)
from chrono.voting.closeness import closeness, score
from chrono.voting.journal import Journal
from chrono.voting.misses import Part
from chrono.voting.reports import RoundReport, SentPhase

WINDOW_ROUNDS: Final = 80
"""Two hours of 90 s rounds."""

_SKIPPED: Final = frozenset(
    {
        CLOCK_SKEWED,
        EPOCHS_DIFFER,
        EPOCH_UNKNOWN,
        HEAD_STALE,
        JOURNAL_BROKEN,
        NOT_READY,
        NO_VALUES,
        SCAN_NOT_DONE,
        STOPPING,
        UNKNOWN_SUBMISSION,
    }
)
"""We did not even try, for good reason."""

_LATE: Final = frozenset({NOT_MINED, TOO_LATE, VALUES_LATE})
_PARTS: Final = (
    (SubmissionFunction.SUBMIT1, SentPhase.SUBMIT1, Part.COMMIT),
    (SubmissionFunction.SUBMIT2, SentPhase.SUBMIT2, Part.REVEAL),
    (SubmissionFunction.SUBMIT_SIGNATURES, SentPhase.SUBMIT_SIGNATURES, Part.SIGNATURE),
)


class Counts:
    """Counts rounds as they end."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._hits: deque[tuple[int, int]] = deque(maxlen=WINDOW_ROUNDS)

    def over(self, duty: Duty, report: RoundReport) -> None:
        """A round of ours is over."""
        commit, counted_in = duty.misses.of(Part.COMMIT), _is_counted_in(duty)
        for function, phase, part in _PARTS:
            if part is Part.SIGNATURE and isinstance(duty, HandedRound):
                continue  # another program sends it, and nobody tells us
            shown = counted_in and part is not Part.SIGNATURE
            done = shown or self._journal.done(report.id, function, FTSO)
            reason = duty.misses.of(part) or commit
            FTSO_SUBMISSIONS.labels(str(FTSO), phase.value, _outcome(reason, done=done)).inc()
        for part, why in duty.misses.all.items():
            FTSO_MISSES.labels(part.name.lower(), why.code).inc()
        self._values(report)

    def _values(self, report: RoundReport) -> None:
        counted = score(report)
        if self._journal.committed(report.id) is not None:
            FEEDS_OMITTED.labels("no_value").inc(counted.omitted)
        if counted.hits is None:
            return
        self._hits.append((counted.hits, counted.feeds))
        feeds = sum(each for _, each in self._hits)
        BAND_HITS.labels("2h").set(sum(hits for hits, _ in self._hits) / max(feeds, 1))
        for outcome in report.feeds:
            bps = closeness(outcome, report.id, report.submit).deviation_bps
            if bps is not None:
                FEED_DEVIATION.observe(abs(float(bps)))


def count_margin(phase: SentPhase, margin_ms: int) -> None:
    """A transaction is in a block, so long before its deadline."""
    FTSO_MARGIN.labels(phase.value).observe(margin_ms * MS_NS / SECOND_NS)


def _is_counted_in(duty: Duty) -> bool:
    """Whether the network counted our vote, whoever sent it: then commit and reveal were in time."""
    return duty.outcome is not None and duty.membership is not None and duty.membership.submit in duty.outcome.valid


def _outcome(reason: Reason | None, *, done: bool) -> str:
    if done:
        return "ok"
    if reason is TRANSACTION_REVERTED:
        return "reverted"
    if reason in _SKIPPED:
        return "skipped"
    return "late" if reason in _LATE else "missing"
