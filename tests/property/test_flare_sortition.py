"""The sortition against schoolbook arithmetic: points, proofs, and what the contract's equation says of them."""

from hypothesis import given, settings
from hypothesis import strategies as st

import chrono_core
from chrono.flare.address import Address
from chrono.flare.fast_updates.sortition import Credential, SortitionKey, prove, register, verify
from tests.fakes.fuzzing import TIMES
from tests.reference import alt_bn128 as twin

secrets = st.one_of(st.integers(1, 5), st.integers(twin.Q - 5, twin.Q - 1), st.integers(1, twin.Q - 1))
words = st.one_of(st.integers(0, 3), st.integers(2**256 - 3, 2**256 - 1), st.integers(0, 2**256 - 1))
blocks = st.integers(0, 2**64 - 1)
replicates = st.integers(0, 4095)
nonces = st.integers(1, 2**256 - 1).filter(lambda nonce: nonce % twin.Q != 0)
slow = settings(max_examples=25 * TIMES)


def key_of(secret: int) -> SortitionKey:
    return SortitionKey(twin.word(secret))


@slow
@given(secrets, words, blocks, replicates, nonces)
def test_a_proof_is_that_of_the_twin_and_the_equation_holds(secret, seed, block, replicate, nonce):
    key = key_of(secret)
    assert key.public_key == twin.times(secret, twin.G)
    assert chrono_core.sortition_point(seed, block, replicate) == twin.draw(seed, block, replicate)
    proof = key.prove(seed, block, replicate, nonce=twin.word(nonce))
    assert proof == twin.prove(secret, seed, block, replicate, nonce % twin.Q)
    assert twin.holds(key.public_key, seed, block, replicate, proof)
    assert verify(key.public_key, seed, block, Credential(replicate, proof[:2], *proof[2:]))


@slow
@given(secrets, words, blocks, replicates)
def test_a_random_nonce_gives_another_proof_of_the_same_score(secret, seed, block, replicate):
    key = key_of(secret)
    one, other = (prove(key, seed, block, replicate) for _ in range(2))
    assert one.gamma == other.gamma == twin.times(secret, twin.draw(seed, block, replicate))
    assert one.c != other.c
    assert twin.holds(key.public_key, seed, block, replicate, (*one.gamma, one.c, one.s))


@slow
@given(secrets, words, blocks, replicates, st.integers(0, 255), st.sampled_from(["x", "y", "c", "s"]))
def test_both_refuse_a_proof_with_one_bit_changed(secret, seed, block, replicate, bit, part):
    key = key_of(secret)
    proof = dict(zip("xycs", key.prove(seed, block, replicate), strict=True))
    proof[part] ^= 1 << bit
    forged = (proof["x"], proof["y"], proof["c"], proof["s"])
    assert not twin.holds(key.public_key, seed, block, replicate, forged)
    assert not chrono_core.verify_credential(key.public_key, seed, block, replicate, forged)


@slow
@given(secrets, words, blocks, replicates, st.integers(1, 3))
def test_the_chain_takes_s_plus_the_order_but_not_c_plus_the_order(secret, seed, block, replicate, times):
    key = key_of(secret)
    x, y, c, s = key.prove(seed, block, replicate)
    assert chrono_core.verify_credential(key.public_key, seed, block, replicate, (x, y, c, s + times * twin.Q))
    assert not chrono_core.verify_credential(key.public_key, seed, block, replicate, (x, y, c + times * twin.Q, s))
    assert not chrono_core.verify_credential(key.public_key, seed, block, replicate, (x + twin.P, y, c, s))


@slow
@given(secrets, st.binary(min_size=20, max_size=20), st.integers(0, 159))
def test_a_registration_holds_for_its_identity_alone(secret, identity, bit):
    registration = register(key_of(secret), Address(identity))
    stranger = (int.from_bytes(identity, "big") ^ 1 << bit).to_bytes(20, "big")
    assert registration.holds_for(Address(identity))
    assert not registration.holds_for(Address(stranger))
