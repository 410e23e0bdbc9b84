//! Learned anomaly models, scored point by point; they are trained elsewhere.
//!
//! A model is a few tables that somebody else has fitted: nothing here learns, and every table is
//! checked before it is used, so that no file can make a score panic or run for ever.

mod forest;
mod hbos;

use crate::consensus::FEATURES;
use crate::error::EstimateError;

pub use forest::{Columns as ForestColumns, Forest};
pub use hbos::Histogram;

/// A model and the score above which a source is an anomaly.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    kind: Kind,
    limit: f64,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Histograms(Box<[Histogram; FEATURES]>),
    Forest(Forest),
}

impl Model {
    /// A histogram for each feature.
    ///
    /// # Errors
    /// A limit that is not finite.
    pub fn of_histograms(histograms: [Histogram; FEATURES], limit: f64) -> Result<Self, EstimateError> {
        Ok(Self { kind: Kind::Histograms(Box::new(histograms)), limit: finite("limit", limit)? })
    }

    /// An isolation forest.
    ///
    /// # Errors
    /// A limit that is not finite.
    pub fn of_forest(forest: Forest, limit: f64) -> Result<Self, EstimateError> {
        Ok(Self { kind: Kind::Forest(forest), limit: finite("limit", limit)? })
    }

    /// Returns the score: the higher, the odder. Equal to the `decision_function` of PyOD.
    pub fn score(&self, features: &[f64; FEATURES]) -> f64 {
        match &self.kind {
            Kind::Histograms(all) => {
                -all.iter().zip(features).fold(0.0, |total, (one, value)| total + one.score(*value))
            }
            Kind::Forest(forest) => forest.score(features),
        }
    }

    /// Returns the score above which a source is an anomaly.
    pub fn limit(&self) -> f64 {
        self.limit
    }
}

fn finite(argument: &'static str, value: f64) -> Result<f64, EstimateError> {
    if value.is_finite() {
        return Ok(value);
    }
    Err(EstimateError::BadOption { argument, value, expected: "a finite number" })
}
