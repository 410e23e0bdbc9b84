//! The results of a round as Python sees them: columns, built when they are asked for.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyList};

use super::export::{Column, place};
use super::ids::{Names, shown};
use super::result::Consensus;
use crate::consensus::{Consensus as CoreConsensus, FEATURES, Source};
use crate::error::EstimateError;

/// The results of a round as columns: one row per feed, and flat columns for their sources.
#[pyclass(frozen, sequence, module = "chrono_core")]
pub(super) struct Round {
    feeds: Vec<Result<Arc<CoreConsensus>, EstimateError>>,
    names: Names,
}

impl Round {
    pub(super) fn new(feeds: Vec<Result<Arc<CoreConsensus>, EstimateError>>, names: Names) -> Self {
        Self { feeds, names }
    }

    fn found(&self) -> impl Iterator<Item = Option<&CoreConsensus>> {
        self.feeds.iter().map(|feed| feed.as_ref().ok().map(Arc::as_ref))
    }

    fn floats(&self, of: impl Fn(&CoreConsensus) -> Option<f64>) -> Column {
        Column::floats(self.found().map(|feed| feed.and_then(&of)))
    }

    fn integers(&self, of: impl Fn(&CoreConsensus) -> i64) -> Column {
        Column::integers(self.found().map(|feed| feed.map(&of)))
    }

    fn all_sources(&self) -> impl Iterator<Item = &Source> {
        self.found().flatten().flat_map(|feed| &feed.sources)
    }

    fn offsets(&self, of: impl Fn(&CoreConsensus) -> usize) -> Column {
        let mut end = 0;
        let ends = self.found().map(|feed| {
            end += feed.map_or(0, &of) as i64;
            Some(end)
        });
        Column::integers(std::iter::once(Some(0)).chain(ends))
    }
}

#[pymethods]
impl Round {
    #[getter]
    fn price(&self) -> Column {
        self.floats(|feed| Some(feed.price))
    }

    #[getter]
    fn vwap(&self) -> Column {
        self.floats(|feed| feed.vwap)
    }

    #[getter]
    fn twap(&self) -> Column {
        self.floats(|feed| Some(feed.twap))
    }

    #[getter]
    fn median(&self) -> Column {
        self.floats(|feed| Some(feed.median))
    }

    #[getter]
    fn weighted_median(&self) -> Column {
        self.floats(|feed| Some(feed.weighted_median))
    }

    #[getter]
    fn mean(&self) -> Column {
        self.floats(|feed| Some(feed.mean))
    }

    #[getter]
    fn std_dev(&self) -> Column {
        self.floats(|feed| Some(feed.std_dev))
    }

    #[getter]
    fn level(&self) -> Column {
        self.floats(|feed| Some(feed.level))
    }

    #[getter]
    fn spread_bps(&self) -> Column {
        self.floats(|feed| Some(feed.spread_bps))
    }

    #[getter]
    fn confidence(&self) -> Column {
        self.floats(|feed| Some(feed.confidence))
    }

    #[getter]
    fn n_used(&self) -> Column {
        self.integers(|feed| feed.n_used as i64)
    }

    #[getter]
    fn n_points(&self) -> Column {
        self.integers(|feed| feed.n_points as i64)
    }

    #[getter]
    fn at_ns(&self) -> Column {
        self.integers(|feed| feed.at_ns)
    }

