//! The single estimators, as Python calls them.

use pyo3::prelude::*;

use super::column::{Column, read};
use super::errors::to_python;
use super::options::{self, Kept};
use super::result::Outliers;
use crate::error::EstimateError;

/// Runs `estimate` on two columns without nulls, with the interpreter let go.
fn of_two<B: super::numbers::Number + Sync>(
    py: Python<'_>,
    nulls: &str,
    (first_name, first): (&'static str, &Column<f64>),
    (second_name, second): (&'static str, &Column<B>),
    estimate: impl Fn(&[f64], &[B]) -> Result<f64, EstimateError> + Send,
) -> PyResult<f64> {
    let columns = [
        (first_name, first.values().len(), first.nulls.as_deref()),
        (second_name, second.values().len(), second.nulls.as_deref()),
    ];
    let kept = Kept::find(options::nulls(nulls)?, &columns).map_err(to_python)?;
    let (a, b) = (kept.of(first), kept.of(second));
    let (a, b): (&[f64], &[B]) = (&a, &b);
    py.detach(move || estimate(a, b)).map_err(|error| to_python(error.map_index(|row| kept.original(row))))
}

/// Runs `estimate` on one column without nulls, with the interpreter let go.
fn of_one(
    py: Python<'_>,
    nulls: &str,
    values: &Bound<'_, PyAny>,
    estimate: impl Fn(&[f64]) -> Result<f64, EstimateError> + Send,
) -> PyResult<f64> {
    let values = read::<f64>("values", values)?;
    let columns = [("values", values.values().len(), values.nulls.as_deref())];
    let kept = Kept::find(options::nulls(nulls)?, &columns).map_err(to_python)?;
    let lent = kept.of(&values);
    let lent: &[f64] = &lent;
    py.detach(move || estimate(lent)).map_err(|error| to_python(error.map_index(|row| kept.original(row))))
}

/// The volume-weighted average price.
#[pyfunction]
#[pyo3(signature = (prices, volumes, /, *, nulls = "error"))]
pub(super) fn vwap(
    py: Python<'_>,
    prices: &Bound<'_, PyAny>,
    volumes: &Bound<'_, PyAny>,
    nulls: &str,
) -> PyResult<f64> {
    let (prices, volumes) = (read("prices", prices)?, read("volumes", volumes)?);
    of_two(py, nulls, ("prices", &prices), ("volumes", &volumes), crate::vwap)
}

/// The time-weighted average price.
#[pyfunction]
#[pyo3(signature = (prices, timestamps_ns, /, *, end_ns = None, nulls = "error"))]
pub(super) fn twap(
    py: Python<'_>,
    prices: &Bound<'_, PyAny>,
    timestamps_ns: &Bound<'_, PyAny>,
    end_ns: Option<i64>,
    nulls: &str,
) -> PyResult<f64> {
    let (prices, times) = (read("prices", prices)?, read::<i64>("timestamps_ns", timestamps_ns)?);
    let estimate = move |prices: &[f64], times: &[i64]| crate::twap(prices, times, end_ns);
    of_two(py, nulls, ("prices", &prices), ("timestamps_ns", &times), estimate)
}

/// The median.
#[pyfunction]
#[pyo3(signature = (values, /, *, nulls = "error"))]
pub(super) fn median(py: Python<'_>, values: &Bound<'_, PyAny>, nulls: &str) -> PyResult<f64> {
    of_one(py, nulls, values, crate::median)
}

/// The weighted median.
#[pyfunction]
#[pyo3(signature = (values, weights, /, *, nulls = "error"))]
pub(super) fn weighted_median(
    py: Python<'_>,
    values: &Bound<'_, PyAny>,
    weights: &Bound<'_, PyAny>,
    nulls: &str,
) -> PyResult<f64> {
    let (values, weights) = (read("values", values)?, read("weights", weights)?);
    of_two(py, nulls, ("values", &values), ("weights", &weights), crate::weighted_median)
}

/// The median absolute deviation from the median, raw.
#[pyfunction]
#[pyo3(signature = (values, /, *, nulls = "error"))]
pub(super) fn mad(py: Python<'_>, values: &Bound<'_, PyAny>, nulls: &str) -> PyResult<f64> {
    of_one(py, nulls, values, crate::mad)
}

/// The arithmetic mean.
#[pyfunction]
#[pyo3(signature = (values, /, *, nulls = "error"))]
pub(super) fn mean(py: Python<'_>, values: &Bound<'_, PyAny>, nulls: &str) -> PyResult<f64> {
    of_one(py, nulls, values, crate::mean)
}

/// The standard deviation of the population.
#[pyfunction]
#[pyo3(signature = (values, /, *, nulls = "error"))]
pub(super) fn std_dev(py: Python<'_>, values: &Bound<'_, PyAny>, nulls: &str) -> PyResult<f64> {
    of_one(py, nulls, values, crate::std_dev)
}

/// The rows whose price stands apart from the rest, and the band of accepted prices.
#[pyfunction]
#[pyo3(signature = (prices, /, *, method = "mad", threshold = None, floor_bps = 10.0, nulls = "error"))]
pub(super) fn outliers(
    py: Python<'_>,
    prices: &Bound<'_, PyAny>,
    method: &str,
    threshold: Option<f64>,
    floor_bps: f64,
    nulls: &str,
) -> PyResult<Outliers> {
    let rule = options::method(method)?;
    let threshold = threshold.unwrap_or_else(|| rule.default_threshold());
    let prices = read::<f64>("prices", prices)?;
    let columns = [("prices", prices.values().len(), prices.nulls.as_deref())];
    let kept = Kept::find(options::nulls(nulls)?, &columns).map_err(to_python)?;
    let lent = kept.of(&prices);
    let lent: &[f64] = &lent;
    let mut found = py
        .detach(move || crate::outliers(lent, rule, threshold, floor_bps))
        .map_err(|error| to_python(error.map_index(|row| kept.original(row))))?;
    found.indices.iter_mut().for_each(|row| *row = kept.original(*row));
    Ok(Outliers::new(found, method, threshold))
}
