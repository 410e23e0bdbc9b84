//! Mean and standard deviation, without overflow on the way.

use crate::columns::{finite, in_range, not_empty};
use crate::error::EstimateError;
use crate::sums::{sum, survey};

/// Returns the arithmetic mean, in the unit of the values.
///
/// Shape: (n,), n >= 1.
///
/// # Errors
/// No values, NaN or infinity.
pub fn mean(values: &[f64]) -> Result<f64, EstimateError> {
    not_empty("values", values)?;
    finite("values", values)?;
    in_range("values", mean_of(values))
}

/// Returns the standard deviation of the population (divided by n, not n - 1).
///
/// Shape: (n,), n >= 1. Unit: that of the values.
///
/// # Errors
/// No values, NaN or infinity, or distances beyond a 64-bit float.
pub fn std_dev(values: &[f64]) -> Result<f64, EstimateError> {
    let centre = mean(values)?;
    in_range("values", std_dev_of(values, centre))
}

/// Returns the mean of finite values; 0 for none.
///
/// Equal values give exactly that value; the result stays within their range.
pub(crate) fn mean_of(values: &[f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let seen = survey(values);
    let n = values.len() as f64;
    let total = sum(values, |value| value);
    let mean = if total.is_finite() { total / n } else { sum(values, |value| value / n) };
    mean.max(seen.low).min(seen.high)
}

/// Returns the population standard deviation around `centre`; may be infinite at the limit.
pub(crate) fn std_dev_of(values: &[f64], centre: f64) -> f64 {
    let seen = survey(values);
    let widest = (centre - seen.low).max(seen.high - centre).max(0.0);
    if widest == 0.0 || !widest.is_finite() {
        return widest;
    }
    // Scaled by the widest distance, so that squares neither overflow nor vanish.
    let squares = sum(values, |value| {
        let distance = (value - centre) / widest;
        distance * distance
    });
    widest * (squares / values.len() as f64).sqrt()
}
