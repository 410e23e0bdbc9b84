"""Whom the FDC rewards in a round, found in its transactions, against a slow twin and at the edges of its windows."""

import random
from typing import Any

import pytest
from msgspec.structs import replace

from chrono.flare.address import Address
from chrono.flare.fdc import BitVote
from chrono.flare.finaliser import selected
from chrono.flare.frames import FDC, FTSO, Frame, SubmissionFunction, calldata
from chrono.flare.relay import IndexedSignature, Relay, compose
from chrono.flare.round.transactions import Transaction
from chrono.flare.signature_payload import SignaturePayload
from chrono.voting.budget_fdc_rounds import FdcRewards, RoundTraffic, fdc_rewards
from chrono.voting.membership import Finalised, RewardEpochFacts
from tests.fakes.voting_rounds import EPOCH_S, ROUND, account, facts, fdc_message, signature_of
from tests.reference.fdc_round import Did, Relayed, Signing, rewarded

WEIGHTS = (4000, 3000, 3000, 2000)
SUBMISSION, RELAY = Address(b"\x51" * 20), Address(b"\x52" * 20)
MESSAGE, OTHER = fdc_message(), fdc_message(b"\x0e" * 32)
AFTER_S = EPOCH_S + 90
"""When the voting epoch after the round begins."""


def known(*fees: int) -> RewardEpochFacts:
    """Four voters with these delegation fees."""
    bare = facts(weights=WEIGHTS)
    voters = tuple(
        replace(voter, delegation=account(number, 4), fee_bips=fee, wnat_wei=10, wnat_capped_wei=10)
        for number, (voter, fee) in enumerate(zip(bare.voters, fees or (2000,) * 4, strict=True))
    )
    return replace(bare, voters=voters)


FACTS = known()
DRAWN = [number for number in range(4) if account(number, 3) in selected(FACTS.policy, FDC, ROUND.id)]


def call(
    number: int, role: int, function: SubmissionFunction, payload: bytes, at_s: int, **changed: Any
) -> Transaction:
    told = Transaction(
        sender=account(number, role),
        to=SUBMISSION,
        calldata=calldata(function, [Frame(FTSO, ROUND.id, b"ours"), Frame(FDC, ROUND.id, payload)]),
        block_number=1000 + at_s,
        index=number,
        block_time_s=AFTER_S + at_s,
    )
    return replace(told, **changed)


def bit_vote(number: int, bits: int, at_s: int = 20) -> Transaction:
    return call(number, 1, SubmissionFunction.SUBMIT2, BitVote(8, bits).encode(), at_s)


def signed(number: int, at_s: int = 50, *, bits: int | None = 5, right: bool = True) -> Transaction:
    beside = b"" if bits is None else BitVote(8, bits).encode()
    payload = SignaturePayload(signature_of(number, MESSAGE if right else OTHER), beside).encode()
    return call(number, 2, SubmissionFunction.SUBMIT_SIGNATURES, payload, at_s)


def relayed(number: int, at_s: int = 50) -> Transaction:
    signatures = [signature_of(each, MESSAGE) for each in range(4)]
    relay = compose(FACTS.policy, MESSAGE, signatures, FACTS.policy.threshold)
    assert relay is not None
    data = relay.calldata()
    return Transaction(account(number, 3), RELAY, data, 1000 + at_s, 50 + number, AFTER_S + at_s)


def rewards(*transactions: Transaction, known: RewardEpochFacts = FACTS, final_s: int | None = 50) -> FdcRewards:
    ordered = sorted(transactions, key=lambda each: each.place)
    final = None if final_s is None else Finalised(MESSAGE, AFTER_S + final_s, 1000 + final_s)
    traffic = RoundTraffic(round=ROUND, transactions=ordered, submission=SUBMISSION, relays=(RELAY,), finalised=final)
    return fdc_rewards(traffic, known)


def numbers(found: frozenset[Address]) -> set[int]:
    """The voters with these identities; there is nobody else among them."""
    known = {number for number in range(4) if account(number, 0) in found}
    assert len(known) == len(found)
    return known


def paid(*transactions: Transaction, **asked: Any) -> set[int]:
    return numbers(rewards(*transactions, **asked).paid)


def undrawn() -> int:
    """Somebody whose relay is not paid."""
    return next(number for number in range(4) if number not in DRAWN)


SIGNED_BY_ALL = [IndexedSignature(number, signature_of(number, MESSAGE)) for number in range(4)]

LATE = relayed(0, 70)
"""A relay that comes when nobody selected has: nobody is paid a fee for it."""


def test_signers_of_the_final_message_are_rewarded() -> None:
    found = rewards(signed(0), signed(1), LATE, final_s=70)
    assert numbers(found.paid) == {0, 1}
    assert not found.offended
    assert found.rewards(account(0, 0))
    assert not found.rewards(account(2, 0))


@pytest.mark.parametrize(
    ("at_s", "is_paid"), [(44, False), (45, True), (59, True), (70, True), (71, False), (89, False)]
)
def test_a_signature_counts_in_the_grace_and_until_the_finalisation(at_s: int, is_paid: bool) -> None:
    assert paid(signed(1), signed(0, at_s), LATE, final_s=70) == ({0, 1} if is_paid else {1})


