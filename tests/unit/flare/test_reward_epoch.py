"""A round and an epoch as a whole: the steps in order, and the switch to FIP.16 by reward epoch."""

from msgspec.structs import replace

from chrono.clock import SECOND_NS
from chrono.flare.address import Address
from chrono.flare.epochs import VotingRound
from chrono.flare.median import weighted_median
from chrono.flare.networks import FLARE
from chrono.flare.rewards.claims import ClaimType, PartialClaim
from chrono.flare.rewards.epoch import (
    AnchorRound,
    EpochRules,
    FastUpdateRound,
    anchor_claims,
    epoch_claims,
    fast_update_round_claims,
)
from chrono.flare.rewards.fast_updates import NO_FEEDS_EVENT, ScaledValue
from chrono.flare.rewards.finalisation import SeenFinalisation
from chrono.flare.rewards.offers import FeedTerms, RoundOffer
from chrono.flare.rewards.parameters import burn_address
from chrono.flare.rewards.signing import SeenSignature
from chrono.flare.rewards.voters import RewardedVoter

EPOCH, ROUND = 400, 1_000_000
FOLLOWING_NS = VotingRound(ROUND + 1, FLARE.timing).epoch.span.start_ns
BURN = burn_address("flare", EPOCH)
OFFER = RoundOffer(ROUND, b"\x01BTC/USD".ljust(21, b"\0"), 10**21, FeedTerms(5000, 400_000, 500_000, BURN))


def address(number: int) -> Address:
    return Address(bytes([number]) * 20)


def voter(number: int, delegated: int = 10**24, stake: int = 10**24) -> RewardedVoter:
    return RewardedVoter(
        identity=address(number),
        submit=address(number + 50),
        signing=address(number + 100),
        delegation=address(number + 150),
        capped_delegation_weight=delegated,
        signing_weight=100,
        fee_bips=1000,
        node_ids=(address(number + 200),),
        node_weights=(stake,),
    )


VOTERS = tuple(voter(number) for number in range(1, 6))
RULES = EpochRules(FLARE, EPOCH, VOTERS)
RULES_FIP16 = EpochRules(replace(FLARE, fip16_activation_reward_epoch=EPOCH), EPOCH, VOTERS)


def happened(rules: EpochRules, **changed: object) -> AnchorRound:
    """A round in which five of equal weight voted around 100 and signed, and the first finalised."""
    weights = [one.closeness_weight(fip16=rules.fip16) for one in rules.voters]
    values = (98, 99, 100, 101, 102)
    whole = AnchorRound(
        values=values,
        median=weighted_median(values, weights),
        total_weight=sum(weights),
        reveal_offenders=(),
        signatures=tuple(SeenSignature(one.signing, FOLLOWING_NS + 45 * SECOND_NS, True) for one in rules.voters),
        finalisations=(SeenFinalisation(VOTERS[0].signing, FOLLOWING_NS + 50 * SECOND_NS, True),),
        selected_finalisers=frozenset({VOTERS[0].signing}),
    )
    return replace(whole, **changed)


def by_type(claims: list[PartialClaim], kind: ClaimType) -> int:
    return sum(claim.amount for claim in claims if claim.claim_type is kind)


def test_a_round_pays_its_whole_offer_and_no_more() -> None:
    for rules in (RULES, RULES_FIP16):
        claims = anchor_claims(OFFER, happened(rules), rules, burn=False)
        assert sum(claim.amount for claim in claims) == OFFER.amount


def test_stakers_earn_from_medians_from_the_reward_epoch_of_fip16_on_and_not_before() -> None:
    before = anchor_claims(OFFER, happened(RULES), RULES, burn=False)
    after = anchor_claims(OFFER, happened(RULES_FIP16), RULES_FIP16, burn=False)
    assert (RULES.fip16, RULES_FIP16.fip16) == (False, True)
    assert EpochRules(RULES_FIP16.network, EPOCH - 1, VOTERS).fip16 is False
    # A fifth of the offer is for signing and finalising: only half of that, less fees, is the stakers' before.
    assert by_type(before, ClaimType.MIRROR) <= OFFER.amount // 10
    assert by_type(after, ClaimType.MIRROR) > OFFER.amount // 2


