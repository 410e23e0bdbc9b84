"""The book of reward epochs: policies, voters, feeds and our place, as the chain's events tell them."""

import re

import pytest
from msgspec.structs import replace

from chrono.flare.contracts.addresses import Generation
from chrono.flare.contracts.events import VoterRegistrationInfo
from chrono.flare.epochs import Timing, VotingRound
from chrono.flare.feed_order import InflationOffer
from chrono.flare.networks import local_network
from chrono.flare.signing_policy import raised
from chrono.voting.epochs import KEPT_REWARD_EPOCHS, EpochBook
from tests.fakes.epoch_story import BTC, ETH, FLR, NETWORK, TIMING, XRP, Member, Story, feed_of, policy_of, replaced

ANN, BEN, CYD, US = Member("ann", 300), Member("ben", 200), Member("cyd", 50), Member("us", 120)
VOTERS = (ANN, US, BEN)
EPOCH = 2
FIRST = 2 * TIMING.rounds_per_reward_epoch
LONG = local_network(replace(TIMING, rounds_per_reward_epoch=3360))


def told(story: Story) -> EpochBook:
    book = EpochBook(story.network)
    book.tell(story.told)
    return book


@pytest.fixture
def story() -> Story:
    """Reward epoch 2 has begun."""
    return Story().started(1, TIMING.rounds_per_reward_epoch).turn(EPOCH, VOTERS, community=[(XRP, 5), (FLR, 9)])


def test_nothing_is_known_of_an_empty_chain() -> None:
    book = EpochBook(NETWORK, first_round=10)
    assert not book.tell([])
    assert (book.last_initialised, book.policies(), book.of_round(50)) == (None, [], None)
    assert book.ruling(VotingRound(50, TIMING)) is None
    assert book.electorate_of(9) is None
    with pytest.raises(LookupError, match="no signing policy"):
        book.electorate_of(10)


def test_the_facts_of_a_round_are_those_of_its_policy(story: Story) -> None:
    facts = told(story).of_round(FIRST)
    assert facts is not None
    assert facts.policy == policy_of(EPOCH, FIRST, VOTERS)
    assert [voter.identity for voter in facts.voters] == [member.identity for member in VOTERS]
    assert [voter.submit_address for voter in facts.electorate.voters] == [m.hot("submit") for m in VOTERS]
    assert facts.electorate.weights == (300, 120, 200)
    assert facts.electorate.feeds == (BTC, ETH, FLR, XRP)


def test_the_round_before_the_first_policy_has_no_known_electorate(story: Story) -> None:
    book = told(story)
    assert book.of_round(FIRST - 1) is None
    with pytest.raises(LookupError, match=f"before round {FIRST - 1}"):
        book.electorate_of(FIRST - 1)


def test_our_place_is_that_of_our_signing_address(story: Story) -> None:
    place = told(story).membership(US.identity, EPOCH)
    assert place is not None
    assert (place.index, place.weight) == (1, policy_of(EPOCH, FIRST, VOTERS).weights[1])
    assert (place.submit, place.submit_signatures, place.signing_policy) == (
        US.hot("submit"),
        US.hot("submit_signatures"),
        US.signer,
    )
    assert told(story).membership(CYD.identity, EPOCH) is None
    assert told(story).membership(US.identity, EPOCH + 1) is None


def test_the_hash_of_a_policy_is_that_of_its_bytes(story: Story) -> None:
    book = told(story)
    assert book.policy_hash(EPOCH) == policy_of(EPOCH, FIRST, VOTERS).hash()
    assert book.policy_hash(EPOCH + 1) is None
    assert book.policy(EPOCH) == policy_of(EPOCH, FIRST, VOTERS)


@pytest.mark.parametrize("generation", Generation)
def test_both_generations_of_contracts_are_read(generation: Generation) -> None:
    story = Story().started(1, 20).turn(EPOCH, VOTERS, generation=generation)
    facts = told(story).of_round(FIRST)
    assert facts is not None
    assert facts.electorate.total_weight == 620


def test_generations_may_change_between_two_epochs(story: Story) -> None:
    story.turn(EPOCH + 1, VOTERS, generation=Generation.FIRST)
    book = told(story)
    assert book.facts(EPOCH) is not None
    assert book.facts(EPOCH + 1) is not None