    #[getter]
    fn reason(&self) -> Vec<Option<&'static str>> {
        self.feeds.iter().map(|feed| feed.as_ref().err().map(EstimateError::reason)).collect()
    }

    #[getter]
    fn detail(&self) -> Vec<Option<String>> {
        self.feeds.iter().map(|feed| feed.as_ref().err().map(EstimateError::to_string)).collect()
    }

    #[getter]
    fn source_offsets(&self) -> Column {
        self.offsets(|feed| feed.sources.len())
    }

    #[getter]
    fn source_id<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if self.names.is_none() {
            let ids = Column::integers(self.all_sources().map(|source| Some(source.id)));
            return Ok(Bound::new(py, ids)?.into_any());
        }
        let names: PyResult<Vec<_>> =
            self.all_sources().map(|source| shown(py, &self.names, source.id)).collect();
        names?.into_pyobject(py)
    }

    #[getter]
    fn source_estimate(&self) -> Column {
        Column::floats(self.all_sources().map(|source| source.estimate))
    }

    #[getter]
    fn source_weight(&self) -> Column {
        Column::floats(self.all_sources().map(|source| Some(source.weight)))
    }

    #[getter]
    fn source_n_points(&self) -> Column {
        Column::integers(self.all_sources().map(|source| Some(source.n_points as i64)))
    }

    #[getter]
    fn source_newest_age_ns(&self) -> Column {
        Column::integers(self.all_sources().map(|source| Some(source.newest_age_ns)))
    }

    #[getter]
    fn source_flags(&self) -> Column {
        Column::integers(self.all_sources().map(|source| Some(source.flags.bits().into())))
    }

    #[getter]
    fn source_trust(&self) -> Column {
        Column::floats(self.all_sources().map(|source| Some(source.trust)))
    }

    #[getter]
    fn source_score(&self) -> Column {
        Column::floats(self.all_sources().map(|source| source.score))
    }

    #[getter]
    fn source_features(&self) -> Column {
        let place = |source: &Source, feature: usize| source.features.map(|row| row[feature]);
        let rows = self.all_sources().flat_map(|source| (0..FEATURES).map(move |it| place(source, it)));
        Column::floats(rows)
    }

    #[getter]
    fn source_verdict(&self) -> Vec<&'static str> {
        self.all_sources().map(Source::verdict).collect()
    }

    #[getter]
    fn excluded_offsets(&self) -> Column {
        self.offsets(|feed| feed.excluded.len())
    }

    #[getter]
    fn excluded_index(&self) -> Column {
        let excluded = self.found().flatten().flat_map(|feed| &feed.excluded);
        Column::integers(excluded.map(|(row, _)| Some(*row as i64)))
    }

    #[getter]
    fn excluded_reason(&self) -> Vec<&'static str> {
        let excluded = self.found().flatten().flat_map(|feed| &feed.excluded);
        excluded.map(|(_, reason)| reason.as_str()).collect()
    }

    fn __len__(&self) -> usize {
        self.feeds.len()
    }

    fn __getitem__(&self, index: isize) -> PyResult<Option<Consensus>> {
        let feed = self.feeds.get(place(index, self.feeds.len())?);
        let found = feed.and_then(|feed| feed.as_ref().ok());
        Ok(found.map(|inner| Consensus::new(Arc::clone(inner), self.names.clone())))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        let feeds: PyResult<Vec<_>> =
            (0..self.feeds.len()).map(|feed| self.__getitem__(feed as isize)).collect();
        PyList::new(py, feeds?)?.try_iter()
    }

    fn __repr__(&self) -> String {
        let failed = self.feeds.iter().filter(|feed| feed.is_err()).count();
        format!("Round(feeds={}, without_price={failed})", self.feeds.len())
    }

    /// Every column as a list.
    fn to_dict<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(slf.py());
        for name in COLUMNS {
            let column = slf.getattr(name)?;
            let list = match column.cast::<Column>() {
                Ok(column) => column.get().to_list(slf.py())?.into_pyobject(slf.py())?,
                Err(_) => column,
            };
            dict.set_item(name, list)?;
        }
        Ok(dict)
    }
}

/// The names of all columns, in the order in which `to_dict` gives them.
const COLUMNS: [&str; 29] = [
    "price",
    "vwap",
    "twap",
    "median",
    "weighted_median",
    "mean",
    "std_dev",
    "level",
    "spread_bps",
    "confidence",
    "n_used",
    "n_points",
    "at_ns",
    "reason",
    "detail",
    "source_offsets",
    "source_id",
    "source_estimate",
    "source_weight",
    "source_n_points",
    "source_newest_age_ns",
    "source_flags",
    "source_trust",
    "source_score",
    "source_features",
    "source_verdict",
    "excluded_offsets",
    "excluded_index",
    "excluded_reason",
];
