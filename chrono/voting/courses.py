"""The times of each function of a round, as calls are sent by them."""

from chrono.flare.epochs import Span
from chrono.flare.frames import SubmissionFunction
from chrono.voting.joining import Course
from chrono.voting.plan import RoundPlan


def course_of(function: SubmissionFunction, plan: RoundPlan) -> Course:
    """When calls of a function go, and when they count. Raises: KeyError for a function that is not used."""
    return {
        SubmissionFunction.SUBMIT1: _commit,
        SubmissionFunction.SUBMIT2: _reveal,
        SubmissionFunction.SUBMIT_SIGNATURES: _signatures,
    }[function](plan)


def _commit(plan: RoundPlan) -> Course:
    return Course(
        function=SubmissionFunction.SUBMIT1,
        join_by_ns=plan.commit_join_by_ns,
        send_until_ns=plan.commit_stop_ns,
        expires_ns=plan.commit_deadline_ns,
        counts=plan.round.commit_window,
    )


def _reveal(plan: RoundPlan) -> Course:
    return Course(
        function=SubmissionFunction.SUBMIT2,
        join_by_ns=plan.reveal_join_by_ns,
        send_until_ns=plan.reveal_deadline_ns - 1,
        expires_ns=plan.reveal_deadline_ns,
        counts=plan.round.reveal_window,
    )


def _signatures(plan: RoundPlan) -> Course:
    return Course(
        function=SubmissionFunction.SUBMIT_SIGNATURES,
        join_by_ns=plan.sign_join_by_ns,
        send_until_ns=plan.sign_over_ns - 1,
        expires_ns=plan.sign_over_ns,
        # Before the reveal deadline there is no result of ours to sign, and after the last instant no reward.
        counts=Span(plan.sign_from_ns, plan.sign_over_ns),
    )
