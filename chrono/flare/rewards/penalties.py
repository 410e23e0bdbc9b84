"""Penalties for those who broke a promise of the round. Source: fsp.md section 7, step 8."""

from collections.abc import Iterable, Mapping, Sequence

from chrono.flare.address import Address
from chrono.flare.rewards.claims import PartialClaim
from chrono.flare.rewards.shares import truncated
from chrono.flare.rewards.split import by_signing_weight
from chrono.flare.rewards.voters import RewardedVoter


def anchor_penalties(
    offer: int,
    offenders: Iterable[Address],
    voters: Sequence[RewardedVoter],
    claim_back: bytes,
    *,
    factor: int,
    fip16: bool,
) -> list[PartialClaim]:
    """Negative claims against `offenders` (submit addresses), in their order: reveal offenders, double signers.

    Each loses `factor` (the network's penalty factor) times its weight share of `offer`, the round's whole offer in
    wei before it is split. Raises: KeyError for an offender who is no voter.
    """
    weights = {voter.submit: voter.closeness_weight(fip16=fip16) for voter in voters}
    return _penalties(offer, offenders, voters, weights, claim_back, factor=factor, fip16=fip16)


def fdc_penalties(
    offer: int,
    offenders: Iterable[Address],
    voters: Sequence[RewardedVoter],
    claim_back: bytes,
    *,
    factor: int,
    fip16: bool,
) -> list[PartialClaim]:
    """As for anchor feeds, but by signing weight at all times, and a penalty of 0 wei leaves no claim.

    Raises: KeyError for an offender who is no voter.
    """
    weights = {voter.submit: voter.signing_weight for voter in voters}
    fined = [offender for offender in offenders if weights[offender] * offer * factor >= sum(weights.values())]
    return _penalties(offer, fined, voters, weights, claim_back, factor=factor, fip16=fip16)


def _penalties(
    offer: int,
    offenders: Iterable[Address],
    voters: Sequence[RewardedVoter],
    weights: Mapping[Address, int],
    claim_back: bytes,
    *,
    factor: int,
    fip16: bool,
) -> list[PartialClaim]:
    voter_of = {voter.submit: voter for voter in voters}
    whole = sum(weights.values())
    claims = []
    for offender in offenders:
        weight = weights[offender]
        penalty = truncated(-weight * offer * factor, whole) if weight else 0
        claims += by_signing_weight(penalty, voter_of[offender], claim_back, fip16=fip16)
    return claims
