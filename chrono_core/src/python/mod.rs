//! The door to Python: translate, call, translate back.
//!
//! This folder is the only place that names `pyo3`, and it does no sums. Columns are lent without a
//! copy where their memory allows it, and the interpreter is let go while Rust works.

mod arrow;
mod column;
mod consensus;
mod errors;
mod estimators;
mod export;
mod flare;
mod ids;
mod models;
mod numbers;
mod options;
mod result;
mod round;

use pyo3::prelude::*;

/// Robust price estimators: VWAP, TWAP, medians, outliers and the consensus of sources.
#[pymodule]
mod _core {
    #[pymodule_export]
    use super::consensus::{consensus, consensus_many, without_each};
    #[pymodule_export]
    use super::errors::EstimateError;
    #[pymodule_export]
    use super::estimators::{mad, mean, median, outliers, std_dev, twap, vwap, weighted_median};
    #[pymodule_export]
    use super::export::Column;
    #[pymodule_export]
    use super::flare::{
        MerkleTree, SortitionKey, keccak256, sortition_point, verify_credential, verify_proof,
        verify_registration, vote_median, vote_medians,
    };
    #[pymodule_export]
    use super::models::AnomalyModel;
    #[pymodule_export]
    use super::result::{Consensus, Outliers, Source};
    #[pymodule_export]
    use super::round::Round;

    use pyo3::prelude::*;
    use pyo3::types::PyTuple;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("FEATURES", PyTuple::new(module.py(), crate::consensus::FEATURE_NAMES)?)?;
        super::errors::prepare(module.py())
    }
}
