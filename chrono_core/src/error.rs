//! Why no estimate could be given.
//!
//! One enum for the whole crate, so that every door (Python, tests) can show the same sentence: it
//! names the argument, the position in it and the value found there.

use std::fmt;

/// The reason that an estimate was refused. `Display` gives the sentence, `reason` the stable code.
#[derive(Clone, Debug, PartialEq)]
pub enum EstimateError {
    /// A column without rows.
    Empty { argument: &'static str },
    /// Two columns of different length.
    LengthMismatch { argument: &'static str, length: usize, other: &'static str, expected: usize },
    /// A missing value in a column that may have none.
    Null { argument: &'static str, index: usize },
    /// NaN or an infinity.
    NotFinite { argument: &'static str, index: usize, value: f64 },
    /// Zero or less where only positive numbers make sense.
    NotPositive { argument: &'static str, index: usize, value: f64 },
    /// Less than zero where zero is allowed.
    Negative { argument: &'static str, index: usize, value: f64 },
    /// Weights or volumes that are all zero.
    ZeroTotal { argument: &'static str },
    /// A time that lies before its predecessor.
    Unsorted { argument: &'static str, index: usize, value: i64, previous: i64 },
    /// A window that ends before its last price.
    EndBeforeLast { end_ns: i64, last_ns: i64 },
    /// The result does not fit into a 64-bit float.
    Overflow { argument: &'static str },
    /// An option outside its range.
    BadOption { argument: &'static str, value: f64, expected: &'static str },
    /// Offsets that do not cut the columns into feeds.
    BadOffsets { index: usize, value: i64, expected: &'static str },
    /// Every point was left out.
    NoUsablePoint { stale: usize, future: usize, other: usize },
}

impl EstimateError {
    /// Returns the stable snake_case code: the label for logs, metrics and columns.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Empty { .. } => "empty",
            Self::LengthMismatch { .. } => "length_mismatch",
            Self::Null { .. } => "null",
            Self::NotFinite { .. } => "not_finite",
            Self::NotPositive { .. } => "not_positive",
            Self::Negative { .. } => "negative",
            Self::ZeroTotal { .. } => "zero_total",
            Self::Unsorted { .. } => "unsorted",
            Self::EndBeforeLast { .. } => "end_before_last",
            Self::Overflow { .. } => "overflow",
            Self::BadOption { .. } => "bad_option",
            Self::BadOffsets { .. } => "bad_offsets",
            Self::NoUsablePoint { .. } => "no_usable_point",
        }
    }

    /// Returns the name of the argument at fault, if there is one.
    pub fn argument(&self) -> Option<&'static str> {
        match self {
            Self::Empty { argument }
            | Self::LengthMismatch { argument, .. }
            | Self::Null { argument, .. }
            | Self::NotFinite { argument, .. }
            | Self::NotPositive { argument, .. }
            | Self::Negative { argument, .. }
            | Self::ZeroTotal { argument }
            | Self::Unsorted { argument, .. }
            | Self::Overflow { argument }
            | Self::BadOption { argument, .. } => Some(argument),
            Self::EndBeforeLast { .. } => Some("end_ns"),
            Self::BadOffsets { .. } => Some("offsets"),
            Self::NoUsablePoint { .. } => None,
        }
    }

    /// Returns the position of the value at fault, if there is one.
    pub fn index(&self) -> Option<usize> {
        match self {
            Self::Null { index, .. }
            | Self::NotFinite { index, .. }
            | Self::NotPositive { index, .. }
            | Self::Negative { index, .. }
            | Self::Unsorted { index, .. }
            | Self::BadOffsets { index, .. } => Some(*index),
            _ => None,
        }
    }

    /// Returns the same error with its position passed through `f`.
    ///
    /// Used where rows were skipped or cut out, so that the caller reads the row of *his* column.
    pub fn map_index(mut self, f: impl FnOnce(usize) -> usize) -> Self {
        match &mut self {
            Self::Null { index, .. }
            | Self::NotFinite { index, .. }
            | Self::NotPositive { index, .. }
            | Self::Negative { index, .. }
            | Self::Unsorted { index, .. } => *index = f(*index),
            _ => {}
        }
        self
    }
}

impl fmt::Display for EstimateError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { argument } => write!(out, "{argument} is empty: at least one value is needed"),
            Self::LengthMismatch { argument, length, other, expected } => {
                write!(out, "{argument} has {length} values, but {other} has {expected}")
            }
            Self::Null { argument, index } => {
                write!(out, "{argument}[{index}] is null: pass nulls=\"skip\" to leave such rows out")
            }
            Self::NotFinite { argument, index, value } => {
                write!(out, "{argument}[{index}] is {}: only finite numbers are accepted", Shown(*value))
            }
            Self::NotPositive { argument, index, value } => {
                write!(out, "{argument}[{index}] is {}: it must be greater than zero", Shown(*value))
            }
            Self::Negative { argument, index, value } => {
                write!(out, "{argument}[{index}] is {}: it must not be negative", Shown(*value))
            }
            Self::ZeroTotal { argument } => {
                write!(out, "{argument} add up to zero: at least one must be positive")
            }
            _ => self.describe_rest(out),
        }
    }
}

impl EstimateError {
    fn describe_rest(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsorted { argument, index, value, previous } => {
                write!(
                    out,
                    "{argument}[{index}] is {value}, which is before {previous}: times must not go back"
                )
            }
            Self::EndBeforeLast { end_ns, last_ns } => {
                write!(out, "end_ns is {end_ns}, which is before the last timestamp {last_ns}")
            }
            Self::Overflow { argument } => {
                write!(out, "{argument} are too large: the result does not fit into a 64-bit float")
            }
            Self::BadOption { argument, value, expected } => {
                write!(out, "{argument} is {}: expected {expected}", Shown(*value))
            }
            Self::BadOffsets { index, value, expected } => {
                write!(out, "offsets[{index}] is {value}: {expected}")
            }
            Self::NoUsablePoint { stale, future, other } => {
                write!(
                    out,
                    "no usable point: {stale} stale, {future} in the future, {other} otherwise left out"
                )
            }
            // Every other variant is described by `Display` itself.
            _ => out.write_str(self.reason()),
        }
    }
}

impl std::error::Error for EstimateError {}

/// A number as Python would show it, so that both languages print one sentence.
struct Shown(f64);

impl fmt::Display for Shown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_nan() { out.write_str("nan") } else { write!(out, "{:?}", self.0) }
    }
}
