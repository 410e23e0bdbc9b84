//! The price of the average moment.

use crate::columns::{finite, in_range, not_empty, same_length};
use crate::error::EstimateError;

/// Returns the time-weighted average price, in the unit of `prices`.
///
/// Shapes: both (n,), n >= 1; times in ns, never going back, equal ones allowed. A price holds until
/// the next one, the last until `end_ns` (default: the last time). Over a span of zero the last price
/// is the average.
///
/// # Errors
/// A bad value, times that go back, an end before the last time, or sums beyond a 64-bit float.
pub fn twap(prices: &[f64], timestamps_ns: &[i64], end_ns: Option<i64>) -> Result<f64, EstimateError> {
    not_empty("prices", prices)?;
    same_length("timestamps_ns", timestamps_ns.len(), "prices", prices.len())?;
    let seen = finite("prices", prices)?;
    sorted(timestamps_ns)?;
    let (Some(&first), Some(&last), Some(&last_price)) =
        (timestamps_ns.first(), timestamps_ns.last(), prices.last())
    else {
        return Err(EstimateError::Empty { argument: "prices" });
    };
    let end = end_ns.unwrap_or(last);
    if end < last {
        return Err(EstimateError::EndBeforeLast { end_ns: end, last_ns: last });
    }
    let span = span_ns(first, end);
    if span == 0.0 {
        return Ok(last_price);
    }
    // Each share of the span is at most one, so that only prices near the limit can overflow.
    let until = timestamps_ns.iter().copied().skip(1).chain(std::iter::once(end));
    let shares = timestamps_ns.iter().zip(until).map(|(&from, to)| span_ns(from, to) / span);
    let average = prices.iter().zip(shares).fold(0.0, |total, (price, share)| total + price * share);
    Ok(in_range("prices", average)?.max(seen.low).min(seen.high))
}

fn sorted(timestamps_ns: &[i64]) -> Result<(), EstimateError> {
    let fault = timestamps_ns.windows(2).position(|pair| pair[1] < pair[0]);
    fault.map_or(Ok(()), |before| {
        Err(EstimateError::Unsorted {
            argument: "timestamps_ns",
            index: before + 1,
            value: timestamps_ns[before + 1],
            previous: timestamps_ns[before],
        })
    })
}

/// The distance of two times; as a difference of integers it is exact up to the final rounding.
fn span_ns(from: i64, to: i64) -> f64 {
    to.wrapping_sub(from) as u64 as f64
}
