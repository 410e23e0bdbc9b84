//! Learned models as Python hands them over: tables in, scores out.

use std::sync::Arc;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::column::{self, Column, no_nulls};
use super::errors::to_python;
use super::export;
use crate::consensus::{FEATURES, Learned};
use crate::detect::{Forest, ForestColumns, Histogram, Model};

/// A learned anomaly model, ready to score.
#[pyclass(frozen, module = "chrono_core")]
pub(super) struct AnomalyModel {
    inner: Arc<Model>,
}

#[pymethods]
impl AnomalyModel {
    /// One histogram per feature, each as (edges, scores of the bins).
    #[staticmethod]
    #[pyo3(signature = (tables, /, *, tolerance, limit))]
    fn histograms(tables: Vec<(Vec<f64>, Vec<f64>)>, tolerance: f64, limit: f64) -> PyResult<Self> {
        let read: Result<Vec<Histogram>, _> =
            tables.into_iter().map(|(edges, scores)| Histogram::new(edges, scores, tolerance)).collect();
        let all: [Histogram; FEATURES] = read.map_err(to_python)?.try_into().map_err(|found: Vec<_>| {
            PyValueError::new_err(format!("{} histograms: there are {FEATURES} features", found.len()))
        })?;
        let inner = Arc::new(Model::of_histograms(all, limit).map_err(to_python)?);
        Ok(Self { inner })
    }

    /// An isolation forest as flat columns.
    #[staticmethod]
    #[pyo3(signature = (roots, features, values, lefts, rights, /, *, average_depth, offset, limit))]
    #[expect(clippy::too_many_arguments, reason = "they are the columns of one table")]
    fn forest(
        roots: &Bound<'_, PyAny>,
        features: &Bound<'_, PyAny>,
        values: &Bound<'_, PyAny>,
        lefts: &Bound<'_, PyAny>,
        rights: &Bound<'_, PyAny>,
        average_depth: f64,
        offset: f64,
        limit: f64,
    ) -> PyResult<Self> {
        let integers = |name, object| -> PyResult<Column<i64>> {
            let found = column::read::<i64>(name, object)?;
            no_nulls(name, &found)?;
            Ok(found)
        };
        let values = column::read::<f64>("values", values)?;
        no_nulls("values", &values)?;
        let (roots, features) = (integers("roots", roots)?, integers("features", features)?);
        let (lefts, rights) = (integers("lefts", lefts)?, integers("rights", rights)?);
        let columns = ForestColumns {
            roots: roots.values(),
            features: features.values(),
            values: values.values(),
            lefts: lefts.values(),
            rights: rights.values(),
        };
        let forest = Forest::new(&columns, average_depth, offset).map_err(to_python)?;
        Ok(Self { inner: Arc::new(Model::of_forest(forest, limit).map_err(to_python)?) })
    }

    /// The score above which a source is an anomaly.
    #[getter]
    fn limit(&self) -> f64 {
        self.inner.limit()
    }

    /// The score of each row of features, given row by row in one flat column.
    #[pyo3(signature = (features, /))]
    fn score(&self, py: Python<'_>, features: &Bound<'_, PyAny>) -> PyResult<export::Column> {
        let rows = column::read::<f64>("features", features)?;
        no_nulls("features", &rows)?;
        let (rows, rest) = rows.values().as_chunks::<FEATURES>();
        if !rest.is_empty() {
            let sentence =
                format!("features: {} numbers are no rows of {FEATURES}", rows.len() * FEATURES + rest.len());
            return Err(PyValueError::new_err(sentence));
        }
        let scores: Vec<f64> = py.detach(|| rows.iter().map(|row| self.inner.score(row)).collect());
        Ok(export::Column::floats(scores.into_iter().map(Some)))
    }

    fn __repr__(&self) -> String {
        format!("AnomalyModel(limit={:?})", self.inner.limit())
    }
}

/// The learned layer of a call, held while it is lent.
pub(super) enum Teacher {
    None,
    Watching,
    Model(Arc<Model>),
    Scored(Column<f64>, f64),
}

impl Teacher {
    /// Reads None, "features", a model, or (scores, limit).
    pub(super) fn read(option: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let Some(option) = option else { return Ok(Self::None) };
        if let Ok(model) = option.cast::<AnomalyModel>() {
            return Ok(Self::Model(Arc::clone(&model.get().inner)));
        }
        if option.cast::<PyString>().is_ok_and(|text| text == "features") {
            return Ok(Self::Watching);
        }
        let Ok(pair) = option.cast::<PyTuple>() else { return Err(wrong()) };
        let (scores, limit): (Bound<'_, PyAny>, f64) = pair.extract().map_err(|_| wrong())?;
        let scores = column::read::<f64>("scores", &scores)?.fill_nulls(f64::NEG_INFINITY);
        Ok(Self::Scored(scores, limit))
    }

    pub(super) fn learned(&self) -> Learned<'_> {
        match self {
            Self::None => Learned::Absent,
            Self::Watching => Learned::Watching,
            Self::Model(model) => Learned::Model(model),
            Self::Scored(scores, limit) => Learned::Scored { scores: scores.values(), limit: *limit },
        }
    }
}

fn wrong() -> PyErr {
    PyTypeError::new_err("learned: expected an AnomalyModel, (scores, limit), \"features\" or None")
}
