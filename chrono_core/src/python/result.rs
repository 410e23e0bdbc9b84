//! Results as Python sees them: frozen, printable, and turned into Python objects only when asked.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::ids::{Names, shown};
use crate::consensus as core;

/// The price on which the sources agree, with everything that led to it.
#[pyclass(frozen, module = "chrono_core")]
pub(super) struct Consensus {
    inner: Arc<core::Consensus>,
    names: Names,
}

impl Consensus {
    pub(super) fn new(inner: Arc<core::Consensus>, names: Names) -> Self {
        Self { inner, names }
    }

    /// The plain numbers, in the order in which they are shown.
    fn numbers(&self) -> [(&'static str, Option<f64>); 10] {
        let it = &self.inner;
        [
            ("price", Some(it.price)),
            ("vwap", it.vwap),
            ("twap", Some(it.twap)),
            ("median", Some(it.median)),
            ("weighted_median", Some(it.weighted_median)),
            ("mean", Some(it.mean)),
            ("std_dev", Some(it.std_dev)),
            ("level", Some(it.level)),
            ("spread_bps", Some(it.spread_bps)),
            ("confidence", Some(it.confidence)),
        ]
    }

    fn source(&self, py: Python<'_>, source: &core::Source) -> PyResult<Source> {
        Ok(Source { inner: source.clone(), id: shown(py, &self.names, source.id)?.unbind() })
    }
}

#[pymethods]
impl Consensus {
    #[getter]
    fn price(&self) -> f64 {
        self.inner.price
    }

    #[getter]
    fn vwap(&self) -> Option<f64> {
        self.inner.vwap
    }

    #[getter]
    fn twap(&self) -> f64 {
        self.inner.twap
    }

    #[getter]
    fn median(&self) -> f64 {
        self.inner.median
    }

    #[getter]
    fn weighted_median(&self) -> f64 {
        self.inner.weighted_median
    }

    #[getter]
    fn mean(&self) -> f64 {
        self.inner.mean
    }

    #[getter]
    fn std_dev(&self) -> f64 {
        self.inner.std_dev
    }

    #[getter]
    fn level(&self) -> f64 {
        self.inner.level
    }

    #[getter]
    fn spread_bps(&self) -> f64 {
        self.inner.spread_bps
    }

    #[getter]
    fn confidence(&self) -> f64 {
        self.inner.confidence
    }

    #[getter]
    fn n_used(&self) -> usize {
        self.inner.n_used
    }

    #[getter]
    fn n_points(&self) -> usize {
        self.inner.n_points
    }

    #[getter]
    fn at_ns(&self) -> i64 {
        self.inner.at_ns
    }

    #[getter]
    fn excluded<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.inner.excluded.iter().map(|(row, reason)| (*row, reason.as_str())))
    }

    #[getter]
    fn sources<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let sources: PyResult<Vec<_>> = self.inner.sources.iter().map(|it| self.source(py, it)).collect();
        PyTuple::new(py, sources?)
    }

    /// Everything as plain dicts, lists and numbers.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, value) in self.numbers() {
            dict.set_item(name, value)?;
        }
        dict.set_item("n_used", self.inner.n_used)?;
        dict.set_item("n_points", self.inner.n_points)?;
        dict.set_item("at_ns", self.inner.at_ns)?;
        dict.set_item("excluded", PyList::new(py, self.excluded(py)?)?)?;
        let sources = PyList::empty(py);
        for source in &self.inner.sources {
            sources.append(self.source(py, source)?.to_dict(py)?)?;
        }
        dict.set_item("sources", sources)?;
        Ok(dict)
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.inner == other.inner && self.names == other.names
    }

    fn __repr__(&self) -> String {
        let it = &self.inner;
        format!(
            "Consensus(price={:?}, confidence={:.4}, spread_bps={:.4}, n_used={}, n_sources={}, excluded={})",
            it.price,
            it.confidence,
            it.spread_bps,
            it.n_used,
            it.sources.len(),
            it.excluded.len()
        )
    }

    fn _repr_html_(&self) -> String {
        let show = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:?}"));
        let row = |(name, value)| format!("<tr><th>{name}</th><td>{}</td></tr>", show(value));
        let counts = format!(
            "<tr><th>sources used</th><td>{} of {}</td></tr><tr><th>points left out</th><td>{}</td></tr>",
            self.inner.n_used,
            self.inner.sources.len(),
            self.inner.excluded.len()
        );
        let rows: String = self.numbers().into_iter().map(row).collect();
        format!("<table><caption>Consensus</caption><tbody>{rows}{counts}</tbody></table>")
    }
}

