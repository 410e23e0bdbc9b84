"""The part of a round for those who brought its result on chain. Source: fsp.md section 7, step 7."""

from collections.abc import Sequence

from msgspec import Struct

from chrono.flare.address import Address
from chrono.flare.epochs import VotingRound
from chrono.flare.rewards.claims import ClaimType, PartialClaim
from chrono.flare.rewards.split import by_signing_weight
from chrono.flare.rewards.voters import RewardedVoter, by_signing

NO_FINALISATION = "NO_FINALIZATION"
OUTSIDE_OF_GRACE = "OUTSIDE_OF_GRACE_PERIOD"
NOBODY_ELIGIBLE = "FINALIZED_BUT_NO_ELIGIBLE_VOTERS"
NOT_DISTRIBUTED = "CLAIM_BACK_FOR_UNDISTRIBUTED_REWARDS"


class SeenFinalisation(Struct, frozen=True):
    """A relay transaction whose message and signatures would make the round final, sent within the window."""

    sender: Address
    at_ns: int
    """Block time."""
    succeeded: bool
    """Whether the contract took it: only the first one does; those who lost the race are paid as well."""


def first_success(finalisations: Sequence[SeenFinalisation]) -> SeenFinalisation | None:
    """The transaction that counts as having made the round final, of `finalisations` in the order of the chain.

    Only each sender's first transaction is looked at, as the reference does: who fails, tries again and succeeds
    with the second has made the round final on chain, but for rewards nobody has.
    """
    return next((seen for seen in _first_of_each(finalisations) if seen.succeeded), None)


def finalisation_claims(
    amount: int,
    finalisations: Sequence[SeenFinalisation],
    selected: frozenset[Address],
    eligible: frozenset[Address],
    voting_round: VotingRound,
    voters: Sequence[RewardedVoter],
    claim_back: bytes,
    *,
    fip16: bool,
) -> list[PartialClaim]:
    """The claims of `amount` wei, the finalisation part of the round's offer.

    `finalisations` stand in the order of the chain, `selected` are the signing addresses that the round's draw
    chose, `eligible` those with a median reward. Within the grace time each selected finaliser has an equal share,
    and what is not earned goes back; when it took longer, the first who succeeded has all.
    """
    first = first_success(finalisations)
    if first is None:
        return [PartialClaim(claim_back, amount, ClaimType.DIRECT, NO_FINALISATION)]
    grace = voting_round.finalisation_grace
    if first.at_ns >= grace.end_ns:
        return [PartialClaim(first.sender, amount, ClaimType.DIRECT, OUTSIDE_OF_GRACE)]
    timely = [seen.sender for seen in _first_of_each(finalisations) if seen.sender in selected and seen.at_ns in grace]
    if not timely or not eligible:
        return [PartialClaim(claim_back, amount, ClaimType.DIRECT, NOBODY_ELIGIBLE)]
    paid = [sender for sender in timely if sender in eligible]
    return _equal_claims(amount, paid, len(selected), voters, claim_back, fip16=fip16)


def _first_of_each(finalisations: Sequence[SeenFinalisation]) -> list[SeenFinalisation]:
    first: dict[Address, SeenFinalisation] = {}
    for seen in finalisations:
        first.setdefault(seen.sender, seen)
    return list(first.values())


def _equal_claims(
    amount: int,
    paid: Sequence[Address],
    parts: int,
    voters: Sequence[RewardedVoter],
    claim_back: bytes,
    *,
    fip16: bool,
) -> list[PartialClaim]:
    voter_of = by_signing(voters)
    claims: list[PartialClaim] = []
    left = amount
    for place, sender in enumerate(paid):
        share = left // (parts - place)
        left -= share
        claims += by_signing_weight(share, voter_of[sender], claim_back, fip16=fip16)
    if left:
        claims.append(PartialClaim(claim_back, left, ClaimType.DIRECT, NOT_DISTRIBUTED))
    return claims