def test_from_fip16_on_the_signing_weights_vote(story: Story) -> None:
    story.turn(EPOCH + 1, VOTERS)
    book = EpochBook(replace(NETWORK, fip16_activation_reward_epoch=EPOCH + 1))
    book.tell(story.told)
    before, after = book.facts(EPOCH), book.facts(EPOCH + 1)
    assert before is not None
    assert after is not None
    assert before.electorate.weights == (300, 120, 200)
    assert after.electorate.weights == after.policy.weights


def test_from_fip16_on_the_delegations_need_not_be_told(story: Story) -> None:
    bare = [each for each in story.told if not isinstance(each.event, VoterRegistrationInfo)]
    book = EpochBook(replace(NETWORK, fip16_activation_reward_epoch=EPOCH))
    book.tell(bare)
    assert book.facts(EPOCH) is not None
    before = EpochBook(NETWORK)
    before.tell(bare)
    assert before.facts(EPOCH) is None
    assert "weight of" in (before.missing(EPOCH) or "")


@pytest.mark.parametrize("late", [1, 5, 400])
def test_while_a_policy_is_late_the_old_one_goes_on(late: int) -> None:
    """Raised threshold, old voters, old feed order, however long it takes."""
    length = LONG.timing.rounds_per_reward_epoch
    story = Story(LONG).started(1, length).turn(EPOCH, VOTERS, inflation=(BTC, ETH, XRP))
    expected = (EPOCH + 1) * length
    story.turn(EPOCH + 1, (ANN, BEN), late_rounds=late)
    start = story.starts[EPOCH + 1]
    assert start == expected + late

    # What a provider knew one round before the late policy was initialised …
    waiting = EpochBook(LONG)
    initialised_s = next(each.block_time_s for each in story.told if each.event == told_policy(story))
    waiting.tell([each for each in story.told if each.block_time_s < initialised_s])
    ruling = waiting.ruling(VotingRound(expected, LONG.timing))
    assert ruling is not None
    assert ruling.policy.reward_epoch_id == EPOCH
    assert ruling.threshold == raised(ruling.policy.threshold) > ruling.policy.threshold
    # … and what it knows afterwards.
    book = told(story)
    for round_id in (expected - 1, expected, start - 1):
        facts = book.of_round(round_id)
        assert facts is not None
        assert facts.reward_epoch_id == EPOCH
        assert facts.electorate.feeds == (BTC, ETH)
    first = book.of_round(start)
    assert first is not None
    assert first.reward_epoch_id == EPOCH + 1
    assert first.electorate.feeds == (BTC, ETH, XRP)
    assert len(first.voters) == 2


def told_policy(story: Story) -> object:
    return next(each.event for each in reversed(story.told) if type(each.event).__name__ == "SigningPolicyInitialized")


def test_rotated_keys_count_from_their_reward_epoch_on(story: Story) -> None:
    rotated = replace(US, keys=1)
    story.turn(EPOCH + 1, (ANN, rotated, BEN))
    book = told(story)
    before, after = book.membership(US.identity, EPOCH), book.membership(US.identity, EPOCH + 1)
    assert before is not None
    assert after is not None
    assert before.submit == US.hot("submit")
    assert after.submit == rotated.hot("submit") != before.submit
    assert after.signing_policy != before.signing_policy
    assert after.submit_signatures != before.submit_signatures
    last, first = book.of_round(FIRST + 19), book.of_round(FIRST + 20)
    assert last is not None
    assert first is not None
    assert last.membership(US.identity) == before
    assert first.membership(US.identity) == after


def test_dropped_from_the_next_epoch_we_keep_our_place_in_this_one(story: Story) -> None:
    story.turn(EPOCH + 1, (ANN, BEN))
    book = told(story)
    assert book.membership(US.identity, EPOCH) is not None
    assert book.membership(US.identity, EPOCH + 1) is None
    assert book.of_round(FIRST + 19) == book.facts(EPOCH)


