//! The protocol's sums against slow and obvious twins, and as the mathematics says.

use chrono_core::flare::{
    Credential, Draw, Hash, MerkleTree, Point, SortitionKey, VoteMedian, keccak256, verify_credential,
    verify_proof, verify_registration, vote_median,
};
use num_bigint::{BigInt, BigUint};
use proptest::collection::vec;
use proptest::prelude::*;

/// Few values and few weights, so that ties, zeros and exact halves happen often; and the extremes.
fn votes() -> impl Strategy<Value = Vec<(i64, u128)>> {
    let value = prop_oneof![4 => -3_i64..4, 1 => any::<i64>(), 1 => any::<i32>().prop_map(i64::from)];
    let weight = prop_oneof![3 => 0_u128..4, 1 => 0..u128::MAX / 128, 1 => Just(1 << 90)];
    vec((value, weight), 0..20)
}

/// Half and quarter without division: whole sums are compared after being doubled or quadrupled.
fn twin(votes: &[(i64, u128)]) -> Option<VoteMedian<BigInt, BigUint>> {
    let mut sorted: Vec<(BigInt, BigUint)> =
        votes.iter().map(|(value, weight)| (BigInt::from(*value), BigUint::from(*weight))).collect();
    sorted.sort_by(|one, other| one.0.cmp(&other.0));
    let sum = |part: &[(BigInt, BigUint)]| part.iter().map(|vote| &vote.1).sum::<BigUint>();
    let total = sum(&sorted);
    let at = (0..sorted.len()).find(|at| sum(&sorted[..=*at]) * 2_u8 >= total)?;
    let value = if sum(&sorted[..=at]) * 2_u8 == total {
        let both = &sorted[at].0 + &sorted.get(at + 1)?.0;
        let down = BigInt::from(i32::from(both.bit(0)));
        (both - down) / 2
    } else {
        sorted[at].0.clone()
    };
    let quartile = |part: &dyn Fn(usize) -> BigUint, mut places: Box<dyn Iterator<Item = usize>>| {
        places.find(|at| part(*at) * 4_u8 > total).map(|at| sorted[at].0.clone())
    };
    Some(VoteMedian {
        value,
        quartile1: quartile(&|at| sum(&sorted[..=at]), Box::new(0..sorted.len())),
        quartile3: quartile(&|at| sum(&sorted[at..]), Box::new((0..sorted.len()).rev())),
        participating_weight: total.clone(),
    })
}

fn widened(found: VoteMedian<i64, u128>) -> VoteMedian<BigInt, BigUint> {
    VoteMedian {
        value: found.value.into(),
        quartile1: found.quartile1.map(BigInt::from),
        quartile3: found.quartile3.map(BigInt::from),
        participating_weight: found.participating_weight.into(),
    }
}

fn leaves() -> impl Strategy<Value = Vec<Hash>> {
    vec(any::<u16>().prop_map(|n| keccak256(&(n % 50).to_be_bytes())), 1..40)
}

proptest! {
    #[test]
    fn the_median_is_that_of_the_twin_in_narrow_and_in_wide_numbers(votes in votes()) {
        let expected = twin(&votes);
        let weights: Vec<u128> = votes.iter().map(|vote| vote.1).collect();
        let mut narrow: Vec<(i64, u32)> = votes.iter().map(|vote| vote.0).zip(0..).collect();
        prop_assert_eq!(vote_median(&mut narrow, &weights).unwrap().map(widened), expected.clone());
        let weights: Vec<BigUint> = weights.into_iter().map(BigUint::from).collect();
        let mut wide: Vec<(BigInt, u32)> = votes.iter().map(|vote| vote.0.into()).zip(0..).collect();
        prop_assert_eq!(vote_median(&mut wide, &weights).unwrap(), expected);
    }

    #[test]
    fn the_median_lies_between_the_lowest_and_the_highest_vote(votes in votes()) {
        let weights: Vec<u128> = votes.iter().map(|vote| vote.1).collect();
        let mut narrow: Vec<(i64, u32)> = votes.iter().map(|vote| vote.0).zip(0..).collect();
        if let Some(found) = vote_median(&mut narrow, &weights).unwrap() {
            prop_assert!(narrow[0].0 <= found.value && found.value <= narrow[narrow.len() - 1].0);
            prop_assert!(found.quartile1 <= found.quartile3);
        }
    }

    #[test]
    fn every_leaf_has_a_proof_and_no_changed_bit_passes(
        leaves in leaves(), which in any::<prop::sample::Index>(), bit in 0_usize..256, part in any::<prop::sample::Index>(),
    ) {
        let tree = MerkleTree::new(leaves.clone());
        let root = tree.root().unwrap();
        for (leaf, proof) in tree.leaves().iter().zip(tree.proofs()) {
            prop_assert!(verify_proof(leaf, &proof, &root));
            prop_assert_eq!(tree.proof(leaf), Some(proof));
        }
        let mut leaf = *which.get(&leaves);
        let mut proof = tree.proof(&leaf).unwrap();
        let mut changed_root = root;
        let depth = proof.len();
        let target = match part.index(depth + 2) {
            0 => &mut leaf,
            1 => &mut changed_root,
            at => &mut proof[at - 2],
        };
        target[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!verify_proof(&leaf, &proof, &changed_root));
    }

    #[test]
    fn a_tree_does_not_know_the_order_nor_the_number_of_its_leaves(leaves in leaves()) {
        let tree = MerkleTree::new(leaves.clone());
        let twice: Vec<Hash> = leaves.iter().rev().chain(&leaves).copied().collect();
        prop_assert_eq!(&MerkleTree::new(twice), &tree);
        prop_assert!(tree.leaves().is_sorted_by(|one, next| one < next));
        prop_assert_eq!(tree.proof(&[7; 32]), None);
    }
}

