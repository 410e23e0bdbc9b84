"""The commit of a round: when values are taken, what must hold before it leaves, and when it is too late for it."""

import pytest
from msgspec.structs import replace

from chrono.clock import SECOND_NS
from chrono.errors import (
    CLOCK_SKEWED,
    EPOCH_UNKNOWN,
    EPOCHS_DIFFER,
    FEES_TOO_HIGH,
    HEAD_STALE,
    JOURNAL_BROKEN,
    NO_VALUES,
    NOT_A_VOTER,
    NOT_MINED,
    NOT_READY,
    SCAN_NOT_DONE,
    STOPPING,
    TOO_LATE,
    UNKNOWN_SUBMISSION,
    VALUES_LATE,
    Reason,
)
from chrono.flare.commit import Reveal
from chrono.flare.feed_values import encode_values
from chrono.flare.frames import FTSO, Frame, calldata
from chrono.voting.actions import End, Submit, TakeValues, Values
from chrono.voting.misses import Part
from tests.fakes.voting_rounds import (
    EPOCH_S,
    FACTS,
    FEEDS,
    IDENTITY,
    PLAN,
    ROUND,
    SUBMIT1,
    US,
    VALUES,
    KnownEpochs,
    at,
    call_of,
    commit_of,
    facts,
)
from tests.fakes.voting_stage import Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_nothing_is_due_before_the_values_are(stage: Stage) -> None:
    assert stage.due(0) == []
    assert stage.due(74.999999999) == []
    assert stage.duty.next_ns(at(30)) == PLAN.values_at_ns


def test_the_values_are_taken_once_and_for_the_feeds_of_the_round(stage: Stage) -> None:
    action = stage.one(TakeValues, 75)
    assert action == TakeValues(ROUND.id, FACTS.reward_epoch_id, FEEDS)
    assert stage.due(76) == []


def test_a_commit_leaves_after_it_is_on_disk(stage: Stage) -> None:
    submit = stage.commit()
    reveal = Reveal((1).to_bytes(32, "big"), encode_values(VALUES))
    frames = [Frame(FTSO, ROUND.id, reveal.commit_hash(US.submit, ROUND.id))]
    assert submit == Submit(
        intent_id=f"coston2/{ROUND.id}/submit1",
        function=SUBMIT1,
        protocols=(FTSO,),
        sender=US.submit,
        data=calldata(SUBMIT1, frames),
        owed=False,
        send_until_ns=at(84),
        expires_ns=at(90),
    )
    stage.restart()
    commit = stage.journal.committed(ROUND.id)
    assert commit is not None
    assert commit == replace(commit_of(), at_ns=at(75))
    assert stage.journal.calls(ROUND.id)[0].intent_id == submit.intent_id


def test_a_restart_sends_the_same_commit_again_and_takes_no_new_values(stage: Stage) -> None:
    first = stage.commit()
    for after_s in (76, 80, 84):
        stage.restart()
        assert stage.one(Submit, after_s) == first


def test_a_restart_before_the_journal_knew_takes_values_anew(stage: Stage) -> None:
    stage.one(TakeValues, 75)
    stage.restart()
    assert stage.one(TakeValues, 76).round_id == ROUND.id


@pytest.mark.parametrize(("after_s", "given"), [(84, True), (84.000000001, False), (89, False), (95, False)])
def test_no_commit_is_begun_after_its_last_moment(stage: Stage, after_s: float, given: bool) -> None:
    assert [type(action) for action in stage.due(after_s)] == ([TakeValues] if given else [])


@pytest.mark.parametrize(("after_s", "given"), [(84, True), (84.000000001, False)])
def test_values_that_come_too_late_are_not_committed(stage: Stage, after_s: float, given: bool) -> None:
    action = stage.one(TakeValues, 83)
    stage.now_ns = at(after_s)
    stage.take(action)
    assert (stage.journal.committed(ROUND.id) is not None) is given
    stage.due(after_s)
    assert stage.duty.misses.of(Part.COMMIT) is (None if given else VALUES_LATE)


def test_a_commit_on_disk_is_not_sent_for_the_first_time_after_its_last_moment(stage: Stage) -> None:
    stage.take(stage.one(TakeValues, 84))
    stage.restart()
    assert stage.due(84.5) == []
    assert stage.duty.why is NOT_READY
    assert stage.due(93) == []


GATES = [
    ({"scanned": False}, SCAN_NOT_DONE),
    ({"silent_through": ROUND.id}, UNKNOWN_SUBMISSION),
    ({"head_time_ns": None}, HEAD_STALE),
    ({"head_time_ns": (EPOCH_S + 75 - 11) * SECOND_NS}, HEAD_STALE),
    ({"skew_ns": None}, CLOCK_SKEWED),
    ({"skew_ns": 10 * SECOND_NS + 1}, CLOCK_SKEWED),
    ({"skew_ns": -10 * SECOND_NS - 1}, CLOCK_SKEWED),
    ({"late_ns": None}, CLOCK_SKEWED),
    ({"late_ns": 3 * SECOND_NS + 1}, CLOCK_SKEWED),
    ({"initialised": None}, EPOCHS_DIFFER),
    ({"initialised": FACTS.reward_epoch_id + 1}, EPOCHS_DIFFER),
    ({"initialised": FACTS.reward_epoch_id - 1}, EPOCHS_DIFFER),
    ({"stopping": True}, STOPPING),
]


