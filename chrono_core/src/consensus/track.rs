//! What a source said at each of twelve instants of the window: the past that the judge looks at.
//!
//! Everything that is ever known of a source is in its own recent points, so that a verdict can be
//! found again from a recorded window, and an outage of any length leaves no trace.

use super::gather::Row;

/// Instants per window: 15 s apart in a window of three minutes.
pub(crate) const INSTANTS: usize = 12;

/// The price at each instant, newest first; 0 where the source had not spoken yet.
pub(crate) type Track = [f64; INSTANTS];

/// Returns the price that held at each instant; `rows` are in the order of time.
///
/// The first instant is that of the newest row, though it may lie a little ahead of `at_ns`.
pub(crate) fn track(rows: &[Row], at_ns: i64, max_age_ns: i64) -> Track {
    let step_ns = max_age_ns / INSTANTS as i64;
    let mut known = rows;
    std::array::from_fn(|instant| {
        if instant > 0 {
            let until_ns = at_ns.saturating_sub(step_ns.saturating_mul(instant as i64));
            // Most tracks are asked backwards over few rows each: the end is near.
            known = up_to(known, until_ns);
        }
        known.last().map_or(0.0, |row| row.price)
    })
}

fn up_to(rows: &[Row], until_ns: i64) -> &[Row] {
    rows.get(..rows.partition_point(|row| row.at_ns <= until_ns)).unwrap_or(rows)
}
