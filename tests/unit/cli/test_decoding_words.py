"""What is told of a transaction: right, complete, and where it makes no sense, why and from which byte on."""

import pytest

from chrono.cli.decoding.feeds import NamedFeed
from chrono.cli.decoding.finding import About
from chrono.flare.address import checksummed
from chrono.flare.commit import Reveal
from chrono.flare.contracts.addresses import Generation
from chrono.flare.fast_updates.sortition import Credential
from chrono.flare.fast_updates.submission import FastUpdate
from chrono.flare.fdc import BitVote
from chrono.flare.feed_values import encode_values
from chrono.flare.frames import Frame, SubmissionFunction, calldata
from chrono.flare.networks import COSTON
from chrono.flare.registration import registration_message
from chrono.flare.rewards.claims import ClaimType, RewardClaim
from chrono.flare.rewards.tree import reward_tree
from chrono.flare.signature_payload import SignaturePayload
from chrono.flare.signatures import Signature, eth_signed, sign
from chrono.flare.system_messages import WeightBasedClaims, rewards_message, uptime_message
from tests.fakes.explaining import ROUND, START_S, call, told, words
from tests.fakes.signers import address_at, key_of, message_of, policy_of, relay_by

SUBMIT1, SUBMIT2 = SubmissionFunction.SUBMIT1, SubmissionFunction.SUBMIT2
SIGNATURES = SubmissionFunction.SUBMIT_SIGNATURES
AFTER_S = COSTON.timing.first_start_s + 90 * 240 * 3000
"""Within reward epoch 3000 of Coston."""
FEEDS = (NamedFeed("BTC/USD", 2), NamedFeed("FLR/USD", 6), NamedFeed("old feed", None))
REVEAL = Reveal(b"\7" * 32, encode_values([9700012, None, -5]))


def parts(signature: Signature) -> tuple[int, bytes, bytes]:
    return signature.v, signature.r, signature.s


def test_a_commit_is_told_with_its_round_and_hash() -> None:
    text = words(calldata(SUBMIT1, [Frame(100, ROUND, b"\xab" * 32)]))
    assert "submit1() of Submission" in text
    assert "FTSO (100): commit, at byte 4, 32 bytes" in text
    assert f"commit hash 0x{'ab' * 32}" in text
    assert "round 1210: commit from 2022-07-23T" in text


@pytest.mark.parametrize(
    ("function", "payload", "after_s", "in_time"),
    [
        (SUBMIT1, b"\1" * 32, 0, True), (SUBMIT1, b"\1" * 32, 89, True), (SUBMIT1, b"\1" * 32, 90, False),
        (SUBMIT2, REVEAL.payload, 89, False), (SUBMIT2, REVEAL.payload, 90, True), (SUBMIT2, REVEAL.payload, 134, True),
        (SUBMIT2, REVEAL.payload, 135, False),
    ],
)  # fmt: skip
def test_a_submission_is_in_time_by_its_block(function, payload: bytes, after_s: int, in_time: bool) -> None:
    data = calldata(function, [Frame(100, ROUND, payload)])
    document = told(data, about=About(time_s=START_S + after_s))
    assert document["frames"][0]["in_time"] is in_time
    assert told(data)["frames"][0]["in_time"] is None


def test_a_reveal_is_told_with_names_prices_and_empty_values() -> None:
    data = calldata(SUBMIT2, [Frame(100, ROUND, REVEAL.payload)])
    assert told(data)["frames"][0]["values"] == [9700012, None, -5]
    text = words(data, feeds=FEEDS)
    assert "BTC/USD              97000.12" in text
    assert "FLR/USD              empty" in text
    assert "old feed             -5" in text


def test_the_commit_of_a_reveal_is_computed_for_its_sender() -> None:
    data = calldata(SUBMIT2, [Frame(100, ROUND, REVEAL.payload)])
    document = told(data, about=About(sender=checksummed(address_at(0))))
    assert document["frames"][0]["commit_hash_of_sender"] == "0x" + REVEAL.commit_hash(address_at(0), ROUND).hex()


