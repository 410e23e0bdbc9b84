//! The group of alt_bn128 (G1) as the sortition uses it: words in, words out, and the hash to a point.
//!
//! Sources: fsp.md section 8; EIP-196 for the curve y^2 = x^3 + 3. A word is a 256-bit number, most
//! significant byte first.

use ark_bn254::{Fq, Fr, G1Affine};
use ark_ec::AffineRepr;
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use sha2::{Digest, Sha256};

use super::error::SortitionError;

/// A 256-bit number, most significant byte first.
pub type Word = [u8; 32];

/// A point by its coordinates. Neither the point at infinity nor one beside the curve is ever given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    pub x: Word,
    pub y: Word,
}

impl Point {
    /// Reads the point for sums.
    ///
    /// # Errors
    /// `NotOnCurve`, also for a coordinate beyond the field: the chain's precompiles refuse it too.
    pub(super) fn read(&self) -> Result<G1Affine, SortitionError> {
        let (x, y) = (read_field(&self.x), read_field(&self.y));
        let (Some(x), Some(y)) = (x, y) else { return Err(SortitionError::NotOnCurve) };
        // The group has prime order and no cofactor, so that being on the curve is enough.
        let point = G1Affine::new_unchecked(x, y);
        // (0, 0) stands for infinity here, and the contract refuses that.
        if point.is_on_curve() && !point.is_zero() { Ok(point) } else { Err(SortitionError::NotOnCurve) }
    }

    /// Writes a point; none at infinity, which has no coordinates.
    pub(super) fn write(point: &G1Affine) -> Option<Self> {
        point.xy().map(|(x, y)| Self { x: word_of(&x), y: word_of(&y) })
    }
}

/// A field element or a scalar as a word.
pub(super) fn word_of<F: PrimeField>(number: &F) -> Word {
    let mut word = [0; 32];
    for (to, from) in word.iter_mut().zip(number.into_bigint().to_bytes_be()) {
        *to = from;
    }
    word
}

/// The scalar that a word means, if it is below the order of the group.
pub(super) fn read_scalar(word: &Word) -> Option<Fr> {
    Fr::from_bigint(limbs(word))
}

fn read_field(word: &Word) -> Option<Fq> {
    Fq::from_bigint(limbs(word))
}

/// A word as four limbs, the least first: the form in which words are compared fast.
pub(super) fn limbs(word: &Word) -> ark_ff::BigInt<4> {
    let mut limbs = [0; 4];
    for (limb, bytes) in limbs.iter_mut().rev().zip(word.as_chunks::<8>().0) {
        *limb = u64::from_be_bytes(*bytes);
    }
    ark_ff::BigInt(limbs)
}

/// (p + 1) / 4, least limb first: the exponent of the square root, since p = 3 modulo 4.
const ROOT: [u64; 4] =
    [0x4f08_2305_b61f_3f52, 0x65e0_5aa4_5a1c_72a3, 0x6e14_116d_a060_5617, 0x0c19_139c_b84c_680a];

/// Hashes a message to a point: the first x from sha256(m) on that has one, and the root that p gives.
///
/// The number of steps depends on the message, which is public.
pub(super) fn hash_to_curve(message: &[u8]) -> G1Affine {
    let mut x = Fq::from_be_bytes_mod_order(&Sha256::digest(message));
    let three = Fq::from(3_u8);
    loop {
        let square = x.square() * x + three;
        let root = power_of_root(&square);
        // The contract passes over the root of zero as well.
        if root.square() == square && square != Fq::ZERO {
            return G1Affine::new_unchecked(x, root);
        }
        x += Fq::ONE;
    }
}

/// `base` to the power of `ROOT`, four bits at a time.
fn power_of_root(base: &Fq) -> Fq {
    let mut table = [Fq::ONE; 16];
    for at in 1..16 {
        table[at] = table[at - 1] * base;
    }
    let mut power = Fq::ONE;
    for limb in ROOT.iter().rev() {
        for shift in (0..64).step_by(4).rev() {
            power.square_in_place();
            power.square_in_place();
            power.square_in_place();
            power.square_in_place();
            let digit = (limb >> shift & 15) as usize;
            if digit != 0 {
                power *= table[digit];
            }
        }
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_hashes_to_the_first_x_that_has_a_point() {
        for message in 0_u8..60 {
            let point = hash_to_curve(&[message]);
            assert!(point.is_on_curve());
            let mut x = Fq::from_be_bytes_mod_order(&Sha256::digest([message]));
            while x != point.x {
                assert!((x.square() * x + Fq::from(3)).legendre().is_qnr());
                x += Fq::ONE;
            }
        }
    }

    #[test]
    fn no_point_is_read_beside_the_curve_or_beyond_the_field() {
        let point = Point::write(&hash_to_curve(b"point")).unwrap();
        assert!(point.read().is_ok());
        let mirrored = Point { x: point.y, y: point.x };
        let beyond = Point { x: [0xff; 32], ..point };
        let infinity = Point { x: [0; 32], y: [0; 32] };
        for refused in [mirrored, beyond, infinity] {
            assert_eq!(refused.read(), Err(SortitionError::NotOnCurve));
        }
    }
}
