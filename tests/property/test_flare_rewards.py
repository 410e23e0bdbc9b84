"""The reward rules against their twin in exact fractions: nothing is lost, nothing is made, nobody gets too much."""

import random
from collections.abc import Sequence
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from chrono.flare.median import weighted_median
from chrono.flare.random import RoundRandom
from chrono.flare.rewards.bands import on_quartile_counts
from chrono.flare.rewards.claims import ClaimType, PartialClaim, burn_ineligible, net
from chrono.flare.rewards.median_closeness import median_reward
from chrono.flare.rewards.offers import FeedTerms, RoundOffer, round_amount, split_anchor
from chrono.flare.rewards.rewarded_feed import rewarded_random, rewarded_randoms
from chrono.flare.rewards.shares import declining_shares, equal_share
from chrono.flare.rewards.split import by_delegation, by_signing_weight
from chrono.flare.rewards.voters import RewardedVoter
from tests.fakes.fuzzing import TIMES
from tests.fakes.rewarded_voters import BACK, address, total, voter_lists, wei, wei_weights
from tests.reference import flare_rewards as twin

FEED = b"\x01BTC/USD".ljust(21, b"\0")


@given(st.integers(-(10**28), 10**28), st.lists(wei_weights, max_size=12))
def test_declining_shares_leave_nothing_and_differ_from_the_exact_part_by_roundings_alone(
    amount: int, weights: list[int]
) -> None:
    shares = declining_shares(amount, weights)
    assert shares == twin.declining(amount, weights)
    assert sum(shares) == (amount if any(weights) else 0)
    for share, exact, weight in zip(shares, twin.proportional(amount, weights), weights, strict=True):
        assert abs(share - exact) < len(weights)
        assert share == 0 or (weight > 0 and (share > 0) == (amount > 0))


@given(wei, st.integers(1, 4000), st.data())
def test_equal_shares_differ_by_one_wei_at_most_and_the_first_are_the_larger(
    amount: int, parts: int, data: st.DataObject
) -> None:
    shares = [equal_share(amount, parts, place) for place in range(parts)]
    assert sum(shares) == amount
    assert shares == sorted(shares, reverse=True)
    assert shares[0] - shares[-1] <= 1
    first = data.draw(st.integers(0, 10**7))
    assert round_amount(amount, first, first + parts - 1, first + parts - 1) == shares[-1]


@given(wei)
def test_an_offer_splits_without_rest(amount: int) -> None:
    parts = split_anchor(amount)
    assert parts.median + parts.signing + parts.finalisation == amount
    assert parts.signing == parts.finalisation == int(Fraction(amount, 10))


@given(st.integers(-(10**30), 10**30), voter_lists(most=1), st.booleans())
def test_a_share_divides_within_a_voter_as_the_fractions_say(
    amount: int, voters: list[RewardedVoter], fip16: bool
) -> None:
    (voter,) = voters
    claims = by_signing_weight(amount, voter, BACK, fip16=fip16)
    assert total(claims) == amount
    assert all(claim.amount * amount >= 0 for claim in claims)
    if not voter.capped_delegation_weight + voter.stake:
        assert [(claim.beneficiary, claim.claim_type) for claim in claims] == [(BACK, ClaimType.DIRECT)]
        return
    found, exact = twin.summed(claims), twin.within_voter(amount, voter, 5 if fip16 else 1)
    # Three cuts before the nodes, and one for each node.
    assert all(abs(found[key] - exact[key]) < 3 + len(voter.node_ids) for key in exact.keys() | found.keys())


@given(wei, voter_lists(most=1))
def test_a_share_of_delegation_alone_pays_the_fee_rounded_down(amount: int, voters: list[RewardedVoter]) -> None:
    fee, rest = by_delegation(amount, voters[0])
    assert fee.amount == int(Fraction(amount) * voters[0].fee_bips / 10_000)
    assert fee.amount + rest.amount == amount


@st.composite
def votes(draw: st.DrawFn) -> tuple[list[RewardedVoter], list[int | None]]:
    """Voters and their values: few different ones, so that quartiles and bands are hit on their edges."""
    voters = draw(voter_lists())
    around = draw(st.sampled_from((0, 7, 1_000_000, -2000, 2**31 - 100)))
    value = st.one_of(st.none(), st.integers(-6, 6).map(lambda step: around + step))
    return voters, [draw(value) for _ in voters]