def test_more_values_than_feeds_are_unreadable_at_their_first_byte() -> None:
    data = calldata(SUBMIT2, [Frame(100, ROUND, REVEAL.payload)])
    document = told(data, feeds=FEEDS[:2])
    assert not document["decoded"]
    assert document["faults"][0]["at_byte"] >= 4 + 7 + 32


def test_a_wrong_payload_is_told_and_the_other_protocols_frame_is_read() -> None:
    data = calldata(SUBMIT2, [Frame(100, ROUND, b"\1" * 31), Frame(200, ROUND, BitVote(3, 5).encode())])
    document = told(data)
    assert [(fault["at_byte"], document["decoded"]) for fault in document["faults"]] == [(11, False)]
    assert document["frames"][1]["confirmed"] == [0, 2]
    assert "FDC (200): bit vote" in words(data)


def test_a_cut_frame_voids_the_transaction_at_its_byte() -> None:
    whole = calldata(SUBMIT1, [Frame(100, ROUND, b"\1" * 32)])
    [fault] = told(whole + b"\x64\0\0")["faults"]
    assert fault["at_byte"] == len(whole)
    assert "void" in fault["why"]


def test_a_signature_with_its_message_names_its_signer() -> None:
    message = message_of(ROUND)
    payload = SignaturePayload(sign(message.digest(), key_of(4)), message=message)
    text = words(calldata(SIGNATURES, [Frame(100, ROUND, payload.encode())]))
    assert f"signed by {checksummed(address_at(4))}" in text


def test_a_signature_without_its_message_names_its_signer_when_the_message_is_given() -> None:
    message = message_of(ROUND, 200)
    payload = SignaturePayload(sign(message.digest(), key_of(4)), BitVote(3, 7).encode())
    data = calldata(SIGNATURES, [Frame(200, ROUND, payload.encode())])
    assert "cannot be told without the signed message" in words(data)
    assert "3 attestation requests, confirmed: 0, 1, 2" in words(data)
    given = words(data, messages={(200, ROUND): message})
    assert f"signed by {checksummed(address_at(4))}" in given


def test_a_relay_is_told_with_every_voter_and_the_weight_so_far() -> None:
    policy = policy_of([100, 200, 300, 400], epoch=5)
    relay = relay_by(policy, message_of(ROUND), [1, 3])
    document = told(relay.calldata(), about=About(sender=checksummed(address_at(9))))
    assert [each["accumulated_weight"] for each in document["signatures"]] == [200, 600]
    assert (document["weight"], document["enough"], document["refusal"]) == (600, True, None)
    assert document["sender_is_selected"] is False
    text = words(relay.calldata())
    assert f"3  {checksummed(address_at(3))}    400  signed, 600 so far" in text
    assert f"0  {checksummed(address_at(0))}    100\n" in text
    assert "signed weight 600 of 1000, above the threshold 500" in text


def test_a_relay_that_would_be_refused_says_why() -> None:
    policy = policy_of([100, 200, 300, 400], epoch=5)
    assert "the Relay refuses it: Not enough weight" in words(relay_by(policy, message_of(ROUND), [1]).calldata())
    assert "no such voter; signed by 0x" in words(relay_by(policy, message_of(ROUND), [7]).calldata())
    assert "Wrong sign policy reward epoch" in words(relay_by(policy, message_of(7), [1, 3]).calldata())
    assert "the threshold is 600" in words(relay_by(policy, message_of(1440), [1, 3]).calldata())


def test_a_relayed_policy_is_told_with_both_policies() -> None:
    relay = relay_by(policy_of([5], epoch=5), policy_of([6, 7], epoch=6), [0])
    text = words(relay.calldata())
    assert "by the policy of reward epoch 5: 1 voters" in text
    assert "relays the policy of reward epoch 6: 2 voters" in text


