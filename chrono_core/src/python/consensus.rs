//! The consensus of one feed or of all feeds of a round, as Python calls it.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::column::{Column, no_nulls, read};
use super::errors::to_python;
use super::ids::{Names, read_ids, shown};
use super::models::Teacher;
use super::options::{self, Nulls};
use super::result::Consensus;
use super::round::Round;
use crate::consensus::{Points, Rule};
use crate::round::MinSources;

/// The columns of a call, held while they are lent.
struct Columns {
    prices: Column<f64>,
    volumes: Option<Column<f64>>,
    timestamps_ns: Column<i64>,
    source_ids: Column<i64>,
    rates: Option<Column<f64>>,
    absent: Option<Vec<Option<&'static str>>>,
    skip_absent: bool,
    learned: Teacher,
    names: Names,
}

impl Columns {
    fn read(
        prices: &Bound<'_, PyAny>,
        volumes: Option<&Bound<'_, PyAny>>,
        timestamps_ns: &Bound<'_, PyAny>,
        source_ids: &Bound<'_, PyAny>,
        rates: Option<&Bound<'_, PyAny>>,
        learned: Option<&Bound<'_, PyAny>>,
        nulls: &str,
    ) -> PyResult<Self> {
        let (source_ids, names) = read_ids("source_ids", source_ids)?;
        let mut columns = Self {
            prices: read("prices", prices)?,
            // A volume that is not known is a volume of zero: it counts nowhere.
            volumes: volumes.map(|it| read("volumes", it)).transpose()?.map(|it| it.fill_nulls(0.0)),
            timestamps_ns: read("timestamps_ns", timestamps_ns)?,
            source_ids,
            rates: rates.map(|it| read("rates", it)).transpose()?,
            absent: None,
            skip_absent: options::nulls(nulls)? == Nulls::Skip,
            learned: Teacher::read(learned)?,
            names,
        };
        columns.absent = columns.find_absent();
        Ok(columns)
    }

    /// Names, per row, the first column in which it is null.
    fn find_absent(&self) -> Option<Vec<Option<&'static str>>> {
        let rates = self.rates.as_ref();
        let any = self.prices.nulls.is_some()
            || self.timestamps_ns.nulls.is_some()
            || self.source_ids.nulls.is_some()
            || rates.is_some_and(|rates| rates.nulls.is_some());
        let name = |row| match row {
            row if self.prices.is_null(row) => Some("prices"),
            row if self.timestamps_ns.is_null(row) => Some("timestamps_ns"),
            row if self.source_ids.is_null(row) => Some("source_ids"),
            row if rates.is_some_and(|rates| rates.is_null(row)) => Some("rates"),
            _ => None,
        };
        any.then(|| (0..self.prices.values().len()).map(name).collect())
    }

    fn points(&self) -> Points<'_> {
        Points {
            prices: self.prices.values(),
            volumes: self.volumes.as_ref().map(Column::values),
            timestamps_ns: self.timestamps_ns.values(),
            source_ids: self.source_ids.values(),
            rates: self.rates.as_ref().map(Column::values),
            absent: self.absent.as_deref(),
            skip_absent: self.skip_absent,
            learned: self.learned.learned(),
        }
    }
}

/// The price on which the sources of one feed agree.
#[pyfunction]
#[pyo3(signature = (prices, volumes, timestamps_ns, source_ids, /, *, rates = None, at_ns = None,
    half_life_ns = 2_000_000_000, max_age_ns = 180_000_000_000, future_tolerance_ns = 5_000_000_000,
    k = 3.0, floor_bps = 10.0, min_sources = 3, max_weight = 0.30, apart_bps = 30.0, trust_floor = 0.1,
    learned = None, nulls = "error"))]
#[expect(clippy::too_many_arguments, reason = "they are the keywords of the Python function")]
pub(super) fn consensus(
    py: Python<'_>,
    prices: &Bound<'_, PyAny>,
    volumes: Option<&Bound<'_, PyAny>>,
    timestamps_ns: &Bound<'_, PyAny>,
    source_ids: &Bound<'_, PyAny>,
    rates: Option<&Bound<'_, PyAny>>,
    at_ns: Option<i64>,
    half_life_ns: i64,
    max_age_ns: i64,
    future_tolerance_ns: i64,
    k: f64,
    floor_bps: f64,
    min_sources: i64,
    max_weight: f64,
    apart_bps: f64,
    trust_floor: f64,
    learned: Option<&Bound<'_, PyAny>>,
    nulls: &str,
) -> PyResult<Consensus> {
    let columns = Columns::read(prices, volumes, timestamps_ns, source_ids, rates, learned, nulls)?;
    let min_sources = usize::try_from(min_sources).unwrap_or(0);
    let rule = Rule {
        half_life_ns,
        max_age_ns,
        future_tolerance_ns,
        k,
        floor_bps,
        min_sources,
        max_weight,
        apart_bps,
        trust_floor,
    };
    let points = columns.points();
    let found = py.detach(|| crate::consensus::consensus(&points, at_ns, &rule)).map_err(to_python)?;
    Ok(Consensus::new(Arc::new(found), columns.names))
}

