"""The reward rules once more, slowly: exact fractions instead of integers, sums instead of running remainders."""

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import trunc

from chrono.flare.rewards.claims import ClaimType, PartialClaim
from chrono.flare.rewards.voters import RewardedVoter

WHOLE_BIPS = 10_000
WHOLE_PPM = 1_000_000


def proportional(amount: int, weights: Sequence[int]) -> list[Fraction]:
    """What each would get if wei could be divided; nobody gets anything without weight."""
    whole = sum(weights)
    return [Fraction(amount) * weight / whole if whole else Fraction(0) for weight in weights]


def declining(amount: int, weights: Sequence[int]) -> list[int]:
    """Each takes its proportion of what those before it left, cut toward zero."""
    taken: list[int] = []
    for place in range(len(weights)):
        taken.append(trunc(proportional(amount - sum(taken), weights[place:])[0]))
    return taken


def closeness(
    amount: int, weights: Sequence[int], inside: Sequence[bool], near: Sequence[bool], primary_ppm: int
) -> list[Fraction] | None:
    """The share of each voter, when both bands are paid by weight; None when nobody can be paid.

    The part of the primary band goes to those inside the quartiles by weight, the rest to those near the median by
    weight. When nobody stands near the median, those inside have all; when nobody with weight is inside, nobody has
    anything. A band whose part is nothing pays nothing, and the other has all.
    """
    first = [weight if flag else 0 for weight, flag in zip(weights, inside, strict=True)]
    second = [weight if flag else 0 for weight, flag in zip(weights, near, strict=True)]
    if not sum(first):
        return None
    if not sum(second):
        return proportional(amount, first)
    share = Fraction(primary_ppm, WHOLE_PPM)
    return [
        Fraction(amount) * (share * one / sum(first) + (1 - share) * two / sum(second))
        for one, two in zip(first, second, strict=True)
    ]


def within_voter(amount: int, voter: RewardedVoter, stake_factor: int) -> Counter[tuple[bytes, ClaimType]]:
    """What the identity, the delegators and each node's stakers would get if wei could be divided."""
    parts: Counter[tuple[bytes, ClaimType]] = Counter()
    stake = stake_factor * sum(voter.node_weights)
    delegated = Fraction(amount) * voter.capped_delegation_weight / (voter.capped_delegation_weight + stake)
    staked = amount - delegated
    fee, stake_fee = Fraction(voter.fee_bips, WHOLE_BIPS), Fraction(min(voter.fee_bips, 2000), WHOLE_BIPS)
    parts[voter.identity, ClaimType.FEE] += delegated * fee + staked * stake_fee
    parts[voter.delegation, ClaimType.WNAT] += delegated * (1 - fee)
    for node, weight in zip(voter.node_ids, voter.node_weights, strict=True):
        share = Fraction(weight, sum(voter.node_weights)) if weight else Fraction(0)
        parts[node, ClaimType.MIRROR] += staked * (1 - stake_fee) * share
    return parts


def netted(claims: Iterable[PartialClaim], burn_address: bytes) -> Counter[tuple[bytes, ClaimType]]:
    """Rewards less penalties by beneficiary and type, not below 0; what the penalties took is burnt."""
    rewards: Counter[tuple[bytes, ClaimType]] = Counter()
    both: Counter[tuple[bytes, ClaimType]] = Counter()
    for claim in claims:
        key = (claim.beneficiary, claim.claim_type)
        rewards[key] += max(claim.amount, 0)
        both[key] += claim.amount
    left = Counter({key: max(wei, 0) for key, wei in both.items()})
    left[burn_address, ClaimType.DIRECT] += rewards.total() - left.total()
    return +left


def summed(claims: Iterable[PartialClaim]) -> Counter[tuple[bytes, ClaimType]]:
    """Wei by beneficiary and type."""
    sums: Counter[tuple[bytes, ClaimType]] = Counter()
    for claim in claims:
        sums[claim.beneficiary, claim.claim_type] += claim.amount
    return sums