def test_signings_name_their_signers() -> None:
    uptime = sign(eth_signed(uptime_message(7)), key_of(1))
    from chrono.flare.system_messages import UPTIME_VOTE_HASH

    assert told(call("signUptimeVote", 7, UPTIME_VOTE_HASH, parts(uptime)))["signer"] == checksummed(address_at(1))
    rewards = sign(eth_signed(rewards_message(7, [WeightBasedClaims(16, 3)], b"\5" * 32)), key_of(2))
    signed = told(call("signRewards", 7, [(16, 3)], b"\5" * 32, parts(rewards)))
    assert signed["signer"] == checksummed(address_at(2))
    assert signed["arguments"]["noOfWeightBasedClaims"] == [{"rewardManagerId": 16, "noOfWeightBasedClaims": 3}]
    policy = sign(eth_signed(b"\6" * 32), key_of(3))
    assert told(call("signNewSigningPolicy", 8, b"\6" * 32, parts(policy)))["signer"] == checksummed(address_at(3))


def test_a_registration_names_its_signer_by_the_block_time() -> None:
    identity = address_at(0)
    message = registration_message(Generation.SECOND, COSTON.chain_id, 3001, identity)
    data = call("registerVoter", identity, parts(sign(eth_signed(message), key_of(1))))
    document = told(data, about=About(time_s=AFTER_S))
    assert document["signer"] == checksummed(address_at(1))
    assert "signer" not in told(data)
    assert f"voter: {checksummed(identity)}" in words(data)


def test_a_claim_is_summed_up_by_type_with_the_root_that_its_proofs_lead_to() -> None:
    claims = [RewardClaim(7, bytes([place]) * 20, 100 + place, ClaimType.WNAT) for place in range(5)]
    tree = reward_tree(claims)
    from chrono.flare.rewards.tree import leaf

    bodies = [(tree.proof(leaf(each)), (7, each.beneficiary, each.amount, 2)) for each in claims[:2]]
    document = told(call("claim", address_at(0), address_at(1), 7, True, bodies))
    assert document["claimed_wei"] == {"wnat": "201"}
    assert document["merkle_roots"] == [{"reward_epoch_id": 7, "root": "0x" + (tree.root or b"").hex()}]


def test_a_claim_of_an_unknown_type_is_told_as_unreadable() -> None:
    data = call("claim", address_at(0), address_at(1), 7, True, [([], (7, bytes(20), 1, 9))])
    assert "claims have type 0 to 4, not 9" in words(data)


def test_a_passed_on_fast_update_is_told_with_its_deltas_and_signer() -> None:
    update = FastUpdate(500, Credential(3, (1, 2), 4, 5), bytes([0b01_11_00_00]))
    document = told(update.calldata(update.sign(key_of(1))))
    assert document["update"] == {"sortition_block": 500, "replicate": 3, "feeds_up": [0], "feeds_down": [1]}
    assert document["signer"] == checksummed(address_at(1))


def test_garbage_in_a_passed_on_update_is_told() -> None:
    assert "unreadable at byte" in words(call("submitAndPass", b"\1\2\3"))


@pytest.mark.parametrize(
    ("text", "at", "why"),
    [
        ("0x6c532f", 0, "selector of 4 bytes, 3 are there"),
        ("0x00000000", 0, "0x00000000 is the selector of no function"),
        ("0x6c532fa", 3, "half a byte"),
        ("0x6c532fag", 3, "'g' is no hex digit"),
        ("0x6c 532fae", 1, "' ' is no hex digit"),
        ("", 0, "selector of 4 bytes, 0 are there"),
        ("0x" + "00" * 2_000_000, 0, "more than any transaction has"),
        ("0x8f7d0957" + "00" * 12, 4, "not the ABI encoding of (address"),
    ],
)
def test_malformed_calldata_says_where_and_why(text: str, at: int, why: str) -> None:
    document = told(text)
    assert not document["decoded"]
    [fault] = document["faults"]
    assert fault["at_byte"] == at
    assert why in fault["why"]
