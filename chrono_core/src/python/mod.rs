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
mod ids;
mod numbers;
mod options;
mod result;
mod round;

use pyo3::prelude::*;

/// Robust price estimators: VWAP, TWAP, medians, outliers and the consensus of sources.
#[pymodule]
mod _core {
    #[pymodule_export]
    use super::consensus::{consensus, consensus_many};
    #[pymodule_export]
    use super::errors::EstimateError;
    #[pymodule_export]
    use super::estimators::{mad, mean, median, outliers, std_dev, twap, vwap, weighted_median};
    #[pymodule_export]
    use super::export::Column;
    #[pymodule_export]
    use super::result::{Consensus, Outliers, Source};
    #[pymodule_export]
    use super::round::Round;

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        super::errors::prepare(module.py())
    }
}
