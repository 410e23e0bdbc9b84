"""The deadlines that margins are measured against. Source: fsp.md section 1."""

import pytest

from chrono.clock import SECOND_NS
from chrono.voting.deadlines import deadline_ns
from chrono.voting.plan import RoundPlan
from chrono.voting.reports import SentPhase
from tests.fakes.rounds_told import ROUND


@pytest.mark.parametrize(
    ("phase", "after_s"),
    [
        (SentPhase.SUBMIT1, 90),
        (SentPhase.SUBMIT2, 90 + 45),
        (SentPhase.SUBMIT_SIGNATURES, 90 + 60),
        (SentPhase.RELAY, 180),
    ],
)
def test_each_phase_has_its_own_deadline(phase: SentPhase, after_s: int) -> None:
    begins_ns = ROUND.epoch.start_s * SECOND_NS
    assert deadline_ns(RoundPlan.of(ROUND), phase) == begins_ns + after_s * SECOND_NS
