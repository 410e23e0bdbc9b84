//! Options that several functions share.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::column::Column;
use super::numbers::Number;
use crate::anomaly::Method;
use crate::error::EstimateError;

/// What is done with rows in which a value is missing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Nulls {
    Error,
    Skip,
}

pub(super) fn nulls(option: &str) -> PyResult<Nulls> {
    match option {
        "error" => Ok(Nulls::Error),
        "skip" => Ok(Nulls::Skip),
        _ => Err(PyValueError::new_err(format!("nulls is {option:?}: expected \"error\" or \"skip\""))),
    }
}

pub(super) fn method(option: &str) -> PyResult<Method> {
    match option {
        "mad" => Ok(Method::Mad),
        "sigma" => Ok(Method::Sigma),
        "iqr" => Ok(Method::Iqr),
        _ => Err(PyValueError::new_err(format!(
            "method is {option:?}: expected \"mad\", \"sigma\" or \"iqr\""
        ))),
    }
}

/// The rows that are kept: all of them, or those without a null in any column.
pub(super) enum Kept {
    All,
    Rows(Vec<usize>),
}

impl Kept {
    /// Finds the rows without nulls, or refuses the first null.
    pub(super) fn find(
        mode: Nulls,
        columns: &[(&'static str, usize, Option<&[bool]>)],
    ) -> Result<Self, EstimateError> {
        let n = columns.first().map_or(0, |(_, length, _)| *length);
        let same_length = columns.iter().all(|(_, length, _)| *length == n);
        // Columns of different length are left to the estimator, which refuses them.
        if !same_length || columns.iter().all(|(_, _, nulls)| nulls.is_none()) {
            return Ok(Self::All);
        }
        let is_null = |nulls: &Option<&[bool]>, row| nulls.is_some_and(|n| n.get(row) == Some(&true));
        for (argument, length, nulls) in columns.iter().filter(|_| mode == Nulls::Error) {
            if let Some(index) = (0..*length).find(|&row| is_null(nulls, row)) {
                return Err(EstimateError::Null { argument, index });
            }
        }
        let kept = |row: &usize| columns.iter().all(|(_, _, nulls)| !is_null(nulls, *row));
        Ok(Self::Rows((0..n).filter(kept).collect()))
    }

    /// Returns the kept values of a column, copied only when some are left out.
    pub(super) fn of<'a, T: Number>(&self, column: &'a Column<T>) -> std::borrow::Cow<'a, [T]> {
        match self {
            Self::All => column.values().into(),
            Self::Rows(rows) => rows.iter().filter_map(|&row| column.values().get(row).copied()).collect(),
        }
    }

    /// Returns the caller's number of a kept row.
    pub(super) fn original(&self, row: usize) -> usize {
        match self {
            Self::All => row,
            Self::Rows(rows) => rows.get(row).copied().unwrap_or(row),
        }
    }
}
