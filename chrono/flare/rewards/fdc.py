"""FDC's part of a round: most of it for those who signed the attested answers.

Its finalisation part is `finalisation_claims` with the selected finalisers as the eligible ones, its penalties are
`fdc_penalties`. Source: FTSO-Scaling fdc/reward-fdc-signing.ts.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from chrono.flare.address import Address
from chrono.flare.epochs import VotingRound
from chrono.flare.rewards.claims import ClaimType, PartialClaim
from chrono.flare.rewards.parameters import FDC_OFF_CONSENSUS_BURN_PPM, FINALISATION_BIPS
from chrono.flare.rewards.signing import NO_TIMELY_FINALISATION
from chrono.flare.rewards.split import by_signing_weight
from chrono.flare.rewards.voters import RewardedVoter
from chrono.flare.units import BIPS, PPM

EMPTY_BIT_VOTE = "EMPTY_BITVOTE"
OFF_CONSENSUS = "NON_DOMINATING_BITVOTE"
NOT_SIGNED = "CLAIM_BACK_OF_NON_SIGNERS_SHARE"


class FdcParts(Struct, frozen=True):
    """A round's FDC offer by duty, in wei."""

    signing: int
    finalisation: int


class FdcSigner(Struct, frozen=True):
    """A voter whose signature matches FDC's finalised message."""

    at_ns: int
    """Block time of its first one."""
    covers_consensus: bool
    """Whether its own bit vote confirmed all that the consensus confirms."""


def split_fdc(amount: int) -> FdcParts:
    """An FDC offer: 10 % for finalisation, the rest for signing."""
    finalisation = amount * FINALISATION_BIPS // BIPS
    return FdcParts(amount - finalisation, finalisation)


def fdc_signing_claims(
    amount: int,
    signers: Mapping[Address, FdcSigner],
    finalised_ns: int | None,
    consensus: int | None,
    voting_round: VotingRound,
    voters: Sequence[RewardedVoter],
    claim_back: bytes,
    *,
    fip16: bool,
) -> list[PartialClaim]:
    """The claims of `amount` wei, the signing part of FDC's offer.

    `signers` are keyed by signing address, `consensus` is the consensus bit vote (None: nobody sent one). Unlike for
    anchor feeds, the share of those who did not sign is not given to the others: it goes back.
    """
    if finalised_ns is None:
        return [PartialClaim(claim_back, amount, ClaimType.DIRECT, NO_TIMELY_FINALISATION)]
    if not consensus:
        return [PartialClaim(claim_back, amount, ClaimType.DIRECT, EMPTY_BIT_VOTE)]
    left, weight_left = amount, sum(voter.signing_weight for voter in voters)
    claims: list[PartialClaim] = []
    for voter in voters:
        signer = signers.get(voter.signing)
        if signer is None or not voting_round.rewards_signature(signer.at_ns, finalised_ns):
            continue
        share = voter.signing_weight * left // weight_left if voter.signing_weight else 0
        left -= share
        weight_left -= voter.signing_weight
        claims += _signer_claims(share, signer, voter, claim_back, fip16=fip16)
    if left:
        claims.append(PartialClaim(claim_back, left, ClaimType.DIRECT, NOT_SIGNED))
    return claims


def _signer_claims(
    share: int, signer: FdcSigner, voter: RewardedVoter, claim_back: bytes, *, fip16: bool
) -> list[PartialClaim]:
    burnt = 0 if signer.covers_consensus else share * FDC_OFF_CONSENSUS_BURN_PPM // PPM
    claims = [PartialClaim(claim_back, burnt, ClaimType.DIRECT, OFF_CONSENSUS)] if burnt else []
    return claims + by_signing_weight(share - burnt, voter, claim_back, fip16=fip16)
