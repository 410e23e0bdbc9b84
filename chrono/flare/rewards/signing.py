"""The part of a round for those who signed its result in time. Source: fsp.md section 7, step 6."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from chrono.flare.address import Address
from chrono.flare.epochs import VotingRound
from chrono.flare.rewards.claims import ClaimType, PartialClaim
from chrono.flare.rewards.shares import declining_shares
from chrono.flare.rewards.split import by_signing_weight
from chrono.flare.rewards.voters import RewardedVoter

NO_TIMELY_FINALISATION = "NO_TIMELY_FINALIZATION"
NO_SIGNERS = "NO_WEIGHT_OF_ELIGIBLE_SIGNERS"
NOT_ELIGIBLE = "CLAIM_BACK_DUE_TO_NON_ELIGIBLE_SIGNER"


class SeenSignature(Struct, frozen=True):
    """A signature of the round's protocol, as its transaction gave it."""

    signer: Address
    """The signing policy address of the voter whose submitSignatures address sent it."""
    at_ns: int
    """Block time."""
    matches: bool
    """Whether it recovers to the signer over the message that became final."""


def double_signers(signatures: Iterable[SeenSignature], voting_round: VotingRound) -> frozenset[Address]:
    """Who signed the finalised message and something else besides, both in the round's window for signatures.

    Two different wrong messages are no offence: the reference knows only matching and not matching.
    """
    window = voting_round.signature_window
    within = [signature for signature in signatures if signature.at_ns in window]
    right = {signature.signer for signature in within if signature.matches}
    return frozenset(signature.signer for signature in within if not signature.matches and signature.signer in right)


def signing_claims(
    amount: int,
    signatures: Sequence[SeenSignature],
    finalised_ns: int | None,
    voting_round: VotingRound,
    voters: Sequence[RewardedVoter],
    eligible: frozenset[Address],
    claim_back: bytes,
    *,
    fip16: bool,
) -> list[PartialClaim]:
    """The claims of `amount` wei, the signing part of the round's offer.

    `signatures` stand in the order of the chain, `finalised_ns` is the block time of the first successful
    finalisation within the window (None: there was none, and all goes back), `eligible` are the signing addresses
    with a median reward. The share of a signer who is not eligible goes back.
    """
    if finalised_ns is None:
        return [PartialClaim(claim_back, amount, ClaimType.DIRECT, NO_TIMELY_FINALISATION)]
    signers = _paid_signers(signatures, finalised_ns, voting_round)
    paid = [voter for voter in voters if voter.signing in signers]
    weights = [voter.signing_weight for voter in paid]
    if not any(weights):
        return [PartialClaim(claim_back, amount, ClaimType.DIRECT, NO_SIGNERS)]
    claims: list[PartialClaim] = []
    for voter, share in zip(paid, declining_shares(amount, weights), strict=True):
        if voter.signing in eligible:
            claims += by_signing_weight(share, voter, claim_back, fip16=fip16)
        else:
            claims.append(PartialClaim(claim_back, share, ClaimType.DIRECT, NOT_ELIGIBLE))
    return claims


def _paid_signers(signatures: Sequence[SeenSignature], finalised_ns: int, voting_round: VotingRound) -> set[Address]:
    """Whose first matching signature came in time, without the double signers."""
    window = voting_round.signature_window
    first: dict[Address, int] = {}
    for signature in signatures:
        if signature.matches and signature.at_ns in window:
            first.setdefault(signature.signer, signature.at_ns)
    in_time = {signer for signer, at_ns in first.items() if voting_round.rewards_signature(at_ns, finalised_ns)}
    return in_time - double_signers(signatures, voting_round)
