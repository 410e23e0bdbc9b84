//! Hashing, with the interpreter held: a hash of a few hundred bytes is over before it could be let go.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

#[pyfunction]
#[pyo3(signature = (data, /))]
pub(in crate::python) fn keccak256<'py>(py: Python<'py>, data: &[u8]) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &crate::flare::keccak256(data))
}
