"""How one voter's share is divided between its fee, its delegators and its stakers. Source: fsp.md section 7, 5-6."""

from chrono.flare.rewards.claims import ClaimType, PartialClaim
from chrono.flare.rewards.parameters import MOST_STAKING_FEE_BIPS
from chrono.flare.rewards.shares import declining_shares, truncated
from chrono.flare.rewards.voters import RewardedVoter
from chrono.flare.units import BIPS
from chrono.flare.weights import FIP16_STAKE_FACTOR

FEE = "FEE"
PARTICIPATION = "PARTICIPATION"
FEES = "FEES_FOR_DELEGATION_AND_STAKING"
DELEGATION = "DELEGATION_COMMUNITY_REWARD"
NODE = "NODE_COMMUNITY_REWARD"
NO_VOTER_WEIGHT = "NO_VOTER_WEIGHT"


def by_delegation(amount: int, voter: RewardedVoter) -> list[PartialClaim]:
    """A share of `amount` wei that only delegation earned: the fee to the identity, the rest to the delegators.

    Anchor and fast-update rewards before FIP.16. Both claims are there, also of 0 wei.
    """
    fee = amount * voter.fee_bips // BIPS
    return [
        PartialClaim(voter.identity, fee, ClaimType.FEE, FEE),
        PartialClaim(voter.delegation, amount - fee, ClaimType.WNAT, PARTICIPATION),
    ]


def by_signing_weight(amount: int, voter: RewardedVoter, claim_back: bytes, *, fip16: bool) -> list[PartialClaim]:
    """A share of `amount` wei that stake and delegation earned together; a penalty when it is negative.

    The delegation fee is taken from the delegated part, and at most 20 % from the staked part. What stakers keep
    goes to each node by its stake. A voter without any weight has nobody to pay: `claim_back` takes it.
    """
    stake = voter.stake * (FIP16_STAKE_FACTOR if fip16 else 1)
    whole = voter.capped_delegation_weight + stake
    if not whole:
        return [PartialClaim(claim_back, amount, ClaimType.DIRECT, NO_VOTER_WEIGHT)]
    staked = truncated(amount * stake, whole)
    delegated = amount - staked
    delegation_fee = truncated(delegated * voter.fee_bips, BIPS)
    staking_fee = truncated(staked * min(voter.fee_bips, MOST_STAKING_FEE_BIPS), BIPS)
    claims = []
    if delegation_fee + staking_fee:
        claims.append(PartialClaim(voter.identity, delegation_fee + staking_fee, ClaimType.FEE, FEES))
    claims.append(PartialClaim(voter.delegation, delegated - delegation_fee, ClaimType.WNAT, DELEGATION))
    for node, share in zip(voter.node_ids, declining_shares(staked - staking_fee, voter.node_weights), strict=True):
        claims.append(PartialClaim(node, share, ClaimType.MIRROR, NODE))
    return claims
