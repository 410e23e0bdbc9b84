//! What the learned layer looks at: five numbers about each source, the same in training and live.
//!
//! Each is relative to the other sources or to the clock, so that a move of the whole market is not
//! an anomaly of its sources. `docs/estimators.md` has the table.

use super::speak::Voice;
use crate::median::median_of;

/// How many numbers describe a source.
pub const FEATURES: usize = 5;

/// Their names, in their order.
pub const FEATURE_NAMES: [&str; FEATURES] = ["return", "spread", "volume", "age", "deviation"];

/// Every number is held within this distance of zero; e^12 bps is a factor of 16.
pub const FEATURE_LIMIT: f64 = 12.0;

// Beyond this a move is only "absurd"; held so that differences of two stay finite.
const MOST_BPS: f64 = 1e12;

/// The numbers of each voice, in the order of the voices; `middle` is that of their newest prices.
pub(crate) fn features(voices: &[Voice], middle: f64, at_ns: i64) -> Vec<[f64; FEATURES]> {
    let returns: Vec<Option<f64>> = voices.iter().map(newest_return).collect();
    let spreads: Vec<f64> = voices.iter().map(own_spread).collect();
    let usual_return = median_of(&mut returns.iter().flatten().copied().collect::<Vec<_>>());
    let usual_spread = median_of(&mut spreads.clone());
    let usual_volume =
        median_of(&mut voices.iter().map(|it| it.volume).filter(|it| *it > 0.0).collect::<Vec<_>>());
    let one = |(voice, (own_return, spread)): (&Voice, (&Option<f64>, &f64))| {
        let age_s = at_ns.saturating_sub(voice.newest_ns).max(0) as f64 / 1e9;
        let volume = if voice.volume > 0.0 { libm::log(voice.volume / usual_volume) } else { 0.0 };
        [
            held(signed_log(own_return.map_or(0.0, |it| it - usual_return))),
            held(spread - usual_spread),
            held(volume),
            held(libm::log1p(age_s)),
            held(signed_log(bps(voice.track[0], middle))),
        ]
    };
    voices.iter().zip(returns.iter().zip(&spreads)).map(one).collect()
}

/// The move of the newest price since the instant before, in bps; none without a price there.
fn newest_return(voice: &Voice) -> Option<f64> {
    (voice.track[1] > 0.0).then(|| bps(voice.track[0], voice.track[1]))
}

/// ln(1 + the range of its own prices in bps of its estimate).
fn own_spread(voice: &Voice) -> f64 {
    libm::log1p(((voice.highest - voice.lowest) / voice.estimate * 10_000.0).min(MOST_BPS))
}

fn bps(now: f64, then: f64) -> f64 {
    ((now / then - 1.0) * 10_000.0).min(MOST_BPS)
}

fn signed_log(value: f64) -> f64 {
    libm::copysign(libm::log1p(value.abs()), value)
}

fn held(value: f64) -> f64 {
    value.clamp(-FEATURE_LIMIT, FEATURE_LIMIT)
}
