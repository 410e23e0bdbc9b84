//! One source, one voice: all its points become one robust estimate and two averages.

use super::age::FULL;
use super::gather::Row;
use super::select::{self, Key};

/// What one source says. Prices are in the unit of the feed.
#[derive(Clone, Debug)]
pub(crate) struct Voice {
    /// Its place among all sources, by ascending id.
    pub slot: usize,
    /// Age-weighted median of its points: the only number that decides whether it is believed.
    pub estimate: f64,
    /// Average over its volume, weighted by age; none without volume.
    pub vwap: Option<f64>,
    /// Average over time, weighted by age.
    pub twap: f64,
    /// Its volume, weighted by age.
    pub volume: f64,
    /// Weight of its newest point by age, 0 to 1.
    pub freshness: f64,
    pub newest_ns: i64,
    pub n_points: usize,
}

/// Returns what the rows of one source say; none without rows. The rows are put in order.
pub(crate) fn speak(slot: usize, rows: &mut [Row], keys: &mut Vec<Key>) -> Option<Voice> {
    in_order(rows);
    let newest = *rows.last()?;
    let place = select::place(rows, keys);
    // No average leaves the range of its prices, not even by rounding.
    let held = |average: f64| average.max(place.lowest).min(place.highest);
    let (worth, volume) = volume_sums(rows);
    let average = worth / volume;
    Some(Voice {
        slot,
        estimate: place.middle,
        // Sums beyond a float say nothing; such a source has no volume average.
        vwap: average.is_finite().then(|| held(average)),
        twap: held(time_average(rows, &newest)),
        volume: volume.min(f64::MAX),
        freshness: newest.weight as f64 / FULL as f64,
        newest_ns: newest.at_ns,
        n_points: rows.len(),
    })
}

/// Sorts by time, then price, then volume: rows that agree in all three are alike, so that the sums
/// below do not depend on the order in which the rows came.
fn in_order(rows: &mut [Row]) {
    let key = |row: &Row| (row.at_ns, row.price.to_bits(), row.volume.to_bits());
    if !rows.is_sorted_by(|a, b| a.at_ns < b.at_ns || (a.at_ns == b.at_ns && key(a) <= key(b))) {
        rows.sort_unstable_by_key(key);
    }
}

/// Returns the age-weighted sums of price times volume and of volume.
fn volume_sums(rows: &[Row]) -> (f64, f64) {
    let share = |row: &Row| row.volume * (row.weight as f64 / FULL as f64);
    rows.iter().fold((0.0, 0.0), |(worth, volume), row| {
        let part = share(row);
        (worth + row.price * part, volume + part)
    })
}

/// Returns the average over time of a price that holds until the next one, weighted by age.
///
/// The age weight between two times is the difference of the weights at them (the integral of the
/// exponential, up to a constant), so that the same table serves here.
fn time_average(rows: &[Row], newest: &Row) -> f64 {
    let oldest_weight = rows.first().map_or(FULL, |row| row.weight);
    let span = (FULL - oldest_weight) as f64;
    if span == 0.0 {
        return newest.price;
    }
    let held = rows.windows(2).fold(0.0, |total, pair| {
        total + (pair[0].price - newest.price) * ((pair[1].weight - pair[0].weight) as f64 / span)
    });
    newest.price + held
}
