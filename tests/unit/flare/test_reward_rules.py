"""The edges of the reward rules: the second, the wei and the voter at which they turn."""

import pytest

from chrono.clock import SECOND_NS
from chrono.flare.abi import word
from chrono.flare.address import Address
from chrono.flare.epochs import VotingRound
from chrono.flare.feed_order import CommunityOffer, InflationOffer
from chrono.flare.feeds import Feed, FeedId
from chrono.flare.networks import FLARE
from chrono.flare.random import RoundRandom
from chrono.flare.rewards.claims import ClaimType, DuplicateClaimError, PartialClaim, RewardClaim, burn_ineligible
from chrono.flare.rewards.fast_updates import ScaledValue, within_band
from chrono.flare.rewards.fdc import EMPTY_BIT_VOTE, FdcSigner, fdc_signing_claims, split_fdc
from chrono.flare.rewards.finalisation import SeenFinalisation, finalisation_claims
from chrono.flare.rewards.offers import FeedTerms, UnknownModeError, pool, terms_of_feeds
from chrono.flare.rewards.parameters import DEAD, burn_address
from chrono.flare.rewards.penalties import anchor_penalties, fdc_penalties
from chrono.flare.rewards.rewarded_feed import feed_index, rewarded_randoms
from chrono.flare.rewards.signing import SeenSignature, double_signers, signing_claims
from chrono.flare.rewards.tree import MOST_WEI, Unclaimable, leaf
from chrono.flare.rewards.voters import RewardedVoter
from chrono_core import keccak256

BACK = Address(b"\xde" * 20)
ROUND = 1_000_000
VOTING_ROUND = VotingRound(ROUND, FLARE.timing)


def address(number: int) -> Address:
    return Address(bytes([number]) * 20)


def after(seconds: int) -> int:
    """The block time so many seconds after the end of the round's voting epoch."""
    return (1_658_430_000 + (ROUND + 1) * 90 + seconds) * SECOND_NS


def voter(number: int, signing_weight: int = 100, delegated: int = 10**24) -> RewardedVoter:
    """A voter with a fee of nothing, so that its whole share is one WNAT claim."""
    return RewardedVoter(
        identity=address(number),
        submit=address(number + 50),
        signing=address(number + 100),
        delegation=address(number + 150),
        capped_delegation_weight=delegated,
        signing_weight=signing_weight,
        fee_bips=0,
    )


ONE, TWO = voter(1), voter(2)
BOTH = frozenset({ONE.signing, TWO.signing})


def got(claims: list[PartialClaim]) -> dict[bytes, int]:
    return {claim.beneficiary: claim.amount for claim in claims if claim.amount}


def signed(at_s: int, *, matches: bool = True, by: RewardedVoter = ONE) -> SeenSignature:
    return SeenSignature(by.signing, after(at_s), matches)


def signing_reward(signatures: list[SeenSignature], finalised: int | None) -> dict[bytes, int]:
    at_ns = None if finalised is None else after(finalised)
    return got(signing_claims(1000, signatures, at_ns, VOTING_ROUND, [ONE, TWO], BOTH, BACK, fip16=False))


@pytest.mark.parametrize(
    ("at_s", "finalised", "paid"),
    [
        (44, 50, False),
        (45, 46, True),
        (59, 46, True),
        (60, 46, False),
        (60, 60, True),
        (61, 60, False),
        (89, 89, True),
        (90, 89, False),
    ],
)
def test_a_signature_is_paid_from_the_end_of_reveals_for_15_s_or_until_the_round_is_final(
    at_s: int, finalised: int, paid: bool
) -> None:
    assert signing_reward([signed(at_s)], finalised) == ({ONE.delegation: 1000} if paid else {BACK: 1000})


def test_without_a_timely_finalisation_all_of_the_signing_part_goes_back() -> None:
    assert signing_reward([signed(45)], None) == {BACK: 1000}


