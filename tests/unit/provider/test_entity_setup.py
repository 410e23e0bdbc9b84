"""Which calls an entity's addresses lack: from what the contract would say to them, and what they cost."""

import pytest
from msgspec.structs import replace

from chrono.chain.entities import Tried
from chrono.chain.fees import Fee
from chrono.flare.address import Address
from chrono.flare.contracts.entity_calls import ENTITY_CALLS
from chrono.keys.entity_calls import ENTITY_ROLES
from chrono.keys.roles import Role
from chrono.provider.entity_sending import Offer
from chrono.provider.entity_setup import USED, Act, RoleFacts, State, call_of, state_of

US, OURS, BEFORE, OTHER, MANAGER = (Address(bytes([number]) * 20) for number in range(1, 6))
PASSES = Tried(None)
UNASKED = Tried("submit address not in registration queue")
TAKEN = Tried("submit address already registered")
GWEI = 10**9

FRESH = RoleFacts(
    role=Role.SUBMIT, registered=US, ours=OURS, proposal=PASSES, confirmation=UNASKED, holder=OURS
)  # fmt: skip

STATES = {
    "nothing is set, and the contract takes ours": (FRESH, State.MISSING),
    "another of ours stands, and a newer one waits": (replace(FRESH, registered=BEFORE), State.MISSING),
    "ours is proposed": (replace(FRESH, confirmation=PASSES), State.PROPOSED),
    "ours is proposed in the place of another": (
        replace(FRESH, registered=BEFORE, confirmation=PASSES),
        State.PROPOSED,
    ),
    "ours stands": (RoleFacts(role=Role.SUBMIT, registered=OURS, ours=OURS), State.STANDS),
    "neither has one": (RoleFacts(role=Role.SUBMIT, registered=US), State.NO_ADDRESS),
    "one stands, and we have none": (RoleFacts(role=Role.SUBMIT, registered=BEFORE), State.ELSEWHERE),
    "ours is the identity": (RoleFacts(role=Role.SUBMIT, registered=US, ours=US), State.IDENTITY),
    "another entity has ours": (
        replace(FRESH, proposal=TAKEN, confirmation=TAKEN, holder=OTHER),
        State.TAKEN,
    ),
    "another has ours, and nobody says who": (
        replace(FRESH, proposal=TAKEN, confirmation=TAKEN, holder=None),
        State.TAKEN,
    ),
    "the contract refuses for another reason": (replace(FRESH, proposal=Tried("paused")), State.REFUSED),
    "the nodes do not say what stands": (RoleFacts(role=Role.SUBMIT, registered=None, ours=OURS), State.UNKNOWN),
}


@pytest.mark.parametrize(("facts", "state"), STATES.values(), ids=STATES)
def test_how_far_our_address_has_come(facts, state):
    assert state_of(facts, US) is state


@pytest.mark.parametrize(("facts", "state"), STATES.values(), ids=STATES)
@pytest.mark.parametrize("act", Act)
def test_only_what_is_missing_and_has_its_turn_is_called(facts, state, act):
    turn = {Act.PROPOSE: State.MISSING, Act.CONFIRM: State.PROPOSED}[act]
    assert (call_of(facts, act, US, MANAGER) is not None) == (state is turn)


@pytest.mark.parametrize("role", ENTITY_ROLES)
def test_the_identity_proposes_our_address(role):
    call = call_of(replace(FRESH, role=role), Act.PROPOSE, US, MANAGER)
    assert call is not None
    assert (call.sender, call.argument, call.to) == (US, OURS, MANAGER)
    assert call.data == ENTITY_CALLS[role].propose.encode(OURS)
    assert call.function.startswith("propose")


@pytest.mark.parametrize("role", ENTITY_ROLES)
def test_our_address_confirms_itself_for_the_identity(role):
    call = call_of(replace(FRESH, role=role, confirmation=PASSES), Act.CONFIRM, US, MANAGER)
    assert call is not None
    assert (call.sender, call.argument, call.to) == (OURS, US, MANAGER)
    assert call.data == ENTITY_CALLS[role].confirm.encode(US)
    assert call.function.startswith("confirm")


def test_the_same_call_is_the_same_intent_and_another_is_another():
    one = call_of(FRESH, Act.PROPOSE, US, MANAGER)
    two = call_of(replace(FRESH, ours=OTHER), Act.PROPOSE, US, MANAGER)
    assert one is not None
    assert two is not None
    assert one.intent_id("flare") == one.intent_id("flare")
    assert len({one.intent_id("flare"), two.intent_id("flare"), one.intent_id("coston2")}) == 3


def calls(count):
    found = [call_of(replace(FRESH, role=role), Act.PROPOSE, US, MANAGER) for role in ENTITY_ROLES[:count]]
    return [call for call in found if call is not None]


def test_what_a_call_costs_is_about_base_fee_and_tip_and_at_most_the_cap():
    offer = Offer(25 * GWEI, Fee(200 * GWEI, 100 * GWEI), {US: 0})
    [call] = calls(1)
    cost = offer.cost(call)
    assert cost.about_wei == USED[Act.PROPOSE] * 125 * GWEI
    assert cost.most_wei == call.gas * 200 * GWEI
    unknown = replace(offer, base_fee_wei=None)
    assert unknown.cost(call).about_wei == USED[Act.PROPOSE] * 200 * GWEI


def test_a_sender_must_hold_what_all_its_calls_cost_at_most():
    four = calls(4)
    offer = Offer(25 * GWEI, Fee(200 * GWEI, 100 * GWEI), {US: 0})
    all_wei = sum(offer.cost(call).most_wei for call in four)
    assert offer.missing(four) == {US: all_wei}
    assert replace(offer, balances={US: all_wei - 1}).missing(four) == {US: 1}
    assert replace(offer, balances={US: all_wei}).missing(four) == {}


def test_a_balance_that_nobody_tells_stops_nobody():
    offer = Offer(25 * GWEI, Fee(200 * GWEI, 100 * GWEI), {US: None})
    assert offer.missing(calls(1)) == {}