@pytest.mark.parametrize(("view", "reason"), GATES)
def test_a_doubt_before_the_values_skips_the_round_with_its_reason(
    stage: Stage, view: dict[str, object], reason: Reason
) -> None:
    assert stage.due(75, **view) == []
    assert stage.due(84, **{**view, "head_time_ns": view.get("head_time_ns", at(84))}) == []
    stage.due(85)
    assert stage.duty.misses.all == {Part.COMMIT: reason}
    assert stage.due(93) == []


@pytest.mark.parametrize(("view", "reason"), GATES)
def test_a_doubt_after_the_values_holds_the_commit_back(stage: Stage, view: dict[str, object], reason: Reason) -> None:
    stage.take(stage.one(TakeValues, 75))
    assert stage.due(77, **view) == []
    assert stage.journal.calls(ROUND.id) == ()
    stage.due(85)
    assert stage.duty.why in (reason, TOO_LATE)
    assert stage.journal.owed(at(100)) == ()
    assert stage.due(93) == []


@pytest.mark.parametrize(("view", "reason"), GATES)
def test_a_doubt_after_a_restart_holds_a_commit_back_that_was_about_to_leave(
    stage: Stage, view: dict[str, object], reason: Reason
) -> None:
    stage.commit()
    stage.restart()
    assert stage.due(76, **view) == []
    assert stage.one(Submit, 77).function is SUBMIT1


@pytest.mark.parametrize(("view", "reason"), GATES)
def test_a_doubt_that_passes_in_time_costs_nothing(stage: Stage, view: dict[str, object], reason: Reason) -> None:
    assert stage.due(75, **view) == []
    stage.send(stage.commit(80))
    stage.due(91)
    assert stage.duty.why is None


@pytest.mark.parametrize(
    "view",
    [
        {"head_time_ns": (EPOCH_S + 75 - 10) * SECOND_NS},
        {"skew_ns": 10 * SECOND_NS},
        {"skew_ns": -10 * SECOND_NS},
        {"silent_through": ROUND.id - 1},
    ],
)
def test_the_edge_of_a_doubt_is_none(stage: Stage, view: dict[str, object]) -> None:
    assert isinstance(stage.one(TakeValues, 75, **view), TakeValues)


def test_a_broken_journal_skips_the_round_and_a_mended_one_goes_on(stage: Stage) -> None:
    action = stage.one(TakeValues, 75)
    stage.log.full = True
    stage.take(action)
    assert stage.due(77) == []
    stage.log.full = False
    assert stage.due(78) == []
    stage.journal.mend()
    stage.take(stage.one(TakeValues, 79))
    stage.send(stage.one(Submit, 79))
    assert stage.due(85) == []
    assert stage.duty.why is None


def test_a_journal_that_stays_broken_is_the_reason(stage: Stage) -> None:
    action = stage.one(TakeValues, 75)
    stage.log.full = True
    stage.take(action)
    stage.due(84)
    stage.due(85)
    assert stage.duty.why is JOURNAL_BROKEN


def test_a_disk_that_fails_between_commit_and_call_sends_nothing(stage: Stage) -> None:
    stage.take(stage.one(TakeValues, 75))
    stage.log.full = True
    assert stage.due(76) == []
    assert stage.due(84) == []
    assert stage.due(93) == []


@pytest.mark.parametrize(
    "values", [Values((), reason=NO_VALUES), Values((None, None, None)), Values((1, 2)), Values((1, 2, 2**31))]
)
def test_without_values_the_round_is_skipped_after_more_tries(stage: Stage, values: Values) -> None:
    for after_s in (75, 76, 77):
        stage.duty.answered(stage.one(TakeValues, after_s), values, at(after_s))
        assert stage.due(after_s + 0.5) == []
    assert stage.due(85) == []
    assert stage.duty.why is NO_VALUES


def test_values_that_are_there_at_the_second_try_are_committed(stage: Stage) -> None:
    stage.duty.answered(stage.one(TakeValues, 75), Values((), reason=NO_VALUES), at(75))
    stage.take(stage.one(TakeValues, 76))
    stage.send(stage.one(Submit, 76))
    stage.due(91)
    assert stage.duty.why is None


def test_who_is_no_voter_says_nothing(stage: Stage) -> None:
    stage.epochs.known = replace(FACTS, voters=FACTS.voters[1:])
    assert stage.due(75) == []
    assert stage.due(84.1) == [End(ROUND.id, NOT_A_VOTER)]
    assert stage.due(85) == []


def test_a_reward_epoch_that_is_not_known_skips_the_round(stage: Stage) -> None:
    stage.epochs.known = None
    stage.epochs.last_initialised = FACTS.reward_epoch_id
    assert stage.due(75) == []
    assert stage.due(84) == []
    assert stage.due(93) == []
    assert stage.end() == End(ROUND.id, EPOCH_UNKNOWN)


