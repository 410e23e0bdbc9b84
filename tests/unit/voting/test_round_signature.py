"""The result: only complete data gives one, it is signed once, and what nobody finalised we finalise."""

import pytest
from msgspec.structs import replace

from chrono.errors import (
    EPOCH_UNKNOWN,
    GRACE_OVER,
    HISTORY_BEHIND,
    JOURNAL_BROKEN,
    NO_REVEALS,
    NODE_REFUSED,
    NOT_FINALISED,
    RESULT_DIFFERS,
    SCAN_NOT_DONE,
    SIGNER_CONFLICT,
    UNKNOWN_SUBMISSION,
)
from chrono.flare.finaliser import selected
from chrono.flare.frames import FTSO, Frame, calldata
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.relay import SELECTOR, Relay
from chrono.flare.signature_payload import SignaturePayload
from chrono.flare.signatures import sign
from chrono.flare.transaction import Transaction
from chrono.voting.actions import (
    End,
    Finalise,
    Inclusion,
    Settle,
    Settled,
    Signed,
    SignResult,
    Submit,
    Submitted,
    Values,
)
from chrono.voting.misses import Part
from chrono.voting.records import Attempt
from tests.fakes.voting_rounds import (
    CHAIN_ID,
    EPOCH_S,
    FACTS,
    PLAN,
    ROUND,
    SIGNATURES,
    US,
    KnownEpochs,
    account,
    at,
    key,
    outcome_of,
    signature_of,
    signatures_transaction,
)
from tests.fakes.voting_stage import Stage


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.revealed()
    return stage


OTHER = ProtocolMessage(FTSO, ROUND.id, True, b"\x0f" * 32)


class TestSettling:
    def test_the_outcome_waits_for_the_deadline_and_all_blocks_up_to_it(self, stage: Stage) -> None:
        assert stage.due(134.9, reveals_read=True) == []
        assert stage.due(135, reveals_read=False) == []
        assert stage.due(150, reveals_read=False) == []
        assert stage.one(Settle, 151) == Settle(ROUND.id)
        assert stage.due(152) == []

    def test_a_failure_is_tried_again(self, stage: Stage) -> None:
        action = stage.one(Settle, 136)
        stage.duty.answered(action, Settled(reason=HISTORY_BEHIND), at(136))
        assert stage.due(136.5) == []
        assert stage.one(Settle, 137) == action
        stage.duty.answered(action, Settled(reason=EPOCH_UNKNOWN), at(137))
        assert stage.due(179.9, reveals_read=False) == []
        assert stage.end().reason is EPOCH_UNKNOWN

    def test_data_that_never_comes_is_the_reason(self, stage: Stage) -> None:
        stage.view["reveals_read"] = False
        assert stage.due(179) == []
        assert stage.end() == End(ROUND.id, HISTORY_BEHIND)

    def test_where_nobody_revealed_nothing_is_signed(self) -> None:
        stage = Stage()
        assert stage.settle(136, outcome_of({})) == []
        assert stage.due(150) == []
        assert stage.duty.misses.of(Part.RESULT) is NO_REVEALS

    def test_who_did_not_vote_signs_all_the_same(self) -> None:
        stage = Stage()
        actions = stage.settle(136, stage.outcome(1, 2))
        assert [type(action) for action in actions] == [SignResult]


