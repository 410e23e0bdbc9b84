"""The largest part of a round: for values close to the median. Source: fsp.md section 7, steps 4-5."""

from collections.abc import Sequence

from msgspec import Struct

from chrono.flare.address import Address
from chrono.flare.median import Median
from chrono.flare.rewards.bands import PrimaryBand, SecondaryBand, primary_band, secondary_band
from chrono.flare.rewards.claims import ClaimType, PartialClaim
from chrono.flare.rewards.offers import RoundOffer
from chrono.flare.rewards.shares import declining_shares
from chrono.flare.rewards.split import by_delegation, by_signing_weight
from chrono.flare.rewards.voters import RewardedVoter
from chrono.flare.units import BIPS, PPM

LOW_TURNOUT = "LOW_TURNOUT_CLAIM_BACK"
NO_WEIGHT = "NO_NORMALIZED_WEIGHT"


class MedianReward(Struct, frozen=True):
    """What a median paid, and to whom."""

    claims: list[PartialClaim]
    rewarded: frozenset[Address]
    """Signing policy addresses of the voters whose share was above 0 wei."""
    delegators_rewarded: frozenset[Address]
    """Those of them whose delegators got something: before FIP.16 only they may earn by signing and finalising."""

    def eligible(self, *, fip16: bool) -> frozenset[Address]:
        """Who may earn by signing and finalising in this round."""
        return self.rewarded if fip16 else self.delegators_rewarded


class _Standing(Struct, frozen=True):
    """How one voter's value stands to the median."""

    voter: RewardedVoter
    weight: int
    between_quartiles: bool
    near_median: bool


def median_reward(
    offer: RoundOffer,
    values: Sequence[int | None],
    median: Median | None,
    total_weight: int,
    voters: Sequence[RewardedVoter],
    *,
    fip16: bool,
) -> MedianReward:
    """The claims of `offer`, which is the median's part of the round's offer.

    `values` are the voters' revealed values of the rewarded feed (None for none), `voters` stand in the order of the
    signing policy, `total_weight` is that of all of them in the median. Too low a turnout, or nobody close enough,
    gives all to the offer's claim-back address.
    """
    turnout_met = median is not None and (
        median.participating_weight * BIPS >= total_weight * offer.terms.min_rewarded_turnout_bips
    )
    if median is None or not turnout_met:
        return _claimed_back(offer, LOW_TURNOUT)
    primary = primary_band(median)
    if primary is None:
        # Several voted and none had any weight: nobody can have any weight in the reward. The reference stops here.
        return _claimed_back(offer, NO_WEIGHT)
    secondary = secondary_band(median, offer.terms.secondary_band_width_ppm)
    standings = _standings(offer, values, primary, secondary, voters, fip16=fip16)
    weights = normalised_weights(standings, offer.terms.primary_band_share_ppm)
    if not any(weights):
        return _claimed_back(offer, NO_WEIGHT)
    shares = declining_shares(offer.amount, weights)
    earned = [(standing.voter, share) for standing, share in zip(standings, shares, strict=True) if share]
    claims = []
    for voter, share in earned:
        if fip16:
            claims += by_signing_weight(share, voter, offer.terms.claim_back, fip16=True)
        else:
            claims += [claim for claim in by_delegation(share, voter) if claim.amount]
    return MedianReward(
        claims,
        frozenset(voter.signing for voter, _ in earned),
        frozenset(voter.signing for voter, share in earned if share > share * voter.fee_bips // BIPS),
    )


def normalised_weights(standings: Sequence[_Standing], primary_share_ppm: int) -> list[int]:
    """Each voter's weight in the reward: both bands are paid in full, however much weight stands in each."""
    primary = sum(standing.weight for standing in standings if standing.between_quartiles)
    secondary = sum(standing.weight for standing in standings if standing.near_median)
    if not secondary:
        return [standing.weight if standing.between_quartiles else 0 for standing in standings]
    return [
        standing.weight
        * (
            primary_share_ppm * secondary * standing.between_quartiles
            + (PPM - primary_share_ppm) * primary * standing.near_median
        )
        for standing in standings
    ]


def _standings(
    offer: RoundOffer,
    values: Sequence[int | None],
    primary: PrimaryBand,
    secondary: SecondaryBand,
    voters: Sequence[RewardedVoter],
    *,
    fip16: bool,
) -> list[_Standing]:
    """Only the voters who gave a value, in the same order."""
    return [
        _Standing(
            voter,
            voter.closeness_weight(fip16=fip16),
            primary.holds(value, offer.feed_id, offer.voting_round_id, voter.submit),
            value in secondary,
        )
        for voter, value in zip(voters, values, strict=True)
        if value is not None
    ]


def _claimed_back(offer: RoundOffer, why: str) -> MedianReward:
    claim = PartialClaim(offer.terms.claim_back, offer.amount, ClaimType.DIRECT, why)
    return MedianReward([claim], frozenset(), frozenset())
