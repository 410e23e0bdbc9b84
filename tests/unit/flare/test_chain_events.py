"""Events: both generations of redeployed contracts are read, by topic alone, into the same values."""

import pytest

from chrono.flare.abi import Malformed, encode
from chrono.flare.contracts.addresses import Generation
from chrono.flare.contracts.event_table import EVENTS, decode_event, event_of
from chrono.flare.contracts.events import (
    SigningPolicyInitialized,
    VoterRegistered,
    VoterRegistrationInfo,
    VoterRemoved,
)
from chrono.flare.contracts.functions import FUNCTIONS, Call, decode_call
from chrono.flare.contracts.shapes import EventShape
from chrono.flare.feed_order import CommunityOffer, InflationOffer
from chrono.flare.feeds import Feed, FeedId
from chrono.flare.signatures import Signature
from tests.fakes.signers import address_at, policy_of

VOTER, SIGNER, SUBMIT, SIGNATURES = (address_at(place) for place in range(4))
HALF, OTHER = b"\1" * 32, b"\2" * 32


def shapes(name: str) -> list[EventShape]:
    return [shape for shape in EVENTS if shape.name == name]


def log(shape: EventShape, *values: object) -> tuple[list[bytes], bytes]:
    pairs = list(zip(shape.parameters, values, strict=True))
    topics = [encode([each.type], [value]) for each, value in pairs if each.indexed]
    rest = [(each.type, value) for each, value in pairs if not each.indexed]
    return [shape.topic, *topics], encode([kind for kind, _ in rest], [value for _, value in rest])


def test_both_generations_of_a_registration_give_the_same_voter() -> None:
    first, second = shapes("VoterRegistered")
    old = decode_event(*log(first, VOTER, 400, SIGNER, SUBMIT, SIGNATURES, HALF, OTHER, 77))
    new = decode_event(*log(second, VOTER, 2**24, SIGNER, SUBMIT, SIGNATURES, (HALF, OTHER), 77, (27, HALF, OTHER)))
    assert old == VoterRegistered(
        VOTER, 400, SIGNER, SUBMIT, SIGNATURES, (HALF, OTHER), 77, None, Generation.FIRST
    )  # fmt: skip
    assert new == VoterRegistered(
        VOTER, 2**24, SIGNER, SUBMIT, SIGNATURES, (HALF, OTHER), 77, Signature(27, HALF, OTHER), Generation.SECOND
    )  # fmt: skip


def test_both_generations_of_a_registrations_make_up_are_read() -> None:
    for shape, generation, epoch in zip(shapes("VoterRegistrationInfo"), Generation, (400, 2**24), strict=True):
        event = decode_event(*log(shape, VOTER, epoch, SUBMIT, 2000, 10**27, 10**26, [VOTER], [5]))
        assert event == VoterRegistrationInfo(VOTER, epoch, SUBMIT, 2000, 10**27, 10**26, (VOTER,), (5,), generation)


def test_the_two_inflation_offers_are_told_apart_by_their_topics() -> None:
    anchor, fast = shapes("InflationRewardsOffered")
    assert (anchor.contract, fast.contract) == ("FtsoRewardOffersManager", "FastUpdateIncentiveManager")
    assert anchor.topic != fast.topic


def test_offers_are_unpacked_into_feeds() -> None:
    one, two = FeedId(1, "BTC/USD"), FeedId(2, "EUR/USD")
    [anchor, _] = shapes("InflationRewardsOffered")
    packed = log(anchor, 7, bytes(one) + bytes(two), b"\2\xfe", 10**24, 5000, 400_000, b"\0\1\0\0\0\2", 2)
    feeds = (Feed(one, 2), Feed(two, -2))
    assert decode_event(*packed) == InflationOffer(7, feeds, (256, 2), 10**24, 5000, 400_000, 2)
    [community] = shapes("RewardsOffered")
    offered = log(community, 7, bytes(one), -3, 10**20, 5000, 400_000, 99, VOTER)
    assert decode_event(*offered) == CommunityOffer(7, Feed(one, -3), 10**20, 5000, 400_000, 99, VOTER)


def test_an_offer_with_half_a_feed_is_refused() -> None:
    [anchor, _] = shapes("InflationRewardsOffered")
    with pytest.raises(Malformed):
        decode_event(*log(anchor, 7, b"\1" * 22, b"\2", 1, 5000, 400_000, b"\0\0\1", 2))


def test_a_policy_event_whose_bytes_say_something_else_is_refused() -> None:
    [shape] = shapes("SigningPolicyInitialized")
    policy = policy_of([1, 2, 3])
    fields = (policy.reward_epoch_id, policy.start_voting_round_id, policy.threshold, policy.seed)
    event = decode_event(*log(shape, *fields, policy.voters, policy.weights, policy.encode(), 12))
    assert event == SigningPolicyInitialized(policy, policy.encode(), 12)
    for voters, weights, encoded in (
        (policy.voters, (1, 2, 4), policy.encode()),
        (policy.voters[:2], policy.weights, policy.encode()),
        (policy.voters, policy.weights, b""),
    ):
        with pytest.raises(Malformed):
            decode_event(*log(shape, *fields, voters, weights, encoded, 12))


def test_a_log_without_topics_or_of_a_foreign_event_is_of_none() -> None:
    assert decode_event([], b"") is None
    assert decode_event([b"\7" * 32], b"") is None
    assert event_of(b"") is None


def test_a_known_topic_with_too_few_topics_or_short_ones_is_refused() -> None:
    [shape] = shapes("VoterRemoved")
    topics, data = log(shape, VOTER, 400)
    assert decode_event(topics, data) == VoterRemoved(VOTER, 400)
    for wrong in (topics[:2], [*topics, topics[1]], [topics[0], topics[1], b"\1"]):
        with pytest.raises(Malformed, match="has 3 topics"):
            decode_event(wrong, data)


def test_no_two_functions_and_no_two_events_share_a_hash() -> None:
    assert len({shape.selector for shape in FUNCTIONS}) == len(FUNCTIONS)
    assert len({shape.topic for shape in EVENTS}) == len(EVENTS)


def test_a_claim_of_many_proofs_is_read_whole() -> None:
    """An honest call is far below the ration that stops pointer bombs."""
    [claim] = [shape for shape in FUNCTIONS if shape.name == "claim"]
    proof = (tuple([HALF] * 20), (7, b"\3" * 20, 10**20, 2))
    calldata = claim.encode(VOTER, SIGNER, 7, True, [proof] * 200)
    call = decode_call(calldata)
    assert call is not None
    assert call.arguments["proofs"] == (proof,) * 200


def test_an_unknown_selector_is_no_call_and_one_without_arguments_is() -> None:
    assert decode_call(b"\0\0\0\0") is None
    assert decode_call(b"") is None
    assert decode_call(bytes.fromhex("6c532fae") + b"anything") == Call("Submission", "submit1", {})
