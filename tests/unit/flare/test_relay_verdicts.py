"""What the Relay takes and refuses: each of its reasons, at the very edge where it begins to hold."""

from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from chrono.flare.abi import Malformed
from chrono.flare.epochs import Timing
from chrono.flare.protocol_message import ProtocolMessage
from chrono.flare.relay import SELECTOR, Relay, compose
from chrono.flare.relay_verdict import Refusal, RelayState, is_rewarded_form, tally, verdict
from chrono.flare.signatures import sign
from chrono.flare.signing_policy import SigningPolicy
from tests.fakes.signers import key_of, message_of, policy_of, relay_by

POLICY = policy_of([100, 200, 300, 400], epoch=5)  # rounds 1200 to 1439; threshold 500
NEXT = policy_of([100, 200, 300, 400], epoch=6)
EVERYONE = (0, 1, 2, 3)


@dataclass
class Chain:
    policies: list[SigningPolicy] = field(default_factory=lambda: [POLICY])
    relayed: set[tuple[int, int]] = field(default_factory=set)
    takes_policies: bool = False
    window: int = 10

    def state(self) -> RelayState:
        return RelayState(
            policy_hashes={policy.reward_epoch_id: policy.hash() for policy in self.policies},
            start_rounds={policy.reward_epoch_id: policy.start_voting_round_id for policy in self.policies},
            newest_epoch=max(policy.reward_epoch_id for policy in self.policies),
            relayed=self.relayed,
            timing=Timing.of("coston"),
            window_epochs=self.window,
            takes_policies=self.takes_policies,
        )


def judged(subject: ProtocolMessage | SigningPolicy, chain: Chain, places=EVERYONE, policy=POLICY) -> Refusal | None:
    return verdict(relay_by(policy, subject, places), chain.state())


def test_enough_signatures_finalise_a_round() -> None:
    assert judged(message_of(), Chain()) is None


def test_weight_equal_to_the_threshold_is_not_enough() -> None:
    assert tally(relay_by(POLICY, message_of(), [0, 3]), 500).weight == 500
    assert judged(message_of(), Chain(), [0, 3]) is Refusal.TOO_LITTLE_WEIGHT
    assert judged(message_of(), Chain(), [1, 3]) is None
    assert judged(message_of(), Chain(), []) is Refusal.TOO_LITTLE_WEIGHT


def test_signatures_stand_in_the_order_of_the_policy_each_once() -> None:
    assert judged(message_of(), Chain(), [3, 1]) is Refusal.INDEX_NOT_ASCENDING
    assert judged(message_of(), Chain(), [1, 1, 3]) is Refusal.INDEX_NOT_ASCENDING
    assert judged(message_of(), Chain(), [1, 4]) is Refusal.INDEX_OUTSIDE


def test_a_signature_of_another_voter_or_message_is_wrong() -> None:
    good = relay_by(POLICY, message_of(), EVERYONE)
    swapped = replace(good, subject=message_of(1211))
    assert verdict(swapped, Chain().state()) is Refusal.WRONG_SIGNATURE
    borrowed = replace(good.signatures[0], signature=good.signatures[1].signature)
    assert (
        verdict(replace(good, signatures=(borrowed, *good.signatures[1:])), Chain().state()) is Refusal.WRONG_SIGNATURE
    )


def test_behind_enough_weight_the_contract_looks_at_nothing_but_the_reference_does() -> None:
    good = relay_by(POLICY, message_of(), EVERYONE)
    assert is_rewarded_form(good)
    spoilt = replace(good, signatures=(*good.signatures[:3], replace(good.signatures[3], index=9)))
    assert tally(spoilt, 500).checked == 3
    assert verdict(spoilt, Chain().state()) is None
    assert not is_rewarded_form(spoilt)
    assert not is_rewarded_form(relay_by(POLICY, message_of(), [0, 3]))


def test_a_round_is_relayed_once_for_each_protocol() -> None:
    chain = Chain(relayed={(100, 1210)})
    assert judged(message_of(1210), chain) is Refusal.ALREADY_RELAYED
    assert judged(message_of(1210, protocol_id=200), chain) is None
    assert judged(message_of(1211), chain) is None


def test_the_policy_must_be_the_one_that_the_relay_knows() -> None:
    other = policy_of([100, 200, 300, 401], epoch=5)
    assert judged(message_of(), Chain(), policy=other) is Refusal.POLICY_UNKNOWN
    assert judged(message_of(1440), Chain(), policy=NEXT) is Refusal.POLICY_UNKNOWN


def test_a_policy_finalises_no_round_before_its_epoch_or_its_start() -> None:
    assert judged(message_of(1199), Chain()) is Refusal.EPOCH_BEFORE_POLICY
    late = policy_of([100, 200, 300, 400], epoch=5, start=1205)
    assert judged(message_of(1204), Chain([late]), policy=late) is Refusal.POLICY_NOT_STARTED
    assert judged(message_of(1205), Chain([late]), policy=late) is None


