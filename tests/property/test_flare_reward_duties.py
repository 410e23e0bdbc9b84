"""What each duty of a round pays and fines, against its twin in exact fractions: to the wei, and to the second."""

from collections.abc import Sequence
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from chrono.clock import SECOND_NS
from chrono.flare.address import Address
from chrono.flare.epochs import VotingRound
from chrono.flare.networks import FLARE
from chrono.flare.rewards.fast_updates import ScaledValue, fast_update_claims
from chrono.flare.rewards.fdc import FdcSigner, fdc_signing_claims
from chrono.flare.rewards.finalisation import SeenFinalisation, finalisation_claims
from chrono.flare.rewards.penalties import anchor_penalties, fdc_penalties
from chrono.flare.rewards.signing import SeenSignature, signing_claims
from chrono.flare.rewards.voters import RewardedVoter
from tests.fakes.rewarded_voters import BACK, address, total, voter_lists, wei
from tests.reference import flare_rewards as twin

VOTING_ROUND = VotingRound(77, FLARE.timing)


def after(seconds: int) -> int:
    """The block time so many seconds after the end of the round's voting epoch."""
    return VOTING_ROUND.epoch.span.end_ns + seconds * SECOND_NS


def moments(first_s: int, last_s: int) -> st.SearchStrategy[int]:
    return st.integers(first_s, last_s).map(after)


@given(voter_lists(), wei, st.data(), st.booleans())
def test_signing_pays_who_signed_in_time_by_weight_and_gives_back_the_rest(
    voters: list[RewardedVoter], amount: int, data: st.DataObject, fip16: bool
) -> None:
    at = moments(43, 92)
    seen = [
        SeenSignature(data.draw(st.sampled_from(voters)).signing, data.draw(at), data.draw(st.booleans()))
        for _ in range(data.draw(st.integers(0, 12)))
    ]
    seen.sort(key=lambda signature: signature.at_ns)
    finalised_ns = data.draw(st.one_of(st.none(), moments(45, 89)))
    eligible = frozenset(data.draw(st.sets(st.sampled_from([voter.signing for voter in voters]))))
    claims = signing_claims(amount, seen, finalised_ns, VOTING_ROUND, voters, eligible, BACK, fip16=fip16)
    assert total(claims) == amount
    paid = paid_signers(seen, finalised_ns, voters)
    weights = [voter.signing_weight if voter.signing in paid else 0 for voter in voters]
    exact = twin.proportional(amount, weights)
    found = twin.summed(claims)
    for voter, share in zip(voters, exact, strict=True):
        got = sum(found[who, kind] for who, kind in found if who in {voter.identity, voter.delegation, *voter.node_ids})
        has_someone = voter.capped_delegation_weight + voter.stake > 0
        assert abs(got - (share if voter.signing in eligible and has_someone else 0)) < len(voters)


def paid_signers(
    seen: Sequence[SeenSignature], finalised_ns: int | None, voters: Sequence[RewardedVoter]
) -> set[Address]:
    """The rule of fsp.md section 7 step 6 as it is written there, voter by voter."""
    paid = set()
    for voter in voters:
        mine = [one for one in seen if one.signer == voter.signing and after(45) <= one.at_ns < after(90)]
        right = [one.at_ns for one in mine if one.matches]
        if finalised_ns is None or not right or len(right) < len(mine):
            continue
        if right[0] < after(60) or right[0] <= finalised_ns:
            paid.add(voter.signing)
    return paid


@given(voter_lists(), wei, st.data(), st.booleans())
def test_fdc_pays_each_signer_its_part_of_the_whole_policy_and_gives_back_the_rest(
    voters: list[RewardedVoter], amount: int, data: st.DataObject, fip16: bool
) -> None:
    signer = st.builds(FdcSigner, moments(45, 90), st.booleans())
    signers = data.draw(st.dictionaries(st.sampled_from([voter.signing for voter in voters]), signer))
    finalised_ns = data.draw(moments(45, 89))
    claims = fdc_signing_claims(amount, signers, finalised_ns, 1, VOTING_ROUND, voters, BACK, fip16=fip16)
    assert total(claims) == amount
    assert all(claim.amount >= 0 for claim in claims)
    found = twin.summed(claims)
    exact = twin.proportional(amount, [voter.signing_weight for voter in voters])
    for voter, share in zip(voters, exact, strict=True):
        got = sum(found[who, kind] for who, kind in found if who in {voter.identity, voter.delegation, *voter.node_ids})
        signed = signers.get(voter.signing)
        at_ns = signed.at_ns if signed else after(90)
        in_time = at_ns < after(60) or at_ns <= min(finalised_ns, after(90) - 1)
        part = (1 if signed.covers_consensus else Fraction(4, 5)) if signed and in_time else 0
        has_someone = voter.capped_delegation_weight + voter.stake > 0
        assert abs(got - (share * part if has_someone else 0)) <= len(voters)


