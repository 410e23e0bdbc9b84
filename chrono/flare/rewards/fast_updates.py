"""Rewards for block-latency feeds: one equal share for each update, if the feed stayed close to the median.

Source: fsp.md section 7, step 9; FTSO-Scaling reward-fast-updates.ts.
"""

from collections.abc import Sequence

from msgspec import Struct

from chrono.flare.address import Address
from chrono.flare.rewards.claims import ClaimType, PartialClaim
from chrono.flare.rewards.shares import equal_share, truncated
from chrono.flare.rewards.split import by_delegation, by_signing_weight
from chrono.flare.rewards.voters import RewardedVoter, by_signing
from chrono.flare.units import PPM

NO_SUBMISSIONS = "NO_SUBMISSIONS"
NO_MEDIAN = "NO_MEDIAN_PRICE"
MISSED_BAND = "MISSING_BAND"
NO_FEEDS_EVENT = "MISSING_FAST_UPDATE_FEEDS"


class ScaledValue(Struct, frozen=True):
    """A value times 10^decimals; `decimals` may be negative."""

    value: int
    decimals: int

    def at(self, decimals: int) -> int:
        """The value times 10^decimals, with at least as many decimals as it has."""
        return self.value * int(10 ** (decimals - self.decimals))


def fast_update_claims(
    amount: int,
    value: ScaledValue,
    median: ScaledValue | None,
    band_ppm: int,
    submitted: Sequence[Address],
    voters: Sequence[RewardedVoter],
    burn_address: bytes,
    *,
    fip16: bool,
) -> list[PartialClaim]:
    """The claims of `amount` wei, a round's fast-update offer.

    `value` is the rewarded feed on chain at the start of the round, `median` its anchor value (None: there is none),
    `band_ppm` how far apart they may be, `submitted` the signing address of each update of the round, in their order.
    Raises: KeyError for an update of nobody in `voters`.
    """
    if not submitted:
        return [burnt(amount, burn_address, NO_SUBMISSIONS)]
    if median is None:
        return [burnt(amount, burn_address, NO_MEDIAN)]
    if not within_band(value, median, band_ppm):
        return [burnt(amount, burn_address, MISSED_BAND)]
    voter_of = by_signing(voters)
    claims: list[PartialClaim] = []
    for place, signing in enumerate(submitted):
        share = equal_share(amount, len(submitted), place)
        voter = voter_of[signing]
        if fip16:
            claims += by_signing_weight(share, voter, burn_address, fip16=True)
        else:
            claims += by_delegation(share, voter)
    return claims


def burnt(amount: int, burn_address: bytes, why: str) -> PartialClaim:
    """All of a round's offer, for nobody."""
    return PartialClaim(burn_address, amount, ClaimType.DIRECT, why)


def within_band(value: ScaledValue, median: ScaledValue, band_ppm: int) -> bool:
    """Whether the value is at most `band_ppm` of the median away from it, the edge included; at the finer decimals."""
    decimals = max(value.decimals, median.decimals)
    feed = value.at(decimals)
    middle = median.at(decimals)
    band = truncated(middle * band_ppm, PPM)
    return middle - band <= feed <= middle + band