def test_the_next_policy_takes_over_with_its_first_round() -> None:
    late = policy_of([100, 200, 300, 400], epoch=6, start=1445)
    chain = Chain([POLICY, late])
    assert judged(message_of(1444), chain, [1, 3]) is None, "the next one is known: the threshold is not raised"
    assert judged(message_of(1445), chain) is Refusal.POLICY_REPLACED
    skipped = Chain([POLICY, policy_of([1], epoch=7)])
    assert judged(message_of(1440), skipped) is Refusal.POLICY_REPLACED, "the contract reads 0 for an unknown start"


def test_a_policy_that_stands_in_needs_the_raised_threshold() -> None:
    chain = Chain()
    assert judged(message_of(1439), chain, [1, 3]) is None
    assert judged(message_of(1440), chain, [1, 3]) is Refusal.TOO_LITTLE_WEIGHT, "600 is not more than 600"
    assert judged(message_of(1440), chain, [2, 3]) is None


def test_old_rounds_are_taken_only_within_the_window() -> None:
    newest = policy_of([1], epoch=15)
    assert judged(message_of(1210), Chain([POLICY, newest], window=10)) is None
    assert judged(message_of(1210), Chain([POLICY, newest], window=9)) is Refusal.TOO_OLD


def test_governance_messages_are_of_round_zero_and_carry_no_random() -> None:
    first = policy_of([100, 200, 300, 400], epoch=0)
    chain = Chain([first])
    assert judged(ProtocolMessage(1, 7, False, bytes(32)), chain, policy=first) is Refusal.GOVERNANCE_ROUND
    assert judged(ProtocolMessage(1, 0, True, bytes(32)), chain, policy=first) is Refusal.GOVERNANCE_RANDOM
    assert judged(ProtocolMessage(1, 0, False, bytes(32)), chain, policy=first) is None


def test_a_policy_is_relayed_where_nobody_else_sets_it() -> None:
    chain = Chain(takes_policies=True)
    assert judged(NEXT, Chain()) is Refusal.NO_POLICY_RELAY
    assert judged(NEXT, chain) is None
    assert judged(policy_of([1], epoch=7), chain) is Refusal.NOT_NEXT_POLICY
    assert judged(NEXT, Chain([POLICY, NEXT], takes_policies=True)) is Refusal.NOT_NEWEST_POLICY
    assert judged(policy_of([], epoch=6), chain) is Refusal.NO_VOTERS
    assert (
        judged(replace(NEXT, voters=NEXT.voters * 76, weights=(1,) * 304, threshold=152), chain)
        is Refusal.TOO_MANY_VOTERS
    )


@pytest.mark.parametrize(
    ("threshold", "refusal"),
    [(499, Refusal.THRESHOLD_TOO_LOW), (500, None), (660, None), (661, Refusal.THRESHOLD_TOO_HIGH)],
)
def test_a_relayed_policys_threshold_is_half_to_two_thirds(threshold: int, refusal: Refusal | None) -> None:
    assert judged(policy_of([400, 600], epoch=6, threshold=threshold), Chain(takes_policies=True)) is refusal


def test_a_relayed_policy_has_16_bits_of_weight_in_all() -> None:
    heavy = policy_of([65_535, 1], epoch=6, threshold=32_768)
    assert judged(heavy, Chain(takes_policies=True)) is Refusal.TOTAL_TOO_LARGE


def test_a_composed_relay_has_the_fewest_signatures_and_only_good_ones() -> None:
    message = message_of()
    signatures = [sign(message.digest(), key_of(place)) for place in (7, 2, 0, 3, 3, 1)]
    composed = compose(POLICY, message, signatures, POLICY.threshold)
    assert composed is not None
    assert [each.index for each in composed.signatures] == [2, 3]
    assert verdict(composed, Chain().state()) is None
    assert compose(POLICY, message, signatures, 700) is not None
    assert compose(POLICY, message, signatures, 1000) is None
    assert compose(POLICY, message_of(1211), signatures, 0) is None


def test_of_equal_weights_the_first_in_the_policy_are_composed() -> None:
    policy = policy_of([5, 5, 5, 5], epoch=5)
    signatures = [sign(message_of().digest(), key_of(place)) for place in (3, 2, 1, 0)]
    composed = compose(policy, message_of(), signatures, policy.threshold)
    assert composed is not None
    assert [each.index for each in composed.signatures] == [0, 1, 2]


@pytest.mark.parametrize("subject", [message_of(), NEXT], ids=["message", "policy"])
def test_every_cut_and_every_surplus_of_a_relay_is_refused_by_name(subject: ProtocolMessage | SigningPolicy) -> None:
    whole = relay_by(POLICY, subject, [1, 3])
    encoded = whole.encode()
    assert whole.calldata() == SELECTOR + encoded
    for end in range(len(encoded)):
        with pytest.raises(Malformed) as refused:
            Relay.decode(encoded[:end])
        assert refused.value.at <= end
    with pytest.raises(Malformed, match="2 signatures take 134 bytes, 135"):
        Relay.decode(encoded + b"\0")
