//! Robust price estimators for Project Chrono.
//!
//! Plain functions over columns: volume- and time-weighted averages, medians, outliers, and the
//! consensus of independent sources, for one feed or for a whole round of feeds. Same input bytes,
//! same output bytes, on every platform: sums have a fixed order and no step uses the platform's own
//! exponential. The rule and its proofs are in `docs/estimators.md`.
//!
//! The module `flare` has the sums of Flare's protocol, in whole numbers and bytes.
//!
//! The `python` feature adds the module that Python imports; nothing else in the crate knows Python.

mod anomaly;
mod columns;
mod consensus;
mod detect;
mod error;
pub mod flare;
mod median;
mod round;
mod spread;
mod sums;
mod twap;
mod vwap;
mod weighted_median;

#[cfg(feature = "python")]
mod python;

pub use anomaly::{Method, Outliers, outliers};
pub use consensus::{
    Consensus, FEATURE_LIMIT, FEATURE_NAMES, FEATURES, Flags, Learned, Points, Reason, Rule, Source,
    consensus, without_each,
};
pub use detect::{Forest, ForestColumns, Histogram, Model};
pub use error::EstimateError;
pub use median::{MAD_TO_SIGMA, mad, median};
pub use round::{MinSources, Round, consensus_many};
pub use spread::{mean, std_dev};
pub use twap::twap;
pub use vwap::vwap;
pub use weighted_median::weighted_median;