def test_the_share_of_a_signer_without_a_median_reward_goes_back_and_not_to_the_others() -> None:
    signatures = [signed(45), signed(46, by=TWO)]
    claims = signing_claims(
        1000, signatures, after(50), VOTING_ROUND, [ONE, TWO], frozenset({TWO.signing}), BACK, fip16=False
    )
    assert got(claims) == {BACK: 500, TWO.delegation: 500}


def test_a_later_first_signature_counts_and_a_second_one_changes_nothing() -> None:
    assert signing_reward([signed(70), signed(71)], 70) == {ONE.delegation: 1000}
    assert signing_reward([signed(71), signed(72)], 70) == {BACK: 1000}


def test_only_a_right_and_a_wrong_signature_together_make_a_double_signer() -> None:
    wrong_twice = [signed(46, matches=False), signed(47, matches=False)]
    assert double_signers(wrong_twice, VOTING_ROUND) == frozenset()
    assert double_signers([signed(45), signed(46)], VOTING_ROUND) == frozenset()
    assert double_signers([signed(45), *wrong_twice], VOTING_ROUND) == {ONE.signing}
    assert signing_reward([signed(45), signed(46, matches=False), signed(46, by=TWO)], 50) == {TWO.delegation: 1000}


@pytest.mark.parametrize("wrong_at", [44, 90])
def test_a_wrong_signature_outside_the_window_makes_no_double_signer(wrong_at: int) -> None:
    assert double_signers([signed(45), signed(wrong_at, matches=False)], VOTING_ROUND) == frozenset()


def finalised(at_s: int, *, by: Address = ONE.signing, succeeded: bool = True) -> SeenFinalisation:
    return SeenFinalisation(by, after(at_s), succeeded)


def finalisation_reward(finalisations: list[SeenFinalisation], eligible: frozenset[Address] = BOTH) -> dict[bytes, int]:
    return got(finalisation_claims(1001, finalisations, BOTH, eligible, VOTING_ROUND, [ONE, TWO], BACK, fip16=False))


def test_within_the_grace_time_each_selected_finaliser_has_its_part_and_the_rest_goes_back() -> None:
    assert finalisation_reward([finalised(65)]) == {ONE.delegation: 500, BACK: 501}
    lost_the_race = finalised(65, by=TWO.signing, succeeded=False)
    assert finalisation_reward([finalised(45), lost_the_race]) == {ONE.delegation: 500, TWO.delegation: 501}
    assert finalisation_reward([finalised(45), finalised(66, by=TWO.signing, succeeded=False)]) == {
        ONE.delegation: 500,
        BACK: 501,
    }


def test_after_the_grace_time_the_first_who_succeeds_has_all_whoever_it_is() -> None:
    stranger = address(99)
    assert finalisation_reward([finalised(66, by=stranger)], frozenset()) == {stranger: 1001}
    tried_in_time = finalised(50, succeeded=False)
    assert finalisation_reward([tried_in_time, finalised(66, by=stranger)]) == {stranger: 1001}


def test_only_the_first_transaction_of_a_sender_is_looked_at_even_when_its_second_made_the_round_final() -> None:
    # The specification knows one finalisation, the first successful one; the reference drops it here unseen.
    assert finalisation_reward([finalised(50, succeeded=False), finalised(51)]) == {BACK: 1001}
    by_another = finalised(52, by=TWO.signing)
    assert finalisation_reward([finalised(50, succeeded=False), finalised(51), by_another]) == {
        ONE.delegation: 500,
        TWO.delegation: 501,
    }


def test_a_stranger_who_finalises_within_the_grace_time_gets_nothing() -> None:
    stranger = finalised(50, by=address(99))
    assert finalisation_reward([stranger]) == {BACK: 1001}
    assert finalisation_reward([stranger, finalised(51, succeeded=False)]) == {ONE.delegation: 500, BACK: 501}