def test_a_reward_epoch_that_becomes_known_in_time_is_voted_in(stage: Stage) -> None:
    stage.epochs.known = None
    stage.epochs.last_initialised = FACTS.reward_epoch_id
    assert stage.due(75) == []
    stage.epochs.known = FACTS
    stage.send(stage.commit(80))


def test_a_policy_seen_late_changes_feeds_and_sender_before_the_commit(stage: Stage) -> None:
    assert stage.due(60) == []
    stage.epochs.known = facts(reward_epoch_id=5, feeds=FEEDS[:2])
    stage.epochs.last_initialised = 5
    stage.view["initialised"] = 5
    action = stage.one(TakeValues, 75)
    assert (action.reward_epoch_id, action.feeds) == (5, FEEDS[:2])


def test_a_policy_seen_after_the_commit_was_made_keeps_it_back(stage: Stage) -> None:
    """With fewer feeds its reveal could not be read, which is an offence."""
    stage.take(stage.one(TakeValues, 75))
    stage.epochs.known = facts(reward_epoch_id=5, feeds=FEEDS[:2])
    stage.epochs.last_initialised = 5
    assert stage.due(76, initialised=5) == []
    stage.due(85)
    assert stage.duty.why is EPOCHS_DIFFER
    assert stage.due(93) == []


def test_values_for_a_reward_epoch_that_is_another_by_then_are_not_sent(stage: Stage) -> None:
    action = stage.one(TakeValues, 75)
    stage.epochs.known = facts(reward_epoch_id=5, feeds=FEEDS[:2])
    stage.take(action)
    assert stage.due(76) == []


def test_a_commit_in_a_block_in_time_is_no_miss(stage: Stage) -> None:
    submit = stage.commit()
    stage.leave(submit)
    stage.mine(submit, 89)
    stage.due(91)
    assert stage.duty.why is None
    assert stage.journal.done(ROUND.id, SUBMIT1, FTSO)


def test_a_commit_in_a_block_of_the_next_epoch_is_a_miss_and_its_reveal_owed(stage: Stage) -> None:
    submit = stage.commit()
    stage.leave(submit)
    stage.now_ns = at(90.5)
    stage.mine(submit, 90)
    stage.due(91)
    assert stage.duty.why is TOO_LATE
    assert next(each.function.name for each in stage.duty.owed if each.protocol_id == FTSO) == "SUBMIT2"


def test_a_failed_commit_is_tried_again_until_its_last_moment(stage: Stage) -> None:
    submit = stage.commit()
    stage.fail(submit, FEES_TOO_HIGH)
    assert stage.due(75.5) == []
    assert stage.one(Submit, 76) == submit
    stage.fail(submit, FEES_TOO_HIGH)
    assert stage.due(84.1) == []
    assert stage.duty.why is FEES_TOO_HIGH
    assert stage.due(93) == []
    assert stage.duty.owed == ()


def test_a_commit_that_left_and_was_not_mined_is_a_miss_whose_reveal_is_owed(stage: Stage) -> None:
    submit = stage.commit()
    stage.leave(submit)
    stage.now_ns = at(90)
    stage.fail(submit, NOT_MINED)
    stage.due(90)
    assert stage.duty.why is NOT_MINED
    assert stage.one(Submit, 93).owed


def test_who_comes_after_the_commits_was_not_ready(stage: Stage) -> None:
    assert stage.due(86) == []
    assert stage.duty.why is NOT_READY


def test_a_commit_of_a_closed_round_is_refused_with_its_reason(stage: Stage) -> None:
    stage.journal.raise_mark(ROUND.id)
    stage.take(stage.one(TakeValues, 75))
    stage.take(stage.one(TakeValues, 84))
    stage.due(85)
    assert stage.duty.why is not None
    assert stage.duty.why.code == "round_closed"


def test_the_identity_of_the_round_is_asked_by_its_own_reward_epoch(stage: Stage) -> None:
    stage.due(10)
    assert stage.duty.membership == US
    assert stage.duty.membership.identity == IDENTITY


def test_a_repeated_random_is_drawn_again() -> None:
    stage = Stage(epochs=KnownEpochs())
    stage.journal.commit(commit_of(ROUND.id - 1, random=1))
    stage.take(stage.one(TakeValues, 75))
    assert stage.journal.committed(ROUND.id) is None
    stage.take(stage.one(TakeValues, 76))
    commit = stage.journal.committed(ROUND.id)
    assert commit is not None
    assert commit.random == (2).to_bytes(32, "big")


def test_a_call_in_the_journal_says_who_the_frames_are_of(stage: Stage) -> None:
    submit = stage.commit()
    kept = stage.journal.calls(ROUND.id)[0]
    commit = stage.journal.committed(ROUND.id)
    assert commit is not None
    assert kept == replace(call_of(SUBMIT1, {FTSO: commit.commit_hash}), until_ns=at(90), at_ns=at(75))
    assert submit.protocols == kept.protocols
