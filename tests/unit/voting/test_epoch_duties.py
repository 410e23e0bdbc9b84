"""The duties of a reward epoch: each at its event, each once, and what becomes of it when something refuses."""

import pytest
from msgspec.structs import replace

from chrono.clock import SECOND_NS
from chrono.errors import (
    EPOCH_DUTY_REFUSED,
    INTENT_CHANGED,
    NO_HEALTHY_NODE,
    NOT_REGISTERED,
    POLICY_KEY_ABSENT,
    REWARD_DATA_ABSENT,
)
from chrono.flare.epochs import Timing
from chrono.flare.reverts import REVERTS, Revert, revert_of
from chrono.flare.system_messages import WeightBasedClaims
from chrono.voting.epoch_duties import NOT_LISTED, EpochDuties
from chrono.voting.epoch_openings import registered_for
from chrono.voting.epoch_words import (
    Action,
    Ask,
    DutyKind,
    DutyReport,
    DutyRules,
    DutyState,
    EpochDuty,
    Failed,
    Fetch,
    Fetched,
    Included,
    Reverted,
    RewardsToSign,
    Send,
    Told,
)
from chrono.voting.epochs import EpochBook
from tests.fakes.epoch_story import TIMING, Member, Story, policy_of

ANN, BEN, US = Member("ann", 300), Member("ben", 200), Member("us", 120)
VOTERS = (ANN, US, BEN)
RULES = DutyRules()
REWARDS = RewardsToSign((WeightBasedClaims(31_337, 2),), bytes([7]) * 32)
FATAL = [revert for revert in REVERTS if revert.fatal]
HARMLESS = [revert for revert in REVERTS if not revert.fatal]