/// The consensus of every feed of a round, in one call.
#[pyfunction]
#[pyo3(signature = (prices, volumes, timestamps_ns, source_ids, offsets, /, *, rates = None, at_ns = None,
    half_life_ns = 2_000_000_000, max_age_ns = 180_000_000_000, future_tolerance_ns = 5_000_000_000,
    k = 3.0, floor_bps = 10.0, min_sources = None, max_weight = 0.30, apart_bps = 30.0, trust_floor = 0.1,
    learned = None, nulls = "error"))]
#[expect(clippy::too_many_arguments, reason = "they are the keywords of the Python function")]
pub(super) fn consensus_many(
    py: Python<'_>,
    prices: &Bound<'_, PyAny>,
    volumes: Option<&Bound<'_, PyAny>>,
    timestamps_ns: &Bound<'_, PyAny>,
    source_ids: &Bound<'_, PyAny>,
    offsets: &Bound<'_, PyAny>,
    rates: Option<&Bound<'_, PyAny>>,
    at_ns: Option<i64>,
    half_life_ns: i64,
    max_age_ns: i64,
    future_tolerance_ns: i64,
    k: f64,
    floor_bps: f64,
    min_sources: Option<&Bound<'_, PyAny>>,
    max_weight: f64,
    apart_bps: f64,
    trust_floor: f64,
    learned: Option<&Bound<'_, PyAny>>,
    nulls: &str,
) -> PyResult<Round> {
    let columns = Columns::read(prices, volumes, timestamps_ns, source_ids, rates, learned, nulls)?;
    let offsets = read::<i64>("offsets", offsets)?;
    no_nulls("offsets", &offsets)?;
    let (general, per_feed) = least(min_sources)?;
    let min_sources = per_feed.as_ref().map_or(MinSources::OfRule, |it| MinSources::PerFeed(it.values()));
    let rule = Rule {
        half_life_ns,
        max_age_ns,
        future_tolerance_ns,
        k,
        floor_bps,
        min_sources: general,
        max_weight,
        apart_bps,
        trust_floor,
    };
    let (points, offsets) = (columns.points(), offsets.values());
    let found = py
        .detach(|| crate::round::consensus_many(&points, offsets, at_ns, &rule, min_sources))
        .map_err(to_python)?;
    let feeds = found.feeds.into_iter().map(|feed| feed.map(Arc::new)).collect();
    Ok(Round::new(feeds, columns.names))
}

/// The price of one feed without each of its sources.
#[pyfunction]
#[pyo3(signature = (prices, volumes, timestamps_ns, source_ids, /, *, rates = None, at_ns = None,
    half_life_ns = 2_000_000_000, max_age_ns = 180_000_000_000, future_tolerance_ns = 5_000_000_000,
    k = 3.0, floor_bps = 10.0, min_sources = 3, max_weight = 0.30, apart_bps = 30.0, trust_floor = 0.1,
    learned = None, nulls = "error"))]
#[expect(clippy::too_many_arguments, reason = "they are the keywords of the Python function")]
pub(super) fn without_each<'py>(
    py: Python<'py>,
    prices: &Bound<'py, PyAny>,
    volumes: Option<&Bound<'py, PyAny>>,
    timestamps_ns: &Bound<'py, PyAny>,
    source_ids: &Bound<'py, PyAny>,
    rates: Option<&Bound<'py, PyAny>>,
    at_ns: Option<i64>,
    half_life_ns: i64,
    max_age_ns: i64,
    future_tolerance_ns: i64,
    k: f64,
    floor_bps: f64,
    min_sources: i64,
    max_weight: f64,
    apart_bps: f64,
    trust_floor: f64,
    learned: Option<&Bound<'py, PyAny>>,
    nulls: &str,
) -> PyResult<Bound<'py, PyDict>> {
    let columns = Columns::read(prices, volumes, timestamps_ns, source_ids, rates, learned, nulls)?;
    let min_sources = usize::try_from(min_sources).unwrap_or(0);
    let rule = Rule {
        half_life_ns,
        max_age_ns,
        future_tolerance_ns,
        k,
        floor_bps,
        min_sources,
        max_weight,
        apart_bps,
        trust_floor,
    };
    let points = columns.points();
    let found = py.detach(|| crate::consensus::without_each(&points, at_ns, &rule)).map_err(to_python)?;
    let prices = PyDict::new(py);
    for (id, price) in found {
        prices.set_item(shown(py, &columns.names, id)?, price)?;
    }
    Ok(prices)
}

/// Reads `min_sources`: one number for all feeds, or a column of them.
fn least(option: Option<&Bound<'_, PyAny>>) -> PyResult<(usize, Option<Column<i64>>)> {
    let general = Rule::default().min_sources;
    let Some(option) = option else { return Ok((general, None)) };
    if let Ok(number) = option.extract::<i64>() {
        return Ok((usize::try_from(number).unwrap_or(0), None));
    }
    let column = read::<i64>("min_sources", option)?;
    no_nulls("min_sources", &column)?;
    Ok((general, Some(column)))
}
