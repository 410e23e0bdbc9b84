//! Which sources stand together, and how far the result may move.

use std::ops::Range;

use super::types::Rule;
use crate::median::{MAD_TO_SIGMA, mad_of_sorted, median_of_sorted};

/// The sources that are used, as a stretch of the ascending estimates, and the limits of the vote.
#[derive(Clone, Debug)]
pub(crate) struct Circle {
    pub used: Range<usize>,
    /// Median of the used estimates.
    pub middle: f64,
    /// Half-width of the gate around it.
    pub reach: f64,
    /// Inner range of all fresh estimates: the price stays inside.
    pub inner: (f64, f64),
}

/// Returns how many sources may lie without moving the price out of the honest range.
///
/// Fewer than a third, as in every vote among strangers; but one of three. With t liars, the
/// (t + 1)-th lowest estimate is not below the lowest honest one, and likewise above.
pub(crate) fn tolerated(n: usize) -> usize {
    if n < 3 { 0 } else { ((n - 1) / 3).max(1) }
}

/// Drops what stands apart from the median, again and again, until all that is left stands together.
///
/// `all` are the estimates of every fresh source, `sorted` those that may be used; both are ascending
/// and not empty. Whatever lies inside a band around the median is one stretch
/// of the ascending estimates, so that dropping only moves its two ends.
pub(crate) fn circle(sorted: &[f64], all: &[f64], rule: &Rule) -> Circle {
    let mut used = 0..sorted.len();
    loop {
        let left = sorted.get(used.clone()).unwrap_or(sorted);
        let middle = median_of_sorted(left);
        let reach =
            (rule.k * MAD_TO_SIGMA * mad_of_sorted(left, middle)).max(middle / 10_000.0 * rule.floor_bps);
        let kept = narrowed(sorted, used.clone(), middle, reach, rule.min_sources);
        if kept == used {
            return Circle { used, middle, reach, inner: inner(all) };
        }
        used = kept;
    }
}

/// Takes the farther end away while it is outside and enough sources remain.
fn narrowed(sorted: &[f64], mut used: Range<usize>, middle: f64, reach: f64, least: usize) -> Range<usize> {
    while used.len() > least.max(1) {
        let (Some(low), Some(high)) = (sorted.get(used.start), sorted.get(used.end - 1)) else { break };
        let (below, above) = (middle - low, high - middle);
        if below.max(above) <= reach {
            break;
        }
        if below > above {
            used.start += 1;
        } else {
            used.end -= 1;
        }
    }
    used
}

fn inner(sorted: &[f64]) -> (f64, f64) {
    let t = tolerated(sorted.len());
    let low = sorted.get(t).copied().unwrap_or(0.0);
    (low, sorted.get(sorted.len() - 1 - t).copied().unwrap_or(low))
}