def test_without_a_secure_random_the_whole_offer_burns() -> None:
    (claim,) = anchor_claims(OFFER, happened(RULES), RULES, burn=True)
    assert (claim.beneficiary, claim.amount, claim.claim_type) == (BURN, OFFER.amount, ClaimType.DIRECT)


def test_a_reveal_offender_is_fined_thirty_times_its_share_of_the_whole_offer() -> None:
    offender = VOTERS[4]
    told = happened(RULES, values=(98, 99, 100, 101, None), reveal_offenders=(offender.submit,))
    claims = anchor_claims(OFFER, told, RULES, burn=False)
    assert sum(claim.amount for claim in claims if claim.amount < 0) == -(30 * OFFER.amount // 5)
    assert sum(claim.amount for claim in claims if claim.amount > 0) == OFFER.amount


def test_a_double_signer_is_fined_as_well_and_loses_its_signing_share() -> None:
    wrong = SeenSignature(VOTERS[0].signing, FOLLOWING_NS + 46 * SECOND_NS, False)
    told = happened(RULES)
    claims = anchor_claims(OFFER, replace(told, signatures=(*told.signatures, wrong)), RULES, burn=False)
    assert sum(claim.amount for claim in claims if claim.amount < 0) == -(30 * OFFER.amount // 5)


def test_nobody_signed_twice_in_a_round_that_never_became_final() -> None:
    wrong = SeenSignature(VOTERS[0].signing, FOLLOWING_NS + 46 * SECOND_NS, False)
    told = happened(RULES, finalisations=(SeenFinalisation(VOTERS[0].signing, FOLLOWING_NS + 50 * SECOND_NS, False),))
    claims = anchor_claims(OFFER, replace(told, signatures=(*told.signatures, wrong)), RULES, burn=False)
    assert min(claim.amount for claim in claims) >= 0
    assert sum(claim.amount for claim in claims if claim.beneficiary == BURN) >= OFFER.amount // 5


def test_a_finalisation_after_the_window_is_none() -> None:
    told = happened(RULES, finalisations=(SeenFinalisation(VOTERS[0].signing, FOLLOWING_NS + 90 * SECOND_NS, True),))
    claims = anchor_claims(OFFER, told, RULES, burn=False)
    assert sum(claim.amount for claim in claims if claim.beneficiary == BURN) >= OFFER.amount // 5


def test_a_voter_that_keeps_all_for_itself_may_not_earn_by_signing_before_fip16() -> None:
    # Before FIP.16 the reference reads from the delegators' claims who earned by the median.
    greedy = tuple(replace(one, fee_bips=10_000) for one in VOTERS)
    for rules, may in ((RULES, False), (RULES_FIP16, True)):
        rules = replace(rules, voters=greedy)
        claims = anchor_claims(OFFER, happened(rules), rules, burn=False)
        back = sum(claim.amount for claim in claims if claim.beneficiary == BURN)
        assert (back < OFFER.amount // 5) == may


def test_fast_updates_burn_without_their_event_and_without_a_secure_random() -> None:
    near = FastUpdateRound(ScaledValue(1000, 2), ScaledValue(1000, 2), 5000, (VOTERS[0].signing,))
    (missing,) = fast_update_round_claims(500, None, RULES, burn=False)
    (burnt,) = fast_update_round_claims(500, near, RULES, burn=True)
    assert (missing.beneficiary, missing.detail, burnt.beneficiary, burnt.detail) == (BURN, NO_FEEDS_EVENT, BURN, "")
    assert by_type(fast_update_round_claims(500, near, RULES, burn=False), ClaimType.WNAT) == 450
    assert by_type(fast_update_round_claims(500, near, RULES_FIP16, burn=False), ClaimType.MIRROR) > 300


def test_an_epochs_claims_are_netted_over_rounds_and_protocols() -> None:
    reward = PartialClaim(address(1), 70, ClaimType.FEE)
    fine = PartialClaim(address(1), -100, ClaimType.FEE)
    other = PartialClaim(address(1), 5, ClaimType.WNAT)
    claims = epoch_claims([[reward, other], [fine], [reward]], RULES)
    assert {(claim.beneficiary, claim.claim_type): claim.amount for claim in claims} == {
        (address(1), ClaimType.FEE): 40,
        (address(1), ClaimType.WNAT): 5,
        (BURN, ClaimType.DIRECT): 100,
    }
