"""What travels beside our frames: joined when it is there in time, never a reason for ours to be late."""

import pytest

from chrono.errors import (
    NOT_MINED,
    SIGNER_REFUSED,
    SUB_PROTOCOL_AWAY,
    SUB_PROTOCOL_WRONG,
    UNKNOWN_SUBMISSION,
    Reason,
)
from chrono.flare.frames import FTSO, Frame, SubmissionFunction, calldata, decode_calldata
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.signature_payload import SignaturePayload
from chrono.voting.actions import End, Fetched, FetchFrame, Finalise, Settle, Settled, SignResult, Submit, TakeValues
from chrono.voting.misses import Part
from chrono.voting.sub_protocols import MOST_PAYLOAD
from tests.fakes.voting_rounds import (
    FDC,
    PLAN,
    ROUND,
    SIGNATURES,
    SUBMIT1,
    SUBMIT2,
    US,
    at,
    fdc_message,
    frame_bytes,
    signature_of,
    signatures_transaction,
)
from tests.fakes.voting_stage import Stage

VOTE = b"\x00\x03\xa0"
CONSENSUS = b"\x00\x03\x80"


@pytest.fixture
def stage() -> Stage:
    return Stage((FDC,))


def frames(submit: Submit) -> dict[int, bytes]:
    function, decoded = decode_calldata(submit.data)
    assert function is submit.function
    assert [each.voting_round_id for each in decoded] == [ROUND.id] * len(decoded)
    return {each.protocol_id: each.payload for each in decoded}


def committed(stage: Stage, *, alive: bool = True) -> None:
    """Our commit is in a block; the sub-protocol had nothing to commit, or did not answer."""
    taking, asking = stage.due(75)
    assert isinstance(taking, TakeValues)
    assert asking == FetchFrame(FDC, SUBMIT1, ROUND.id, US.submit)
    stage.take(taking)
    if alive:
        stage.tell(asking, None)
    else:
        stage.fail_fetch(asking, SUB_PROTOCOL_AWAY)
    stage.send(stage.one(Submit, 75.5))


def voted(stage: Stage) -> Submit:
    """Reveal and bit vote in one transaction, in a block."""
    committed(stage)
    stage.tell(stage.one(FetchFrame, 105), frame_bytes(FDC, VOTE))
    submit = stage.one(Submit, 105.2)
    stage.send(submit)
    return submit


class TestCommit:
    def test_both_commits_travel_together(self, stage: Stage) -> None:
        taking, asking = stage.due(75)
        stage.take(taking)
        assert stage.due(75.1) == []
        stage.tell(asking, frame_bytes(FDC, b"commit"))
        submit = stage.one(Submit, 75.2)
        assert submit.protocols == (FTSO, FDC)
        assert frames(submit) == {FTSO: stage.knows(SUBMIT1), FDC: b"commit"}

    def test_ours_waits_for_one_that_is_silent_for_a_moment_only(self, stage: Stage) -> None:
        taking, asking = stage.due(75)
        stage.take(taking)
        assert stage.due(76.4) == []
        submit = stage.one(Submit, 76.5)
        assert (submit.protocols, submit.intent_id) == ((FTSO,), f"coston2/{ROUND.id}/submit1")
        stage.tell(asking, frame_bytes(FDC, b"commit"))
        late = stage.one(Submit, 78)
        assert (late.protocols, late.intent_id) == ((FDC,), f"coston2/{ROUND.id}/submit1/200")

    def test_one_that_fails_is_not_waited_for_and_asked_again(self, stage: Stage) -> None:
        taking, asking = stage.due(75)
        stage.take(taking)
        stage.fail_fetch(asking, SUB_PROTOCOL_AWAY)
        assert stage.one(Submit, 75.1).protocols == (FTSO,)
        assert stage.one(FetchFrame, 76) == asking

    def test_one_without_a_part_is_not_asked_again(self, stage: Stage) -> None:
        committed(stage)
        assert [stage.due(after_s) for after_s in (77, 80, 84)] == [[], [], []]

    @pytest.mark.parametrize("view", [{"stopping": True}, {"scanned": False}, {"silent_through": ROUND.id}])
    def test_it_is_not_asked_when_nothing_may_be_said(self, stage: Stage, view: dict[str, object]) -> None:
        assert stage.due(75, **view) == []


