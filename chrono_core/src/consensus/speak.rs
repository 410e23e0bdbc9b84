//! One source, one voice: all its points become one robust estimate and two averages.

use super::age::{AgeWeights, FULL, OCTAVE};
use super::gather::Row;
use super::select::{self, Key};
use super::track::{Track, track};
use super::types::Rule;

/// What one source says. Prices are in the unit of the feed.
#[derive(Clone, Debug)]
pub(crate) struct Voice {
    /// Its place among all sources, by ascending id.
    pub slot: usize,
    /// Age-weighted median of its points, never far behind its newest ones.
    pub estimate: f64,
    /// Average over its volume of this moment; none without volume.
    pub vwap: Option<f64>,
    /// Average over time, of late.
    pub twap: f64,
    /// Its volume of late.
    pub volume: f64,
    /// By the age of its newest point, 0 to 1.
    pub freshness: f64,
    pub newest_ns: i64,
    pub n_points: usize,
    /// The range of its prices.
    pub lowest: f64,
    pub highest: f64,
    /// What it said at each instant of the window.
    pub track: Track,
    /// What the learned layer found, as it was recorded; minus infinity for nothing.
    pub told_score: f64,
}

/// Returns what the rows of one source say; none without rows. The rows are put in order.
pub(crate) fn speak(
    slot: usize,
    rows: &mut [Row],
    at_ns: i64,
    rule: &Rule,
    keys: &mut Vec<Key>,
) -> Option<Voice> {
    in_order(rows);
    let newest = *rows.last()?;
    let place = select::place(rows, keys);
    let estimate = held_near(place.middle, quick(rows, newest.at_ns, rule, keys), rule.floor_bps);
    // No average leaves the range of its prices, not even by rounding.
    let held = |average: f64| average.max(place.lowest).min(place.highest);
    let sums = volume_sums(rows);
    let average = sums.worth / sums.of_now;
    Some(Voice {
        slot,
        estimate,
        // Sums beyond a float say nothing; such a source has no volume average.
        vwap: average.is_finite().then(|| held(average)),
        twap: held(time_average(rows, &newest)),
        volume: sums.of_late.min(f64::MAX),
        freshness: newest.fade as f64 / FULL as f64,
        newest_ns: newest.at_ns,
        n_points: rows.len(),
        lowest: place.lowest,
        highest: place.highest,
        track: track(rows, at_ns, rule.max_age_ns),
        told_score: f64::NEG_INFINITY,
    })
}

/// Returns the weighted median of the newest rows, with weights that fade eight times as fast.
///
/// Newest: within two half-lives of the last one, beyond which nothing of such a weight is left.
fn quick(rows: &[Row], newest_ns: i64, rule: &Rule, keys: &mut Vec<Key>) -> f64 {
    let since_ns = newest_ns.saturating_sub(rule.half_life_ns.saturating_mul(2));
    let newest = rows.get(rows.partition_point(|row| row.at_ns < since_ns)..).unwrap_or(rows);
    let weights = AgeWeights::new((rule.half_life_ns / OCTAVE).max(1));
    let weight = |row: &Row| weights.of(newest_ns.saturating_sub(row.at_ns));
    select::middle_of(newest, weight, keys)
}

/// Holds the slow estimate within the floor around the quick one: in a calm market nothing changes,
/// in a fast one it follows.
fn held_near(slow: f64, quick: f64, floor_bps: f64) -> f64 {
    let floor = quick / 10_000.0 * floor_bps;
    slow.max(quick - floor).min((quick + floor).min(f64::MAX))
}

/// Sorts by time, then price, then volume: rows that agree in all three are alike, so that the sums
/// below do not depend on the order in which the rows came.
fn in_order(rows: &mut [Row]) {
    let key = |row: &Row| (row.at_ns, row.price.to_bits(), row.volume.to_bits());
    if !rows.is_sorted_by(|a, b| a.at_ns < b.at_ns || (a.at_ns == b.at_ns && key(a) <= key(b))) {
        rows.sort_unstable_by_key(key);
    }
}

/// Sums over the points of one source: price times volume and volume, weighted by the age of a point;
/// and volume, by that of a source.
#[derive(Clone, Copy, Debug, Default)]
struct VolumeSums {
    worth: f64,
    of_now: f64,
    of_late: f64,
}

fn volume_sums(rows: &[Row]) -> VolumeSums {
    rows.iter().fold(VolumeSums::default(), |sums, row| {
        let part = row.volume * (row.weight as f64 / FULL as f64);
        VolumeSums {
            worth: sums.worth + row.price * part,
            of_now: sums.of_now + part,
            of_late: sums.of_late + row.volume * (row.fade as f64 / FULL as f64),
        }
    })
}

/// Returns the average over time of a price that holds until the next one, weighted by age.
///
/// The age weight between two times is the difference of the weights at them (the integral of the
/// exponential, up to a constant), so that the same table serves here.
fn time_average(rows: &[Row], newest: &Row) -> f64 {
    let oldest = rows.first().map_or(FULL, |row| row.fade);
    let span = (FULL - oldest) as f64;
    if span == 0.0 {
        return newest.price;
    }
    let held = rows.windows(2).fold(0.0, |total, pair| {
        total + (pair[0].price - newest.price) * ((pair[1].fade - pair[0].fade) as f64 / span)
    });
    newest.price + held
}
