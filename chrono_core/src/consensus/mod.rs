//! The price on which independent sources agree.
//!
//! The rule is built so that no single source can bend the result: every source speaks once, by one
//! robust estimate of its own; those that stand apart are dropped; weights are capped; and the vote
//! may not leave the inner range of all estimates. `docs/estimators.md` has the formulas and proofs.

mod age;
mod agree;
mod confidence;
mod consent;
mod features;
mod gather;
mod judge;
mod select;
mod settle;
mod speak;
mod track;
mod types;
mod vote;
mod weights;

use crate::error::EstimateError;
use gather::Gathered;
use settle::Settled;
use speak::Voice;

pub use features::{FEATURE_LIMIT, FEATURE_NAMES, FEATURES};
pub use types::{Consensus, Flags, Learned, Points, Reason, Rule, Source};

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
    let voices = gathered.voices(points, at_ns, rule);
    if voices.is_empty() {
        return Err(gathered.nothing_usable());
    }
    let settled = Settled::of(voices, &points.learned, at_ns, rule);
    let used = settled.used();
    let confidence =
        confidence::confidence(used, &settled.weights, &settled.estimates, &settled.vote, at_ns, rule);
    let sources = gathered.sources(&settled, at_ns);
    let vote = &settled.vote;
    Ok(Consensus {
        price: vote.price,
        vwap: vote.vwap,
        twap: vote.twap,
        median: vote.median,
        weighted_median: vote.weighted_median,
        mean: vote.mean,
        std_dev: vote.std_dev,
        level: settled.level,
        spread_bps: vote.spread_bps,
        confidence,
        n_used: used.len(),
        n_points: used.iter().map(|voice| voice.n_points).sum(),
        at_ns,
        excluded: gathered.excluded(&sources),
        sources,
    })
}

/// Returns the price that would be found without each source, by ascending id: how far it moves is the
/// say that the source has. None where nothing is left without it, or for a source of no fresh point.
///
/// # Errors
/// As `consensus`.
pub fn without_each(
    points: &Points<'_>,
    at_ns: Option<i64>,
    rule: &Rule,
) -> Result<Vec<(i64, Option<f64>)>, EstimateError> {
    rule.check()?;
    points.check()?;
    gather::with_scratch(|gathered| {
        let at_ns = at_ns.unwrap_or_else(|| points.newest_ns());
        gathered.collect(points, at_ns, rule);
        let voices = gathered.voices(points, at_ns, rule);
        if voices.is_empty() {
            return Err(gathered.nothing_usable());
        }
        let without = |place: usize| {
            let others: Vec<Voice> = voices.iter().filter(|voice| voice.slot != place).cloned().collect();
            let heard = others.len() < voices.len() && !others.is_empty();
            heard.then(|| Settled::of(others, &points.learned, at_ns, rule).vote.price)
        };
        Ok(gathered.ids().enumerate().map(|(place, id)| (id, without(place))).collect())
    })
}