class TestBitVote:
    def test_a_vote_that_is_there_in_time_travels_with_the_reveal(self, stage: Stage) -> None:
        committed(stage)
        assert stage.due(93) == []
        asking = stage.one(FetchFrame, 105)
        assert asking == FetchFrame(FDC, SUBMIT2, ROUND.id, US.submit)
        stage.tell(asking, frame_bytes(FDC, VOTE))
        submit = stage.one(Submit, 105.3)
        assert (submit.protocols, submit.owed) == ((FTSO, FDC), True)
        assert frames(submit) == {FTSO: stage.knows(SUBMIT2), FDC: VOTE}

    def test_a_dead_one_does_not_delay_our_reveal_at_all(self, stage: Stage) -> None:
        committed(stage, alive=False)
        assert stage.one(Submit, 93).protocols == (FTSO,)
        assert stage.one(FetchFrame, 105).protocol_id == FDC

    def test_after_a_restart_ours_does_not_wait_either(self, stage: Stage) -> None:
        committed(stage)
        stage.restart()
        assert stage.one(Submit, 93).protocols == (FTSO,)

    def test_a_slow_one_delays_ours_for_a_moment_and_goes_alone(self, stage: Stage) -> None:
        committed(stage)
        asking = stage.one(FetchFrame, 105)
        assert stage.due(106.4) == []
        ours = stage.one(Submit, 106.5)
        assert (ours.protocols, ours.intent_id) == ((FTSO,), f"coston2/{ROUND.id}/submit2")
        stage.tell(asking, frame_bytes(FDC, VOTE))
        late = stage.one(Submit, 120)
        assert (late.protocols, late.intent_id, late.owed) == ((FDC,), f"coston2/{ROUND.id}/submit2/200", False)
        assert frames(late) == {FDC: VOTE}

    def test_one_that_dies_between_is_not_waited_for(self, stage: Stage) -> None:
        committed(stage)
        stage.fail_fetch(stage.one(FetchFrame, 105), SUB_PROTOCOL_AWAY)
        assert stage.one(Submit, 105.1).protocols == (FTSO,)

    def test_one_that_is_not_ready_is_asked_each_second(self, stage: Stage) -> None:
        committed(stage)
        asking = stage.one(FetchFrame, 105)
        stage.duty.answered(asking, Fetched(ready=False), at(105))
        assert stage.due(105.5) == []
        assert stage.one(FetchFrame, 106) == asking

    def test_without_a_commit_of_ours_the_vote_goes_alone(self, stage: Stage) -> None:
        stage.due(84.5)
        stage.tell(stage.one(FetchFrame, 105), frame_bytes(FDC, VOTE))
        assert stage.one(Submit, 105.1).intent_id == f"coston2/{ROUND.id}/submit2/200"

    def test_a_restart_sends_the_same_call_and_asks_for_no_second_vote(self, stage: Stage) -> None:
        committed(stage)
        stage.tell(stage.one(FetchFrame, 105), frame_bytes(FDC, VOTE))
        submit = stage.one(Submit, 105.2)
        stage.restart()
        assert stage.one(Submit, 107) == submit
        assert stage.due(110) == []

    @pytest.mark.parametrize(
        "data",
        [
            b"\xc8",
            frame_bytes(FTSO, b"\x01" * 32),
            frame_bytes(FDC, VOTE, ROUND.id - 1),
            frame_bytes(FDC, VOTE) * 2,
            frame_bytes(FDC, VOTE) + frame_bytes(FTSO, b"x"),
            frame_bytes(FDC, bytes(MOST_PAYLOAD + 1)),
        ],
    )
    def test_nonsense_is_not_carried(self, stage: Stage, data: bytes) -> None:
        committed(stage)
        stage.tell(stage.one(FetchFrame, 105), data)
        actions = stage.due(106.5)
        assert [each.protocols for each in stage.all_of(Submit, actions)] == [(FTSO,)]
        stage.due(136)
        assert stage.duty.misses.of(Part.SUB_PROTOCOL) is SUB_PROTOCOL_WRONG

    def test_a_large_part_that_leaves_no_room_goes_alone(self) -> None:
        stage = Stage((FDC, 201, 202))
        taking, *asked = stage.due(75)
        assert isinstance(taking, TakeValues)
        stage.take(taking)
        for asking in stage.all_of(FetchFrame, asked):
            stage.tell(asking, None)
        stage.send(stage.one(Submit, 75.5))
        for asking in stage.all_of(FetchFrame, stage.due(105)):
            stage.tell(asking, frame_bytes(asking.protocol_id, bytes(MOST_PAYLOAD)))
        submits = stage.all_of(Submit, stage.due(105.1))
        assert sorted(submit.protocols for submit in submits) == [(FTSO, FDC, 201), (202,)]
        assert all(len(submit.data) <= 4500 for submit in submits)

    @pytest.mark.parametrize("restarts", [False, True])
    def test_a_joint_call_that_the_signer_refuses_is_parted(self, stage: Stage, restarts: bool) -> None:
        """Another's fault must not stop our reveal."""
        committed(stage)
        stage.tell(stage.one(FetchFrame, 105), frame_bytes(FDC, VOTE))
        joint = stage.one(Submit, 105.2)
        stage.fail(joint, SIGNER_REFUSED)
        if restarts:
            stage.restart()
        ours, theirs = sorted(stage.all_of(Submit, stage.due(105.3)), key=lambda each: each.protocols)
        assert (ours.protocols, ours.intent_id, ours.owed) == ((FTSO,), f"coston2/{ROUND.id}/submit2/100", True)
        assert (theirs.protocols, theirs.owed) == ((FDC,), False)
        assert frames(ours) == {FTSO: stage.knows(SUBMIT2)}
        stage.send(ours)
        stage.fail(theirs, SIGNER_REFUSED)
        assert stage.journal.done(ROUND.id, SUBMIT2, FTSO)
        assert SUBMIT2 not in [each.function for each in stage.duty.owed]
        stage.restart()
        assert [each.protocols for each in stage.all_of(Submit, stage.due(107))] == [(FDC,)]

    def test_a_full_disk_sends_ours_alone_for_only_that_is_known_there(self, stage: Stage) -> None:
        committed(stage)
        stage.tell(stage.one(FetchFrame, 105), frame_bytes(FDC, VOTE))
        stage.log.full = True
        submit = stage.one(Submit, 105.2)
        assert submit.protocols == (FTSO,)
        assert stage.due(107) == []

    def test_a_stop_begins_no_vote_and_reveals_at_once(self, stage: Stage) -> None:
        committed(stage)
        assert stage.one(Submit, 93, stopping=True).protocols == (FTSO,)
        assert stage.due(105, stopping=True) == []


