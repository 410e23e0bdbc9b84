//! From voices to a vote: who is heard, how loudly, and what comes of it.

use super::agree::{self, Circle};
use super::consent::{self, Opinion};
use super::judge::Judge;
use super::speak::Voice;
use super::types::{Flags, Learned, Rule};
use super::vote::{self, Vote};
use super::weights;

/// The vote, with everything that led to it.
#[derive(Clone, Debug)]
pub(crate) struct Settled {
    /// Those that could be used by ascending estimate, then those that a layer excluded.
    pub voices: Vec<Voice>,
    /// In the order of the voices.
    pub opinions: Vec<Opinion>,
    /// Of every fresh source, excluded or not, ascending.
    pub estimates: Vec<f64>,
    /// Of the used voices, in their order.
    pub weights: Vec<f64>,
    pub vote: Vote,
    /// Where the newest prices stood before now.
    pub level: f64,
    circle: Circle,
}

impl Settled {
    /// Settles what these voices say; at least one.
    pub(crate) fn of(mut voices: Vec<Voice>, learned: &Learned<'_>, at_ns: i64, rule: &Rule) -> Self {
        // By estimate, then by id: from here on nothing depends on the order of the input.
        voices.sort_unstable_by(|a, b| a.estimate.total_cmp(&b.estimate).then(a.slot.cmp(&b.slot)));
        let estimates: Vec<f64> = voices.iter().map(|voice| voice.estimate).collect();
        let judge = Judge::new(&voices, rule);
        let opinions = consent::opinions(&voices, &judge, learned, at_ns, rule);
        let (voices, mut opinions, kept) = excluded_last(voices, opinions, &estimates);
        let circle = agree::circle(&kept, &estimates, rule);
        for (voice, opinion) in voices.iter().zip(&mut opinions) {
            if (voice.estimate - circle.middle).abs() > circle.reach {
                opinion.judged.flags = opinion.judged.flags.with(Flags::OUTLIER);
            }
        }
        let used = voices.get(circle.used.clone()).unwrap_or(&voices);
        let heard = opinions.get(circle.used.clone()).unwrap_or(&opinions);
        let trust: Vec<f64> = heard.iter().map(|opinion| opinion.judged.trust).collect();
        let weights = weights::capped(used, &trust, rule);
        let vote = vote::vote(used, &weights, kept.get(circle.used.clone()).unwrap_or(&kept), &circle);
        Self { voices, opinions, estimates, weights, vote, level: judge.level(), circle }
    }

    /// The voices that are used.
    pub(crate) fn used(&self) -> &[Voice] {
        self.voices.get(self.circle.used.clone()).unwrap_or(&self.voices)
    }

    /// The weight of the voice at `place`; none when it is not used.
    pub(crate) fn weight(&self, place: usize) -> Option<f64> {
        let used = &self.circle.used;
        used.contains(&place).then(|| self.weights.get(place - used.start).copied().unwrap_or(0.0))
    }
}

/// Puts the excluded voices behind the others, and returns the estimates of the others.
fn excluded_last(
    voices: Vec<Voice>,
    opinions: Vec<Opinion>,
    estimates: &[f64],
) -> (Vec<Voice>, Vec<Opinion>, Vec<f64>) {
    if !opinions.iter().any(|opinion| opinion.excluded) {
        return (voices, opinions, estimates.to_vec());
    }
    let pairs = voices.into_iter().zip(opinions);
    let (kept, gone): (Vec<_>, Vec<_>) = pairs.partition(|(_, opinion)| !opinion.excluded);
    let left = kept.iter().map(|(voice, _)| voice.estimate).collect();
    let (voices, opinions) = kept.into_iter().chain(gone).unzip();
    (voices, opinions, left)
}
