//! 256-bit words between Python's integers and bytes.

use num_bigint::{BigInt, BigUint};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::flare::{Point, Word};

/// A word from an integer, 0 to 2**256 - 1.
pub(super) fn read_word(name: &str, given: &Bound<'_, PyAny>) -> PyResult<Word> {
    let number: BigInt = given.extract()?;
    let refuse = || PyValueError::new_err(format!("{name} must be 0 to 2**256 - 1"));
    let bytes = number.to_biguint().ok_or_else(refuse)?.to_bytes_be();
    let mut word = [0; 32];
    let free = word.len().checked_sub(bytes.len()).ok_or_else(refuse)?;
    word.iter_mut().skip(free).zip(bytes).for_each(|(to, from)| *to = from);
    Ok(word)
}

/// A point from a pair of integers.
pub(super) fn read_point(name: &str, given: &(Bound<'_, PyAny>, Bound<'_, PyAny>)) -> PyResult<Point> {
    Ok(Point { x: read_word(name, &given.0)?, y: read_word(name, &given.1)? })
}

/// So many bytes. What was given is not shown: it may be a secret.
pub(super) fn read_bytes<const N: usize>(name: &str, given: &[u8]) -> PyResult<[u8; N]> {
    given
        .try_into()
        .map_err(|_| PyValueError::new_err(format!("{name} has {} bytes: expected {N}", given.len())))
}

pub(super) fn number(word: &Word) -> BigUint {
    BigUint::from_bytes_be(word)
}

pub(super) fn pair(point: &Point) -> (BigUint, BigUint) {
    (number(&point.x), number(&point.y))
}
