"""A round's result: its leaves, their Merkle tree, and the message that providers sign. Source: fsp.md section 4."""

from collections.abc import Sequence
from functools import cached_property
from typing import Final, cast

from msgspec import Struct

from chrono.flare.abi import word
from chrono.flare.feeds import FEED_ID_BYTES, Feed, FeedId
from chrono.flare.frames import FTSO
from chrono.flare.median import Median
from chrono.flare.merkle import MerkleTree
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.random import RoundRandom
from chrono.flare.units import BIPS
from chrono_core import keccak256

_ID_PADDING: Final = bytes(32 - FEED_ID_BYTES)


class FeedResult(Struct, frozen=True):
    """What the network found for one feed: value 0 and turnout 0 when `median` is None, for nobody voted."""

    voting_round_id: int
    feed: Feed
    median: Median | None
    turnout_bips: int

    @property
    def value(self) -> int:
        """The feed value, in units of 10**-decimals."""
        return 0 if self.median is None else self.median.value

    @property
    def leaf(self) -> bytes:
        """Its 32 bytes in the Merkle tree."""
        return feed_leaf(self.voting_round_id, self.feed, self.value, self.turnout_bips)


class RoundResult(Struct, frozen=True, dict=True):
    """One round: its random, and each feed in the canonical order. The tree is built when it is first asked for."""

    voting_round_id: int
    random: RoundRandom
    feeds: tuple[FeedResult, ...]

    @property
    def random_leaf(self) -> bytes:
        """The random's 32 bytes in the Merkle tree."""
        return random_leaf(self.voting_round_id, self.random)

    @cached_property
    def tree(self) -> MerkleTree:
        """The random and every feed."""
        return MerkleTree([self.random_leaf, *(feed.leaf for feed in self.feeds)])

    @property
    def root(self) -> bytes:
        """What is signed for the whole round."""
        # Never None: the random is always a leaf.
        return cast(bytes, self.tree.root)

    @property
    def message(self) -> ProtocolMessage:
        """What the signing-policy key signs, and the Relay takes."""
        return ProtocolMessage(FTSO, self.voting_round_id, self.random.is_secure, self.root)

    def of(self, feed: FeedId) -> FeedResult | None:
        """The result of one feed; None when this round did not vote on it."""
        return next((result for result in self.feeds if result.feed.id == feed), None)

    def proof(self, result: FeedResult) -> list[bytes]:
        """The siblings from a feed's leaf up to the root."""
        return self.tree.proof(result.leaf)


def feed_leaf(voting_round_id: int, feed: Feed, value: int, turnout_bips: int) -> bytes:
    """`keccak256(abi.encode(uint32, bytes21, int32, uint16, int8))`."""
    words = word(voting_round_id) + bytes(feed.id) + _ID_PADDING + _signed_word(value)
    return keccak256(words + word(turnout_bips) + _signed_word(feed.decimals))


def random_leaf(voting_round_id: int, random: RoundRandom) -> bytes:
    """`keccak256(abi.encode(uint32, uint256, bool))`."""
    return keccak256(word(voting_round_id) + word(random.value) + word(random.is_secure))


def feed_results(
    voting_round_id: int, feeds: Sequence[Feed], medians: Sequence[Median | None], total_weight: int
) -> tuple[FeedResult, ...]:
    """The results of all feeds. `total_weight` is that of every voter of the signing policy, not 0.

    Shapes: (n,), (n,) to (n,). The turnout is rounded down to a hundredth of a percent.
    """
    return tuple(
        FeedResult(voting_round_id, feed, median, _turnout_bips(median, total_weight))
        for feed, median in zip(feeds, medians, strict=True)
    )


def _turnout_bips(median: Median | None, total_weight: int) -> int:
    return 0 if median is None else median.participating_weight * BIPS // total_weight


def _signed_word(value: int) -> bytes:
    return value.to_bytes(32, "big", signed=True)