def test_a_finaliser_without_a_median_reward_leaves_its_part_behind() -> None:
    both = [finalised(45), finalised(46, by=TWO.signing, succeeded=False)]
    assert finalisation_reward(both, frozenset({TWO.signing})) == {TWO.delegation: 500, BACK: 501}
    assert finalisation_reward(both, frozenset()) == {BACK: 1001}


def test_a_round_that_nobody_finalises_gives_all_back() -> None:
    assert finalisation_reward([finalised(50, succeeded=False)]) == {BACK: 1001}


def test_the_reference_and_not_the_specification_says_which_round_is_hashed() -> None:
    randoms = {12: RoundRandom(5, True), 13: RoundRandom(6, False), 14: RoundRandom(7, True)}
    of = [int.from_bytes(keccak256(word(5) + word(12))), int.from_bytes(keccak256(word(7) + word(14)))]
    # Rounds 10 and 11 share the random of round 12: by the specification's hash of their own ids they would not.
    assert rewarded_randoms(10, 14, randoms) == [of[0], of[0], of[1], of[1], None]
    assert feed_index(of[0], 63) == of[0] % 63


@pytest.mark.parametrize(("found_in", "chosen"), [(40, True), (41, False)])
def test_a_secure_random_is_looked_for_thirty_rounds_into_the_next_epoch(found_in: int, chosen: bool) -> None:
    assert (rewarded_randoms(10, 10, {found_in: RoundRandom(1, True)}) != [None]) == chosen


def test_a_rounds_own_random_never_chooses_its_feed() -> None:
    assert rewarded_randoms(10, 10, {10: RoundRandom(1, True)}) == [None]


BTC, ETH = Feed(FeedId(1, "BTC/USD"), 2), Feed(FeedId(1, "ETH/USD"), 3)


def test_the_last_inflation_offer_sets_a_feeds_terms_and_the_communitys_own_terms_are_not_used() -> None:
    first = InflationOffer(9, (BTC,), (500,), 10, 5000, 400_000)
    last = InflationOffer(9, (BTC,), (700,), 20, 6000, 300_000)
    gift = CommunityOffer(9, ETH, 7, 1, 2, 3, address(77))
    terms = terms_of_feeds([first, last], [gift, CommunityOffer(9, BTC, 1)], BACK)
    assert terms == {BTC.id: FeedTerms(6000, 300_000, 700, BACK), ETH.id: FeedTerms(0, 1_000_000, 0, BACK)}
    assert pool([first, last], [gift]) == 37


def test_an_offer_in_an_unknown_mode_is_refused() -> None:
    with pytest.raises(UnknownModeError):
        terms_of_feeds([InflationOffer(9, (BTC,), (500,), mode=1)], [], BACK)


@pytest.mark.parametrize(("value", "inside"), [(1005, True), (1006, False), (995, True), (994, False)])
def test_the_fast_update_band_holds_its_edges(value: int, inside: bool) -> None:
    assert within_band(ScaledValue(value, 2), ScaledValue(1000, 2), 5000) == inside
    assert within_band(ScaledValue(value * 1000, 2), ScaledValue(1000, -1), 5000) == inside


def test_nothing_is_near_a_negative_median_for_fast_updates() -> None:
    assert not within_band(ScaledValue(-1000, 2), ScaledValue(-1000, 2), 5000)


def test_penalties_are_cut_toward_zero() -> None:
    heavy = [voter(1, 1, 1), voter(2, 2, 2)]
    assert got(anchor_penalties(1, [heavy[0].submit], heavy, BACK, factor=31, fip16=False)) == {
        heavy[0].delegation: -10
    }
    assert got(anchor_penalties(1, [heavy[1].submit], heavy, BACK, factor=31, fip16=True)) == {heavy[1].delegation: -20}


