//! The price of the average unit traded.

use crate::columns::{in_range, not_empty, not_negative, positive, same_length};
use crate::error::EstimateError;
use crate::sums::{dot, sum};

/// Returns the volume-weighted average price, in the unit of `prices`.
///
/// Shapes: both (n,), n >= 1; prices > 0, volumes >= 0 and not all zero.
/// The result never leaves the range of the prices, not even by rounding.
///
/// # Errors
/// A bad value, columns of different length, no volume at all, or products beyond a 64-bit float.
pub fn vwap(prices: &[f64], volumes: &[f64]) -> Result<f64, EstimateError> {
    not_empty("prices", prices)?;
    same_length("volumes", volumes.len(), "prices", prices.len())?;
    let seen = positive("prices", prices)?;
    not_negative("volumes", volumes)?;
    let total = in_range("volumes", sum(volumes, |volume| volume))?;
    if total == 0.0 {
        return Err(EstimateError::ZeroTotal { argument: "volumes" });
    }
    let worth = in_range("prices times volumes", dot(prices, volumes))?;
    Ok((worth / total).max(seen.low).min(seen.high))
}