class TestSigning:
    def test_the_result_is_signed_and_sent(self, stage: Stage) -> None:
        outcome = stage.outcome(1, 2)
        assert outcome.result is not None
        message = outcome.result.message
        assert stage.settle(136, outcome) == [SignResult(message)]
        assert stage.due(136.5) == []
        stage.sign(SignResult(message))
        payload = SignaturePayload(signature_of(0, message)).encode()
        submit = stage.one(Submit, 137)
        assert submit == Submit(
            intent_id=f"coston2/{ROUND.id}/submitSignatures",
            function=SIGNATURES,
            protocols=(FTSO,),
            sender=US.submit_signatures,
            data=calldata(SIGNATURES, [Frame(FTSO, ROUND.id, payload)]),
            owed=False,
            send_until_ns=PLAN.sign_over_ns - 1,
            expires_ns=PLAN.sign_over_ns,
        )
        stage.send(submit)
        assert stage.due(150) == []
        assert stage.duty.why is None

    def test_a_restart_sends_the_same_signature(self, stage: Stage) -> None:
        outcome = stage.outcome(1, 2)
        stage.sign(stage.all_of(SignResult, stage.settle(136, outcome))[0])
        submit = stage.one(Submit, 137)
        stage.restart()
        assert stage.all_of(Submit, stage.due(138)) == [submit]
        stage.leave(submit)
        stage.restart()
        assert stage.all_of(Submit, stage.due(139)) == [submit]
        stage.mine(submit)
        stage.restart()
        # The outcome is computed again, for finalising and for whoever asks; the signature is not.
        assert stage.settle(140, outcome) == []

    def test_a_refusal_is_tried_again(self, stage: Stage) -> None:
        action = stage.all_of(SignResult, stage.settle(136, stage.outcome(1, 2)))[0]
        stage.duty.answered(action, Signed(reason=JOURNAL_BROKEN), at(136))
        assert stage.one(SignResult, 137) == action

    def test_a_conflict_is_for_ever(self, stage: Stage) -> None:
        action = stage.all_of(SignResult, stage.settle(136, stage.outcome(1, 2)))[0]
        stage.duty.answered(action, Signed(reason=SIGNER_CONFLICT), at(136))
        assert stage.due(140) == []
        assert SIGNATURES not in [each.function for each in stage.duty.owed]
        assert stage.end().reason is SIGNER_CONFLICT

    @pytest.mark.parametrize(
        ("view", "reason"),
        [({"silent_through": ROUND.id}, UNKNOWN_SUBMISSION), ({"scanned": False}, SCAN_NOT_DONE)],
    )
    def test_while_another_may_speak_for_us_nothing_is_signed(
        self, stage: Stage, view: dict[str, object], reason: object
    ) -> None:
        stage.view = view
        assert stage.settle(136, stage.outcome(1, 2)) == []
        assert stage.due(160) == []
        assert stage.end().reason is reason

    def test_nothing_is_signed_against_what_the_chain_holds(self, stage: Stage) -> None:
        stage.epochs.relay(OTHER)
        assert stage.settle(141, stage.outcome(1, 2)) == []
        assert stage.due(150) == []
        assert stage.duty.why is RESULT_DIFFERS

    def test_a_chain_that_differs_later_is_told(self, stage: Stage) -> None:
        stage.signed()
        stage.epochs.relay(OTHER)
        stage.due(150)
        assert stage.duty.why is RESULT_DIFFERS

    @pytest.mark.parametrize(("after_s", "signs"), [(149.9, True), (150, False)])
    def test_after_the_grace_a_finalised_round_is_not_signed(self, stage: Stage, after_s: float, signs: bool) -> None:
        outcome = stage.outcome(1, 2)
        assert outcome.result is not None
        stage.epochs.relay(outcome.result.message)
        actions = stage.settle(after_s, outcome)
        assert bool(actions) is signs
        assert stage.duty.why is (None if signs else GRACE_OVER)

    def test_after_the_grace_an_open_round_is_signed(self, stage: Stage) -> None:
        assert stage.settle(170, stage.outcome(1, 2))

    def test_no_signature_is_sent_when_the_round_is_over(self, stage: Stage) -> None:
        stage.view["reveals_read"] = False
        stage.due(179)
        assert [type(action) for action in stage.due(180, reveals_read=True)] == [End]
        assert stage.due(181, reveals_read=True) == []

    def test_a_signature_is_owed_by_who_committed_until_the_grace_is_over(self, stage: Stage) -> None:
        assert [(each.function, each.until_ns) for each in stage.duty.owed] == [(SIGNATURES, at(150))]
        stage.signed()
        assert stage.duty.owed == ()
        assert Stage().duty.owed == ()


