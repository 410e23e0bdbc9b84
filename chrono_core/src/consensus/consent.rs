//! What becomes of the sources that stand apart: no layer may decide alone, nor against the majority.
//!
//! A verdict excludes only while fewer than half of the sources bear one, while more than half of all
//! and at least the minimum remain, farthest first; else it stays a remark, and costs trust.

use super::features::{FEATURES, features};
use super::judge::{Judge, Judged};
use super::speak::Voice;
use super::types::{Flags, Learned, Rule};

/// What the layers found about one voice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opinion {
    pub judged: Judged,
    pub score: Option<f64>,
    pub features: Option<[f64; FEATURES]>,
    pub excluded: bool,
}

/// Half of its say is left to a source that the learned layer alone finds odd.
const ODD: f64 = 0.5;

/// Returns the opinion on each voice, in their order.
pub(crate) fn opinions(
    voices: &[Voice],
    judge: &Judge,
    learned: &Learned<'_>,
    at_ns: i64,
    rule: &Rule,
) -> Vec<Opinion> {
    let plain =
        |voice: &Voice| Opinion { judged: judge.look(voice), score: None, features: None, excluded: false };
    let mut opinions: Vec<Opinion> = voices.iter().map(plain).collect();
    exclude(&mut opinions, voices, rule, |opinion| opinion.judged.flags != Flags::NONE);
    if !matches!(learned, Learned::Absent) {
        consult(&mut opinions, voices, learned, judge, at_ns, rule);
    }
    opinions
}

/// Asks the learned layer, after the rules.
fn consult(
    opinions: &mut [Opinion],
    voices: &[Voice],
    learned: &Learned<'_>,
    judge: &Judge,
    at_ns: i64,
    rule: &Rule,
) {
    let rows = features(voices, judge.middle(), at_ns);
    for ((opinion, voice), row) in opinions.iter_mut().zip(voices).zip(rows) {
        opinion.features = Some(row);
        opinion.score = learned.score(voice.told_score, &row);
    }
    let limit = learned.limit();
    let is_odd = |opinion: &Opinion| opinion.score.is_some_and(|score| score > limit);
    let odd = opinions.iter().filter(|opinion| is_odd(opinion)).count();
    for opinion in opinions.iter_mut().filter(|opinion| is_odd(opinion)) {
        opinion.judged.flags = opinion.judged.flags.with(Flags::ANOMALY);
        // What it finds odd in most sources is the market, not a source.
        if 2 * odd < voices.len() {
            opinion.judged.trust = (opinion.judged.trust * ODD).max(rule.trust_floor);
        }
    }
    // The others consent when the source stands outside the floor around their middle.
    let floor = judge.middle() / 10_000.0 * rule.floor_bps;
    exclude(opinions, voices, rule, |opinion| {
        opinion.judged.flags.has(Flags::ANOMALY) && opinion.judged.distance > floor
    });
}

/// Excludes those that `accused` names, as far as the others can spare them.
fn exclude(opinions: &mut [Opinion], voices: &[Voice], rule: &Rule, accused: impl Fn(&Opinion) -> bool) {
    let mut places: Vec<usize> = (0..opinions.len()).filter(|&place| accused(&opinions[place])).collect();
    let n = opinions.len();
    if places.is_empty() || 2 * places.len() >= n {
        return;
    }
    let gone = opinions.iter().filter(|opinion| opinion.excluded).count();
    let room = (n - gone).saturating_sub(rule.min_sources.max(n / 2 + 1));
    places.retain(|&place| !opinions[place].excluded);
    let distance = |place: usize| opinions[place].judged.distance;
    places.sort_unstable_by(|&a, &b| {
        distance(b).total_cmp(&distance(a)).then(voices[a].slot.cmp(&voices[b].slot))
    });
    for place in places.into_iter().take(room) {
        opinions[place].excluded = true;
    }
}
