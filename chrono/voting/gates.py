"""What must hold before a commit leaves: one of these not known or not true, and the round is skipped with its reason.

A skipped commit costs a round; a commit whose reveal fails, thirty. So whatever is doubtful here is a no.
"""

from chrono.clock import SECOND_NS
from chrono.errors import (
    CLOCK_SKEWED,
    EPOCH_UNKNOWN,
    EPOCHS_DIFFER,
    HEAD_STALE,
    NOT_A_VOTER,
    SCAN_NOT_DONE,
    STOPPING,
    UNKNOWN_SUBMISSION,
    Reason,
)
from chrono.voting.actions import ChainView
from chrono.voting.journal import Journal
from chrono.voting.margins import Margins
from chrono.voting.membership import Membership, RewardEpochFacts
from chrono.voting.ports import Epochs
from chrono.voting.records import Commit


def commit_refusal(
    round_id: int, now_ns: int, view: ChainView, *, epochs: Epochs, journal: Journal, margins: Margins
) -> Reason | None:
    """Why no commit may leave now for any voter; None when nothing stands against it."""
    if view.stopping:
        return STOPPING
    silent = silence(round_id, view)
    if silent is not None:
        return silent
    if journal.fault is not None:
        return journal.fault
    if view.head_time_ns is None or now_ns - view.head_time_ns > margins.most_head_age_ns:
        return HEAD_STALE
    if view.skew_ns is None or abs(view.skew_ns) > margins.most_skew_ns:
        return CLOCK_SKEWED
    if view.late_ns is None or view.late_ns > margins.most_late_ns:
        return CLOCK_SKEWED
    if view.initialised is None or view.initialised != epochs.last_initialised:
        return EPOCHS_DIFFER
    return None


def silence(round_id: int, view: ChainView) -> Reason | None:
    """Why nothing new is said in the round, because of who else may speak with our keys; None when nobody does."""
    if not view.scanned:
        return SCAN_NOT_DONE
    if view.silent_through is not None and round_id <= view.silent_through:
        return UNKNOWN_SUBMISSION
    return None


def membership_refusal(facts: RewardEpochFacts | None, membership: Membership | None) -> Reason | None:
    """Why the round is none of ours; None when we are a voter of it."""
    if facts is None:
        return EPOCH_UNKNOWN
    return NOT_A_VOTER if membership is None else None


def stale_commit(commit: Commit, facts: RewardEpochFacts, membership: Membership) -> Reason | None:
    """Why a commit that was made earlier is not of the reward epoch that the round turned out to belong to."""
    made_for = (commit.reward_epoch_id, commit.submit, commit.feed_count)
    belongs_to = (facts.reward_epoch_id, bytes(membership.submit), len(facts.electorate.feeds))
    return None if made_for == belongs_to else EPOCHS_DIFFER


def in_reveal_window(view: ChainView, window_start_ns: int) -> bool:
    """Whether the chain itself has entered the reveal window: no block before it can come any more."""
    return view.head_time_ns is not None and view.head_time_ns // SECOND_NS >= window_start_ns // SECOND_NS
