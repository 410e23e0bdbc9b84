"""The Merkle tree against its definition, and proofs that nothing else passes for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chrono.flare.merkle import MerkleTree, verify_proof
from tests.reference import protocol_sums as twin

leaves = st.lists(st.binary(min_size=32, max_size=32), max_size=40)
some_leaves = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40)


@given(leaves)
def test_the_root_is_that_of_the_twin(hashes):
    tree = MerkleTree(hashes)
    assert tree.root == twin.root(hashes)
    assert tree.leaves == sorted(set(hashes))
    assert len(tree) == len(set(hashes))


@given(some_leaves)
def test_every_proof_leads_to_the_root(hashes):
    tree = MerkleTree(iter(hashes))
    assert tree.root is not None
    assert tree.proofs() == [tree.proof(leaf) for leaf in tree.leaves]
    for leaf in hashes:
        assert twin.climb(leaf, tree.proof(leaf)) == tree.root
        assert verify_proof(leaf, tree.proof(leaf), tree.root)


@given(some_leaves, st.data())
def test_no_changed_bit_passes(hashes, data):
    tree = MerkleTree(hashes)
    leaf = data.draw(st.sampled_from(hashes))
    parts = [leaf, tree.root or b"", *tree.proof(leaf)]
    place, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[place] = (int.from_bytes(parts[place], "big") ^ 1 << bit).to_bytes(32, "big")
    assert not verify_proof(parts[0], parts[2:], parts[1])


@given(some_leaves, st.binary(max_size=40).filter(lambda data: len(data) != 32))
def test_what_has_not_32_bytes_never_passes(hashes, odd):
    tree = MerkleTree(hashes)
    assert tree.root is not None
    proof = tree.proof(hashes[0])
    assert not verify_proof(odd, proof, tree.root)
    assert not verify_proof(hashes[0], proof, odd)
    assert not verify_proof(hashes[0], [*proof, odd], tree.root)
    with pytest.raises(ValueError, match="not in the tree"):
        tree.proof(odd)
    with pytest.raises(ValueError, match=f"leaves\\[{len(hashes)}\\] has {len(odd)} bytes"):
        MerkleTree([*hashes, odd])


def test_a_tree_of_nothing_has_no_root():
    assert MerkleTree([]).root is None
    assert MerkleTree([]).leaves == []
    with pytest.raises(TypeError):
        MerkleTree(["00" * 32])  # type: ignore[list-item]
