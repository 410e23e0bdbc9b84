//! The network's weighted median with its quartiles, in whole numbers of any width.
//!
//! Source: fsp.md section 3. Every provider must find the same integers, so nothing here rounds except
//! where the rule itself does. Votes are read by position: of two equal values, the one that came
//! first stays first, since a vote without weight may be the NEXT of the rule.

use num_bigint::{BigInt, BigUint};

/// What the votes on one feed give. `V` is the width of the values, `W` that of the weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoteMedian<V, W> {
    /// The value at which half of the weight is reached.
    pub value: V,
    /// The first value from below at which more than a quarter is passed; none when nobody has weight.
    pub quartile1: Option<V>,
    /// The same from above.
    pub quartile3: Option<V>,
    /// The weight of everybody who voted.
    pub participating_weight: W,
}

/// A whole number that can be halved toward minus infinity.
pub trait Value: Clone + Ord {
    /// floor((self + other) / 2), without overflow.
    fn halfway(&self, other: &Self) -> Self;
}

/// A whole number of zero or more.
pub trait Weight: Clone + Default + Ord {
    /// The sum; none when it does not fit.
    fn plus(&self, other: &Self) -> Option<Self>;
    /// Half of it, rounded up; whether it is even; a quarter of it, rounded down.
    fn parts(&self) -> (Self, bool, Self);
}

impl Value for i64 {
    fn halfway(&self, other: &Self) -> Self {
        (self & other) + ((self ^ other) >> 1)
    }
}

impl Value for i128 {
    fn halfway(&self, other: &Self) -> Self {
        (self & other) + ((self ^ other) >> 1)
    }
}

impl Value for BigInt {
    fn halfway(&self, other: &Self) -> Self {
        // A shift to the right of a negative number rounds down, as it does for the machine's own.
        (self + other) >> 1_u8
    }
}

impl Weight for u128 {
    fn plus(&self, other: &Self) -> Option<Self> {
        self.checked_add(*other)
    }

    fn parts(&self) -> (Self, bool, Self) {
        (self / 2 + self % 2, self.is_multiple_of(2), self / 4)
    }
}

impl Weight for BigUint {
    fn plus(&self, other: &Self) -> Option<Self> {
        Some(self + other)
    }

    fn parts(&self) -> (Self, bool, Self) {
        ((self + 1_u8) >> 1_u8, !self.bit(0), self >> 2_u8)
    }
}

/// The weights do not add up within their width: take a wider one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooWide;

/// Returns the median of `votes`, each a value and the place of its voter in `weights`.
///
/// None when nobody voted, and when a single vote has no weight (the reference breaks there). A place
/// outside `weights` weighs nothing. The votes are left in order of value.
///
/// # Errors
/// `TooWide` when the sum of the weights overflows `W`.
pub fn vote_median<V: Value, W: Weight>(
    votes: &mut [(V, u32)],
    weights: &[W],
) -> Result<Option<VoteMedian<V, W>>, TooWide> {
    // By value, then by place: a stable sort by value at the speed of an unstable one.
    votes.sort_unstable();
    let nothing = W::default();
    let weight = |place: u32| weights.get(place as usize).unwrap_or(&nothing);
    let mut total = W::default();
    for (_, place) in votes.iter() {
        total = total.plus(weight(*place)).ok_or(TooWide)?;
    }
    let (half, even, quarter) = total.parts();
    let middle = reach(votes.iter(), &weight, |sum| *sum >= half)?.and_then(|(at, sum)| {
        let value = &votes.get(at)?.0;
        if even && sum == half { Some(value.halfway(&votes.get(at + 1)?.0)) } else { Some(value.clone()) }
    });
    let Some(value) = middle else { return Ok(None) };
    let first = reach(votes.iter(), &weight, |sum| *sum > quarter)?;
    let third = reach(votes.iter().rev(), &weight, |sum| *sum > quarter)?;
    let from_below = |at: usize| votes.get(at).map(|vote| vote.0.clone());
    let from_above = |at: usize| votes.iter().rev().nth(at).map(|vote| vote.0.clone());
    Ok(Some(VoteMedian {
        value,
        quartile1: first.and_then(|(at, _)| from_below(at)),
        quartile3: third.and_then(|(at, _)| from_above(at)),
        participating_weight: total,
    }))
}

/// The first step of a walk at which the weight so far is `enough`, and that weight.
fn reach<'a, V: 'a, W: Weight + 'a>(
    votes: impl Iterator<Item = &'a (V, u32)>,
    weight: &impl Fn(u32) -> &'a W,
    enough: impl Fn(&W) -> bool,
) -> Result<Option<(usize, W)>, TooWide> {
    let mut sum = W::default();
    for (at, (_, place)) in votes.enumerate() {
        sum = sum.plus(weight(*place)).ok_or(TooWide)?;
        if enough(&sum) {
            return Ok(Some((at, sum)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[i64], weights: &[u128]) -> Option<VoteMedian<i64, u128>> {
        let mut votes: Vec<(i64, u32)> = values.iter().copied().zip(0..).collect();
        vote_median(&mut votes, weights).unwrap()
    }

    #[test]
    fn the_next_vote_counts_even_without_weight() {
        assert_eq!(of(&[1, 2, 3], &[5, 0, 5]).unwrap().value, 1);
        assert_eq!(of(&[1, 1, 3], &[5, 0, 5]).unwrap().value, 1);
        assert_eq!(of(&[1, 1, 3], &[0, 5, 5]).unwrap().value, 2);
    }

    #[test]
    fn the_mean_of_negative_values_is_rounded_down() {
        assert_eq!(of(&[-2, 1], &[1, 1]).unwrap().value, -1);
        assert_eq!(of(&[i64::MAX, i64::MIN], &[1, 1]).unwrap().value, -1);
    }

    #[test]
    fn nobody_has_a_median_and_neither_has_one_vote_without_weight() {
        assert_eq!(of(&[], &[]), None);
        assert_eq!(of(&[1], &[0]), None);
        assert_eq!(of(&[4, 1], &[0, 0]).map(|m| (m.value, m.quartile1, m.quartile3)), Some((2, None, None)));
    }

    #[test]
    fn a_sum_beyond_the_width_is_told() {
        let mut votes = [(1_i64, 0), (2, 1)];
        assert_eq!(vote_median(&mut votes, &[u128::MAX, 1]), Err(TooWide));
    }
}
