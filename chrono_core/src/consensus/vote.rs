//! The vote: a weighted median that leans a little towards the volume.

use super::agree::Circle;
use super::speak::Voice;
use crate::spread::{mean_of, std_dev_of};
use crate::weighted_median::weighted_median_of_sorted;

// The weighted median has most of the say: it is the one that no share below one half can move far.
// The average over time has none: it is the price of a while ago.
const SAY_MEDIAN: f64 = 0.75;
const SAY_VWAP: f64 = 0.25;

/// The price and the numbers published beside it.
#[derive(Clone, Debug)]
pub(crate) struct Vote {
    pub price: f64,
    pub vwap: Option<f64>,
    pub twap: f64,
    pub median: f64,
    pub weighted_median: f64,
    pub mean: f64,
    pub std_dev: f64,
    pub spread_bps: f64,
}

/// Returns the vote of the used voices, which stand in ascending order of their estimates.
///
/// Of two the median would be the louder one alone, so their weighted mean is taken.
pub(crate) fn vote(used: &[Voice], weights: &[f64], estimates: &[f64], circle: &Circle) -> Vote {
    let pairs: Vec<(f64, f64)> = estimates.iter().copied().zip(weights.iter().map(counted)).collect();
    let weighted_median = weighted_median_of_sorted(&pairs);
    let (vwap, traded) = average(used, weights, circle, |voice| voice.vwap);
    let (twap, _) = average(used, weights, circle, |voice| Some(voice.twap));
    let price = if used.len() == 2 {
        average(used, weights, circle, |voice| Some(voice.estimate)).0
    } else {
        // The volume average speaks only for the sources that know their volume.
        let say_vwap = SAY_VWAP * traded;
        weighted_median + say_vwap * (vwap - weighted_median) / (SAY_MEDIAN + say_vwap)
    };
    let price = price.max(circle.inner.0).min(circle.inner.1);
    let mean = mean_of(estimates);
    Vote {
        price,
        vwap: (traded > 0.0).then_some(vwap),
        twap,
        median: circle.middle,
        weighted_median,
        mean,
        std_dev: std_dev_of(estimates, mean),
        spread_bps: bps(estimates, price),
    }
}

/// Counts a share in whole units of 2^-40, at least one: rounding in the shares must not decide
/// whether two sources of one half each are "exactly half".
fn counted(share: &f64) -> f64 {
    (share * (1u64 << 40) as f64).round_ties_even().max(1.0)
}

/// Returns the weighted mean of what the voices say, each held inside the gate, and the weight of
/// those that say something. Without any it is the middle.
///
/// Held: a source whose estimate is honest could otherwise bend the mean with one absurd trade.
fn average(
    used: &[Voice],
    weights: &[f64],
    circle: &Circle,
    said: impl Fn(&Voice) -> Option<f64>,
) -> (f64, f64) {
    let (low, high) = (circle.middle - circle.reach, (circle.middle + circle.reach).min(f64::MAX));
    let (mut total, mut moved) = (0.0, 0.0);
    let mut range = (f64::INFINITY, 0.0f64);
    for (voice, weight) in used.iter().zip(weights) {
        let Some(price) = said(voice) else { continue };
        let held = price.max(low).min(high);
        range = (range.0.min(held), range.1.max(held));
        total += weight;
        // Distances from the middle, so that voices that agree give exactly their price.
        moved += weight * (held - circle.middle);
    }
    if total > 0.0 {
        ((circle.middle + moved / total).max(range.0).min(range.1), total)
    } else {
        (circle.middle, 0.0)
    }
}

/// Returns the distance between the lowest and the highest value in 1/10000 of `price`.
///
/// Held below infinity: absurd sources may lie 600 orders of magnitude apart.
pub(crate) fn bps(ascending: &[f64], price: f64) -> f64 {
    match (ascending.first(), ascending.last()) {
        (Some(low), Some(high)) => ((high - low) / price * 10_000.0).min(f64::MAX),
        _ => 0.0,
    }
}
