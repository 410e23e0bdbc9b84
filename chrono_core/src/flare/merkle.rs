//! The Merkle tree of voting rounds and of reward claims.
//!
//! Source: fsp.md section 4. Leaves are hashes already; they are sorted and kept once. The tree is an
//! array with the root first, the leaves last, and the children of `i` at `2i + 1` and `2i + 2`. A pair
//! is hashed with the smaller half first, so that a proof needs no sides.

use super::keccak::keccak256;

/// A hash: a leaf, a node, the root.
pub type Hash = [u8; 32];

/// A tree over leaves in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MerkleTree {
    nodes: Vec<Hash>,
}

impl MerkleTree {
    /// Builds the tree of these leaves, in any order, each as often as one likes.
    pub fn new(mut leaves: Vec<Hash>) -> Self {
        leaves.sort_unstable();
        leaves.dedup();
        let inner = leaves.len().saturating_sub(1);
        let mut nodes = vec![[0; 32]; inner];
        nodes.append(&mut leaves);
        for at in (0..inner).rev() {
            if let (Some(left), Some(right)) = (nodes.get(2 * at + 1), nodes.get(2 * at + 2)) {
                let hash = pair(left, right);
                if let Some(node) = nodes.get_mut(at) {
                    *node = hash;
                }
            }
        }
        Self { nodes }
    }

    /// Returns the root; none of a tree without leaves.
    pub fn root(&self) -> Option<Hash> {
        self.nodes.first().copied()
    }

    /// Returns the leaves, ascending, each once.
    pub fn leaves(&self) -> &[Hash] {
        self.nodes.get(self.nodes.len() / 2..).unwrap_or_default()
    }

    /// Returns the siblings from `leaf` up to the root; none when the leaf is not in the tree.
    pub fn proof(&self, leaf: &Hash) -> Option<Vec<Hash>> {
        let place = self.leaves().binary_search(leaf).ok()?;
        Some(self.proof_at(place))
    }

    /// Returns the proofs of all leaves, in their order.
    pub fn proofs(&self) -> Vec<Vec<Hash>> {
        (0..self.leaves().len()).map(|place| self.proof_at(place)).collect()
    }

    fn proof_at(&self, place: usize) -> Vec<Hash> {
        let mut at = self.nodes.len() / 2 + place;
        let mut proof = Vec::with_capacity(usize::BITS as usize - at.leading_zeros() as usize);
        while at > 0 {
            // Left children are odd; their siblings stand to the right.
            let sibling = if at % 2 == 1 { at + 1 } else { at - 1 };
            proof.extend(self.nodes.get(sibling));
            at = (at - 1) / 2;
        }
        proof
    }
}

/// Whether `proof` leads from `leaf` to `root`.
///
/// A leaf is not told from a node, as in the contracts: hash what you prove before you ask.
pub fn verify_proof(leaf: &Hash, proof: &[Hash], root: &Hash) -> bool {
    proof.iter().fold(*leaf, |node, sibling| pair(&node, sibling)) == *root
}

fn pair(one: &Hash, other: &Hash) -> Hash {
    let (low, high) = if one <= other { (one, other) } else { (other, one) };
    let mut both = [0; 64];
    both[..32].copy_from_slice(low);
    both[32..].copy_from_slice(high);
    keccak256(&both)
}
