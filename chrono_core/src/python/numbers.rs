//! The two kinds of number that columns hold, and how everything else becomes one of them.

use pyo3::buffer::Element;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt};

use super::errors::{refuse, wrong_item};

/// A number that a column can hold. `None` means that the value has no place in it.
pub(super) trait Number: Element + Copy + Default {
    /// What a caller is told to pass.
    const EXPECTED: &'static str;
    /// The same for a whole column.
    const EXPECTED_COLUMN: &'static str;
    /// Whether the column accepts numbers with a fraction.
    const FRACTIONS: bool;

    fn of_float(value: f64) -> Option<Self>;
    fn of_signed(value: i64) -> Self;
    fn of_unsigned(value: u64) -> Option<Self>;
    fn of_object(name: &str, index: usize, item: &Bound<'_, PyAny>) -> PyResult<Self>;
}

impl Number for f64 {
    const EXPECTED: &'static str = "a number";
    const EXPECTED_COLUMN: &'static str = "a column of numbers";
    const FRACTIONS: bool = true;

    fn of_float(value: f64) -> Option<Self> {
        Some(value)
    }

    fn of_signed(value: i64) -> Self {
        value as f64
    }

    fn of_unsigned(value: u64) -> Option<Self> {
        Some(value as f64)
    }

    fn of_object(name: &str, index: usize, item: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(float) = item.cast_exact::<PyFloat>() {
            return Ok(float.value());
        }
        if item.is_instance_of::<PyBool>() {
            return Err(wrong_item(name, index, item, Self::EXPECTED));
        }
        // Reads int, Decimal, Fraction and NumPy scalars by `__float__`, but no text.
        item.extract::<f64>().map_err(|error| explain::<Self>(name, index, item, &error))
    }
}

impl Number for i64 {
    const EXPECTED: &'static str = "an integer";
    const EXPECTED_COLUMN: &'static str = "a column of integers";
    const FRACTIONS: bool = false;

    fn of_float(_: f64) -> Option<Self> {
        None
    }

    fn of_signed(value: i64) -> Self {
        value
    }

    fn of_unsigned(value: u64) -> Option<Self> {
        i64::try_from(value).ok()
    }

    fn of_object(name: &str, index: usize, item: &Bound<'_, PyAny>) -> PyResult<Self> {
        let is_plain = item.is_exact_instance_of::<PyInt>();
        if !is_plain && (item.is_instance_of::<PyBool>() || item.is_instance_of::<PyFloat>()) {
            return Err(wrong_item(name, index, item, Self::EXPECTED));
        }
        item.extract::<i64>().map_err(|error| explain::<Self>(name, index, item, &error))
    }
}

/// Turns a failed conversion into a sentence: wrong kind is a `TypeError`, too large an `EstimateError`.
fn explain<T: Number>(name: &str, index: usize, item: &Bound<'_, PyAny>, error: &PyErr) -> PyErr {
    if error.is_instance_of::<PyTypeError>(item.py()) {
        return wrong_item(name, index, item, T::EXPECTED);
    }
    let shown = item.repr().map_or_else(|_| "?".to_owned(), |shown| shortened(&shown.to_string()));
    out_of_range::<T>(name, index, &shown)
}

/// An integer of a million digits is shown by its head.
fn shortened(text: &str) -> String {
    let head: String = text.chars().take(40).collect();
    if head.len() < text.len() { format!("{head}...") } else { head }
}

/// Refuses a number that 64 bits cannot hold.
pub(super) fn out_of_range<T: Number>(name: &str, index: usize, shown: &str) -> PyErr {
    let sentence = format!("{name}[{index}] is {shown}: {} of 64 bits is expected", T::EXPECTED);
    refuse("out_of_range", Some(name), Some(index), sentence)
}
