//! How much an old point still weighs: half after each half-life, as an exact integer.
//!
//! Integers make "exactly half of the weight" a question with an exact answer, and the same one in
//! any order and on any platform. Age is counted in 1/1024 of a half-life (a step of 0.07 %).

use std::sync::OnceLock;

/// The weight of a point of age 0. With 32 bits, 2^32 points cannot overflow a 64-bit sum.
pub(crate) const FULL: u64 = 1 << 32;

/// Within a source the quick estimate fades this much faster than the slow one; a source as a whole (its
/// say, its volume, its average over time) this much slower.
pub(crate) const OCTAVE: i64 = 8;

const STEPS: usize = 1024;

/// Weights by age for one half-life.
#[derive(Clone, Copy)]
pub(crate) struct AgeWeights {
    table: &'static [u64; STEPS],
    steps_per_ns: f64,
}

impl AgeWeights {
    pub(crate) fn new(half_life_ns: i64) -> Self {
        static TABLE: OnceLock<[u64; STEPS]> = OnceLock::new();
        let table = TABLE.get_or_init(|| std::array::from_fn(step_weight));
        Self { table, steps_per_ns: STEPS as f64 / half_life_ns as f64 }
    }

    /// Returns the weight of a point of this age: 2^32 halved per half-life, at least 1.
    ///
    /// A point from the (tolerated) future weighs like one of this moment.
    #[inline]
    pub(crate) fn of(&self, age_ns: i64) -> u64 {
        let steps = (age_ns.max(0) as f64 * self.steps_per_ns) as u64;
        let halvings = (steps / STEPS as u64).min(63);
        (self.table[steps as usize % STEPS] >> halvings).max(1)
    }
}

fn step_weight(step: usize) -> u64 {
    (libm::exp2(-(step as f64) / STEPS as f64) * FULL as f64).round_ties_even() as u64
}
