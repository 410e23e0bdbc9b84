//! Layer one of the anomalies: which source stands apart, and how it came there.
//!
//! At each instant of the window the newest prices of all sources have a middle and a gate. A source
//! outside the gate is *apart*. Being apart now has a name when its past explains it: it moved alone
//! (`jump`), the others moved on without it (`frozen`), or it has been apart for long (`deviation`).
//! A move that the others make too is none of these, however large.

use super::speak::Voice;
use super::track::{INSTANTS, Track};
use super::types::{Flags, Rule};
use crate::median::{MAD_TO_SIGMA, mad_of_sorted, median_of, median_of_sorted};

/// Who is apart among fewer than this cannot be told.
const CROWD: usize = 3;
/// Apart for this many instants in a row is a lasting deviation: two thirds of the window.
const LASTING: usize = 8;
/// A jump exceeds this many robust standard deviations of the source's own moves.
const JUMP_SIGMAS: f64 = 4.0;
/// Fewer moves than this say nothing about a volatility.
const FEW_MOVES: usize = 3;

/// Where the newest prices stood at one instant.
#[derive(Clone, Copy, Debug, Default)]
struct Crowd {
    middle: f64,
    reach: f64,
    /// Enough sources to tell who is apart.
    tells: bool,
}

/// What the past of a source says about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged {
    pub flags: Flags,
    /// Between the floor and 1: how far it stood with the others lately.
    pub trust: f64,
    /// Distance of its newest price from the middle of all newest prices.
    pub distance: f64,
}

/// The middle and the gate at every instant.
pub(crate) struct Judge {
    crowds: [Crowd; INSTANTS],
    trust_floor: f64,
    apart: f64,
}

impl Judge {
    pub(crate) fn new(voices: &[Voice], rule: &Rule) -> Self {
        let apart = rule.apart_bps.max(rule.floor_bps) / 10_000.0;
        let mut prices = Vec::with_capacity(voices.len());
        let crowds = std::array::from_fn(|instant| {
            prices.clear();
            prices.extend(voices.iter().map(|voice| voice.track[instant]).filter(|price| *price > 0.0));
            prices.sort_unstable_by(f64::total_cmp);
            let middle = median_of_sorted(&prices);
            let reach = (rule.k * MAD_TO_SIGMA * mad_of_sorted(&prices, middle)).max(middle * apart);
            Crowd { middle, reach, tells: prices.len() >= CROWD }
        });
        Self { crowds, trust_floor: rule.trust_floor, apart }
    }

    /// The middle of the newest prices.
    pub(crate) fn middle(&self) -> f64 {
        self.crowds[0].middle
    }

    /// The level of the window: the median of the middles before now, or the middle of now without any.
    pub(crate) fn level(&self) -> f64 {
        let (now, past) = self.crowds.split_first().unwrap_or((&self.crowds[0], &[]));
        let mut middles: Vec<f64> = past.iter().map(|it| it.middle).filter(|it| *it > 0.0).collect();
        if middles.is_empty() { now.middle } else { median_of(&mut middles) }
    }

    /// Returns what the past of `voice` says.
    pub(crate) fn look(&self, voice: &Voice) -> Judged {
        Judged {
            flags: self.how(&voice.track),
            trust: self.trust(&voice.track),
            distance: (voice.track[0] - self.middle()).abs(),
        }
    }

    /// Whether the source stood apart at an instant; none when nothing can be said.
    fn is_apart(&self, track: &Track, instant: usize) -> Option<bool> {
        let (crowd, price) = (&self.crowds[instant], track[instant]);
        (crowd.tells && price > 0.0).then(|| (price - crowd.middle).abs() > crowd.reach)
    }

    fn how(&self, track: &Track) -> Flags {
        if self.is_apart(track, 0) != Some(true) {
            return Flags::NONE;
        }
        let known = (1..INSTANTS).take_while(|&instant| self.is_apart(track, instant).is_some());
        let lasted = 1 + known.take_while(|&instant| self.is_apart(track, instant) == Some(true)).count();
        if lasted >= LASTING {
            return Flags::DEVIATION;
        }
        // The last instant at which it stood with the others; without one there is no telling how.
        if lasted == INSTANTS || self.is_apart(track, lasted).is_none() {
            return Flags::NONE;
        }
        self.moved_since(track, lasted)
    }

    fn moved_since(&self, track: &Track, instant: usize) -> Flags {
        let own = change(track[0], track[instant]);
        let others = change(self.crowds[0].middle, self.crowds[instant].middle);
        if others > own {
            return Flags::FROZEN;
        }
        let usual = JUMP_SIGMAS * MAD_TO_SIGMA * volatility(track, instant);
        if own > usual.max(self.apart) { Flags::JUMP } else { Flags::NONE }
    }

    /// The share of the window, newest instants most, that the source stood with the others; squared,
    /// so that half of it bad leaves a quarter.
    fn trust(&self, track: &Track) -> f64 {
        let (mut together, mut told) = (0usize, 0usize);
        for instant in 0..INSTANTS {
            let Some(apart) = self.is_apart(track, instant) else { continue };
            let weight = INSTANTS - instant;
            told += weight;
            together += if apart { 0 } else { weight };
        }
        if together == told {
            return 1.0;
        }
        let share = together as f64 / told as f64;
        self.trust_floor + (1.0 - self.trust_floor) * share * share
    }
}

fn change(now: f64, then: f64) -> f64 {
    (now / then - 1.0).abs()
}

/// The median size of the source's own moves from instant to instant, up to `since`; 0 when unknown.
fn volatility(track: &Track, since: usize) -> f64 {
    let past = track.get(since..).unwrap_or_default();
    let pairs = past.windows(2).filter(|pair| pair[1] > 0.0);
    let mut moves = [0.0; INSTANTS];
    let mut n = 0;
    for (place, pair) in moves.iter_mut().zip(pairs) {
        *place = change(pair[0], pair[1]).min(f64::MAX);
        n += 1;
    }
    if n < FEW_MOVES { 0.0 } else { median_of(moves.get_mut(..n).unwrap_or_default()) }
}
