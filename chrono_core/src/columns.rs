//! Checks that every estimator makes before it sums.
//!
//! A bad value is refused here, by name and position, so that no NaN can wander through the sums
//! and come out as a price.

use crate::error::EstimateError;
use crate::sums::{Survey, survey};

/// Refuses an empty column.
pub(crate) fn not_empty(argument: &'static str, values: &[f64]) -> Result<(), EstimateError> {
    if values.is_empty() { Err(EstimateError::Empty { argument }) } else { Ok(()) }
}

/// Refuses a column whose length differs from that of `other`.
pub(crate) fn same_length(
    argument: &'static str,
    length: usize,
    other: &'static str,
    expected: usize,
) -> Result<(), EstimateError> {
    if length == expected {
        return Ok(());
    }
    Err(EstimateError::LengthMismatch { argument, length, other, expected })
}

/// Refuses NaN and infinities; returns the range.
pub(crate) fn finite(argument: &'static str, values: &[f64]) -> Result<Survey, EstimateError> {
    let seen = survey(values);
    if !seen.finite {
        search(values, |index, value| finite_value(argument, index, value))?;
    }
    Ok(seen)
}

/// Refuses everything but finite numbers greater than zero; returns the range.
pub(crate) fn positive(argument: &'static str, values: &[f64]) -> Result<Survey, EstimateError> {
    let seen = survey(values);
    if !(seen.finite && seen.low > 0.0) {
        search(values, |index, value| positive_value(argument, index, value))?;
    }
    Ok(seen)
}

/// Refuses everything but finite numbers of at least zero.
pub(crate) fn not_negative(argument: &'static str, values: &[f64]) -> Result<Survey, EstimateError> {
    let seen = survey(values);
    if !(seen.finite && seen.low >= 0.0) {
        search(values, |index, value| not_negative_value(argument, index, value))?;
    }
    Ok(seen)
}

/// Finds the value at fault; runs only when there is one.
fn search(
    values: &[f64],
    check: impl Fn(usize, f64) -> Result<(), EstimateError>,
) -> Result<(), EstimateError> {
    values.iter().enumerate().try_for_each(|(index, &value)| check(index, value))
}

pub(crate) fn finite_value(argument: &'static str, index: usize, value: f64) -> Result<(), EstimateError> {
    if value.is_finite() { Ok(()) } else { Err(EstimateError::NotFinite { argument, index, value }) }
}

pub(crate) fn positive_value(argument: &'static str, index: usize, value: f64) -> Result<(), EstimateError> {
    finite_value(argument, index, value)?;
    if value > 0.0 { Ok(()) } else { Err(EstimateError::NotPositive { argument, index, value }) }
}

pub(crate) fn not_negative_value(
    argument: &'static str,
    index: usize,
    value: f64,
) -> Result<(), EstimateError> {
    finite_value(argument, index, value)?;
    if value >= 0.0 { Ok(()) } else { Err(EstimateError::Negative { argument, index, value }) }
}

/// Refuses a result that left the range of a float.
pub(crate) fn in_range(argument: &'static str, value: f64) -> Result<f64, EstimateError> {
    if value.is_finite() { Ok(value) } else { Err(EstimateError::Overflow { argument }) }
}
