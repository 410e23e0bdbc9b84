"""The reveal: owed once any attempt of the commit may have left, and exactly the bytes that were committed."""

import pytest

from chrono.clock import SECOND_NS
from chrono.errors import NOT_FUNDED, NOT_MINED, NOT_SENT, REVEAL_MISSED, SIGNER_REFUSED, TRANSACTION_REVERTED
from chrono.flare.frames import FTSO, Frame, calldata
from chrono.voting.actions import End, FetchFrame, Inclusion, Settle, Submit, Submitted, TakeValues
from chrono.voting.misses import Part
from tests.fakes.voting_rounds import EPOCH_S, PLAN, ROUND, SUBMIT1, SUBMIT2, US, KnownEpochs, at
from tests.fakes.voting_stage import Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def committed(stage: Stage) -> Stage:
    stage.send(stage.commit())
    return stage


def the_reveal(stage: Stage) -> Submit:
    commit = stage.journal.committed(ROUND.id)
    assert commit is not None
    frames = [Frame(FTSO, ROUND.id, commit.random + commit.encoded_values)]
    return Submit(
        intent_id=f"coston2/{ROUND.id}/submit2",
        function=SUBMIT2,
        protocols=(FTSO,),
        sender=US.submit,
        data=calldata(SUBMIT2, frames),
        owed=True,
        send_until_ns=PLAN.reveal_deadline_ns - 1,
        expires_ns=PLAN.reveal_deadline_ns,
    )


def test_what_was_committed_is_revealed(committed: Stage) -> None:
    assert committed.due(92.999999999) == []
    assert committed.reveal(93) == the_reveal(committed)
    assert committed.due(94) == []


def test_a_reveal_waits_for_the_chain_to_enter_its_window(committed: Stage) -> None:
    """A block of the epoch before would show the values and count for nothing."""
    lagging = {"head_time_ns": (EPOCH_S + 89) * SECOND_NS}
    assert committed.due(93, **lagging) == []
    assert committed.due(104.9, **lagging) == []
    assert committed.one(Submit, 94, head_time_ns=(EPOCH_S + 90) * SECOND_NS) == the_reveal(committed)


@pytest.mark.parametrize("head", [None, (EPOCH_S + 89) * SECOND_NS])
def test_it_does_not_wait_for_ever_for_a_head(committed: Stage, head: int | None) -> None:
    assert committed.one(Submit, 105, head_time_ns=head) == the_reveal(committed)


def test_a_commit_that_was_never_mined_is_revealed_all_the_same(stage: Stage) -> None:
    submit = stage.commit()
    stage.leave(submit)
    stage.now_ns = at(90)
    stage.fail(submit, NOT_MINED)
    assert stage.reveal() == the_reveal(stage)


def test_a_commit_that_never_left_is_not_revealed(stage: Stage) -> None:
    stage.fail(stage.commit(), NOT_FUNDED)
    stage.due(85)
    for after_s in (93, 105, 120, 134):
        assert stage.due(after_s) == []
    assert stage.journal.payload(SUBMIT2, FTSO, ROUND.id) is not None


@pytest.mark.parametrize("after_s", [93, 100, 110, 133, 134.9])
def test_a_restart_at_any_time_reveals_the_same_bytes(committed: Stage, after_s: float) -> None:
    reveal = the_reveal(committed)
    committed.restart()
    assert committed.one(Submit, after_s) == reveal
    committed.restart()
    assert committed.one(Submit, after_s) == reveal


def test_a_restart_needs_nothing_but_the_journal_to_reveal(committed: Stage) -> None:
    """The history may take longer to be read than the window lasts."""
    reveal = the_reveal(committed)
    committed.epochs = KnownEpochs(None)
    committed.restart()
    nothing = {"initialised": None, "scanned": False, "skew_ns": None, "head_time_ns": None}
    assert committed.one(Submit, 110, **nothing) == reveal


@pytest.mark.parametrize(
    "view", [{"stopping": True}, {"silent_through": ROUND.id + 2}, {"skew_ns": 99 * SECOND_NS}, {"initialised": 99}]
)
def test_nothing_that_forbids_a_commit_keeps_back_a_reveal(committed: Stage, view: dict[str, object]) -> None:
    assert committed.one(Submit, 93, **view) == the_reveal(committed)


@pytest.mark.parametrize(("after_s", "given"), [(134.999999999, True), (135, False), (140, False)])
def test_no_reveal_is_sent_after_its_deadline(committed: Stage, after_s: float, given: bool) -> None:
    committed.restart()
    assert bool(committed.all_of(Submit, committed.due(after_s))) is given


def test_a_reveal_in_a_block_too_early_is_sent_again(committed: Stage) -> None:
    reveal = committed.reveal()
    committed.leave(reveal)
    committed.mine(reveal, 89)
    assert not committed.journal.done(ROUND.id, SUBMIT2, FTSO)
    assert committed.one(Submit, 94) == reveal
    committed.mine(reveal, 90)
    assert committed.journal.done(ROUND.id, SUBMIT2, FTSO)
    assert committed.due(96) == []


@pytest.mark.parametrize(("block_s", "counts"), [(89, False), (90, True), (134, True), (135, False)])
def test_a_block_at_the_edge_of_the_window_counts_or_not(committed: Stage, block_s: int, counts: bool) -> None:
    reveal = committed.reveal(134)
    committed.leave(reveal)
    committed.mine(reveal, block_s)
    assert committed.journal.done(ROUND.id, SUBMIT2, FTSO) is counts
    assert (SUBMIT2 in [each.function for each in committed.duty.owed]) is not counts


