//! Histogram-based outlier scores: how rare each feature's value is, by itself.
//!
//! Source: M. Goldstein, A. Dengel, "Histogram-based Outlier Score (HBOS)", 2012, as PyOD scores it.

use super::finite;
use crate::error::EstimateError;

/// More bins than this are no histogram of prices.
const MOST_BINS: usize = 4096;

/// One feature's bins.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    edges: Vec<f64>,
    scores: Vec<f64>,
    /// How far outside the edges still belongs to the outer bins.
    margins: (f64, f64),
    lowest: f64,
}

impl Histogram {
    /// Builds one of ascending `edges` (n + 1,) and the score of each bin (n,), which is
    /// log2(density + alpha). A value within `tolerance` bin widths outside belongs to the outer bin,
    /// farther ones get the lowest score of all.
    ///
    /// # Errors
    /// Shapes that do not fit, edges that do not ascend, or anything that is not finite.
    pub fn new(edges: Vec<f64>, scores: Vec<f64>, tolerance: f64) -> Result<Self, EstimateError> {
        for (argument, column) in [("edges", &edges), ("scores", &scores)] {
            column.iter().try_for_each(|value| finite(argument, *value).map(drop))?;
        }
        finite("tolerance", tolerance)?;
        let bad = |expected| {
            Err(EstimateError::BadOption { argument: "edges", value: edges.len() as f64, expected })
        };
        let [first, second, ..] = edges[..] else { return bad("at least two edges") };
        if scores.len() > MOST_BINS || edges.len() != scores.len() + 1 {
            return bad("one edge more than bins, and at most 4096 bins");
        }
        if edges.windows(2).any(|pair| pair[0] >= pair[1]) {
            return bad("ascending edges");
        }
        let last = edges.len() - 1;
        let margins = ((second - first) * tolerance, (edges[last] - edges[last - 1]) * tolerance);
        let lowest = scores.iter().copied().fold(f64::INFINITY, f64::min);
        Ok(Self { edges, scores, margins, lowest })
    }

    /// Returns the score of the bin that `value` is in; a value on an edge is in the lower bin.
    pub(crate) fn score(&self, value: f64) -> f64 {
        let below = self.edges.partition_point(|edge| *edge < value);
        let (Some(first), Some(last)) = (self.edges.first(), self.edges.last()) else { return self.lowest };
        let bin = if below == 0 {
            (first - value <= self.margins.0).then_some(0)
        } else if below == self.edges.len() {
            (value - last <= self.margins.1).then_some(below - 2)
        } else {
            Some(below - 1)
        };
        bin.and_then(|bin| self.scores.get(bin).copied()).unwrap_or(self.lowest)
    }
}
