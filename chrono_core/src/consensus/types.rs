//! What goes into a consensus and what comes out.

use super::features::FEATURES;
use crate::anomaly::not_negative_option;
use crate::columns::{not_empty, not_negative, not_negative_value, positive, positive_value, same_length};
use crate::detect::Model;
use crate::error::EstimateError;

/// Columns of quotes or trades of one feed; row i of each column belongs together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Points<'a> {
    /// In the unit of the feed, > 0.
    pub prices: &'a [f64],
    /// In units of the base asset, >= 0; 0 or no column means unknown.
    pub volumes: Option<&'a [f64]>,
    /// When the source said so, in ns since 1970.
    pub timestamps_ns: &'a [i64],
    /// Who said it.
    pub source_ids: &'a [i64],
    /// Factors into the unit of the feed, > 0 (currency conversion).
    pub rates: Option<&'a [f64]>,
    /// Per row: the column in which its value is missing, if any.
    pub absent: Option<&'a [Option<&'static str>]>,
    /// Leave such rows out instead of refusing them.
    pub skip_absent: bool,
    /// What the learned layer says, if there is one.
    pub learned: Learned<'a>,
}

/// The learned layer: absent, live with a model, or as it was recorded.
#[derive(Clone, Copy, Debug, Default)]
pub enum Learned<'a> {
    /// There is none.
    #[default]
    Absent,
    /// The features are told, and nothing is judged: for training.
    Watching,
    /// Sources are scored by this model.
    Model(&'a Model),
    /// The score of each row's source, as it was found before; minus infinity for none.
    Scored {
        /// Shape: (n,). The first row of a source tells its score.
        scores: &'a [f64],
        /// A source above it is an anomaly.
        limit: f64,
    },
}

impl<'a> Learned<'a> {
    fn slice(self, from: usize, to: usize) -> Self {
        match self {
            Self::Scored { scores, limit } => {
                Self::Scored { scores: scores.get(from..to).unwrap_or_default(), limit }
            }
            whole => whole,
        }
    }

    /// The score of a source with these features, of which `told` was recorded.
    pub(crate) fn score(&self, told: f64, features: &[f64; FEATURES]) -> Option<f64> {
        match self {
            Self::Absent | Self::Watching => None,
            Self::Model(model) => Some(model.score(features)),
            Self::Scored { .. } => told.is_finite().then_some(told),
        }
    }

    pub(crate) fn limit(&self) -> f64 {
        match self {
            Self::Absent | Self::Watching => f64::INFINITY,
            Self::Model(model) => model.limit(),
            Self::Scored { limit, .. } => *limit,
        }
    }
}

impl<'a> Points<'a> {
    /// Returns the rows `from..to` of every column; empty where they do not exist.
    pub(crate) fn slice(&self, from: usize, to: usize) -> Points<'a> {
        Points {
            prices: self.prices.get(from..to).unwrap_or_default(),
            volumes: self.volumes.map(|column| column.get(from..to).unwrap_or_default()),
            timestamps_ns: self.timestamps_ns.get(from..to).unwrap_or_default(),
            source_ids: self.source_ids.get(from..to).unwrap_or_default(),
            rates: self.rates.map(|column| column.get(from..to).unwrap_or_default()),
            absent: self.absent.map(|column| column.get(from..to).unwrap_or_default()),
            skip_absent: self.skip_absent,
            learned: self.learned.slice(from, to),
        }
    }

    /// Refuses columns of different length.
    pub(crate) fn check_lengths(&self) -> Result<(), EstimateError> {
        let n = self.prices.len();
        same_length("timestamps_ns", self.timestamps_ns.len(), "prices", n)?;
        same_length("source_ids", self.source_ids.len(), "prices", n)?;
        let others = [
            ("volumes", self.volumes.map(<[f64]>::len)),
            ("rates", self.rates.map(<[f64]>::len)),
            ("absent", self.absent.map(<[_]>::len)),
            (
                "scores",
                if let Learned::Scored { scores, .. } = self.learned { Some(scores.len()) } else { None },
            ),
        ];
        others.into_iter().try_for_each(|(name, length)| same_length(name, length.unwrap_or(n), "prices", n))
    }

    pub(crate) fn check(&self) -> Result<(), EstimateError> {
        not_empty("prices", self.prices)?;
        self.check_lengths()?;
        if let Some(absent) = self.absent {
            return self.check_present(absent);
        }
        positive("prices", self.prices)?;
        not_negative("volumes", self.volumes.unwrap_or_default())?;
        positive("rates", self.rates.unwrap_or_default())?;
        Ok(())
    }

    fn check_present(&self, absent: &[Option<&'static str>]) -> Result<(), EstimateError> {
        let first = absent.iter().enumerate().find_map(|(row, column)| column.map(|column| (row, column)));
        if let (false, Some((index, argument))) = (self.skip_absent, first) {
            return Err(EstimateError::Null { argument, index });
        }
        (0..self.prices.len()).filter(|&row| !self.is_absent(row)).try_for_each(|row| {
            positive_value("prices", row, self.prices[row])?;
            not_negative_value("volumes", row, self.volumes.map_or(0.0, |column| column[row]))?;
            positive_value("rates", row, self.rates.map_or(1.0, |column| column[row]))
        })
    }

    pub(crate) fn is_absent(&self, row: usize) -> bool {
        self.absent.is_some_and(|absent| absent[row].is_some())
    }

    /// Returns the newest time of the rows that are there; 0 for none.
    pub(crate) fn newest_ns(&self) -> i64 {
        if self.absent.is_none() {
            return self.timestamps_ns.iter().copied().max().unwrap_or(0);
        }
        let rows = (0..self.timestamps_ns.len()).filter(|&row| !self.is_absent(row));
        rows.map(|row| self.timestamps_ns[row]).max().unwrap_or(0)
    }
}

