//! Sums whose bytes are the same everywhere.
//!
//! Addition of floats is not associative, so the order is part of the contract: four running sums
//! over every fourth value, joined as `(a + b) + (c + d)`, then the rest from left to right. Rust
//! neither reorders nor fuses these operations, on any platform.

/// Returns the sum of `f(value)` over a column, in the fixed order of this module.
pub(crate) fn sum(values: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    let (fours, rest) = values.as_chunks::<4>();
    let mut lanes = [0.0f64; 4];
    for four in fours {
        for (lane, &value) in lanes.iter_mut().zip(four) {
            *lane += f(value);
        }
    }
    joined(lanes, rest.iter().map(|&value| f(value)))
}

/// Returns the sum of the products of two columns of equal length, in the same order.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let ((fours, rest), (other_fours, other_rest)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    let mut lanes = [0.0f64; 4];
    for (four, other) in fours.iter().zip(other_fours) {
        for ((lane, x), y) in lanes.iter_mut().zip(four).zip(other) {
            *lane += x * y;
        }
    }
    joined(lanes, rest.iter().zip(other_rest).map(|(x, y)| x * y))
}

fn joined(lanes: [f64; 4], rest: impl Iterator<Item = f64>) -> f64 {
    let [a, b, c, d] = lanes;
    rest.fold((a + b) + (c + d), |total, value| total + value)
}

/// What one look at a column tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Survey {
    /// Infinity for no values.
    pub low: f64,
    /// Minus infinity for no values.
    pub high: f64,
    /// No NaN, no infinity; without it the range means nothing.
    pub finite: bool,
}

/// Looks at every value once, in a form that compilers turn into vector code.
pub(crate) fn survey(values: &[f64]) -> Survey {
    let (fours, rest) = values.as_chunks::<4>();
    let mut lanes = [(f64::INFINITY, f64::NEG_INFINITY, 0.0f64); 4];
    for four in fours {
        for (lane, &value) in lanes.iter_mut().zip(four) {
            look(lane, value);
        }
    }
    for &value in rest {
        look(&mut lanes[0], value);
    }
    let low = lanes.iter().fold(f64::INFINITY, |low, lane| low.min(lane.0));
    let high = lanes.iter().fold(f64::NEG_INFINITY, |high, lane| high.max(lane.1));
    Survey { low, high, finite: lanes.iter().all(|lane| lane.2 == 0.0) }
}

fn look((low, high, fault): &mut (f64, f64, f64), value: f64) {
    *low = if value < *low { value } else { *low };
    *high = if value > *high { value } else { *high };
    // Zero for every finite value, NaN for the others.
    *fault += value * 0.0;
}

/// Returns the number halfway between two finite numbers, without overflow.
pub(crate) fn halfway(a: f64, b: f64) -> f64 {
    let total = a + b;
    if total.is_finite() { total / 2.0 } else { a / 2.0 + b / 2.0 }
}

/// A sum of floats without any rounding error: a list of parts that do not overlap.
///
/// Source: J. R. Shewchuk, "Adaptive Precision Floating-Point Arithmetic", 1997, Grow-Expansion.
/// Needed to tell "exactly half" from "nearly half"; the inputs must not overflow when added.
#[derive(Default)]
pub(crate) struct ExactSum {
    parts: Vec<f64>,
}

impl ExactSum {
    pub(crate) fn add(&mut self, value: f64) {
        let mut carry = value;
        for part in &mut self.parts {
            let (total, error) = two_sum(carry, *part);
            *part = error;
            carry = total;
        }
        self.parts.push(carry);
        self.parts.retain(|part| *part != 0.0);
    }

    /// Returns the sign of the exact sum: the largest part decides, since the parts do not overlap.
    pub(crate) fn sign(&self) -> f64 {
        self.parts.last().copied().unwrap_or(0.0)
    }
}

fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let total = a + b;
    let from_b = total - a;
    let error = (a - (total - from_b)) + (b - from_b);
    (total, error)
}