def test_a_round_that_nobody_made_final_rewards_nobody() -> None:
    assert rewards(signed(0), signed(1), final_s=None) == FdcRewards()


@pytest.mark.parametrize(("at_s", "counts"), [(44, False), (45, True), (89, True), (90, False)])
def test_a_finalisation_outside_of_its_window_rewards_nobody(at_s: int, counts: bool) -> None:
    assert (rewards(signed(0, 50), relayed(undrawn(), at_s), final_s=at_s).paid != frozenset()) == counts


def test_a_finalisation_by_no_transaction_of_the_relay_rewards_nobody() -> None:
    """As the reference has it: it knows only of relays that it sees."""
    assert rewards(signed(0), final_s=50) == FdcRewards()
    torn = replace(relayed(0), calldata=relayed(0).calldata[:-1])
    assert rewards(signed(0), torn, final_s=50) == FdcRewards()


def test_an_empty_consensus_rewards_no_signer() -> None:
    assert paid(signed(0, bits=0), signed(1, bits=0), LATE, final_s=70) == set()
    assert paid(signed(0, bits=None), LATE, final_s=70) == set()


def test_the_selected_are_rewarded_for_a_relay_in_the_grace() -> None:
    number = DRAWN[0]
    assert number in paid(relayed(number, 65), final_s=65)
    assert number not in paid(relayed(number, 66), final_s=66)
    assert paid(relayed(undrawn(), 50), final_s=50) == set()


def test_who_takes_no_fee_is_not_seen_as_rewarded() -> None:
    """The reference looks for a fee claim, and there is none of 0 wei."""
    assert paid(signed(0), signed(1), LATE, known=known(0, 2000, 2000, 2000), final_s=70) == {1}


def test_offences_cost_the_round() -> None:
    wrong = rewards(signed(0), signed(0, 52, right=False), signed(1), LATE, final_s=70)
    assert (numbers(wrong.paid), numbers(wrong.offended)) == ({0, 1}, {0})
    assert not wrong.rewards(account(0, 0))
    silent = rewards(bit_vote(2, 7), bit_vote(3, 4), signed(0), LATE, final_s=70)
    assert numbers(silent.offended) == {2}
    differing = rewards(signed(0), signed(1), signed(3, bits=9), LATE, final_s=70)
    assert numbers(differing.offended) == {3}


@pytest.mark.parametrize("untold", ["delegation", "fee_bips", "wnat_capped_wei"])
def test_a_fee_or_weight_that_the_chain_did_not_tell_is_not_guessed(untold: str) -> None:
    voters = (*FACTS.voters[:2], replace(FACTS.voters[2], **{untold: None}), FACTS.voters[3])
    with pytest.raises(LookupError, match="fee"):
        rewards(signed(0), LATE, known=replace(FACTS, voters=voters), final_s=70)


def test_only_relays_of_the_final_message_with_enough_signatures_are_looked_at() -> None:
    number = DRAWN[0]
    few = [IndexedSignature(0, signature_of(0, MESSAGE))]
    for subject, signatures in ((MESSAGE, few), (OTHER, SIGNED_BY_ALL), (MESSAGE, [*SIGNED_BY_ALL[:3], *few])):
        data = Relay(FACTS.policy, subject, tuple(signatures)).calldata()
        assert paid(replace(relayed(number), calldata=data), final_s=50) == set()
    assert paid(relayed(number), final_s=50) == {number}


def test_a_relay_before_its_window_does_not_stand_for_the_one_within() -> None:
    number = DRAWN[0]
    assert paid(relayed(number, 44), relayed(number, 50), final_s=50) == {number}


def test_calls_of_others_and_to_others_are_passed_over() -> None:
    stranger = replace(signed(0), sender=Address(b"\x99" * 20))
    elsewhere = replace(signed(1), to=RELAY)
    broken = replace(signed(2), calldata=signed(2).calldata[:-1])
    assert paid(stranger, elsewhere, broken, signed(3), LATE, final_s=70) == {3}


def test_random_rounds_are_as_the_rules_say_in_words() -> None:
    chance = random.Random(11)
    for _ in range(150):
        fees = tuple(chance.choice((0, 1500, 10_000)) for _ in WEIGHTS)
        did = {number: _did(chance, WEIGHTS[number], fees[number]) for number in range(4)}
        relays = sorted(
            (Relayed(chance.randrange(4), at_s) for at_s in chance.sample(range(45, 90), chance.randint(0, 3))),
            key=lambda each: each.at_s,
        )
        sent = [relayed(each.voter, each.at_s) for each in relays]
        for number, each in did.items():
            sent += [] if each.voted is None else [bit_vote(number, each.voted)]
            sent += [signed(number, s.at_s, bits=s.bits, right=s.is_right) for s in each.signings]
        found = rewards(*sent, known=known(*fees), final_s=relays[0].at_s if relays else None)
        assert (numbers(found.paid), numbers(found.offended)) == rewarded(did, relays, DRAWN)


def _did(chance: random.Random, weight: int, fee_bips: int) -> Did:
    times = sorted(chance.sample(range(40, 95), chance.randint(0, 2)))
    signings = tuple(
        Signing(at_s, chance.random() < 0.8, chance.choice((5, 5, 5, 4, 10, 9, 0, None))) for at_s in times
    )
    return Did(weight, fee_bips, chance.choice((None, 5, 7, 4, 0)), signings)
