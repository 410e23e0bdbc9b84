"""Commits and reveals: the hash is over the very bytes that are revealed, for one sender and one round."""

import pytest
from eth_abi import encode

from chrono.flare.address import Address
from chrono.flare.commit import Reveal, commit_hash, decode_commit, decode_reveal, new_random
from chrono.flare.feed_values import encode_values
from chrono.flare.refusal import Fault, Refused
from chrono_core import keccak256

ME = Address(bytes(range(20)))
TOLD = Reveal(bytes(31) + b"\x07", encode_values([100, None, 300]))


def fault_of(call) -> Fault:
    with pytest.raises(Refused) as refused:
        call()
    return refused.value.fault


@pytest.mark.parametrize(
    "other",
    [
        (Address(bytes(20)), 5, TOLD),
        (ME, 6, TOLD),
        (ME, 5, Reveal(bytes(32), TOLD.encoded_values)),
        (ME, 5, Reveal(TOLD.random, encode_values([100, None, 301]))),
    ],
)
def test_a_commit_fixes_the_sender_the_round_the_random_and_the_values(other: tuple[Address, int, Reveal]) -> None:
    address, round_id, told = other
    assert told.commit_hash(address, round_id) != TOLD.commit_hash(ME, 5)


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 64, 252])
def test_a_commit_is_the_hash_of_the_abi_encoding_whatever_the_length_of_the_values(length: int) -> None:
    values = bytes(range(length))
    encoded = encode(["address", "uint32", "uint256", "bytes"], ["0x" + ME.hex(), 5, 7, values])
    assert commit_hash(ME, 5, TOLD.random, values) == keccak256(encoded)


def test_a_commit_is_over_the_stripped_bytes_not_over_what_they_mean() -> None:
    values = [1, None]
    stripped, whole = (Reveal(bytes(32), encode_values(values, strip=strip)) for strip in (True, False))
    assert stripped.values(2) == whole.values(2)
    assert stripped.commit_hash(ME, 5) != whole.commit_hash(ME, 5)


def test_a_reveal_comes_back_from_its_payload() -> None:
    assert decode_reveal(TOLD.payload, random_only=False) == TOLD
    assert TOLD.values(4) == [100, None, 300, None]


def test_a_random_comes_from_the_given_source_and_two_of_the_system_differ() -> None:
    assert new_random(lambda count: b"\xab" * count) == b"\xab" * 32
    first, second = new_random(), new_random()
    assert len(first) == 32
    assert first != second


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_commit_that_is_not_32_bytes_is_refused(length: int) -> None:
    assert fault_of(lambda: decode_commit(bytes(length))) is Fault.COMMIT_LENGTH


@pytest.mark.parametrize("length", [0, 31])
def test_a_reveal_without_a_whole_random_is_refused(length: int) -> None:
    assert fault_of(lambda: decode_reveal(bytes(length), random_only=True)) is Fault.RANDOM_LENGTH


def test_a_reveal_of_nothing_but_a_random_is_refused_before_fip16_and_all_empty_from_it_on() -> None:
    # The reference throws on it before FIP.16; all providers must hold the same sender for an offender.
    assert fault_of(lambda: decode_reveal(bytes(32), random_only=False)) is Fault.RANDOM_ONLY
    assert decode_reveal(bytes(32), random_only=True).values(2) == [None, None]


def test_a_random_of_another_length_is_neither_hashed_nor_sent() -> None:
    for length in (0, 31, 33):
        told = Reveal(bytes(length), b"")
        assert fault_of(lambda told=told: told.payload) is Fault.RANDOM_LENGTH
        assert fault_of(lambda told=told: commit_hash(ME, 1, told.random, b"")) is Fault.RANDOM_LENGTH