def test_a_reverted_reveal_counts_all_the_same(committed: Stage) -> None:
    reveal = committed.reveal()
    committed.leave(reveal)
    committed.mine(reveal, reason=TRANSACTION_REVERTED)
    assert committed.due(95) == []
    assert committed.journal.done(ROUND.id, SUBMIT2, FTSO)


def test_a_reveal_that_failed_is_tried_again_until_the_deadline(committed: Stage) -> None:
    reveal = committed.reveal()
    for after_s in (94, 95, 120, 134):
        committed.fail(reveal, SIGNER_REFUSED)
        assert committed.one(Submit, after_s) == reveal
    committed.fail(reveal, SIGNER_REFUSED)
    assert committed.due(135) == []


def test_a_full_disk_does_not_keep_back_an_owed_reveal(committed: Stage) -> None:
    reveal = the_reveal(committed)
    committed.log.full = True
    assert committed.reveal() == reveal
    committed.fail(reveal, NOT_MINED)
    assert committed.one(Submit, 94) == reveal
    committed.duty.answered(reveal, Submitted(Inclusion(bytes(32), 500, EPOCH_S + 95)), at(96))
    assert committed.due(97) == []
    assert SUBMIT2 not in [each.function for each in committed.duty.owed]


def test_a_commit_that_was_given_out_may_leave_and_one_that_came_back_unsent_is_not_owed(stage: Stage) -> None:
    stage.take(stage.one(TakeValues, 75))
    assert stage.duty.owed == ()
    submit = stage.one(Submit, 75)
    assert [(each.function, each.protocol_id) for each in stage.duty.owed] == [(SUBMIT2, FTSO)]
    stage.fail(submit, NOT_SENT)
    assert stage.duty.owed == ()


def test_it_is_owed_from_the_first_attempt_to_the_block_or_the_deadline(stage: Stage) -> None:
    submit = stage.commit()
    stage.leave(submit)
    owed = stage.duty.owed[0]
    assert (owed.round_id, owed.function, owed.protocol_id, owed.until_ns) == (
        ROUND.id,
        SUBMIT2,
        FTSO,
        PLAN.reveal_deadline_ns,
    )
    assert owed.what == "submit2 of protocol 100"
    stage.restart()
    assert stage.duty.owed[0] == owed  # by the journal alone
    stage.send(stage.reveal())
    assert SUBMIT2 not in [each.function for each in stage.duty.owed]


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("restarts", [False, True])
def test_a_reveal_that_was_too_late_only_by_a_fast_clock_goes_when_that_is_right(
    committed: Stage, left: bool, restarts: bool
) -> None:
    reveal = committed.reveal(100)
    if left:
        committed.leave(reveal)
    committed.restart()
    assert committed.all_of(Submit, committed.due(139)) == []
    if restarts:
        committed.restart()
    assert committed.one(Submit, 112) == reveal


def test_a_wait_that_a_fast_clock_began_is_not_waited_for(committed: Stage) -> None:
    reveal = committed.reveal(130)
    committed.fail(reveal, NOT_SENT)
    assert committed.due(130.5) == []
    assert committed.one(Submit, 100) == reveal


def test_the_outcome_says_whether_a_reveal_was_missed(committed: Stage) -> None:
    reveal = committed.reveal()
    committed.leave(reveal)
    committed.now_ns = at(135)
    committed.fail(reveal, NOT_MINED)
    committed.due(135)
    assert committed.duty.misses.of(Part.REVEAL) is None
    committed.settle(136, committed.outcome(1, 2, ours=False))
    assert committed.duty.why is REVEAL_MISSED
    assert committed.end() == End(ROUND.id, REVEAL_MISSED)


def test_a_reveal_that_the_network_counted_is_no_miss_whatever_we_were_told(stage: Stage) -> None:
    submit = stage.commit()
    stage.leave(submit)
    stage.fail(submit, NOT_MINED)
    reveal = stage.reveal()
    stage.leave(reveal)
    stage.now_ns = at(135)
    stage.fail(reveal, NOT_MINED)
    stage.due(135)
    assert stage.duty.misses.of(Part.COMMIT) is NOT_MINED
    stage.settle(136, stage.outcome(1, 2))
    assert stage.duty.misses.of(Part.COMMIT) is None
    assert stage.duty.misses.of(Part.REVEAL) is None


def test_without_an_outcome_a_reveal_in_no_block_is_missed_at_the_end(committed: Stage) -> None:
    committed.due(179)
    committed.restart()
    committed.due(179.5, reveals_read=False)
    assert committed.end().reason is REVEAL_MISSED


def test_values_are_never_taken_for_a_reveal(committed: Stage) -> None:
    committed.restart()
    kinds = {type(action) for after_s in range(90, 180) for action in committed.due(after_s)}
    assert not kinds & {TakeValues, FetchFrame}
    assert Submit in kinds
    assert Settle in kinds
    assert committed.journal.left(ROUND.id, SUBMIT1, FTSO)


def test_a_clock_that_ran_ahead_for_a_while_does_not_cost_the_reveal(stage: Stage) -> None:
    """Asked in the reveal window by a clock that was wrong, there was nothing to reveal; then there is."""
    stage.due(110, head_time_ns=(EPOCH_S + 5) * SECOND_NS)
    stage.send(stage.commit())
    assert stage.reveal(93) == the_reveal(stage)
