"""Which feeds a reward epoch votes on, and in which order: what its reward offers say. Source: fsp.md section 2.

Feeds that inflation pays for come first, by id; then those that only the community pays for, by the sum offered
(largest first), then by id. All providers must find the same order: it gives the values in a reveal their meaning.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from chrono.flare.address import Address
from chrono.flare.feeds import FEED_ID_BYTES, FEWEST_DECIMALS, MOST_DECIMALS, Feed, FeedId
from chrono.flare.refusal import Fault, Refused

BAND_BYTES: Final = 3
"""A secondary band width is a uint24."""


class OfferWindow(Struct, frozen=True):
    """Block times between which the offers of a reward epoch are made, in seconds; both belong to it.

    From `RewardEpochStarted` of the epoch before, in whose very transaction the inflation offers are emitted, to
    `RandomAcquisitionStarted` of the epoch itself.
    """

    first_s: int
    last_s: int

    def __contains__(self, block_time_s: int) -> bool:
        return self.first_s <= block_time_s <= self.last_s


class InflationOffer(Struct, frozen=True):
    """`FtsoRewardOffersManager.InflationRewardsOffered`: what inflation pays, for many feeds together."""

    reward_epoch_id: int
    feeds: tuple[Feed, ...]
    secondary_band_width_ppms: tuple[int, ...]
    amount_wei: int = 0
    min_rewarded_turnout_bips: int = 0
    primary_band_share_ppm: int = 0
    mode: int = 0


class CommunityOffer(Struct, frozen=True):
    """`FtsoRewardOffersManager.RewardsOffered`: what someone pays for one feed."""

    reward_epoch_id: int
    feed: Feed
    amount_wei: int
    min_rewarded_turnout_bips: int = 0
    primary_band_share_ppm: int = 0
    secondary_band_width_ppm: int = 0
    claim_back_address: Address | None = None


def feed_order(
    reward_epoch_id: int, inflation: Iterable[InflationOffer], community: Iterable[CommunityOffer]
) -> tuple[Feed, ...]:
    """The canonical order of a reward epoch.

    Raises: Refused, when an offer is for another reward epoch, or one feed is offered with two different decimals.
    Both break the epoch for everyone, and need a person.
    """
    decimals: dict[bytes, int] = {}
    paid_by_inflation: set[bytes] = set()
    offered_wei: dict[bytes, int] = {}
    for inflation_offer in inflation:
        _check_epoch(inflation_offer.reward_epoch_id, reward_epoch_id)
        for feed in inflation_offer.feeds:
            paid_by_inflation.add(_enter(feed, decimals))
    for offer in community:
        _check_epoch(offer.reward_epoch_id, reward_epoch_id)
        key = _enter(offer.feed, decimals)
        offered_wei[key] = offered_wei.get(key, 0) + offer.amount_wei
    rest = sorted(offered_wei.keys() - paid_by_inflation, key=lambda key: (-offered_wei[key], key))
    return tuple(Feed(FeedId.from_bytes(key), decimals[key]) for key in [*sorted(paid_by_inflation), *rest])


def unpack_feeds(feed_ids: bytes, decimals: bytes) -> tuple[Feed, ...]:
    """The feeds of an inflation offer: ids packed at 21 bytes each, decimals at one (an int8 of the contract).

    Raises: Refused.
    """
    ids = _split(feed_ids, FEED_ID_BYTES, "feed ids")
    _check_count(len(decimals), len(ids), "decimals")
    return tuple(
        Feed(FeedId.from_bytes(raw), int.from_bytes(decimals[at : at + 1], "big", signed=True))
        for at, raw in enumerate(ids)
    )


def unpack_bands(secondary_band_width_ppms: bytes, feed_count: int) -> tuple[int, ...]:
    """The secondary band width of each feed in parts per million, packed at 3 bytes each. Raises: Refused."""
    bands = _split(secondary_band_width_ppms, BAND_BYTES, "band widths")
    _check_count(len(bands), feed_count, "band widths")
    return tuple(int.from_bytes(band, "big") for band in bands)


def pack_feeds(feeds: Sequence[Feed]) -> tuple[bytes, bytes]:
    """Ids and decimals as an inflation offer packs them. Raises: Refused for decimals that are no int8."""
    for feed in feeds:
        _check_decimals(feed)
    ids = b"".join(bytes(feed.id) for feed in feeds)
    return ids, b"".join(feed.decimals.to_bytes(1, "big", signed=True) for feed in feeds)


def pack_bands(secondary_band_width_ppms: Sequence[int]) -> bytes:
    """Band widths as an inflation offer packs them. Raises: OverflowError for one that is no uint24."""
    return b"".join(width.to_bytes(BAND_BYTES, "big") for width in secondary_band_width_ppms)


def _enter(feed: Feed, decimals: dict[bytes, int]) -> bytes:
    _check_decimals(feed)
    key = bytes(feed.id)
    if decimals.setdefault(key, feed.decimals) != feed.decimals:
        what = f"{feed.id.label} is offered with {decimals[key]} decimals and with {feed.decimals}"
        raise Refused(Fault.DECIMALS_DIFFER, what)
    return key


def _check_decimals(feed: Feed) -> None:
    if not FEWEST_DECIMALS <= feed.decimals <= MOST_DECIMALS:
        raise Refused(Fault.DECIMALS_RANGE, f"decimals are an int8; {feed.id.label} has {feed.decimals}")


def _check_epoch(found: int, wanted: int) -> None:
    if found != wanted:
        raise Refused(Fault.OFFER_EPOCH, f"an offer for reward epoch {found} among those for {wanted}")


def _split(packed: bytes, size: int, what: str) -> list[bytes]:
    if len(packed) % size:
        raise Refused(Fault.OFFER_LENGTH, f"{what} are packed at {size} bytes each; {len(packed)} is no multiple")
    return [packed[at : at + size] for at in range(0, len(packed), size)]


def _check_count(found: int, wanted: int, what: str) -> None:
    if found != wanted:
        raise Refused(Fault.OFFER_COUNTS, f"{found} {what} for {wanted} feeds")