@given(
    votes(), wei, st.integers(0, 10_000), st.integers(0, 10**6), st.sampled_from((0, 1, 3, 500, 10**6)), st.booleans()
)
@settings(max_examples=300 * TIMES)
def test_a_median_pays_both_bands_by_weight_or_gives_all_back(
    cast: tuple[list[RewardedVoter], list[int | None]], amount: int, turnout: int, primary: int, width: int, fip16: bool
) -> None:
    voters, values = cast
    weights = [voter.closeness_weight(fip16=fip16) for voter in voters]
    median = weighted_median(values, weights)
    offer = RoundOffer(77, FEED, amount, FeedTerms(turnout, primary, width, BACK))
    reward = median_reward(offer, values, median, sum(weights), voters, fip16=fip16)
    assert total(reward.claims) == amount
    assert all(claim.amount >= 0 for claim in reward.claims)
    exact = expected_closeness(offer, values, weights, voters)
    if exact is None:
        assert [claim.beneficiary for claim in reward.claims] == [BACK]
        assert not reward.rewarded
        return
    found = twin.summed(reward.claims)
    for voter, share in zip(voters, exact, strict=True):
        mine = {voter.identity, voter.delegation, *voter.node_ids}
        got = sum(sum_ for (beneficiary, _), sum_ in found.items() if beneficiary in mine)
        if fip16 and not voter.capped_delegation_weight + voter.stake:
            continue  # it has signing weight and nobody to pay: its share went back
        assert abs(got - share) < len(voters)
        assert (got > 0) == (voter.signing in reward.rewarded)
    assert reward.delegators_rewarded <= reward.rewarded


def expected_closeness(
    offer: RoundOffer, values: Sequence[int | None], weights: Sequence[int], voters: Sequence[RewardedVoter]
) -> list[Fraction] | None:
    """The exact share of each voter by the twin; None when all must go back."""
    median = weighted_median(values, weights)
    if median is None or median.quartile1 is None or median.quartile3 is None:
        return None
    if Fraction(median.participating_weight, sum(weights)) < Fraction(offer.terms.min_rewarded_turnout_bips, 10_000):
        return None
    band = int(Fraction(abs(median.value)) * offer.terms.secondary_band_width_ppm / 10**6)
    inside, near = [], []
    for value, voter in zip(values, voters, strict=True):
        on_edge = value in (median.quartile1, median.quartile3)
        between = value is not None and median.quartile1 < value < median.quartile3
        inside.append(value is not None and (on_quartile_counts(FEED, 77, voter.submit) if on_edge else between))
        near.append(value is not None and abs(value - median.value) < band)
    return twin.closeness(offer.amount, weights, inside, near, offer.terms.primary_band_share_ppm)


partial_claims = st.builds(
    PartialClaim,
    st.sampled_from([BACK, *(address(place, 1) for place in range(4))]),
    st.integers(-(10**9), 10**9),
    st.sampled_from(list(ClaimType)),
)


@given(st.lists(partial_claims, max_size=30), st.randoms(use_true_random=False))
def test_netting_conserves_every_wei_in_any_order_and_leaves_no_debt(
    claims: list[PartialClaim], shuffler: random.Random
) -> None:
    found = net(9, claims, BACK)
    by_key = {(claim.beneficiary, claim.claim_type): claim.amount for claim in found}
    assert len(by_key) == len(found)
    assert all(amount > 0 for amount in by_key.values())
    assert sum(by_key.values()) == sum(max(claim.amount, 0) for claim in claims)
    assert by_key == twin.netted(claims, BACK)
    shuffled = list(claims)
    shuffler.shuffle(shuffled)
    assert sorted(net(9, shuffled, BACK)) == sorted(found)


@given(st.lists(partial_claims, max_size=30), st.sets(st.integers(0, 3)))
def test_burning_the_ineligible_conserves_every_wei(claims: list[PartialClaim], out: set[int]) -> None:
    one_each = {claim.beneficiary: claim for claim in claims}
    before = net(9, one_each.values(), BACK)
    lost = {address(place, 1) for place in out}
    after = burn_ineligible(9, before, lost, BACK)
    assert sum(claim.amount for claim in after) == sum(claim.amount for claim in before)
    assert not lost & {claim.beneficiary for claim in after}
    assert [claim for claim in after if claim.beneficiary != BACK] == sorted(
        (claim for claim in before if claim.beneficiary not in {*lost, BACK}), key=lambda claim: claim.beneficiary
    )
    assert sum(claim.beneficiary == BACK for claim in after) == 1


@given(st.integers(0, 10**6), st.integers(1, 60), st.data())
def test_each_rounds_feed_is_chosen_by_the_first_secure_random_after_it(
    first: int, rounds: int, data: st.DataObject
) -> None:
    flags = data.draw(st.lists(st.booleans(), min_size=rounds + 40, max_size=rounds + 40))
    randoms = {first + place: RoundRandom(place * 7 + 1, flag) for place, flag in enumerate(flags)}
    chosen = rewarded_randoms(first, first + rounds - 1, randoms)
    for place in range(rounds):
        later = (number for number in range(first + place + 1, first + rounds + 30) if randoms[number].is_secure)
        source = next(later, None)
        assert chosen[place] == (None if source is None else rewarded_random(randoms[source].value, source))