/// The numbers of the rule. The defaults suit liquid markets polled every few seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// After this time a point weighs half.
    pub half_life_ns: i64,
    /// Older points are left out.
    pub max_age_ns: i64,
    /// How far ahead of `at_ns` a point may be.
    pub future_tolerance_ns: i64,
    /// Width of the gate in robust standard deviations (1.4826 MAD).
    pub k: f64,
    /// Least half-width of the gate, in 1/10000 of the median.
    pub floor_bps: f64,
    /// Dropping stops here; fewer sources cost confidence.
    pub min_sources: usize,
    /// Largest share of one source; never less than 1/n.
    pub max_weight: f64,
    /// Least distance, in 1/10000 of the middle, at which a newest price stands apart.
    pub apart_bps: f64,
    /// Least trust in a source.
    pub trust_floor: f64,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            half_life_ns: 2_000_000_000,
            max_age_ns: 180_000_000_000,
            future_tolerance_ns: 5_000_000_000,
            k: 3.0,
            floor_bps: 10.0,
            min_sources: 3,
            max_weight: 0.30,
            apart_bps: 30.0,
            trust_floor: 0.1,
        }
    }
}

impl Rule {
    pub(crate) fn check(&self) -> Result<(), EstimateError> {
        not_negative_option("k", self.k)?;
        not_negative_option("floor_bps", self.floor_bps)?;
        at_least("half_life_ns", self.half_life_ns, 1, "at least 1")?;
        at_least("max_age_ns", self.max_age_ns, 0, "at least 0")?;
        at_least("future_tolerance_ns", self.future_tolerance_ns, 0, "at least 0")?;
        if self.min_sources == 0 {
            return Err(EstimateError::BadOption {
                argument: "min_sources",
                value: 0.0,
                expected: "at least 1",
            });
        }
        not_negative_option("apart_bps", self.apart_bps)?;
        if !(LEAST_TRUST..=1.0).contains(&self.trust_floor) {
            let expected = "a share between 0.01 and 1";
            return Err(EstimateError::BadOption {
                argument: "trust_floor",
                value: self.trust_floor,
                expected,
            });
        }
        share("max_weight", self.max_weight)
    }
}

/// With less a weight could round to nothing.
const LEAST_TRUST: f64 = 0.01;

fn share(argument: &'static str, value: f64) -> Result<(), EstimateError> {
    if value > 0.0 && value <= 1.0 {
        return Ok(());
    }
    Err(EstimateError::BadOption { argument, value, expected: "a share above 0 and up to 1" })
}

fn at_least(
    argument: &'static str,
    value: i64,
    least: i64,
    expected: &'static str,
) -> Result<(), EstimateError> {
    if value >= least {
        return Ok(());
    }
    Err(EstimateError::BadOption { argument, value: value as f64, expected })
}