def test_an_offender_who_is_no_voter_is_not_passed_over() -> None:
    with pytest.raises(KeyError):
        anchor_penalties(1, [address(9)], [ONE], BACK, factor=30, fip16=False)


def test_a_penalty_of_nothing_leaves_a_claim_for_anchor_feeds_and_none_for_fdc() -> None:
    assert len(anchor_penalties(0, [ONE.submit], [ONE], BACK, factor=30, fip16=False)) == 1
    assert fdc_penalties(0, [ONE.submit], [ONE], BACK, factor=30, fip16=False) == []


def fdc_reward(signers: dict[Address, FdcSigner], consensus: int | None = 1) -> list[PartialClaim]:
    return fdc_signing_claims(1000, signers, after(60), consensus, VOTING_ROUND, [ONE, TWO], BACK, fip16=False)


def test_fdc_pays_by_the_weight_of_the_whole_policy_and_burns_a_fifth_of_who_did_not_cover_the_consensus() -> None:
    assert split_fdc(1009) == type(split_fdc(0))(signing=909, finalisation=100)
    claims = fdc_reward({ONE.signing: FdcSigner(after(45), covers_consensus=False)})
    assert [(claim.beneficiary, claim.amount) for claim in claims] == [(BACK, 100), (ONE.delegation, 400), (BACK, 500)]
    late = {ONE.signing: FdcSigner(after(61), covers_consensus=True), TWO.signing: FdcSigner(after(60), True)}
    assert got(fdc_reward(late)) == {TWO.delegation: 500, BACK: 500}


@pytest.mark.parametrize("consensus", [None, 0])
def test_fdc_pays_nobody_when_nothing_was_confirmed(consensus: int | None) -> None:
    (claim,) = fdc_reward({ONE.signing: FdcSigner(after(45), True)}, consensus)
    assert (claim.beneficiary, claim.amount, claim.detail) == (BACK, 1000, EMPTY_BIT_VOTE)


def test_fdc_gives_all_back_without_a_finalisation_and_a_voter_without_weight_gets_nothing() -> None:
    signers = {ONE.signing: FdcSigner(after(45), True), TWO.signing: FdcSigner(after(45), True)}
    late = fdc_signing_claims(1000, signers, None, 1, VOTING_ROUND, [ONE, TWO], BACK, fip16=False)
    assert got(late) == {BACK: 1000}
    weightless = voter(2, 0)
    paid = fdc_signing_claims(1000, signers, after(60), 1, VOTING_ROUND, [ONE, weightless], BACK, fip16=False)
    assert got(paid) == {ONE.delegation: 1000}


def test_the_networks_burn_at_their_own_addresses_from_epoch_297_on() -> None:
    assert burn_address("flare", 296) == burn_address("songbird", 296) == burn_address("coston2", 5000) == DEAD
    assert len({burn_address("flare", 297), burn_address("songbird", 297), DEAD}) == 3


def test_two_claims_of_one_beneficiary_are_refused_where_eligibility_is_by_beneficiary() -> None:
    claims = [RewardClaim(9, address(1), 5, kind) for kind in (ClaimType.FEE, ClaimType.DIRECT)]
    with pytest.raises(DuplicateClaimError):
        burn_ineligible(9, claims, [], BACK)
    assert burn_ineligible(9, claims, [address(1)], BACK) == [RewardClaim(9, BACK, 10, ClaimType.DIRECT)]


@pytest.mark.parametrize(
    "claim",
    [
        RewardClaim(9, address(1), -1, ClaimType.FEE),
        RewardClaim(9, address(1), MOST_WEI + 1, ClaimType.FEE),
        RewardClaim(2**24, address(1), 1, ClaimType.FEE),
        RewardClaim(9, b"\1" * 21, 1, ClaimType.FEE),
    ],
)
def test_a_claim_that_does_not_fit_the_contracts_types_has_no_leaf(claim: RewardClaim) -> None:
    with pytest.raises(Unclaimable):
        leaf(claim)