@given(voter_lists(), wei, st.data(), st.booleans())
def test_finalisation_pays_equal_parts_of_the_drawn_set_or_everything_to_one(
    voters: list[RewardedVoter], amount: int, data: st.DataObject, fip16: bool
) -> None:
    everyone = [voter.signing for voter in voters]
    stranger = address(99, 9)
    at = moments(45, 69)
    seen = [
        SeenFinalisation(data.draw(st.sampled_from([*everyone, stranger])), data.draw(at), False)
        for _ in range(data.draw(st.integers(0, 8)))
    ]
    seen.sort(key=lambda finalisation: finalisation.at_ns)
    success = data.draw(st.integers(0, len(seen)))
    seen[success : success + 1] = [SeenFinalisation(one.sender, one.at_ns, True) for one in seen[success : success + 1]]
    selected = frozenset(data.draw(st.sets(st.sampled_from(everyone), min_size=1)))
    eligible = frozenset(data.draw(st.sets(st.sampled_from(everyone))))
    claims = finalisation_claims(amount, seen, selected, eligible, VOTING_ROUND, voters, BACK, fip16=fip16)
    assert total(claims) == amount
    assert all(claim.amount >= 0 for claim in claims)
    looked_at = [one for place, one in enumerate(seen) if one.sender not in [before.sender for before in seen[:place]]]
    winners = [one for one in looked_at if one.succeeded]
    if winners and winners[0].at_ns > after(65):
        assert [(claim.beneficiary, claim.amount) for claim in claims] == [(winners[0].sender, amount)]
        return
    timely = {one.sender for one in looked_at if winners and one.at_ns <= after(65)}
    found = twin.summed(claims)
    for voter in voters:
        got = sum(found[who, kind] for who, kind in found if who in {voter.identity, voter.delegation, *voter.node_ids})
        has_someone = voter.capped_delegation_weight + voter.stake > 0
        earned = voter.signing in timely & selected & eligible and has_someone
        assert abs(got - (Fraction(amount, len(selected)) if earned else 0)) <= 1


@given(voter_lists(), wei, st.data(), st.booleans())
def test_fast_updates_pay_each_update_the_same(
    voters: list[RewardedVoter], amount: int, data: st.DataObject, fip16: bool
) -> None:
    everyone = [voter.signing for voter in voters]
    submitted = data.draw(st.lists(st.sampled_from(everyone), max_size=12))
    median = ScaledValue(data.draw(st.integers(1, 10**9)), data.draw(st.integers(-3, 6)))
    decimals = data.draw(st.integers(-3, 8))
    near = int(Fraction(median.value) * Fraction(10) ** (decimals - median.decimals))
    value = ScaledValue(near + data.draw(st.integers(-20_000_000, 20_000_000)), decimals)
    claims = fast_update_claims(amount, value, median, 5000, submitted, voters, BACK, fip16=fip16)
    assert total(claims) == amount
    # The band is cut to a whole number of the finer unit, so the exact band may hold up to one unit more.
    distance = abs(
        Fraction(value.value) / Fraction(10) ** value.decimals
        - Fraction(median.value) / Fraction(10) ** median.decimals
    )
    band = Fraction(median.value) / Fraction(10) ** median.decimals * Fraction(5000, 10**6)
    unit = Fraction(1) / Fraction(10) ** max(value.decimals, median.decimals)
    if not submitted or distance > band:
        assert [claim.beneficiary for claim in claims] == [BACK]
        return
    assume(distance <= band - unit)
    found = twin.summed(claims)
    for voter in voters:
        got = sum(found[who, kind] for who, kind in found if who in {voter.identity, voter.delegation, *voter.node_ids})
        if voter.capped_delegation_weight + voter.stake or not fip16:
            updates = submitted.count(voter.signing)
            assert abs(got - Fraction(amount * updates, len(submitted))) <= updates


@given(voter_lists(), wei, st.data(), st.integers(0, 60), st.booleans())
def test_a_penalty_is_the_factor_times_the_weight_share_and_does_not_depend_on_who_else_offends(
    voters: list[RewardedVoter], offer: int, data: st.DataObject, factor: int, fip16: bool
) -> None:
    offenders = data.draw(st.lists(st.sampled_from([voter.submit for voter in voters]), unique=True))
    weights = {voter.submit: voter.closeness_weight(fip16=fip16) for voter in voters}
    together = anchor_penalties(offer, offenders, voters, BACK, factor=factor, fip16=fip16)
    alone = [anchor_penalties(offer, [one], voters, BACK, factor=factor, fip16=fip16) for one in offenders]
    assert together == [claim for claims in alone for claim in claims]
    for offender, claims in zip(offenders, alone, strict=True):
        share = Fraction(weights[offender], sum(weights.values())) if weights[offender] else Fraction(0)
        assert total(claims) == -int(share * offer * factor)
        assert all(claim.amount <= 0 for claim in claims)
    signing = [voter.signing_weight for voter in voters]
    fdc = fdc_penalties(offer, offenders, voters, BACK, factor=factor, fip16=fip16)
    exact = [
        int(Fraction(voter.signing_weight * offer * factor, sum(signing)))
        for voter in voters
        if voter.submit in offenders and voter.signing_weight
    ]
    assert total(fdc) == -sum(exact)
    assert total([claim for claim in fdc if claim.amount == 0]) == 0
