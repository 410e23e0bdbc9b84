//! One exception for everything that the crate refuses.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::error::EstimateError as CoreError;

pyo3::create_exception!(
    chrono_core,
    EstimateError,
    PyValueError,
    "No estimate can be given: the message names the argument, the index and the value.\n\n\
     `reason` is a stable snake_case code; `argument` and `index` tell where, or are None."
);

/// Gives the class its attributes, so that they exist on every instance.
pub(super) fn prepare(py: Python<'_>) -> PyResult<()> {
    let class = py.get_type::<EstimateError>();
    class.setattr("reason", "")?;
    class.setattr("argument", py.None())?;
    class.setattr("index", py.None())
}

/// Translates an error of the crate.
pub(super) fn to_python(error: CoreError) -> PyErr {
    refuse(error.reason(), error.argument(), error.index(), error.to_string())
}

/// Builds an `EstimateError` with its attributes.
pub(super) fn refuse(
    reason: &'static str,
    argument: Option<&str>,
    index: Option<usize>,
    sentence: String,
) -> PyErr {
    Python::attach(|py| {
        let error = EstimateError::new_err(sentence);
        let value = error.value(py);
        let set = value
            .setattr("reason", reason)
            .and_then(|()| value.setattr("argument", argument))
            .and_then(|()| value.setattr("index", index));
        set.err().unwrap_or(error)
    })
}

/// Refuses a whole argument for what it is.
pub(super) fn wrong_type(name: &str, found: &Bound<'_, PyAny>, expected: &str) -> PyErr {
    let kind = found.get_type().name().map_or_else(|_| "object".to_owned(), |name| name.to_string());
    PyTypeError::new_err(format!("{name} is a {kind}: expected {expected}"))
}

/// Refuses one item for what it is.
pub(super) fn wrong_item(name: &str, index: usize, found: &Bound<'_, PyAny>, expected: &str) -> PyErr {
    let kind = found.get_type().name().map_or_else(|_| "object".to_owned(), |name| name.to_string());
    let shown = found.repr().map_or_else(|_| kind.clone(), |shown| shown.to_string());
    PyTypeError::new_err(format!("{name}[{index}] is {shown} ({kind}): expected {expected}"))
}