fn key() -> impl Strategy<Value = SortitionKey> {
    any::<[u8; 32]>().prop_map(|mut secret| {
        secret[0] &= 0x1f;
        secret[31] |= 1;
        SortitionKey::new(&secret).unwrap()
    })
}

proptest! {
    // Each case multiplies a dozen points; the long form is that of the Python twin.
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_draw_is_proved_for_itself_and_for_nothing_else(
        key in key(), other in key(), seed: [u8; 32], block: u64, replicate in 0_u64..4096, nonce: [u8; 32],
        bit in 0_usize..256,
    ) {
        let draw = Draw { seed, block, replicate };
        let given = key.prove(&draw, Some(&nonce)).unwrap();
        let drawn = key.prove(&draw, None).unwrap();
        prop_assert_eq!(given.gamma, drawn.gamma);
        prop_assert_eq!(key.gamma(&draw), drawn.gamma);
        prop_assert_ne!(given.c, drawn.c);
        let public = key.public_key();
        let passes = |draw: &Draw, credential: &Credential| verify_credential(&public, draw, credential);
        prop_assert!(passes(&draw, &given) && passes(&draw, &drawn));
        for elsewhere in [Draw { replicate: replicate + 1, ..draw }, Draw { block: block ^ 1, ..draw }] {
            prop_assert!(!passes(&elsewhere, &given));
        }
        prop_assert!(!verify_credential(&other.public_key(), &draw, &given));
        let changed = |word: [u8; 32]| { let mut word = word; word[bit / 8] ^= 1 << (bit % 8); word };
        let beside = Point { x: changed(given.gamma.x), ..given.gamma };
        let forged = [
            Credential { c: changed(given.c), ..given },
            Credential { s: changed(given.s), ..given },
            Credential { gamma: beside, ..given },
        ];
        prop_assert!(forged.iter().all(|one| !passes(&draw, one)));
    }

    #[test]
    fn the_winners_of_blocks_are_the_draws_that_are_not_above_the_cutoff(
        key in key(), seed: [u8; 32], first in 0_u64..u64::MAX / 2, cut in 0_u8..0x31,
    ) {
        let mut cutoff = [0xff; 32];
        cutoff[0] = cut;
        let found = key.winners(&seed, first, &[cutoff, [0; 32], cutoff], 4);
        let mut expected = Vec::new();
        for block in [first, first + 2] {
            for replicate in 0..4 {
                let score = key.gamma(&Draw { seed, block, replicate }).x;
                if score <= cutoff {
                    expected.push((block, replicate, score));
                }
            }
        }
        let found: Vec<_> = found.iter().map(|one| (one.block, one.replicate, one.score)).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn a_key_registers_for_its_identity_and_for_no_other(
        key in key(), other in key(), identity: [u8; 20], bit in 0_usize..160,
    ) {
        let registration = key.register(&identity, None).unwrap();
        let mut stranger = identity;
        stranger[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify_registration(&key.public_key(), &identity, &registration));
        prop_assert!(!verify_registration(&key.public_key(), &stranger, &registration));
        prop_assert!(!verify_registration(&other.public_key(), &identity, &registration));
    }
}

#[test]
fn a_score_equal_to_the_cutoff_wins() {
    let key = SortitionKey::new(&[5; 32]).unwrap();
    let draw = Draw { seed: [9; 32], block: 70, replicate: 0 };
    let score = key.gamma(&draw).x;
    let mut below = score;
    below[31] = below[31].wrapping_sub(1);
    assert_eq!(key.winners(&draw.seed, 70, &[score], 1).len(), 1);
    assert!(below < score && key.winners(&draw.seed, 70, &[below], 1).is_empty());
}

#[test]
fn a_key_does_not_show_its_secret() {
    let secret = [3; 32];
    let shown = format!("{:?}", SortitionKey::new(&secret).unwrap());
    let number = BigUint::from_bytes_be(&secret);
    for spelling in [number.to_string(), format!("{number:x}"), "03, 03".to_owned(), "3, 3".to_owned()] {
        assert!(!shown.to_lowercase().contains(&spelling), "{shown}");
    }
}

#[test]
fn no_secret_outside_the_group_is_taken() {
    let order = BigUint::parse_bytes(b"30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001", 16);
    let order: [u8; 32] = order.unwrap().to_bytes_be().try_into().unwrap();
    let mut last = order;
    last[31] = 0;
    assert!(SortitionKey::new(&[0; 32]).is_err());
    assert!(SortitionKey::new(&order).is_err());
    assert!(SortitionKey::new(&[0xff; 32]).is_err());
    assert!(SortitionKey::new(&last).is_ok());
}
