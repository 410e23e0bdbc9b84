"""Commit hashes and reveals against py-flare-common, on random cases: 5,000, or 100,000 with CHRONO_FUZZ=long."""

import os
import random

import pytest
from py_flare_common.fsp.messaging.parse import ftso_submit1, ftso_submit2
from py_flare_common.ftso.commit import commit_hash as reference_hash

from chrono.flare.address import Address
from chrono.flare.commit import Reveal, decode_commit, decode_reveal
from chrono.flare.feed_values import LEAST_VALUE, MOST_VALUE, encode_values
from tests.fakes.fuzzing import LONG

CASES = 100_000 if LONG else 5_000
SEED = int(os.environ.get("CHRONO_FUZZ_SEED", "20261120"))
pytestmark = pytest.mark.timeout(600)
EDGES = [LEAST_VALUE, -1, 0, 1, MOST_VALUE, None]


def a_value(chance: random.Random) -> int | None:
    return chance.choice(EDGES) if chance.random() < 0.2 else chance.randint(LEAST_VALUE, MOST_VALUE)


def a_round(chance: random.Random) -> int:
    return chance.choice([0, 1, 2**32 - 1]) if chance.random() < 0.05 else chance.getrandbits(32)


def test_commit_hashes_and_reveals_are_those_of_py_flare_common() -> None:
    chance = random.Random(SEED)
    for number in range(CASES):
        values = [a_value(chance) for _ in range(chance.randint(1, 80))]
        told = Reveal(chance.randbytes(32), encode_values(values, strip=chance.random() < 0.5))
        address, round_id = Address(chance.randbytes(20)), a_round(chance)
        commit = told.commit_hash(address, round_id)
        as_integer = int.from_bytes(told.random, "big")
        expected = reference_hash("0x" + address.hex(), round_id, as_integer, told.encoded_values)
        assert commit.hex() == expected, (SEED, number)
        assert decode_commit(commit) == ftso_submit1(commit).commit_hash, (SEED, number)
        theirs = ftso_submit2(told.payload)
        ours = decode_reveal(told.payload, random_only=False)
        assert (int.from_bytes(ours.random, "big"), ours.values(len(theirs.values))) == (theirs.random, theirs.values)
        assert ours.values(len(values)) == values, (SEED, number)
