//! Which values stand apart from the rest.
//!
//! Three rules. The median rule is the default, because one far value cannot hide itself: a single
//! liar among n values stands at most sqrt(n - 1) standard deviations away, however far it moves, so
//! that three sigma cannot see it among ten values or fewer. See `docs/estimators.md`.

use crate::columns::{in_range, not_empty, positive};
use crate::error::EstimateError;
use crate::median::{MAD_TO_SIGMA, mad_of_sorted, median_of_sorted};
use crate::spread::{mean_of, std_dev_of};

/// How the accepted band around the middle is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Median, and `threshold` times 1.4826 MAD.
    Mad,
    /// Mean, and `threshold` times the population's standard deviation. Blind in small samples.
    Sigma,
    /// Quartiles (linear interpolation), and `threshold` times their distance beyond them.
    Iqr,
}

impl Method {
    /// Returns the usual threshold of the method.
    pub fn default_threshold(self) -> f64 {
        if self == Self::Iqr { 1.5 } else { 3.0 }
    }
}

/// The band of accepted values and the rows outside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Outliers {
    /// Rows outside the band, ascending.
    pub indices: Vec<usize>,
    /// Median or mean, in the unit of the prices.
    pub center: f64,
    /// One unit of the threshold: 1.4826 MAD, sigma, or the distance of the quartiles.
    pub scale: f64,
    /// Lowest accepted value.
    pub low: f64,
    /// Highest accepted value.
    pub high: f64,
    /// How many values were judged.
    pub n: usize,
}

/// Returns the values that lie outside the band around the middle; values on its edge are inside.
///
/// Shape: (n,), n >= 1, prices > 0. `floor_bps` is the least half-width of the band, in 1/10000 of
/// the middle, so that a calm market does not turn rounding into outliers.
///
/// # Errors
/// A bad value, a threshold or floor that is negative or not finite, or a range beyond a float.
pub fn outliers(
    prices: &[f64],
    method: Method,
    threshold: f64,
    floor_bps: f64,
) -> Result<Outliers, EstimateError> {
    not_empty("prices", prices)?;
    positive("prices", prices)?;
    not_negative_option("threshold", threshold)?;
    not_negative_option("floor_bps", floor_bps)?;
    let band = band(prices, method, threshold)?;
    let floor = in_range("floor_bps", band.center / 10_000.0 * floor_bps)?;
    let (low, high) = (band.low.min(band.center - floor), band.high.max(band.center + floor));
    let indices = (0..prices.len()).filter(|&i| prices[i] < low || prices[i] > high).collect();
    in_range("threshold", high)?;
    in_range("threshold", low)?;
    Ok(Outliers { indices, low, high, ..band })
}

fn band(prices: &[f64], method: Method, threshold: f64) -> Result<Outliers, EstimateError> {
    let mut sorted = prices.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (center, scale, base) = match method {
        Method::Mad => {
            let center = median_of_sorted(&sorted);
            let scale = MAD_TO_SIGMA * mad_of_sorted(&sorted, center);
            (center, scale, (center, center))
        }
        Method::Sigma => {
            let center = mean_of(prices);
            (center, std_dev_of(prices, center), (center, center))
        }
        Method::Iqr => {
            let quartiles = (quantile(&sorted, 1), quantile(&sorted, 3));
            (median_of_sorted(&sorted), quartiles.1 - quartiles.0, quartiles)
        }
    };
    let scale = in_range("prices", scale)?;
    let reach = threshold * scale;
    let (low, high) = (base.0 - reach, base.1 + reach);
    Ok(Outliers { indices: Vec::new(), center, scale, low, high, n: prices.len() })
}

/// The quartile `quarter` of ascending values, with linear interpolation between neighbours.
fn quantile(sorted: &[f64], quarter: usize) -> f64 {
    let place = (sorted.len().saturating_sub(1)) * quarter;
    let (at, part) = (place / 4, (place % 4) as f64 / 4.0);
    let low = sorted.get(at).copied().unwrap_or(0.0);
    let high = sorted.get(at + 1).copied().unwrap_or(low);
    low + (high - low) * part
}

pub(crate) fn not_negative_option(argument: &'static str, value: f64) -> Result<(), EstimateError> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(EstimateError::BadOption { argument, value, expected: "a finite number of at least 0" })
}
