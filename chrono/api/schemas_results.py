"""A round's result in the shapes that Flare's data availability layer reads. Source: fsp.md section 5(b)."""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from chrono.api.schemas import Count

Status = Annotated[
    Literal["OK", "TOO_EARLY", "NOT_AVAILABLE"],
    Meta(description="TOO_EARLY: before the reveal deadline and a second; NOT_AVAILABLE: no result is known here"),
]
Hex = Annotated[str, Meta(pattern="^0x[0-9a-f]+$")]
WholeText = Annotated[str, Meta(pattern="^[0-9]+$")]


_LEAF: Final = {"voting_round_id": "votingRoundId", "turnout_bips": "turnoutBIPS", "is_secure": "isSecure"}


class TreeNode(Struct, frozen=True, rename=_LEAF):
    """A leaf: the random (`value` in hex, `isSecure`), or a feed (`id`, `value` of 10**-decimals, turnout)."""

    voting_round_id: Count
    value: int | str
    is_secure: bool | UnsetType = UNSET
    id: Hex | UnsetType = UNSET
    turnout_bips: Count | UnsetType = UNSET
    decimals: int | UnsetType = UNSET


class RoundData(Struct, frozen=True, rename="camel"):
    """The whole tree of a round: the random first, then the feeds in their canonical order."""

    status: Status
    protocol_id: Count | UnsetType = UNSET
    voting_round_id: Count | UnsetType = UNSET
    merkle_root: Hex | UnsetType = UNSET
    is_secure_random: bool | UnsetType = UNSET
    tree: list[TreeNode] | UnsetType = UNSET


class FeedBody(Struct, frozen=True, rename=_LEAF):
    """A feed's leaf."""

    voting_round_id: Count
    id: Hex
    value: int
    turnout_bips: Count
    decimals: int


class FeedWithProof(Struct, frozen=True):
    """A feed's leaf, and its siblings up to the root."""

    body: FeedBody
    proof: list[Hex]


class FeedProof(Struct, frozen=True, rename="camel"):
    """One feed of a round with its proof."""

    status: Status
    feed_with_proof: FeedWithProof | UnsetType = UNSET


class PlainFeed(Struct, frozen=True):
    """A feed by its id."""

    id: Hex
    decimals: int


class PlainValue(Struct, frozen=True, rename="camel"):
    """A value, or none: then `value` is 0."""

    is_empty: bool
    value: int
    decimals: int


class MedianSummary(Struct, frozen=True, rename="camel"):
    """The median and its quartiles; the weight as a string, for it is wider than a double."""

    final_median: PlainValue
    quartile1: PlainValue
    quartile3: PlainValue
    participating_weight: WholeText


class MedianData(Struct, frozen=True, rename="camel"):
    """One feed: every voter's value and weight in the order of the signing policy, and what they come to."""

    voting_round_id: Count
    feed: PlainFeed
    voters_submit_addresses: list[Hex]
    feed_values: list[PlainValue]
    data: MedianSummary
    weights: list[WholeText]
    total_voting_weight: WholeText


class MedianResults(Struct, frozen=True, rename="camel"):
    """Every feed of a round with all votes on it."""

    status: Status
    voting_round_id: Count | UnsetType = UNSET
    median_data: list[MedianData] | UnsetType = UNSET
