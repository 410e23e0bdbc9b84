//! The hash of everything on the chain.

use sha3::{Digest, Keccak256};

/// Returns the Keccak-256 of `data`: the padding of 2011, as Ethereum uses it, not that of SHA-3.
pub fn keccak256(data: &[u8]) -> [u8; 32] {
    Keccak256::digest(data).into()
}

#[cfg(test)]
mod tests {
    use super::keccak256;

    #[test]
    fn nothing_has_the_hash_that_every_chain_knows() {
        let hash = keccak256(b"");
        assert_eq!(hash[..4], [0xc5, 0xd2, 0x46, 0x01]);
        assert_eq!(hash[28..], [0x5d, 0x85, 0xa4, 0x70]);
    }
}
