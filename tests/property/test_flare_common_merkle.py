"""100,000 random Merkle trees beside py-flare-common: roots, leaves, and a proof of each.

Its one fault on this ground is allowed for: it refuses the empty proof of a tree with a single leaf.
"""

import os
import random

import pytest
from py_flare_common.merkle import MerkleTree as TheirTree
from py_flare_common.merkle.tree import verify_with_merkle_proof

from chrono.flare.merkle import MerkleTree, verify_proof

SEED = int(os.environ.get("CHRONO_FUZZ_SEED", "20251121"))
CASES = 100_000


def _leaves(dice: random.Random) -> list[bytes]:
    leaves = [dice.randbytes(32) for _ in range(dice.choice((0, 1, 1, 2, 3, 4, 5, 7, 8, 9, 16)))]
    # Now and then a leaf that is there already, and one with leading zeros.
    if leaves and dice.random() < 0.2:
        leaves.append(dice.choice(leaves))
    if leaves and dice.random() < 0.2:
        leaves.append(bytes(31) + dice.randbytes(1))
    return leaves


@pytest.mark.timeout(3600)
def test_roots_and_proofs_are_those_of_py_flare_common():
    dice = random.Random(SEED)
    for number in range(CASES):
        leaves = _leaves(dice)
        ours, theirs = MerkleTree(leaves), TheirTree(["0x" + leaf.hex() for leaf in leaves])
        told = f"CHRONO_FUZZ_SEED={SEED}, case {number}: {[leaf.hex() for leaf in leaves]}"
        assert (ours.root and "0x" + ours.root.hex()) == theirs.root, told
        assert ["0x" + leaf.hex() for leaf in ours.leaves] == theirs.sorted_hashes[: len(ours)], told
        if ours.root is None:
            continue
        leaf = dice.choice(leaves)
        proof = ours.proof(leaf)
        assert ["0x" + node.hex() for node in proof] == theirs.get_proof("0x" + leaf.hex()), told
        assert verify_proof(leaf, proof, ours.root), told
        spelled = "0x" + leaf.hex(), ["0x" + node.hex() for node in proof], "0x" + ours.root.hex()
        assert verify_with_merkle_proof(*spelled) == (len(ours) > 1), told
