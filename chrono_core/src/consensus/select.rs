//! The weighted median of one source's points, without sorting them all.
//!
//! Positive floats are ordered like their bit patterns, so prices are looked at as integers: they are
//! counted into 64 bins, the bin in which half of the weight is passed is kept, and so on until few
//! remain. Each round narrows the range 64 times, so that no input needs more than eleven rounds.

use super::gather::Row;
use crate::sums::halfway;

const BIN_BITS: u32 = 6;
const FEW: usize = 16;

/// A price as its bit pattern, and its weight.
pub(crate) type Key = (u64, u64);

/// Where the prices of a source lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub lowest: f64,
    pub middle: f64,
    pub highest: f64,
}

/// Returns the weighted median of the rows with other weights than their own; 0 without rows.
pub(crate) fn middle_of(rows: &[Row], weight: impl Fn(&Row) -> u64, near: &mut Vec<Key>) -> f64 {
    near.clear();
    near.extend(rows.iter().map(|row| (row.price.to_bits(), weight(row))));
    let total: u64 = near.iter().map(|key| key.1).sum();
    let range = bounds(near);
    middle(rows, near, range, total)
}

/// Returns the weighted median of the rows (for its meaning see `weighted_median`) and their range.
///
/// Prices are positive, weights at least 1, and the sum of weights fits into 64 bits. `near` is
/// scratch space.
pub(crate) fn place(rows: &[Row], near: &mut Vec<Key>) -> Place {
    near.clear();
    near.extend(rows.iter().map(|row| (row.price.to_bits(), row.weight)));
    let total: u64 = near.iter().map(|key| key.1).sum();
    let (lowest, highest) = bounds(near);
    let middle = middle(rows, near, (lowest, highest), total);
    Place { lowest: f64::from_bits(lowest), middle, highest: f64::from_bits(highest) }
}

fn middle(rows: &[Row], near: &mut Vec<Key>, mut range: (u64, u64), total: u64) -> f64 {
    let mut below = 0;
    while near.len() > FEW {
        let (low, high) = range;
        if low == high {
            return f64::from_bits(low);
        }
        let shift = (64 - (high - low).leading_zeros()).saturating_sub(BIN_BITS);
        let (bin, passed) = half_bin(near, low, shift, below, total);
        below = passed;
        near.retain(|key| (key.0 - low) >> shift == bin);
        range = bounds(near);
    }
    near.sort_unstable();
    settle(rows, near, below, total)
}

fn bounds(keys: &[Key]) -> (u64, u64) {
    keys.iter().fold((u64::MAX, 0), |(low, high), key| (low.min(key.0), high.max(key.0)))
}

/// The bin in which half of the weight is reached, and the weight below that bin.
fn half_bin(keys: &[Key], low: u64, shift: u32, below: u64, total: u64) -> (u64, u64) {
    let mut bins = [0u64; 1 << BIN_BITS];
    for key in keys {
        // The mask changes nothing (the shift leaves six bits); it spares the bounds check.
        bins[((key.0 - low) >> shift) as usize & (bins.len() - 1)] += key.1;
    }
    let mut passed = below;
    for (bin, weight) in bins.iter().enumerate() {
        let next = passed + weight;
        if *weight > 0 && next >= total - next {
            return (bin as u64, passed);
        }
        passed = next;
    }
    (0, below)
}

/// Walks the few remaining keys, ascending, up to the one at which half is passed or met.
fn settle(rows: &[Row], near: &[Key], below: u64, total: u64) -> f64 {
    let mut passed = below;
    for (at, &(bits, weight)) in near.iter().enumerate() {
        passed += weight;
        let rest = total - passed;
        if passed > rest {
            return f64::from_bits(bits);
        }
        if passed == rest {
            let next = near.get(at + 1).map(|key| key.0).or_else(|| next_above(rows, bits));
            return halfway(f64::from_bits(bits), f64::from_bits(next.unwrap_or(bits)));
        }
    }
    0.0
}

fn next_above(rows: &[Row], bits: u64) -> Option<u64> {
    rows.iter().map(|row| row.price.to_bits()).filter(|other| *other > bits).min()
}