class House:
    """A story, and the duties that follow it. Time goes on with the blocks, or by `later`."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.book = EpochBook(story.network)
        self.waited_ns = 0
        self.restart()

    @property
    def now_ns(self) -> int:
        return self.story.time_s * SECOND_NS + self.waited_ns

    def restart(self) -> None:
        self.duties = EpochDuties(US.identity, self.book, RULES)

    def due(self) -> list[Action]:
        self.book.tell(self.story.told)
        return self.duties.due(self.now_ns)

    def one(self) -> Action:
        [action] = self.due()
        return action

    def answer(self, action: Action, answer: object) -> None:
        self.duties.answered(action, answer, self.now_ns)  # type: ignore[arg-type]

    def later(self, duration_ns: int) -> "House":
        self.waited_ns += duration_ns
        return self

    def report(self, duty: EpochDuty) -> DutyReport:
        [found] = [each for each in self.duties.reports() if each.duty == duty]
        return found


PRE, REG, POL = (EpochDuty(3, kind) for kind in (DutyKind.PREREGISTER, DutyKind.REGISTER, DutyKind.POLICY))
UP, REW = EpochDuty(2, DutyKind.UPTIME), EpochDuty(2, DutyKind.REWARDS)


@pytest.fixture
def house() -> House:
    """Reward epoch 2 has begun, and we vote in it."""
    return House(Story().started(1, 20).turn(2, VOTERS))


def preregistered(house: House) -> None:
    house.answer(house.one(), Told(True))
    assert house.due() == []


def selected(house: House, *members: Member) -> None:
    house.story.at_round(55).random(3).selected(3, members)


def registered(house: House) -> None:
    """Through pre-registration, and verified."""
    preregistered(house)
    selected(house, *VOTERS)
    house.answer(house.one(), Told(True))
    assert house.due() == []


def initialised(house: House, *members: Member) -> list[Action]:
    house.story.at_round(56).initialised(3, members)
    return house.due()


def begun(house: House) -> None:
    """Reward epoch 3 has begun, its policy signed by others; nothing is due but the pre-registration for 4."""
    registered(house)
    for action in initialised(house, *VOTERS):
        house.answer(action, Told(True) if isinstance(action, Ask) else Included())
    house.story.policy_signed(3, US).policy_signed(3, ANN, reached=True).started(3)
    house.answer(house.one(), Told(True))
    assert house.due() == []


def test_a_new_epoch_asks_whether_we_are_preregistered_and_then_sends(house: House) -> None:
    asked = house.one()
    assert asked == Ask(PRE)
    assert house.due() == []
    house.answer(asked, Told(False))
    send = house.one()
    assert send == Send(PRE, 1)
    house.answer(send, Included())
    assert house.due() == []
    house.later(RULES.confirm_ns)
    assert house.one() == Ask(PRE)


def test_a_preregistration_that_is_there_is_not_sent_again(house: House) -> None:
    preregistered(house)
    house.restart()
    preregistered(house)
    assert house.report(PRE).state is DutyState.DONE


def test_a_preregistration_that_did_not_hold_is_sent_with_another_number(house: House) -> None:
    house.answer(house.one(), Told(False))
    house.answer(house.one(), Included())
    house.later(RULES.confirm_ns).answer(house.one(), Told(False))
    assert house.one() == Send(PRE, 2)


def test_where_the_preregistry_says_nothing_inclusion_is_enough(house: House) -> None:
    house.answer(house.one(), Told(None))
    house.answer(house.one(), Included())
    house.later(RULES.confirm_ns).answer(house.one(), Told(None))
    assert house.due() == []
    assert house.report(PRE).state is DutyState.DONE


def test_a_newcomer_does_not_preregister() -> None:
    house = House(Story().started(1, 20).turn(2, (ANN, BEN)))
    assert house.due() == []


def test_the_vote_power_block_ends_preregistration(house: House) -> None:
    house.answer(house.one(), Told(False))
    send = house.one()
    selected(house, ANN)
    assert house.one() == Ask(REG)
    house.answer(send, Failed(NO_HEALTHY_NODE))
    assert house.due() == []
    assert house.report(PRE).state is DutyState.MOOT


def test_registered_with_the_block_it_is_verified_once(house: House) -> None:
    preregistered(house)
    assert registered_for(house.book, US.identity, 3) is None
    selected(house, *VOTERS)
    assert house.one() == Ask(REG)
    house.answer(Ask(REG), Told(True))
    assert house.later(RULES.retry_ns).due() == []
    assert house.report(REG).state is DutyState.DONE
    assert registered_for(house.book, US.identity, 3) is True


def test_where_preregistration_failed_we_register_directly(house: House) -> None:
    preregistered(house)
    selected(house, ANN, BEN)
    house.answer(house.one(), Told(False))
    send = house.one()
    [random_block] = [each.block_number for each in house.story.told[-8:] if "Random" in type(each.event).__name__]
    assert send == Send(REG, 1, signer_block=random_block)
    house.answer(send, Included())
    house.story.registered(3, US)
    assert house.later(RULES.confirm_ns).one() == Ask(REG)
    house.answer(Ask(REG), Told(True))
    assert house.later(RULES.retry_ns).due() == []


def test_a_newcomer_registers_directly() -> None:
    house = House(Story().started(1, 20).turn(2, (ANN, BEN)))
    selected(house, ANN, BEN)
    house.answer(house.one(), Told(False))
    assert isinstance(house.one(), Send)


def test_evicted_we_register_again_with_another_number(house: House) -> None:
    preregistered(house)
    selected(house, ANN)
    house.answer(house.one(), Told(False))
    house.answer(house.one(), Included())
    house.story.registered(3, US)
    house.later(RULES.confirm_ns).answer(house.one(), Told(True))
    house.story.registered(3, Member("heavy", 999)).removed(3, US)
    assert registered_for(house.book, US.identity, 3) is True
    house.answer(house.one(), Told(False))
    assert registered_for(house.book, US.identity, 3) is False
    again = house.one()
    assert again == Send(REG, 2, signer_block=house.book.events.random_blocks[3])
    house.answer(again, Included())
    house.story.registered(3, US)
    assert house.later(RULES.confirm_ns).one() == Ask(REG)


def test_a_registry_that_lags_behind_the_events_is_asked_again(house: House) -> None:
    preregistered(house)
    selected(house, *VOTERS)
    house.answer(house.one(), Told(False))
    assert house.due() == []
    assert house.later(RULES.confirm_ns).one() == Ask(REG)


def test_at_the_policy_it_is_verified_again(house: House) -> None:
    registered(house)
    actions = initialised(house, *VOTERS)
    assert Ask(REG) in actions
    house.answer(Ask(REG), Told(True))
    assert house.report(REG).state is DutyState.DONE
    assert house.report(REG).reason is None


def test_left_out_of_the_policy_we_say_so(house: House) -> None:
    preregistered(house)
    selected(house, ANN)
    house.answer(house.one(), Told(False))
    send = house.one()
    actions = initialised(house, ANN, BEN)
    house.answer(send, Reverted("vote power too low", revert_of("vote power too low"), in_block=True))
    house.later(RULES.retry_ns)
    assert Ask(REG) in [*actions, *house.due()]
    house.answer(Ask(REG), Told(False))
    assert house.report(REG).state is DutyState.MISSED
    assert house.report(REG).reason is NOT_REGISTERED
    assert registered_for(house.book, US.identity, 3) is False


def test_the_policy_is_signed_with_the_key_of_the_epoch_before() -> None:
    house = House(Story().started(1, 20).turn(2, VOTERS))
    preregistered(house)
    rotated = (ANN, replace(US, keys=1), BEN)
    selected(house, *rotated)
    house.answer(house.one(), Told(True))
    actions = initialised(house, *rotated)
    start = house.story.starts[3]
    assert Send(POL, 1, signer=US.signer, policy_hash=policy_of(3, start, rotated).hash()) in actions


def test_dropped_from_the_next_epoch_we_still_sign_its_policy(house: House) -> None:
    preregistered(house)
    selected(house, ANN)
    house.answer(house.one(), Told(None))
    actions = [*initialised(house, ANN, BEN), *house.due()]
    assert any(isinstance(each, Send) and each.duty == POL for each in actions)


def test_the_policy_is_signed_once(house: House) -> None:
    registered(house)
    for action in initialised(house, *VOTERS):
        house.answer(action, Told(True) if isinstance(action, Ask) else Included())
    assert house.due() == []
    house.story.policy_signed(3, US)
    assert house.later(RULES.retry_ns).due() == []
    assert house.report(POL).state is DutyState.DONE
    house.restart()
    assert [each.duty for each in house.due()] == [REG]


def test_an_inclusion_whose_event_never_comes_is_looked_into(house: House) -> None:
    """A block that was taken back: the same words are sent again, and the contract says if they were not needed."""
    registered(house)
    for action in initialised(house, *VOTERS):
        house.answer(action, Told(True) if isinstance(action, Ask) else Included())
    [again] = house.later(RULES.confirm_ns).due()
    assert isinstance(again, Send)
    assert again.number == 1


def test_a_signature_whose_block_is_taken_back_is_sent_again(house: House) -> None:
    registered(house)
    for action in initialised(house, *VOTERS):
        house.answer(action, Told(True) if isinstance(action, Ask) else Included())
    house.story.policy_signed(3, US)
    assert house.due() == []
    assert house.report(POL).state is DutyState.DONE
    house.story.told.pop()
    house.book.take_back(house.story.block)
    assert house.due() == []
    [again] = house.later(RULES.confirm_ns).due()
    assert isinstance(again, Send)
    assert again.duty == POL


def test_when_enough_others_signed_we_need_not(house: House) -> None:
    registered(house)
    for action in initialised(house, *VOTERS):
        house.answer(action, Told(True) if isinstance(action, Ask) else Failed(NO_HEALTHY_NODE))
    house.story.policy_signed(3, ANN, reached=True)
    assert house.later(RULES.retry_ns).due() == []
    assert house.report(POL).state is DutyState.MOOT


def test_uptime_and_rewards_of_the_past_epoch_follow_their_events(house: House) -> None:
    begun(house)
    house.story.uptime_enabled(2)
    assert house.one() == Send(UP, 1, signer=US.signer)
    house.answer(Send(UP, 1, signer=US.signer), Included())
    house.story.uptime_signed(2, US).uptime_signed(2, ANN, reached=True)
    assert house.one() == Fetch(REW)
    house.answer(Fetch(REW), Fetched(REWARDS))
    send = Send(REW, 1, signer=US.signer, rewards=REWARDS)
    assert house.one() == send
    house.answer(send, Included())
    house.story.rewards_signed(2, US)
    assert house.later(RULES.retry_ns).due() == []
    assert {house.report(UP).state, house.report(REW).state} == {DutyState.DONE}


def test_without_a_source_of_rewards_they_are_not_signed(house: House) -> None:
    begun(house)
    house.story.uptime_enabled(2).uptime_signed(2, US, reached=True)
    house.duties = EpochDuties(US.identity, house.book, RULES, signs_rewards=False)
    assert [each.duty.kind for each in house.due()] == [DutyKind.PREREGISTER]


def test_rewards_are_looked_for_eight_times_every_six_hours(house: House) -> None:
    begun(house)
    house.story.uptime_enabled(2).uptime_signed(2, US, reached=True)
    opened_ns = house.now_ns
    tries_h = []
    for _ in range(8 * 6 * 60):
        for action in house.due():
            tries_h.append((house.now_ns - opened_ns) // SECOND_NS / 3600)
            house.answer(action, Failed(REWARD_DATA_ABSENT, {"file": "x"}))
        house.later(60 * SECOND_NS)
    assert tries_h == [0, 6, 12, 18, 24, 30, 36, 42]
    report = house.report(REW)
    assert (report.state, report.reason, report.facts) == (DutyState.MISSED, REWARD_DATA_ABSENT, {"file": "x"})


def test_a_restart_looks_for_the_rewards_at_once(house: House) -> None:
    begun(house)
    house.story.uptime_enabled(2).uptime_signed(2, US, reached=True)
    house.answer(house.one(), Failed(REWARD_DATA_ABSENT))
    house.later(3600 * SECOND_NS).restart()
    assert Fetch(REW) in house.due()
    house.answer(Fetch(REW), Failed(REWARD_DATA_ABSENT))
    assert house.duties.next_ns(house.now_ns) is not None
    assert house.report(REW).next_ns == house.now_ns - 3600 * SECOND_NS + 6 * 3600 * SECOND_NS


def test_no_duty_begins_before_its_event(house: House) -> None:
    """Every prefix of the story: only what its last events opened is due, and never twice."""
    story = Story().started(1, 20).turn(2, VOTERS).turn(3, VOTERS)
    story.policy_signed(3, ANN).uptime_enabled(2).uptime_signed(2, ANN, reached=True)
    opens = {
        "RewardEpochStarted": DutyKind.PREREGISTER,
        "VotePowerBlockSelected": DutyKind.REGISTER,
        "SigningPolicyInitialized": DutyKind.POLICY,
        "SignUptimeVoteEnabled": DutyKind.UPTIME,
        "UptimeVoteSigned": DutyKind.REWARDS,
    }
    seen: set[EpochDuty] = set()
    for at, told in enumerate(story.told):
        house.story.told, house.story.time_s = story.told[: at + 1], told.block_time_s
        house.book, house.waited_ns = EpochBook(story.network), 0
        house.restart()
        new = {action.duty for action in house.due()} - seen
        seen |= new
        for duty in new:
            assert opens[type(told.event).__name__] is duty.kind
    assert {(duty.kind, duty.reward_epoch_id) for duty in seen} == {
        (DutyKind.PREREGISTER, 3),
        (DutyKind.REGISTER, 2),
        (DutyKind.REGISTER, 3),
        (DutyKind.POLICY, 3),
        (DutyKind.PREREGISTER, 4),
        (DutyKind.UPTIME, 2),
        (DutyKind.REWARDS, 2),
    }


@pytest.mark.parametrize("revert", HARMLESS, ids=lambda revert: revert.reason)
@pytest.mark.parametrize("kind", DutyKind)
def test_after_every_harmless_refusal_the_duty_goes_on_or_ends_well(revert: Revert, kind: DutyKind) -> None:
    house, send = at_sending(kind)
    house.answer(send, Reverted(revert.reason, revert, in_block=False))
    assert all(each.duty != send.duty for each in house.due())
    report = house.report(send.duty)
    assert report.reason is not EPOCH_DUTY_REFUSED
    assert report.state in {DutyState.WAITING, DutyState.DONE, DutyState.MOOT}
    again = [each for each in house.later(RULES.retry_ns).due() if each.duty == send.duty]
    assert bool(again) == (report.state is DutyState.WAITING)


@pytest.mark.parametrize("revert", FATAL, ids=lambda revert: revert.reason)
@pytest.mark.parametrize("kind", DutyKind)
def test_every_fatal_refusal_is_told_with_its_remedy_and_tried_again(revert: Revert, kind: DutyKind) -> None:
    house, send = at_sending(kind)
    house.answer(send, Reverted(revert.reason, revert, in_block=False))
    report = house.report(send.duty)
    assert (report.state, report.reason) == (DutyState.WAITING, EPOCH_DUTY_REFUSED)
    assert report.facts == {"said": revert.reason, "remedy": revert.remedy}
    assert report.next_ns == house.now_ns + RULES.retry_ns
    assert house.due() == []
    assert house.later(RULES.retry_ns).due()


def at_sending(kind: DutyKind) -> tuple[House, Send]:
    """A house whose next action is the sending of a duty of this kind."""
    house = House(Story().started(1, 20).turn(2, VOTERS))
    if kind is DutyKind.PREREGISTER:
        house.answer(house.one(), Told(False))
    elif kind is DutyKind.REGISTER:
        preregistered(house)
        selected(house, ANN)
        house.answer(house.one(), Told(False))
    elif kind is DutyKind.POLICY:
        registered(house)
        house.story.at_round(56).initialised(3, VOTERS)
    else:
        begun(house)
        house.story.uptime_enabled(2)
        if kind is DutyKind.REWARDS:
            house.story.uptime_signed(2, US, reached=True)
            house.answer(house.one(), Fetched(REWARDS))
    sends = [action for action in house.due() if isinstance(action, Send) or house.answer(action, Told(True))]
    [send] = sends
    assert isinstance(send, Send)
    assert send.duty.kind is kind
    return house, send


def test_words_that_nobody_listed_are_told_as_they_are(house: House) -> None:
    house, send = at_sending(DutyKind.UPTIME)
    house.answer(send, Reverted("signature invalid", None, in_block=True))
    assert house.report(send.duty).facts == {"said": "signature invalid", "remedy": NOT_LISTED}
    again = house.later(RULES.retry_ns).one()
    assert again == replace(send, number=2)


def test_a_payload_that_changed_gets_another_number_at_once(house: House) -> None:
    house, send = at_sending(DutyKind.REWARDS)
    house.answer(send, Failed(INTENT_CHANGED))
    assert house.one() == replace(send, number=2)


def test_what_cannot_be_sent_is_tried_again(house: House) -> None:
    house, send = at_sending(DutyKind.POLICY)
    house.answer(send, Failed(POLICY_KEY_ABSENT, {"address": "0x1"}))
    assert house.due() == []
    assert house.report(POL).reason is POLICY_KEY_ABSENT
    assert house.duties.next_ns(house.now_ns) == house.now_ns + RULES.retry_ns
    assert house.later(RULES.retry_ns).one() == send


def test_an_answer_that_nobody_asked_for_is_an_error(house: House) -> None:
    with pytest.raises(ValueError, match="not asked for"):
        house.answer(Ask(PRE), Told(True))
    action = house.one()
    house.answer(action, Told(True))
    with pytest.raises(ValueError, match="not asked for"):
        house.answer(action, Told(True))


def test_intent_ids_name_network_epoch_and_duty() -> None:
    assert POL.intent_id("flare") == "flare/epoch/3/policy"
    assert REW.intent_id("coston2", 2) == "coston2/epoch/2/rewards/2"


def test_patience_shrinks_with_the_calendar() -> None:
    assert DutyRules.of(Timing.of("flare")) == DutyRules()
    assert DutyRules.of(Timing.of("coston2")) == DutyRules()
    short = DutyRules.of(Timing(0, 6, epoch_s=9))
    assert (short.retry_ns, short.confirm_ns) == (6 * SECOND_NS, 2 * SECOND_NS)
    assert short.reward_every_ns == 54 * SECOND_NS // 14
    assert DutyRules.of(replace(TIMING, epoch_s=9, rounds_per_reward_epoch=240)).reward_every_ns == 2160 * SECOND_NS
