"""What a reward epoch offers, and what of it each round and each duty may pay. Source: fsp.md section 7, steps 1-3."""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from chrono.flare.address import Address
from chrono.flare.feed_order import CommunityOffer, InflationOffer
from chrono.flare.feeds import FeedId
from chrono.flare.rewards.parameters import FINALISATION_BIPS, SIGNING_BIPS
from chrono.flare.rewards.shares import equal_share
from chrono.flare.units import BIPS, PPM

EQUALLY: Final = 0
"""The only mode of an inflation offer: all its feeds have the same chance."""


class UnknownModeError(ValueError):
    """An inflation offer asks for a distribution that the protocol did not have when this was written."""


class FeedTerms(Struct, frozen=True):
    """How closeness to one feed's median is paid."""

    min_rewarded_turnout_bips: int
    primary_band_share_ppm: int
    """Of the reward, for values between the quartiles; the rest is for those near the median."""
    secondary_band_width_ppm: int
    """How near to the median, as a part of it."""
    claim_back: bytes
    """Who gets what nobody earned: the burn address for inflation."""


class RoundOffer(Struct, frozen=True):
    """What one round pays for one feed: `amount` wei on `terms`."""

    voting_round_id: int
    feed_id: bytes
    amount: int
    terms: FeedTerms


class AnchorParts(Struct, frozen=True):
    """A round's anchor offer by duty, in wei."""

    median: int
    signing: int
    finalisation: int


def pool(inflation: Iterable[InflationOffer], community: Iterable[CommunityOffer]) -> int:
    """All wei of the epoch's anchor offers: which feed they were offered for no longer matters."""
    return sum(offer.amount_wei for offer in inflation) + sum(offer.amount_wei for offer in community)


def terms_of_feeds(
    inflation: Iterable[InflationOffer], community: Iterable[CommunityOffer], burn_address: Address
) -> dict[FeedId, FeedTerms]:
    """On which terms each feed is paid: those of the last inflation offer that names it.

    A feed that only the community offers for is paid to values between the quartiles alone, at any turnout, whatever
    its offer says. What nobody earns burns. Raises: UnknownModeError.
    """
    terms: dict[FeedId, FeedTerms] = {}
    for offer in inflation:
        if offer.mode != EQUALLY:
            raise UnknownModeError(f"an inflation offer has mode {offer.mode}; only {EQUALLY} is known")
        for feed, width in zip(offer.feeds, offer.secondary_band_width_ppms, strict=True):
            terms[feed.id] = FeedTerms(
                offer.min_rewarded_turnout_bips, offer.primary_band_share_ppm, width, burn_address
            )
    for gift in community:
        terms.setdefault(gift.feed.id, FeedTerms(0, PPM, 0, burn_address))
    return terms


def round_amount(total: int, first_round: int, last_round: int, voting_round_id: int) -> int:
    """What of the epoch's `total` wei falls to one round; the first rounds take the remainder, one wei each."""
    return equal_share(total, last_round - first_round + 1, voting_round_id - first_round)


def split_anchor(amount: int) -> AnchorParts:
    """An anchor offer: 10 % for signing, 10 % for finalisation, the rest for medians."""
    signing = amount * SIGNING_BIPS // BIPS
    finalisation = amount * FINALISATION_BIPS // BIPS
    return AnchorParts(amount - signing - finalisation, signing, finalisation)


def part_of(offer: RoundOffer, amount: int) -> RoundOffer:
    """The same offer with another amount."""
    return replace(offer, amount=amount)
