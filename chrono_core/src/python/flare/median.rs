//! The network's median for Python, with integers of any width.
//!
//! Almost always values fit into 64 bits and weights into 128; what does not is computed in wide
//! integers. The interpreter is held: a round takes less time than to let it go and get it back.

use num_bigint::{BigInt, BigUint};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::flare::{VoteMedian, vote_median as median_of};

/// (median, first quartile, third quartile, participating weight).
type Answer<'py> =
    (Bound<'py, PyAny>, Option<Bound<'py, PyAny>>, Option<Bound<'py, PyAny>>, Bound<'py, PyAny>);

enum Weights {
    Narrow(Vec<u128>),
    Wide(Vec<BigUint>),
}

#[pyfunction]
#[pyo3(signature = (values, weights, /))]
pub(in crate::python) fn vote_median<'py>(
    py: Python<'py>,
    values: Vec<Bound<'py, PyAny>>,
    weights: Vec<Bound<'py, PyAny>>,
) -> PyResult<Option<Answer<'py>>> {
    one(py, &values, &read_weights(&weights)?)
}

#[pyfunction]
#[pyo3(signature = (columns, weights, /))]
pub(in crate::python) fn vote_medians<'py>(
    py: Python<'py>,
    columns: Vec<Vec<Bound<'py, PyAny>>>,
    weights: Vec<Bound<'py, PyAny>>,
) -> PyResult<Vec<Option<Answer<'py>>>> {
    let weights = read_weights(&weights)?;
    columns.iter().map(|values| one(py, values, &weights)).collect()
}

fn one<'py>(
    py: Python<'py>,
    values: &[Bound<'py, PyAny>],
    weights: &Weights,
) -> PyResult<Option<Answer<'py>>> {
    let expected = match weights {
        Weights::Narrow(weights) => weights.len(),
        Weights::Wide(weights) => weights.len(),
    };
    if values.len() != expected {
        return Err(PyValueError::new_err(format!("{} values, but {expected} weights", values.len())));
    }
    if let (Weights::Narrow(weights), Some(mut votes)) = (weights, narrow_votes(values))
        && let Ok(median) = median_of(&mut votes, weights)
    {
        return answer(py, median);
    }
    let mut votes = wide_votes(values)?;
    let wide = match weights {
        Weights::Narrow(weights) => weights.iter().copied().map(BigUint::from).collect(),
        Weights::Wide(weights) => weights.clone(),
    };
    answer(py, median_of(&mut votes, &wide).unwrap_or_default())
}

fn narrow_votes(values: &[Bound<'_, PyAny>]) -> Option<Vec<(i64, u32)>> {
    let mut votes = Vec::with_capacity(values.len());
    for (value, place) in values.iter().zip(0..) {
        if !value.is_none() {
            votes.push((value.extract().ok()?, place));
        }
    }
    Some(votes)
}

fn wide_votes(values: &[Bound<'_, PyAny>]) -> PyResult<Vec<(BigInt, u32)>> {
    let given = values.iter().zip(0..).filter(|(value, _)| !value.is_none());
    given.map(|(value, place)| Ok((value.extract()?, place))).collect()
}

fn read_weights(weights: &[Bound<'_, PyAny>]) -> PyResult<Weights> {
    if let Some(narrow) = weights.iter().map(|weight| weight.extract().ok()).collect::<Option<Vec<u128>>>() {
        return Ok(Weights::Narrow(narrow));
    }
    let wide = weights.iter().enumerate().map(|(place, weight)| {
        let signed: BigInt = weight.extract()?;
        signed.to_biguint().ok_or_else(|| {
            PyValueError::new_err(format!("weights[{place}] is {signed}: it must not be negative"))
        })
    });
    Ok(Weights::Wide(wide.collect::<PyResult<_>>()?))
}

fn answer<'py, V, W>(py: Python<'py>, median: Option<VoteMedian<V, W>>) -> PyResult<Option<Answer<'py>>>
where
    V: IntoPyObject<'py>,
    W: IntoPyObject<'py>,
{
    let Some(median) = median else { return Ok(None) };
    let whole = |value: Option<V>| value.map(|value| value.into_bound_py_any(py)).transpose();
    Ok(Some((
        median.value.into_bound_py_any(py)?,
        whole(median.quartile1)?,
        whole(median.quartile3)?,
        median.participating_weight.into_bound_py_any(py)?,
    )))
}