/// What one source said and what became of it.
#[pyclass(frozen, module = "chrono_core")]
pub(super) struct Source {
    inner: core::Source,
    #[pyo3(get)]
    id: Py<PyAny>,
}

#[pymethods]
impl Source {
    #[getter]
    fn estimate(&self) -> Option<f64> {
        self.inner.estimate
    }

    #[getter]
    fn weight(&self) -> f64 {
        self.inner.weight
    }

    #[getter]
    fn n_points(&self) -> usize {
        self.inner.n_points
    }

    #[getter]
    fn newest_age_ns(&self) -> i64 {
        self.inner.newest_age_ns
    }

    #[getter]
    fn flags(&self) -> Vec<&'static str> {
        self.inner.flags.names()
    }

    #[getter]
    fn trust(&self) -> f64 {
        self.inner.trust
    }

    #[getter]
    fn score(&self) -> Option<f64> {
        self.inner.score
    }

    #[getter]
    fn features(&self) -> Option<Vec<f64>> {
        self.inner.features.map(|row| row.to_vec())
    }

    #[getter]
    fn verdict(&self) -> &'static str {
        self.inner.verdict()
    }

    /// Everything as a plain dict.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("id", &self.id)?;
        dict.set_item("estimate", self.inner.estimate)?;
        dict.set_item("weight", self.inner.weight)?;
        dict.set_item("n_points", self.inner.n_points)?;
        dict.set_item("newest_age_ns", self.inner.newest_age_ns)?;
        dict.set_item("verdict", self.inner.verdict())?;
        dict.set_item("flags", self.flags())?;
        dict.set_item("trust", self.inner.trust)?;
        dict.set_item("score", self.inner.score)?;
        dict.set_item("features", self.features())?;
        Ok(dict)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let estimate = self.inner.estimate.map_or_else(|| "None".to_owned(), |value| format!("{value:?}"));
        Ok(format!(
            "Source(id={}, estimate={estimate}, weight={:.4}, n_points={}, newest_age_ns={}, verdict='{}')",
            self.id.bind(py).repr()?,
            self.inner.weight,
            self.inner.n_points,
            self.inner.newest_age_ns,
            self.inner.verdict()
        ))
    }
}

/// The band of accepted prices and the rows outside it.
#[pyclass(frozen, module = "chrono_core")]
pub(super) struct Outliers {
    inner: crate::Outliers,
    #[pyo3(get)]
    method: String,
    #[pyo3(get)]
    threshold: f64,
}

impl Outliers {
    pub(super) fn new(inner: crate::Outliers, method: &str, threshold: f64) -> Self {
        Self { inner, method: method.to_owned(), threshold }
    }
}

#[pymethods]
impl Outliers {
    #[getter]
    fn indices(&self) -> Vec<usize> {
        self.inner.indices.clone()
    }

    #[getter]
    fn center(&self) -> f64 {
        self.inner.center
    }

    #[getter]
    fn scale(&self) -> f64 {
        self.inner.scale
    }

    #[getter]
    fn low(&self) -> f64 {
        self.inner.low
    }

    #[getter]
    fn high(&self) -> f64 {
        self.inner.high
    }

    #[getter]
    fn n(&self) -> usize {
        self.inner.n
    }

    /// Everything as a plain dict.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("indices", self.indices())?;
        dict.set_item("center", self.inner.center)?;
        dict.set_item("scale", self.inner.scale)?;
        dict.set_item("low", self.inner.low)?;
        dict.set_item("high", self.inner.high)?;
        dict.set_item("n", self.inner.n)?;
        dict.set_item("method", &self.method)?;
        dict.set_item("threshold", self.threshold)?;
        Ok(dict)
    }

    fn __len__(&self) -> usize {
        self.inner.indices.len()
    }

    fn __repr__(&self) -> String {
        let it = &self.inner;
        format!(
            "Outliers(indices={:?}, center={:?}, low={:?}, high={:?}, n={}, method='{}')",
            it.indices, it.center, it.low, it.high, it.n, self.method
        )
    }
}
