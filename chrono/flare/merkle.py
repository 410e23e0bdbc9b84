"""The Merkle tree over a round's results and over an epoch's reward claims; its sums are `chrono_core`'s.

Leaves are Keccak hashes of 32 bytes, sorted ascending and kept once; a pair is hashed with the smaller
half first, so that a proof is the list of siblings upwards and OpenZeppelin's `MerkleProof` agrees. One
leaf is its own root, with an empty proof. Source: fsp.md section 4.
"""

from chrono_core import MerkleTree, verify_proof

__all__ = ["MerkleTree", "verify_proof"]
