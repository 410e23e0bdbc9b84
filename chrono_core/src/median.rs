//! The middle value and the middle distance from it.

use crate::columns::{finite, in_range, not_empty};
use crate::error::EstimateError;
use crate::sums::halfway;

/// Turns a median absolute deviation into a standard deviation, for normally distributed values.
pub const MAD_TO_SIGMA: f64 = 1.4826;

/// Returns the median: of an even number of values the mean of the middle two.
///
/// Shape: (n,), n >= 1, any order.
///
/// # Errors
/// No values, NaN or infinity.
pub fn median(values: &[f64]) -> Result<f64, EstimateError> {
    not_empty("values", values)?;
    finite("values", values)?;
    Ok(median_of(&mut values.to_vec()))
}

/// Returns the median absolute deviation from the median, raw (not scaled by 1.4826).
///
/// Shape: (n,), n >= 1, any order. Unit: that of the values.
///
/// # Errors
/// No values, NaN or infinity, or distances beyond a 64-bit float.
pub fn mad(values: &[f64]) -> Result<f64, EstimateError> {
    let middle = median(values)?;
    let mut distances: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    in_range("values", median_of(&mut distances))
}

/// Returns the median of finite values that may be reordered; 0 for none.
pub(crate) fn median_of(values: &mut [f64]) -> f64 {
    let n = values.len();
    if n == 0 {
        return 0.0;
    }
    let (below, &mut upper, _) = values.select_nth_unstable_by(n / 2, f64::total_cmp);
    if n % 2 == 1 {
        return upper;
    }
    let lower = below.iter().copied().max_by(f64::total_cmp).unwrap_or(upper);
    halfway(lower, upper)
}

/// Returns the median of values in ascending order; 0 for none.
pub(crate) fn median_of_sorted(values: &[f64]) -> f64 {
    match (values.get(values.len() / 2), values.get(values.len().wrapping_sub(1) / 2)) {
        (Some(&upper), Some(&lower)) if values.len().is_multiple_of(2) => halfway(lower, upper),
        (Some(&upper), _) => upper,
        _ => 0.0,
    }
}

/// Returns the median distance from `center` of ascending values around it.
///
/// The distances grow to both sides, so that the nearest half is found by walking outwards.
pub(crate) fn mad_of_sorted(sorted: &[f64], center: f64) -> f64 {
    let n = sorted.len();
    let mut right = sorted.partition_point(|value| *value < center);
    let mut left = right;
    let (mut last, mut before) = (0.0, 0.0);
    for _ in 0..n / 2 + 1 {
        let below = left.checked_sub(1).and_then(|i| sorted.get(i)).map(|value| center - value);
        let above = sorted.get(right).map(|value| value - center);
        before = last;
        last = match (below, above) {
            (Some(b), Some(a)) if b < a => step_left(&mut left, b),
            (Some(b), None) => step_left(&mut left, b),
            (_, Some(a)) => step_right(&mut right, a),
            (None, None) => last,
        };
    }
    if n % 2 == 1 { last } else { halfway(before, last) }
}

fn step_left(left: &mut usize, distance: f64) -> f64 {
    *left -= 1;
    distance
}

fn step_right(right: &mut usize, distance: f64) -> f64 {
    *right += 1;
    distance
}
