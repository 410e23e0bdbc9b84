//! The price on which independent sources agree.
//!
//! The rule is built so that no single source can bend the result: every source speaks once, by one
//! robust estimate of its own; those that stand apart are dropped; weights are capped; and the vote
//! may not leave the inner range of all estimates. `docs/estimators.md` has the formulas and proofs.

mod age;
mod agree;
mod confidence;
mod gather;
mod select;
mod speak;
mod types;
mod vote;
mod weights;

use crate::error::EstimateError;
use gather::Gathered;
use speak::Voice;

pub use types::{Consensus, Points, Reason, Rule, Source};

/// Returns the consensus of the sources at `at_ns` (default: the newest time given).
///
/// Shapes: all columns (n,), n >= 1, in any order: the result does not depend on it, apart from the
/// row numbers in `excluded`. Prices > 0; a volume of 0 means "unknown" and leaves that point out of
/// the volume-weighted average only.
///
/// # Errors
/// A bad value, columns of different length, a bad option, or not one usable point.
pub fn consensus(points: &Points<'_>, at_ns: Option<i64>, rule: &Rule) -> Result<Consensus, EstimateError> {
    rule.check()?;
    points.check()?;
    gather::with_scratch(|gathered| decide(points, at_ns, rule, gathered))
}

fn decide(
    points: &Points<'_>,
    at_ns: Option<i64>,
    rule: &Rule,
    gathered: &mut Gathered,
) -> Result<Consensus, EstimateError> {
    let at_ns = at_ns.unwrap_or_else(|| points.newest_ns());
    gathered.collect(points, at_ns, rule);
    let mut voices = gathered.voices();
    if voices.is_empty() {
        return Err(gathered.nothing_usable());
    }
    // By estimate, then by id: from here on nothing depends on the order of the input.
    voices.sort_unstable_by(|a, b| a.estimate.total_cmp(&b.estimate).then(a.slot.cmp(&b.slot)));
    let estimates: Vec<f64> = voices.iter().map(|voice| voice.estimate).collect();
    let circle = agree::circle(&estimates, rule);
    let used: &[Voice] = voices.get(circle.used.clone()).unwrap_or(&voices);
    let weights = weights::capped(used, rule.max_weight);
    let vote = vote::vote(used, &weights, &estimates, &circle);
    let confidence = confidence::confidence(used, &weights, &estimates, &vote, at_ns, rule);
    let sources = gathered.sources(&voices, &circle.used, &weights, at_ns);
    Ok(Consensus {
        price: vote.price,
        vwap: vote.vwap,
        twap: vote.twap,
        median: vote.median,
        weighted_median: vote.weighted_median,
        mean: vote.mean,
        std_dev: vote.std_dev,
        spread_bps: vote.spread_bps,
        confidence,
        n_used: used.len(),
        n_points: used.iter().map(|voice| voice.n_points).sum(),
        at_ns,
        excluded: gathered.excluded(&sources),
        sources,
    })
}
