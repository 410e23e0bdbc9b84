"""Roots, leaves in order, and proofs: of the first and the last leaf given."""

from typing import Any

from chrono.flare.merkle import MerkleTree, verify_proof


def answer(case: dict[str, Any]) -> object:
    leaves = [bytes.fromhex(leaf[2:]) for leaf in case["leaves"]]
    tree = MerkleTree(leaves)
    return {
        "root": tree.root and _hex(tree.root),
        "sortedUnique": [_hex(leaf) for leaf in tree.leaves],
        "proofs": [_proof(tree, leaf) for leaf in (leaves[0], leaves[-1])],
    }


def _proof(tree: MerkleTree, leaf: bytes) -> dict[str, Any]:
    proof = tree.proof(leaf)
    return {
        "leaf": _hex(leaf),
        "proof": [_hex(node) for node in proof],
        "verifies": verify_proof(leaf, proof, tree.root or b""),
    }


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