def test_feeds_may_come_and_go_between_two_epochs() -> None:
    story = Story().started(1, 20, inflation=(BTC, ETH)).turn(EPOCH, VOTERS, inflation=(ETH, FLR))
    story.turn(EPOCH + 1, VOTERS)
    book = told(story)
    before, after = book.of_round(FIRST + 19), book.of_round(FIRST + 20)
    assert before is not None
    assert after is not None
    assert before.electorate.feeds == (BTC, ETH)
    assert after.electorate.feeds == (ETH, FLR)


def test_evicted_we_are_registered_no_more(story: Story) -> None:
    story.random(3).selected(3, VOTERS)
    book = told(story)
    assert book.registration(US.identity, 3) is not None
    story.registered(3, CYD).removed(3, US)
    book.tell(story.told)
    assert book.registration(US.identity, 3) is None
    assert (3, US.identity) in book.events.removed
    story.registered(3, US)
    book.tell(story.told)
    assert book.registration(US.identity, 3) is not None
    assert (3, US.identity) not in book.events.removed


def test_an_evicted_voter_is_not_in_the_electorate(story: Story) -> None:
    story.random(3).selected(3, VOTERS).registered(3, CYD).removed(3, US)
    story.at_round(FIRST + 16).initialised(3, (ANN, BEN, CYD))
    facts = told(story).facts(3)
    assert facts is not None
    assert facts.membership(US.identity) is None
    assert [voter.identity for voter in facts.voters] == [m.identity for m in (ANN, BEN, CYD)]


def test_offers_at_both_bounds_count_and_later_ones_do_not(story: Story) -> None:
    """The inflation offers stand in the block of RewardEpochStarted; one in the block of the random counts, too."""
    [random] = [each for each in story.told if type(each.event).__name__ == "RandomAcquisitionStarted"]
    edge = Story().offered(EPOCH, feed_of("EDGE/USD")).told[0]
    inside = replaced(edge, block_number=random.block_number, index=50, block_time_s=random.block_time_s)
    after = replaced(edge, block_number=random.block_number, index=51, block_time_s=random.block_time_s + 1)
    book = told(story)
    book.add([inside])
    assert feed_of("EDGE/USD") in _feeds(book)
    book = told(story)
    book.add([after])
    assert feed_of("EDGE/USD") not in _feeds(book)


def _feeds(book: EpochBook) -> tuple[object, ...]:
    facts = book.facts(EPOCH)
    assert facts is not None
    return facts.electorate.feeds


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("SigningPolicyInitialized", "not initialised"),
        ("VoterRegistered", "registration of"),
        ("VoterRegistrationInfo", "weight of"),
        ("RandomAcquisitionStarted", "offers .* made"),
        ("RewardEpochStarted", "offers .* made"),
        ("InflationOffer", "no feed"),
    ],
)
def test_what_is_missing_of_an_epoch_is_named(kind: str, words: str) -> None:
    story = Story().started(1, 20).turn(EPOCH, VOTERS)
    book = EpochBook(NETWORK)
    book.tell([each for each in story.told if type(each.event).__name__ != kind])
    assert book.facts(EPOCH) is None
    assert re.search(words, book.missing(EPOCH) or "")
    with pytest.raises(LookupError, match=f"{words}|no signing policy"):
        book.electorate_of(FIRST)


def test_contradicting_offers_leave_the_epoch_unknown_for_everyone(story: Story) -> None:
    story = Story().started(1, 20).offered(EPOCH, replace(BTC, decimals=2)).turn(EPOCH, VOTERS)
    assert "contradict" in (told(story).missing(EPOCH) or "")


def test_a_finalised_round_is_the_first_that_the_relay_took(story: Story) -> None:
    story.relayed(FIRST, b"\1" * 32).relayed(FIRST, b"\2" * 32, protocol_id=200)
    book = told(story)
    found = book.finalised(100, FIRST)
    assert found is not None
    assert found.message.merkle_root == b"\1" * 32
    assert found.block_time_s == story.told[-2].block_time_s
    assert book.finalised(200, FIRST) is not None
    assert book.finalised(100, FIRST + 1) is None


def test_the_same_list_told_again_changes_nothing(story: Story) -> None:
    story.relayed(FIRST)
    book = told(story)
    facts = book.facts(EPOCH)
    assert not book.tell(story.told)
    assert not book.add(story.told)
    assert book.facts(EPOCH) is facts


