//! A whole round at once: all feeds as columns, cut by offsets.
//!
//! One bad feed never costs the others: it comes back without a price, and says why.

use crate::columns::same_length;
use crate::consensus::{Consensus, Points, Rule, consensus};
use crate::error::EstimateError;

/// The least number of sources: one for all feeds, or one per feed.
#[derive(Clone, Copy, Debug)]
pub enum MinSources<'a> {
    /// The rule's own number.
    OfRule,
    /// Shape: (feeds,), each >= 1.
    PerFeed(&'a [i64]),
}

/// The result of each feed, in the order of the offsets.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// Indices in an error or in `excluded` count the rows of the whole column.
    pub feeds: Vec<Result<Consensus, EstimateError>>,
}

/// Returns the consensus of each feed: feed f owns the rows `offsets[f]..offsets[f + 1]`.
///
/// `at_ns` holds for all feeds (default: the newest time of each feed by itself).
///
/// # Errors
/// Columns of different length, offsets that do not cut them, or a bad option; never a bad feed.
pub fn consensus_many(
    points: &Points<'_>,
    offsets: &[i64],
    at_ns: Option<i64>,
    rule: &Rule,
    min_sources: MinSources<'_>,
) -> Result<Round, EstimateError> {
    rule.check()?;
    points.check_lengths()?;
    check_offsets(offsets, points.prices.len())?;
    let n_feeds = offsets.len().saturating_sub(1);
    if let MinSources::PerFeed(least) = min_sources {
        same_length("min_sources", least.len(), "feeds", n_feeds)?;
    }
    let mut rule = rule.clone();
    let general = rule.min_sources;
    let feeds = offsets.windows(2).enumerate().map(|(feed, cut)| {
        let (from, to) = (cut[0] as usize, cut[1] as usize);
        rule.min_sources = least_of(min_sources, feed, general);
        one_feed(points, from, to, at_ns, &rule)
    });
    Ok(Round { feeds: feeds.collect() })
}

fn least_of(min_sources: MinSources<'_>, feed: usize, general: usize) -> usize {
    match min_sources {
        MinSources::OfRule => general,
        MinSources::PerFeed(least) => {
            least.get(feed).map_or(general, |&least| usize::try_from(least).unwrap_or(0))
        }
    }
}

fn one_feed(
    points: &Points<'_>,
    from: usize,
    to: usize,
    at_ns: Option<i64>,
    rule: &Rule,
) -> Result<Consensus, EstimateError> {
    let mut result = consensus(&points.slice(from, to), at_ns, rule)
        .map_err(|error| error.map_index(|index| index + from))?;
    for (row, _) in &mut result.excluded {
        *row += from;
    }
    Ok(result)
}

/// Refuses offsets that do not start at 0, go back, or do not end at the last row.
fn check_offsets(offsets: &[i64], rows: usize) -> Result<(), EstimateError> {
    let fault = |index: usize, expected| {
        let value = offsets.get(index).copied().unwrap_or(0);
        Err(EstimateError::BadOffsets { index, value, expected })
    };
    let (Some(&first), Some(&last)) = (offsets.first(), offsets.last()) else {
        return Err(EstimateError::Empty { argument: "offsets" });
    };
    if first != 0 {
        return fault(0, "the first offset must be 0");
    }
    if let Some(before) = offsets.windows(2).position(|cut| cut[1] < cut[0]) {
        return fault(before + 1, "offsets must not go back");
    }
    if last as u64 != rows as u64 {
        return fault(offsets.len() - 1, "the last offset must be the number of rows");
    }
    Ok(())
}
