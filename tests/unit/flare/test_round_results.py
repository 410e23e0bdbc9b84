"""A round's result: leaves, turnout, root, proofs and the message that is signed."""

from eth_abi import encode

from chrono.flare.feeds import Feed, FeedId
from chrono.flare.median import Median
from chrono.flare.merkle import verify_proof
from chrono.flare.random import RoundRandom
from chrono.flare.results import RoundResult, feed_leaf, feed_results, random_leaf
from chrono_core import keccak256

BTC, YEN, NEW = Feed(FeedId(1, "BTC/USD"), 2), Feed(FeedId(2, "JPY/USD"), -3), Feed(FeedId(1, "NEW/USD"), 5)
RANDOM = RoundRandom(2**256 - 1, is_secure=True)


def median(value: int, weight: int) -> Median:
    return Median(value, value, value, weight)


def result() -> RoundResult:
    feeds = feed_results(7, (BTC, YEN, NEW), [median(-5, 2), median(70, 3), None], 3)
    return RoundResult(7, RANDOM, feeds)


def test_leaves_are_the_hashes_of_their_abi_encoding_also_of_negative_values_and_decimals() -> None:
    types = ["uint32", "bytes21", "int32", "uint16", "int8"]
    for feed, value in ((BTC, -5), (YEN, 2**31 - 1), (NEW, 1 - 2**31)):
        expected = keccak256(encode(types, [7, bytes(feed.id), value, 6666, feed.decimals]))
        assert feed_leaf(7, feed, value, 6666) == expected
    assert random_leaf(7, RANDOM) == keccak256(encode(["uint32", "uint256", "bool"], [7, 2**256 - 1, True]))


def test_the_turnout_is_of_all_voters_and_rounded_down() -> None:
    assert [feed.turnout_bips for feed in result().feeds] == [6666, 10_000, 0]


def test_a_feed_that_nobody_voted_on_is_a_leaf_of_value_0_and_turnout_0() -> None:
    empty = result().feeds[2]
    assert (empty.value, empty.turnout_bips) == (0, 0)
    assert empty.leaf == feed_leaf(7, NEW, 0, 0)
    assert empty.leaf in result().tree.leaves


def test_every_feed_and_nothing_else_is_proven_by_the_root() -> None:
    told = result()
    for feed in told.feeds:
        assert verify_proof(feed.leaf, told.proof(feed), told.root)
        assert not verify_proof(feed_leaf(7, feed.feed, feed.value + 1, feed.turnout_bips), told.proof(feed), told.root)


def test_a_feed_is_found_by_its_id_and_one_that_the_round_did_not_vote_on_is_not() -> None:
    found = result().of(FeedId(2, "JPY/USD"))
    assert found is not None
    assert found.value == 70
    assert result().of(FeedId(1, "JPY/USD")) is None


def test_the_message_holds_protocol_100_the_round_the_flag_and_the_root() -> None:
    told = result()
    assert told.message.encode() == bytes.fromhex("640000000701") + told.root
