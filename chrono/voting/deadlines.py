"""Against which deadline a transaction is measured. Source: fsp.md section 1."""

from chrono.voting.plan import RoundPlan
from chrono.voting.reports import SentPhase


def deadline_ns(plan: RoundPlan, phase: SentPhase) -> int:
    """The first instant that is too late, chain time.

    For a signature that is the end of the grace: later it is rewarded only until somebody finalises the round.
    """
    return {
        SentPhase.SUBMIT1: plan.commit_deadline_ns,
        SentPhase.SUBMIT2: plan.reveal_deadline_ns,
        SentPhase.SUBMIT_SIGNATURES: plan.sign_by_ns,
        SentPhase.RELAY: plan.over_ns,
    }[phase]
