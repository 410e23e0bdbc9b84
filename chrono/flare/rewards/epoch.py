"""A whole round's claims, and a whole epoch's: the steps of the other modules, in the reference's order.

FDC's rewards need its bit votes and are not here: their partial claims join at `epoch_claims`, as those of any
protocol. Source: fsp.md section 7; FTSO-Scaling reward-calculation.ts.
"""

from collections.abc import Iterable, Sequence
from itertools import chain

from msgspec import Struct

from chrono.flare.address import Address
from chrono.flare.epochs import VotingRound
from chrono.flare.median import Median
from chrono.flare.networks import Network
from chrono.flare.rewards.claims import ClaimType, PartialClaim, RewardClaim, net
from chrono.flare.rewards.fast_updates import NO_FEEDS_EVENT, ScaledValue, burnt, fast_update_claims
from chrono.flare.rewards.finalisation import SeenFinalisation, finalisation_claims, first_success
from chrono.flare.rewards.median_closeness import median_reward
from chrono.flare.rewards.offers import RoundOffer, part_of, split_anchor
from chrono.flare.rewards.parameters import burn_address
from chrono.flare.rewards.penalties import anchor_penalties
from chrono.flare.rewards.signing import SeenSignature, double_signers, signing_claims
from chrono.flare.rewards.voters import RewardedVoter, by_signing

WHOLE_OFFER_BACK = ""
"""The reference gives no detail when a round has no rewarded feed and its whole offer burns."""


class EpochRules(Struct, frozen=True):
    """What holds for all rounds of one reward epoch."""

    network: Network
    reward_epoch_id: int
    voters: tuple[RewardedVoter, ...]
    """In the order of the signing policy."""

    @property
    def fip16(self) -> bool:
        """Whether the epoch is paid by FIP.16: a switch by reward epoch, held as data of the network."""
        return self.network.fip16_active(self.reward_epoch_id)

    @property
    def burn_address(self) -> Address:
        """Where the network burns in this epoch."""
        return burn_address(self.network.name, self.reward_epoch_id)


class AnchorRound(Struct, frozen=True):
    """What happened in one round for its rewarded feed, as far as rewards ask."""

    values: tuple[int | None, ...]
    """Each voter's revealed value of the rewarded feed."""
    median: Median | None
    total_weight: int
    """Of all voters in the median."""
    reveal_offenders: tuple[Address, ...]
    """Submit addresses of those who committed and did not reveal."""
    signatures: tuple[SeenSignature, ...]
    finalisations: tuple[SeenFinalisation, ...]
    selected_finalisers: frozenset[Address]


class FastUpdateRound(Struct, frozen=True):
    """What happened in one round for its rewarded fast-update feed."""

    value: ScaledValue
    median: ScaledValue | None
    band_ppm: int
    submitted: tuple[Address, ...]
    """The signing address of each update, in the order of the events."""


def anchor_claims(offer: RoundOffer, happened: AnchorRound, rules: EpochRules, *, burn: bool) -> list[PartialClaim]:
    """One round's claims for anchor feeds. `burn`: no secure random chose a feed, so that nobody earns."""
    back = offer.terms.claim_back
    if burn:
        return [PartialClaim(back, offer.amount, ClaimType.DIRECT, WHOLE_OFFER_BACK)]
    voters, fip16 = rules.voters, rules.fip16
    voting_round = VotingRound(offer.voting_round_id, rules.network.timing)
    parts = split_anchor(offer.amount)
    closeness = median_reward(
        part_of(offer, parts.median), happened.values, happened.median, happened.total_weight, voters, fip16=fip16
    )
    eligible = closeness.eligible(fip16=fip16)
    finalisations = [seen for seen in happened.finalisations if seen.at_ns in voting_round.signature_window]
    success = first_success(finalisations)
    # Without a finalised message nothing tells right signatures from wrong ones: nobody signed twice.
    signatures = happened.signatures if success else ()
    finalised_ns = success.at_ns if success else None
    signing = signing_claims(parts.signing, signatures, finalised_ns, voting_round, voters, eligible, back, fip16=fip16)
    selected = happened.selected_finalisers
    finalising = finalisation_claims(
        parts.finalisation, finalisations, selected, eligible, voting_round, voters, back, fip16=fip16
    )
    penalties = _penalties(offer, happened.reveal_offenders, signatures, voting_round, rules)
    return [*closeness.claims, *signing, *finalising, *penalties]


def fast_update_round_claims(
    amount: int, happened: FastUpdateRound | None, rules: EpochRules, *, burn: bool
) -> list[PartialClaim]:
    """One round's claims for fast updates. None happened: the event with the feeds' values is missing."""
    if happened is None:
        return [burnt(amount, rules.burn_address, NO_FEEDS_EVENT)]
    if burn:
        return [burnt(amount, rules.burn_address, WHOLE_OFFER_BACK)]
    return fast_update_claims(
        amount,
        happened.value,
        happened.median,
        happened.band_ppm,
        happened.submitted,
        rules.voters,
        rules.burn_address,
        fip16=rules.fip16,
    )


def epoch_claims(rounds: Iterable[Sequence[PartialClaim]], rules: EpochRules) -> list[RewardClaim]:
    """The epoch's claims before the minimal conditions, from each round's partial claims of all protocols."""
    return net(rules.reward_epoch_id, chain.from_iterable(rounds), rules.burn_address)


def _penalties(
    offer: RoundOffer,
    reveal_offenders: Sequence[Address],
    signatures: Sequence[SeenSignature],
    voting_round: VotingRound,
    rules: EpochRules,
) -> list[PartialClaim]:
    voter_of = by_signing(rules.voters)
    doubled = [voter_of[signer].submit for signer in sorted(double_signers(signatures, voting_round))]
    claims = []
    for offenders in (reveal_offenders, doubled):
        claims += anchor_penalties(
            offer.amount,
            offenders,
            rules.voters,
            offer.terms.claim_back,
            factor=rules.network.penalty_factor,
            fip16=rules.fip16,
        )
    return claims
