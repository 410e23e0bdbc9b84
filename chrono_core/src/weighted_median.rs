//! The value at which half of the weight is passed.

use crate::columns::{finite, in_range, not_empty, not_negative, same_length};
use crate::error::EstimateError;
use crate::sums::{ExactSum, halfway};

/// Returns the weighted median, in the unit of `values`.
///
/// Shapes: both (n,), n >= 1; weights >= 0 and not all zero. It is the lowest value at which the
/// weight so far passes half of the total; where half is met exactly, the mean of that value and the
/// next one that has weight. "Exactly" is meant: the comparison makes no rounding error.
///
/// # Errors
/// A bad value, a negative weight, no weight at all, or a total beyond a 64-bit float.
pub fn weighted_median(values: &[f64], weights: &[f64]) -> Result<f64, EstimateError> {
    not_empty("values", values)?;
    same_length("weights", weights.len(), "values", values.len())?;
    finite("values", values)?;
    not_negative("weights", weights)?;
    let mut pairs: Vec<(f64, f64)> =
        values.iter().copied().zip(weights.iter().copied()).filter(|(_, weight)| *weight > 0.0).collect();
    if pairs.is_empty() {
        return Err(EstimateError::ZeroTotal { argument: "weights" });
    }
    // Equal pairs cannot be told apart, so an unstable sort by both is still canonical.
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    // Doubled, since the exact comparison below works with twice the weight.
    in_range("weights", pairs.iter().fold(0.0, |total, pair| total + pair.1) * 2.0)?;
    Ok(weighted_median_of_sorted(&pairs))
}

/// Returns the weighted median of `(value, weight)` pairs in ascending order with positive weights
/// whose doubled total is finite; 0 for none.
pub(crate) fn weighted_median_of_sorted(pairs: &[(f64, f64)]) -> f64 {
    let total = pairs.iter().fold(0.0, |sum, pair| sum + pair.1);
    // Bound of the rounding error of both running sums; inside it the exact sum decides.
    let doubt = total * f64::EPSILON * 4.0 * (pairs.len() as f64 + 1.0) + f64::MIN_POSITIVE;
    let mut passed = 0.0;
    for (at, &(value, weight)) in pairs.iter().enumerate() {
        passed += weight;
        let beyond = 2.0 * passed - total;
        let sign = if beyond.abs() > doubt { beyond } else { exact_sign(pairs, at) };
        if sign > 0.0 {
            return value;
        }
        if sign == 0.0 {
            return pairs.get(at + 1).map_or(value, |next| halfway(value, next.0));
        }
    }
    pairs.last().map_or(0.0, |pair| pair.0)
}

/// The exact sign of (weight up to and with `at`) minus (weight after it).
fn exact_sign(pairs: &[(f64, f64)], at: usize) -> f64 {
    let mut sum = ExactSum::default();
    for (i, &(_, weight)) in pairs.iter().enumerate() {
        sum.add(if i <= at { weight } else { -weight });
    }
    sum.sign()
}