class TestSignature:
    def asked(self, stage: Stage, after_s: float = 135.5) -> FetchFrame:
        action = stage.all_of(FetchFrame, stage.due(after_s, reveals_read=False))[0]
        assert action == FetchFrame(FDC, SIGNATURES, ROUND.id, US.submit_signatures)
        return action

    def test_both_results_are_signed_and_travel_together(self, stage: Stage) -> None:
        voted(stage)
        stage.tell(self.asked(stage), fdc_message().encode(), CONSENSUS)
        stage.sign(stage.one(SignResult, 136, reveals_read=False))
        actions = stage.settle(137, stage.outcome(1, 2))
        ours = stage.all_of(SignResult, actions)[0]
        stage.sign(ours)
        submit = stage.one(Submit, 137.5)
        assert (submit.protocols, submit.owed) == ((FTSO, FDC), True)
        assert frames(submit) == {
            FTSO: SignaturePayload(signature_of(0, ours.message)).encode(),
            FDC: SignaturePayload(signature_of(0, fdc_message()), CONSENSUS).encode(),
        }
        stage.send(submit)
        assert stage.duty.owed == ()

    def test_one_waits_for_the_other_for_a_moment_only(self, stage: Stage) -> None:
        voted(stage)
        asked = self.asked(stage)
        ours = stage.all_of(SignResult, stage.settle(136, stage.outcome(1, 2)))[0]
        stage.sign(ours)
        assert stage.due(139.9) == []
        assert stage.one(Submit, 140).protocols == (FTSO,)
        stage.tell(asked, fdc_message().encode(), CONSENSUS)
        stage.sign(stage.one(SignResult, 145))
        late = stage.one(Submit, 145)
        assert (late.protocols, late.intent_id) == ((FDC,), f"coston2/{ROUND.id}/submitSignatures/200")
        assert late.owed

    def test_a_vote_that_left_makes_the_signature_owed_to_the_end_of_the_epoch(self, stage: Stage) -> None:
        voted(stage)
        owed = [each for each in stage.duty.owed if each.protocol_id == FDC]
        assert [(each.function, each.until_ns) for each in owed] == [(SIGNATURES, PLAN.sign_over_ns)]
        stage.restart()
        stage.due(110)
        assert [each for each in stage.duty.owed if each.protocol_id == FDC] == owed
        stage.epochs.relay(fdc_message())
        for after_s in (151, 152, 170, 178):
            asked = stage.all_of(FetchFrame, stage.due(after_s, reveals_read=False))
            stage.duty.answered(asked[0], Fetched(ready=False), at(after_s))
        stage.tell(self.asked(stage, 179), fdc_message().encode(), CONSENSUS)
        stage.sign(stage.all_of(SignResult, stage.due(179.1, reveals_read=False))[0])
        assert stage.all_of(Submit, stage.due(179.2, reveals_read=False))[0].owed

    def test_a_vote_that_never_left_owes_nothing(self, stage: Stage) -> None:
        committed(stage)
        stage.tell(stage.one(FetchFrame, 105), frame_bytes(FDC, VOTE))
        submit = stage.one(Submit, 105.2)
        stage.fail(submit, NOT_MINED)
        assert [each for each in stage.duty.owed if each.protocol_id == FDC] == []

    def test_without_a_vote_a_finalised_result_is_not_signed_after_the_grace(self, stage: Stage) -> None:
        committed(stage)
        stage.epochs.relay(fdc_message())
        stage.tell(self.asked(stage), fdc_message().encode(), CONSENSUS)
        assert stage.all_of(SignResult, stage.due(150, reveals_read=False)) == []

    def test_a_result_against_the_chain_is_not_signed_though_owed(self, stage: Stage) -> None:
        voted(stage)
        stage.epochs.relay(fdc_message(b"\x0e" * 32))
        stage.tell(self.asked(stage), fdc_message().encode(), CONSENSUS)
        assert stage.all_of(SignResult, stage.due(150, reveals_read=False)) == []

    @pytest.mark.parametrize(
        "data",
        [
            b"\xc8",
            fdc_message(round_id=ROUND.id + 1).encode(),
            ProtocolMessage(FTSO, ROUND.id, False, bytes(32)).encode(),
            fdc_message().encode() + b"\0",
        ],
    )
    def test_a_message_that_is_not_its_own_is_not_signed(self, stage: Stage, data: bytes) -> None:
        voted(stage)
        stage.tell(self.asked(stage), data, CONSENSUS)
        assert stage.all_of(SignResult, stage.due(135.6, reveals_read=False)) == []
        assert stage.end().reason is SUB_PROTOCOL_WRONG

    def test_one_that_promised_and_never_tells_is_the_gravest_miss_of_the_round(self, stage: Stage) -> None:
        voted(stage)
        stage.fail_fetch(self.asked(stage), SUB_PROTOCOL_AWAY)
        stage.duty.answered(stage.all_of(Settle, stage.due(137))[0], Settled(stage.outcome(1, 2)), at(137))
        assert stage.end() == End(ROUND.id, SUB_PROTOCOL_AWAY)
        assert stage.duty.misses.of(Part.OWED_SIGNATURE) is SUB_PROTOCOL_AWAY

    def test_one_that_has_no_result_lets_ours_go_at_once(self, stage: Stage) -> None:
        voted(stage)
        stage.tell(self.asked(stage), None)
        stage.sign(stage.all_of(SignResult, stage.settle(136, stage.outcome(1, 2)))[0])
        assert stage.one(Submit, 136.5).protocols == (FTSO,)

    @pytest.mark.parametrize("reason", [UNKNOWN_SUBMISSION])
    def test_in_silence_it_is_not_even_asked(self, stage: Stage, reason: Reason) -> None:
        committed(stage)
        stage.view["silent_through"] = ROUND.id
        assert stage.all_of(FetchFrame, stage.due(105)) == []
        assert stage.all_of(FetchFrame, stage.due(136)) == []
        assert stage.duty.why is None or stage.duty.why is reason

    def test_its_round_is_finalised_too(self, stage: Stage) -> None:
        voted(stage)
        stage.tell(self.asked(stage), fdc_message().encode(), CONSENSUS)
        stage.due(136, reveals_read=False)
        stage.duty.heard([signatures_transaction(number, fdc_message()) for number in (1, 2, 3)])
        finalise = stage.all_of(Finalise, stage.due(156, reveals_read=False))[0]
        assert finalise.message == fdc_message()
        assert finalise.intent_id == f"coston2/{ROUND.id}/relay/200"

    def test_after_a_restart_its_message_is_asked_for_again_to_finalise_it(self, stage: Stage) -> None:
        voted(stage)
        stage.tell(self.asked(stage), fdc_message().encode(), CONSENSUS)
        stage.sign(stage.one(SignResult, 136, reveals_read=False))
        stage.send(stage.one(Submit, 141, reveals_read=False))
        stage.restart()
        stage.tell(self.asked(stage, 142), fdc_message().encode(), CONSENSUS)
        assert stage.due(143, reveals_read=False) == []
        stage.duty.heard([signatures_transaction(number, fdc_message()) for number in (1, 2, 3)])
        assert stage.all_of(Finalise, stage.due(156, reveals_read=False))


def test_a_call_has_one_frame_of_each_protocol() -> None:
    both = [Frame(FTSO, ROUND.id, b"x"), Frame(FDC, ROUND.id, VOTE)]
    assert decode_calldata(calldata(SubmissionFunction.SUBMIT2, both))[1] == both
