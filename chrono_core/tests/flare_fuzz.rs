//! Any bytes at all at the protocol's sums: nothing panics, and nothing forged passes.
//!
//! `CHRONO_CORE_FUZZ=1000000 cargo test --release -p chrono_core --test flare_fuzz` for a long run; a
//! failure prints the seed of its case, and `CHRONO_CORE_FUZZ_SEED` starts there.

use chrono_core::flare::{
    Credential, Draw, Hash, MerkleTree, Point, Registration, SortitionKey, keccak256, verify_credential,
    verify_proof, verify_registration, vote_median,
};

const P: [u64; 4] =
    [0x3064_4e72_e131_a029, 0xb850_45b6_8181_585d, 0x9781_6a91_6871_ca8d, 0x3c20_8c16_d87c_fd47];
const Q: [u64; 4] =
    [0x3064_4e72_e131_a029, 0xb850_45b6_8181_585d, 0x2833_e848_79b9_7091, 0x43e1_f593_f000_0001];

/// xorshift64*.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 16) % n
    }

    /// Words around the edges of the fields, or any.
    fn word(&mut self) -> [u8; 32] {
        let mut limbs = match self.below(6) {
            0 => [0; 4],
            1 => P,
            2 => Q,
            3 => [u64::MAX; 4],
            _ => [(); 4].map(|()| self.next()),
        };
        limbs[3] = match self.below(4) {
            0 => limbs[3].wrapping_sub(1),
            1 => limbs[3].wrapping_add(1),
            _ => limbs[3],
        };
        let mut word = [0; 32];
        for (bytes, limb) in word.chunks_exact_mut(8).zip(limbs) {
            bytes.copy_from_slice(&limb.to_be_bytes());
        }
        word
    }

    /// A point of the curve, now and then one beside it.
    fn point(&mut self) -> Point {
        let mut generator = Point { x: [0; 32], y: [0; 32] };
        generator.x[31] = 1;
        generator.y[31] = 2;
        if self.below(2) == 0 { generator } else { Point { x: self.word(), y: self.word() } }
    }
}

fn medians(dice: &mut Dice) {
    let n = dice.below(12);
    let mut votes: Vec<(i64, u32)> = (0..n)
        .map(|_| {
            let value = if dice.below(2) == 0 { dice.next() as i64 } else { dice.below(4) as i64 };
            (value, if dice.below(30) == 0 { u32::MAX } else { dice.below(12) as u32 })
        })
        .collect();
    let weights: Vec<u128> = (0..dice.below(12))
        .map(|_| if dice.below(9) == 0 { u128::MAX / 4 } else { u128::from(dice.below(5)) })
        .collect();
    if let Ok(Some(found)) = vote_median(&mut votes, &weights) {
        let (low, high) = (votes[0].0, votes[votes.len() - 1].0);
        assert!(low <= found.value && found.value <= high, "{found:?}");
    }
}

fn trees(dice: &mut Dice) {
    let leaves: Vec<Hash> = (0..dice.below(20)).map(|_| dice.word()).collect();
    let tree = MerkleTree::new(leaves.clone());
    assert_eq!(tree.root().is_none(), leaves.is_empty());
    let forged: Vec<Hash> = (0..dice.below(6)).map(|_| dice.word()).collect();
    let (leaf, root) = (keccak256(&dice.word()), tree.root().unwrap_or_default());
    assert!(!verify_proof(&leaf, &forged, &root));
    assert_eq!(tree.proof(&leaf), None);
}

fn sortition(dice: &mut Dice) {
    let draw = Draw { seed: dice.word(), block: dice.next(), replicate: dice.next() };
    let credential = Credential { gamma: dice.point(), c: dice.word(), s: dice.word() };
    assert!(!verify_credential(&dice.point(), &draw, &credential));
    let registration = Registration { s: dice.word(), r: dice.point() };
    assert!(!verify_registration(&dice.point(), &[1; 20], &registration));
    let Ok(key) = SortitionKey::new(&dice.word()) else { return };
    let Ok(credential) = key.prove(&draw, Some(&dice.word())) else { return };
    assert!(verify_credential(&key.public_key(), &draw, &credential));
    let cutoffs: Vec<[u8; 32]> = (0..dice.below(3)).map(|_| dice.word()).collect();
    let blocks_left = u64::MAX - dice.below(3);
    let first = if dice.below(4) == 0 { blocks_left } else { dice.below(1000) };
    assert!(key.winners(&draw.seed, first, &cutoffs, dice.below(3)).len() <= 6);
}

#[test]
fn arbitrary_bytes_neither_panic_nor_pass() {
    let setting = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let cases = setting("CHRONO_CORE_FUZZ", 6_000);
    let first = setting("CHRONO_CORE_FUZZ_SEED", 1);
    for seed in first..first + cases {
        let case = std::panic::catch_unwind(|| {
            let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
            match seed % 200 {
                0 => sortition(&mut dice),
                odd if odd % 2 == 1 => medians(&mut dice),
                _ => trees(&mut dice),
            }
        });
        assert!(case.is_ok(), "seed {seed}");
    }
}