/// Why a point or a source does not count. The order decides which reason names a whole source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A value of the row is missing.
    Null,
    /// Price times rate is beyond (or below) a 64-bit float.
    OutOfRange,
    /// Further ahead of `at_ns` than the tolerance.
    Future,
    /// Older than the maximum age.
    Stale,
    /// Its source stands too far from the others.
    Outlier,
    /// Its source moved alone.
    Jump,
    /// The others moved on without its source.
    Frozen,
    /// Its source has stood apart for most of the window.
    Deviation,
    /// The learned layer and the distance from the others speak against its source.
    Anomaly,
}

impl Reason {
    /// Returns the stable snake_case name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::OutOfRange => "out_of_range",
            Self::Future => "future",
            Self::Stale => "stale",
            Self::Outlier => "outlier",
            Self::Jump => "jump",
            Self::Frozen => "frozen",
            Self::Deviation => "deviation",
            Self::Anomaly => "anomaly",
        }
    }
}

/// Everything that was found against a source, whether it was left out for it or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Its estimate is outside the gate.
    pub const OUTLIER: Self = Self(1);
    /// It moved alone.
    pub const JUMP: Self = Self(2);
    /// The others moved on without it.
    pub const FROZEN: Self = Self(4);
    /// It has stood apart for most of the window.
    pub const DEVIATION: Self = Self(8);
    /// The learned layer finds it odd.
    pub const ANOMALY: Self = Self(16);

    /// Returns both together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is among them.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns them as the bits of a number.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Returns the name of each, in the order of their bits.
    pub fn names(self) -> Vec<&'static str> {
        let all = [
            (Self::OUTLIER, Reason::Outlier),
            (Self::JUMP, Reason::Jump),
            (Self::FROZEN, Reason::Frozen),
            (Self::DEVIATION, Reason::Deviation),
            (Self::ANOMALY, Reason::Anomaly),
        ];
        all.into_iter().filter(|(flag, _)| self.has(*flag)).map(|(_, reason)| reason.as_str()).collect()
    }

    /// The gravest of them as the reason of an exclusion.
    pub(crate) fn reason(self) -> Reason {
        match self {
            it if it.has(Self::DEVIATION) => Reason::Deviation,
            it if it.has(Self::FROZEN) => Reason::Frozen,
            it if it.has(Self::JUMP) => Reason::Jump,
            it if it.has(Self::ANOMALY) => Reason::Anomaly,
            _ => Reason::Outlier,
        }
    }
}

/// What one source said and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// As given in `source_ids`.
    pub id: i64,
    /// Its own robust price; none when no point of it counts.
    pub estimate: Option<f64>,
    /// Its share of the vote; 0 when it is not used.
    pub weight: f64,
    /// Its points within the age limits.
    pub n_points: usize,
    /// Age of its newest point; negative when that lies ahead of `at_ns`.
    pub newest_age_ns: i64,
    /// None when it is used, else the reason.
    pub left_out: Option<Reason>,
    /// What was found against it.
    pub flags: Flags,
    /// Between the floor and 1: how far it stood with the others lately.
    pub trust: f64,
    /// Of the learned layer; none without one.
    pub score: Option<f64>,
    /// What the learned layer looks at; none without one.
    pub features: Option<[f64; FEATURES]>,
}

impl Source {
    /// Returns "used" or the reason why it was left out.
    pub fn verdict(&self) -> &'static str {
        self.left_out.map_or("used", Reason::as_str)
    }
}

/// The agreed price with everything that led to it. Prices are in the unit of the feed.
#[derive(Clone, Debug, PartialEq)]
pub struct Consensus {
    /// The vote, inside the inner range of all fresh estimates.
    pub price: f64,
    /// Volume-weighted part of the vote; none without volumes.
    pub vwap: Option<f64>,
    /// Time-weighted part of the vote.
    pub twap: f64,
    /// Median of the used estimates.
    pub median: f64,
    /// Weighted median of the used estimates.
    pub weighted_median: f64,
    /// Mean of the used estimates.
    pub mean: f64,
    /// Population standard deviation of the used estimates.
    pub std_dev: f64,
    /// Where the newest prices of all sources stood before now: the median over the window.
    pub level: f64,
    /// Highest minus lowest used estimate, in 1/10000 of the price.
    pub spread_bps: f64,
    /// 0 (do not use) to 1.
    pub confidence: f64,
    /// Sources used.
    pub n_used: usize,
    /// Points of the used sources.
    pub n_points: usize,
    /// The instant for which it holds.
    pub at_ns: i64,
    /// Rows left out, ascending, each with its reason.
    pub excluded: Vec<(usize, Reason)>,
    /// Every source, by ascending id.
    pub sources: Vec<Source>,
}
