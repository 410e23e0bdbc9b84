//! Isolation forests: how few random cuts set a point apart from the others.
//!
//! Source: F. T. Liu, K. M. Ting, Z.-H. Zhou, "Isolation Forest", 2008, as scikit-learn scores it:
//! features are rounded to 32 bits before they are compared.

use super::finite;
use crate::consensus::FEATURES;
use crate::error::EstimateError;

/// More nodes than this are no model of five features.
const MOST_NODES: usize = 1 << 20;

/// Trees as flat columns: a tree is a stretch of nodes, its root first, children behind their parent.
#[derive(Clone, Debug, PartialEq)]
pub struct Forest {
    roots: Vec<usize>,
    nodes: Vec<Node>,
    /// The depth at which a whole forest scores one half.
    usual_depth: f64,
    offset: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Node {
    Leaf { depth: f64 },
    Cut { feature: usize, at: f64, left: usize, right: usize },
}

/// The columns of all nodes, as they stand in a file. Shapes: all (nodes,), but `roots` (trees,).
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    /// The first node of each tree.
    pub roots: &'a [i64],
    /// The feature that is compared, -1 in a leaf.
    pub features: &'a [i64],
    /// Where it is cut; in a leaf the depth that the leaf stands for.
    pub values: &'a [f64],
    /// The node for values up to the cut.
    pub lefts: &'a [i64],
    /// The node for values beyond it.
    pub rights: &'a [i64],
}

impl Forest {
    /// Builds a forest. The score is 2^(-(sum of depths) / (trees x `average_depth`)) + `offset`.
    ///
    /// # Errors
    /// Shapes that do not fit, a child that is not behind its parent, an unknown feature, or anything
    /// that is not finite.
    pub fn new(columns: &Columns<'_>, average_depth: f64, offset: f64) -> Result<Self, EstimateError> {
        let n = columns.features.len();
        let same = [columns.values.len(), columns.lefts.len(), columns.rights.len()] == [n; 3];
        if !same || n > MOST_NODES || columns.roots.is_empty() || columns.roots.len() > n {
            let expected = "columns of one length, at most a million nodes, at least one tree";
            return Err(EstimateError::BadOption { argument: "features", value: n as f64, expected });
        }
        let nodes: Result<Vec<Node>, _> = (0..n).map(|place| read(columns, place)).collect();
        let roots =
            columns.roots.iter().map(|root| within("roots", *root, 0, n)).collect::<Result<_, _>>()?;
        if !(average_depth > 0.0 && average_depth.is_finite()) {
            let expected = "a finite depth above zero";
            return Err(EstimateError::BadOption {
                argument: "average_depth",
                value: average_depth,
                expected,
            });
        }
        let usual_depth = average_depth * columns.roots.len() as f64;
        Ok(Self { roots, nodes: nodes?, usual_depth, offset: finite("offset", offset)? })
    }

    pub(crate) fn score(&self, features: &[f64; FEATURES]) -> f64 {
        let depth = self.roots.iter().fold(0.0, |total, root| total + self.depth(*root, features));
        libm::exp2(-depth / self.usual_depth) + self.offset
    }

    /// The depth of the leaf that the point falls into. It ends: children stand behind their parents.
    fn depth(&self, root: usize, features: &[f64; FEATURES]) -> f64 {
        let mut place = root;
        loop {
            match self.nodes.get(place) {
                None => return 0.0,
                Some(Node::Leaf { depth }) => return *depth,
                Some(Node::Cut { feature, at, left, right }) => {
                    let value = f64::from(features.get(*feature).copied().unwrap_or(0.0) as f32);
                    place = if value <= *at { *left } else { *right };
                }
            }
        }
    }
}

fn read(columns: &Columns<'_>, place: usize) -> Result<Node, EstimateError> {
    let n = columns.features.len();
    let value = finite("values", columns.values[place])?;
    if columns.features[place] == -1 {
        return Ok(Node::Leaf { depth: value });
    }
    Ok(Node::Cut {
        feature: within("features", columns.features[place], 0, FEATURES)?,
        at: value,
        left: within("lefts", columns.lefts[place], place + 1, n)?,
        right: within("rights", columns.rights[place], place + 1, n)?,
    })
}

fn within(argument: &'static str, value: i64, from: usize, to: usize) -> Result<usize, EstimateError> {
    match usize::try_from(value) {
        Ok(place) if (from..to).contains(&place) => Ok(place),
        _ => {
            let expected = "a place behind its parent and inside the table";
            Err(EstimateError::BadOption { argument, value: value as f64, expected })
        }
    }
}