class TestFinalising:
    def gathered(self, stage: Stage, *numbers: int, after_s: float = 136) -> ProtocolMessage:
        """Our result is signed, and the chain holds these voters' signatures of it."""
        message = stage.signed(after_s)
        stage.duty.heard([signatures_transaction(number, message) for number in numbers])
        return message

    def test_the_selected_finalise_as_soon_as_enough_have_signed(self) -> None:
        stage = selected_stage(True)
        message = self.gathered(stage, 0, 1)
        assert stage.due(138) == []  # 6000 of 12000: the weight must be above the threshold
        stage.duty.heard([signatures_transaction(2, message)])
        action = stage.one(Finalise, 138)
        relay = Relay.decode(action.data[len(SELECTOR) :])
        assert action.data.startswith(SELECTOR)
        assert (relay.policy.voters, relay.subject) == (FACTS.policy.voters, message)
        assert [each.index for each in relay.signatures] == [0, 1, 2]
        assert (action.dry_run, action.sender, action.message) == (False, US.signing_policy, message)
        assert action.intent_id == f"coston2/{ROUND.id}/relay/100"
        assert stage.due(139) == []

    @pytest.mark.parametrize(("after_s", "given"), [(155, True), (155.000000001, False), (155.4, False), (155.6, True)])
    def test_the_grace_of_the_selected_includes_its_last_instant(self, after_s: float, given: bool) -> None:
        stage = selected_stage(True)
        message = self.gathered(stage)
        stage.due(154)
        stage.duty.heard([signatures_transaction(number, message) for number in range(3)])
        actions = stage.due(after_s)
        assert bool(stage.all_of(Finalise, actions)) is given

    def test_who_is_not_selected_waits_for_the_grace_to_end_and_tries_it_first(self) -> None:
        stage = selected_stage(False)
        self.gathered(stage, 0, 1, 2)
        assert stage.due(155) == []
        action = stage.one(Finalise, 155.6)
        assert action.dry_run

    @pytest.mark.parametrize("chosen", [True, False])
    def test_what_is_finalised_is_not_relayed(self, chosen: bool) -> None:
        stage = selected_stage(chosen)
        message = self.gathered(stage, 0, 1, 2)
        stage.epochs.relay(message)
        assert stage.due(140) == []
        assert stage.due(160) == []
        assert stage.end() == End(ROUND.id, None)

    def test_a_late_policy_raises_the_threshold(self) -> None:
        stage = selected_stage(True)
        stage.epochs.threshold = 9000
        message = self.gathered(stage, 0, 1, 2)
        assert stage.due(138) == []
        stage.duty.heard([signatures_transaction(3, message)])
        relay = Relay.decode(stage.one(Finalise, 138).data[len(SELECTOR) :])
        assert len(relay.signatures) == 4

    def test_a_relay_in_a_block_is_not_sent_again_even_if_it_came_second(self) -> None:
        stage = selected_stage(True)
        self.gathered(stage, 0, 1, 2)
        action = stage.one(Finalise, 138)
        stage.duty.answered(action, Submitted(Inclusion(bytes(32), 5, EPOCH_S + 139), NODE_REFUSED), at(140))
        assert stage.due(160) == []
        assert stage.journal.inclusion(action.intent_id) is not None

    def test_a_relay_that_failed_is_tried_again_with_the_same_bytes(self) -> None:
        stage = selected_stage(True)
        message = self.gathered(stage, 0, 1, 2)
        action = stage.one(Finalise, 138)
        stage.duty.answered(action, Submitted(reason=NODE_REFUSED), at(138))
        assert stage.due(138.5) == []
        stage.duty.heard([signatures_transaction(3, message)])
        assert stage.one(Finalise, 139) == action
        stage.duty.answered(action, Submitted(reason=NODE_REFUSED), at(178))
        stage.due(179.5)
        assert stage.end().reason is NOT_FINALISED

    def test_it_is_nobody_elses_round(self) -> None:
        """Signatures of others over another result, or of another round, finalise nothing."""
        stage = selected_stage(True)
        stage.signed()
        stage.duty.heard([signatures_transaction(number, OTHER) for number in range(4)])
        assert stage.due(138) == []
        assert stage.due(160) == []

    def test_a_restart_keeps_the_bytes_of_a_relay_that_may_have_left(self) -> None:
        stage = selected_stage(True)
        message = self.gathered(stage, 0, 1, 2)
        action = stage.one(Finalise, 138)
        stage.journal.attempt(relay_attempt(action))
        stage.restart()
        stage.due(139, reveals_read=False)
        stage.duty.heard([signatures_transaction(number, message) for number in (1, 2, 3)])
        again = stage.all_of(Finalise, stage.settle(139, stage.outcome(1, 2)))[0]
        assert again.data == action.data
        assert again.intent_id == action.intent_id


def relay_attempt(action: Finalise) -> Attempt:
    """A relay as it was signed and kept before a crash."""
    transaction = Transaction(
        chain_id=CHAIN_ID,
        nonce=0,
        to=account(9, 9),
        value_wei=0,
        data=action.data,
        gas=300_000,
        max_fee_wei=1,
        max_priority_fee_wei=1,
    )
    signed = transaction.signed(sign(transaction.signing_hash(), key(0, 3)))
    return Attempt(action.intent_id, 0, CHAIN_ID, signed.sender, 0, signed.raw, signed.hash, 0)


def selected_stage(wanted: bool) -> Stage:
    """A round of ours, revealed, in which we are selected to finalise, or not: by the seed of the policy."""
    policies = (replace(FACTS.policy, seed=seed) for seed in range(1000))
    policy = next(each for each in policies if (US.signing_policy in selected(each, FTSO, ROUND.id)) is wanted)
    stage = Stage(epochs=KnownEpochs(replace(FACTS, policy=policy)))
    stage.revealed()
    return stage


def test_an_answer_to_something_else_is_a_fault_of_ours(stage: Stage) -> None:
    with pytest.raises(TypeError):
        stage.duty.answered(Settle(ROUND.id), Values(()), at(136))


def test_a_driver_that_dies_while_signing_asks_again(stage: Stage) -> None:
    outcome = stage.outcome(1, 2)
    first = stage.settle(136, outcome)
    stage.restart()
    assert stage.settle(137, outcome) == first


def test_asking_again_is_asked_for_in_time(stage: Stage) -> None:
    assert stage.duty.next_ns(at(10)) == PLAN.values_at_ns
    assert stage.duty.next_ns(at(75)) == at(76)
    assert stage.duty.next_ns(at(134.5)) == at(135)
    assert stage.duty.next_ns(at(136)) <= at(137)
    assert stage.duty.next_ns(at(500)) == at(501)


def test_a_whole_round_misses_nothing(stage: Stage) -> None:
    message = stage.signed()
    stage.epochs.relay(message)
    for after_s in range(137, 180):
        stage.due(after_s)
    assert stage.duty.misses.all == {}
    assert stage.end() == End(ROUND.id, None)
    assert stage.due(200) == []
