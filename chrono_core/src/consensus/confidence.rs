//! How far the price deserves trust: a product of four doubts, each between 0 and 1.

use super::agree::tolerated;
use super::speak::Voice;
use super::types::Rule;
use super::vote::{Vote, bps};

// One source alone is worth 0.3; each further one takes away 55 % of what is missing.
const ALONE: f64 = 0.3;
const STILL_MISSING: f64 = 0.45;
// With a third of the fresh sources dropped 0.67 is left, with half of them 0.25.
const DROP_PENALTY: f64 = 3.0;
// The spread at which agreement is worth one half, in units of the gate's floor.
const SPREAD_FLOORS: f64 = 10.0;

/// Returns the confidence in [0, 1]: enough sources x few dropped x small spread x freshness.
pub(crate) fn confidence(
    used: &[Voice],
    weights: &[f64],
    all: &[f64],
    vote: &Vote,
    at_ns: i64,
    rule: &Rule,
) -> f64 {
    let dropped = 1.0 - used.len() as f64 / all.len().max(1) as f64;
    let support = (1.0 - DROP_PENALTY * dropped * dropped).max(0.0);
    let product = enough(used.len(), rule.min_sources)
        * support
        * agreement(all, vote, rule)
        * freshness(used, weights, at_ns, rule);
    product.clamp(0.0, 1.0)
}

fn enough(n: usize, least: usize) -> f64 {
    // Repeated multiplication instead of a power function: the same bytes everywhere.
    let missing = (1..n.min(64)).fold(1.0, |missing, _| missing * STILL_MISSING);
    (ALONE + (1.0 - ALONE) * (1.0 - missing)) * (n as f64 / least as f64).min(1.0)
}

/// The inner range of *all* fresh estimates shows liars that agree with each other; the range of the
/// used ones shows what could not be dropped.
fn agreement(all: &[f64], vote: &Vote, rule: &Rule) -> f64 {
    let t = tolerated(all.len());
    let inner = all.get(t..all.len() - t).unwrap_or(all);
    let spread = bps(inner, vote.price).max(vote.spread_bps);
    let half_at = (SPREAD_FLOORS * rule.floor_bps).max(1.0);
    let ratio = spread / half_at;
    1.0 / (1.0 + ratio * ratio)
}

/// 1 for prices of this moment, one half for prices that are about to be too old.
fn freshness(used: &[Voice], weights: &[f64], at_ns: i64, rule: &Rule) -> f64 {
    let oldest = rule.max_age_ns.max(1) as f64;
    let age = |voice: &Voice| at_ns.saturating_sub(voice.newest_ns).max(0) as f64 / oldest;
    let mean: f64 = used.iter().zip(weights).map(|(voice, weight)| weight * age(voice)).sum();
    libm::exp2(-mean)
}
