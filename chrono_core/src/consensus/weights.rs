//! How loud each source speaks: fresh and well-traded ones louder, none beyond its cap.

use super::speak::Voice;
use super::types::Rule;
use crate::sums::halfway;

/// Returns the share of each voice; they add up to 1 and none exceeds max(`max_weight`, 1/n), but of two.
///
/// Two have no majority that a cap could protect. Shapes: both (n,); `voices` ascend by estimate, `trust` is
/// above 0 and up to 1.
pub(crate) fn capped(voices: &[Voice], trust: &[f64], rule: &Rule) -> Vec<f64> {
    let mut weights = raw(voices, trust, rule);
    let cap = if voices.len() == 2 { 1.0 } else { rule.max_weight.max(1.0 / voices.len() as f64) };
    // Each round fixes at least one voice at its cap, or ends.
    let mut fixed = vec![false; weights.len()];
    for _ in 0..voices.len() {
        let n_fixed = fixed.iter().filter(|fixed| **fixed).count();
        let free: f64 = free_weights(&weights, &fixed).sum();
        let share = (1.0 - cap * n_fixed as f64).max(0.0) / free;
        let before = n_fixed;
        for (weight, fixed) in weights.iter_mut().zip(&mut fixed).filter(|(_, fixed)| !**fixed) {
            *weight *= share;
            if *weight >= cap {
                (*weight, *fixed) = (cap, true);
            }
        }
        if fixed.iter().filter(|fixed| **fixed).count() == before {
            break;
        }
    }
    weights
}

fn free_weights<'a>(weights: &'a [f64], fixed: &'a [bool]) -> impl Iterator<Item = f64> + 'a {
    weights.iter().zip(fixed).filter(|(_, fixed)| !**fixed).map(|(weight, _)| *weight)
}

/// Freshness times trust times the mean of an equal share and the share of the volume.
///
/// Half of the say is equal, so that a venue cannot buy it all with (claimed) volume, and venues
/// whose volume is unknown still count. When two are in dispute, neither age nor the size of a volume
/// says who is right: then it counts only whether a volume is told at all.
fn raw(voices: &[Voice], trust: &[f64], rule: &Rule) -> Vec<f64> {
    let equal = 1.0 / voices.len() as f64;
    let dispute = in_dispute(voices, rule);
    let volumes: Vec<f64> =
        voices.iter().map(|voice| if dispute { told(voice) } else { voice.volume }).collect();
    // Relative to the largest, so that the sum stays in range.
    let largest = volumes.iter().copied().fold(0.0f64, f64::max);
    let relative = |volume: f64| if largest > 0.0 { volume / largest } else { 0.0 };
    let total: f64 = volumes.iter().copied().map(relative).sum();
    let traded = |volume: f64| if total > 0.0 { relative(volume) / total } else { equal };
    let freshness = |voice: &Voice| if dispute { 1.0 } else { voice.freshness };
    let say = |(voice, volume): (&Voice, &f64)| freshness(voice) * (equal + traded(*volume)) / 2.0;
    voices.iter().zip(&volumes).map(say).zip(trust).map(|(say, trust)| say * trust).collect()
}

/// 1 for a voice that tells what it deals, 0 for one whose volume is unknown.
fn told(voice: &Voice) -> f64 {
    if voice.volume > 0.0 { 1.0 } else { 0.0 }
}

/// Whether there are two voices that stand so far apart that age does not explain it.
fn in_dispute(voices: &[Voice], rule: &Rule) -> bool {
    let [low, high] = voices else { return false };
    let apart = rule.apart_bps.max(rule.floor_bps) / 10_000.0;
    high.estimate - low.estimate > halfway(low.estimate, high.estimate) * apart
}