def test_a_relay_alone_leaves_the_facts_as_they_are(story: Story) -> None:
    book = told(story)
    facts = book.facts(EPOCH)
    assert book.tell(story.relayed(FIRST).told)
    assert book.facts(EPOCH) is facts


def test_what_a_ledger_dropped_stays_known(story: Story) -> None:
    book = told(story)
    story.turn(EPOCH + 1, VOTERS)
    started = next(each.block_number for each in story.told if each.event == _last_start(story))
    assert book.tell([each for each in story.told if each.block_number >= started - 6])
    assert book.facts(EPOCH) is not None
    assert book.facts(EPOCH + 1) is not None


def _last_start(story: Story) -> object:
    return next(each.event for each in reversed(story.told) if type(each.event).__name__ == "RewardEpochStarted")


def test_blocks_that_are_taken_back_vanish(story: Story) -> None:
    story.relayed(FIRST)
    book = told(story)
    tip = story.told[-1].block_number
    assert book.take_back(tip)
    assert book.finalised(100, FIRST) is None
    assert not book.take_back(tip)
    [initialised] = [each for each in story.told if type(each.event).__name__ == "SigningPolicyInitialized"]
    assert book.tell([], from_block=initialised.block_number)
    assert book.last_initialised is None
    assert book.policy_hash(EPOCH) is None


def test_another_event_at_a_known_place_replaces_its_block_and_all_above(story: Story) -> None:
    story.relayed(FIRST, b"\1" * 32).relayed(FIRST + 1)
    book = told(story)
    first = story.told[-2]
    other = replaced(first, event=replace(first.event, merkle_root=b"\2" * 32))
    assert book.add([other])
    found = book.finalised(100, FIRST)
    assert found is not None
    assert found.message.merkle_root == b"\2" * 32
    assert book.finalised(100, FIRST + 1) is None


def test_what_nobody_asks_for_any_more_is_forgotten() -> None:
    story = Story().started(1, 20)
    for epoch in range(2, 12):
        story.turn(epoch, VOTERS).relayed(epoch * 20)
    book = told(story)
    oldest = 11 - KEPT_REWARD_EPOCHS
    assert book.last_initialised == 11
    assert book.finalised(100, oldest * 20 - 20) is None
    assert book.finalised(100, 11 * 20) is not None
    assert book.facts(oldest + 2) is not None
    assert {policy.reward_epoch_id for policy in book.policies()} == set(range(oldest + 1, 12))
    assert not book.tell(story.told)


def test_rounds_before_the_protocol_have_no_electorate() -> None:
    network = replace(NETWORK, first_reward_epoch=EPOCH)
    story = Story(network).started(1, 20).turn(EPOCH, VOTERS)
    book = told(story)
    assert book.electorate_of(FIRST - 1) is None
    assert book.electorate_of(FIRST) is not None


def test_a_calendar_may_begin_at_any_round() -> None:
    timing = Timing(1_000_000, 20, first_reward_epoch_round=7)
    network = local_network(timing)
    story = Story(network).started(1, 27).turn(EPOCH, VOTERS)
    book = told(story)
    assert story.starts[EPOCH] == 47
    assert book.reward_epoch_of(47) == EPOCH
    assert book.reward_epoch_of(46) is None


def test_the_bands_are_those_of_the_offers(story: Story) -> None:
    offer = InflationOffer(EPOCH, (BTC, ETH), (200, 300))
    story.told = [
        each
        for each in story.told
        if getattr(each.event, "reward_epoch_id", None) != EPOCH or type(each.event).__name__ != "InflationOffer"
    ]
    first = story.told[0]
    book = told(story)
    book.add([replaced(first, event=offer, index=90)])
    facts = book.facts(EPOCH)
    assert facts is not None
    assert facts.band_ppms == {BTC.id: 200, ETH.id: 300, XRP.id: 0, FLR.id: 0}
    book.add([replaced(first, event=replace(offer, mode=1), index=91)])
    facts = book.facts(EPOCH)
    assert facts is not None
    assert facts.band_ppms == {}
