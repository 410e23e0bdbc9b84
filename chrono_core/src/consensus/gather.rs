//! From columns to one tidy group of rows per source.
//!
//! This is the only pass over all points, so it is the hot one: ids become small slots, points are
//! judged by age, and the survivors are dealt into one contiguous array, source by source.

use std::cell::RefCell;

use super::age::{AgeWeights, OCTAVE};
use super::select::Key;
use super::settle::Settled;
use super::speak::{self, Voice};
use super::types::{Flags, Learned, Points, Reason, Rule, Source};
use crate::error::EstimateError;

/// A point that counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Row {
    pub at_ns: i64,
    /// Converted by its rate.
    pub price: f64,
    pub volume: f64,
    /// By age, within its source; see `age`.
    pub weight: u64,
    /// By age, for what the source is worth as a whole: fades an octave slower.
    pub fade: u64,
}

/// What is known of a source before it speaks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slot {
    id: i64,
    first: usize,
    count: usize,
    newest_ns: Option<i64>,
    /// Of its points that were left out: the reason that ranks highest, and the newest time.
    left_out: Option<Reason>,
    newest_left_out_ns: Option<i64>,
}

/// A row without a source: null.
const NO_SLOT: u32 = u32::MAX;

/// Scratch space for more rows than this is given back after use (2 MB).
const KEPT_ROWS: usize = 1 << 16;

/// The points of one feed, grouped; its vectors are reused from feed to feed.
#[derive(Default)]
pub(crate) struct Gathered {
    slots: Vec<Slot>,
    slot_of: Vec<u32>,
    judged: Vec<Option<Reason>>,
    converted: Vec<f64>,
    rows: Vec<Row>,
    keys: Vec<Key>,
    ranks: Vec<u32>,
}

/// Lends this thread's scratch space to `f`.
pub(crate) fn with_scratch<T>(f: impl FnOnce(&mut Gathered) -> T) -> T {
    thread_local! {
        static SCRATCH: RefCell<Gathered> = RefCell::default();
    }
    SCRATCH.with(|scratch| match scratch.try_borrow_mut() {
        Ok(mut gathered) => {
            let result = f(&mut gathered);
            // A rare giant should not keep its memory for ever.
            if gathered.rows.capacity() > KEPT_ROWS {
                *gathered = Gathered::default();
            }
            result
        }
        // Cannot happen (nothing calls back), but a fresh one costs less than a proof.
        Err(_) => f(&mut Gathered::default()),
    })
}

impl Gathered {
    /// Sorts the points into sources and judges their age.
    pub(crate) fn collect(&mut self, points: &Points<'_>, at_ns: i64, rule: &Rule) {
        self.name_slots(points);
        self.judge(points, at_ns, rule);
        self.deal(points, at_ns, rule);
    }

    /// Gives each source a slot, by ascending id.
    fn name_slots(&mut self, points: &Points<'_>) {
        let ids = points.source_ids;
        let there = |row: &usize| !points.is_absent(*row);
        let (low, high) = (0..ids.len())
            .filter(there)
            .fold((i64::MAX, i64::MIN), |(low, high), row| (low.min(ids[row]), high.max(ids[row])));
        self.slots.clear();
        self.slot_of.clear();
        // Small ids are looked up in a table, others are searched.
        let range = high.wrapping_sub(low) as u64;
        if low <= high && range < 4 * ids.len() as u64 + 64 {
            self.name_by_table(points, low, range as usize);
        } else {
            self.name_by_search(points);
        }
    }

    fn name_by_table(&mut self, points: &Points<'_>, low: i64, range: usize) {
        let place = |id: i64| id.wrapping_sub(low) as usize;
        self.ranks.clear();
        self.ranks.resize(range + 1, NO_SLOT);
        for row in (0..points.source_ids.len()).filter(|&row| !points.is_absent(row)) {
            self.ranks[place(points.source_ids[row])] = 0;
        }
        for (offset, rank) in self.ranks.iter_mut().enumerate().filter(|(_, rank)| **rank == 0) {
            *rank = self.slots.len() as u32;
            self.slots.push(Slot { id: low.wrapping_add(offset as i64), ..Slot::default() });
        }
        let ranks = &self.ranks;
        let ids = points.source_ids.iter().enumerate();
        self.slot_of.extend(ids.map(|(row, &id)| {
            if points.is_absent(row) { NO_SLOT } else { ranks.get(place(id)).copied().unwrap_or(NO_SLOT) }
        }));
    }

    fn name_by_search(&mut self, points: &Points<'_>) {
        let rows = 0..points.source_ids.len();
        let mut known: Vec<i64> =
            rows.filter(|&row| !points.is_absent(row)).map(|row| points.source_ids[row]).collect();
        known.sort_unstable();
        known.dedup();
        self.slots.extend(known.iter().map(|&id| Slot { id, ..Slot::default() }));
        let ids = points.source_ids.iter().enumerate();
        self.slot_of.extend(ids.map(|(row, id)| match known.binary_search(id) {
            Ok(slot) if !points.is_absent(row) => slot as u32,
            _ => NO_SLOT,
        }));
    }

    /// Decides which points count, and counts them per source.
    fn judge(&mut self, points: &Points<'_>, at_ns: i64, rule: &Rule) {
        self.converted.clear();
        if let Some(rates) = points.rates {
            self.converted.extend(points.prices.iter().zip(rates).map(|(price, rate)| price * rate));
        }
        let prices = if points.rates.is_some() { &self.converted } else { points.prices };
        let limits = (-rule.future_tolerance_ns, rule.max_age_ns);
        self.judged.clear();
        for (row, &slot_of) in self.slot_of.iter().enumerate() {
            let Some(slot) = self.slots.get_mut(slot_of as usize) else {
                self.judged.push(Some(Reason::Null));
                continue;
            };
            let (said_ns, price) = (points.timestamps_ns[row], prices[row]);
            let left_out = judge_one(at_ns.saturating_sub(said_ns), price, limits);
            self.judged.push(left_out);
            if left_out.is_none() {
                slot.count += 1;
                slot.newest_ns = slot.newest_ns.max(Some(said_ns));
            } else {
                slot.left_out = slot.left_out.max(left_out);
                slot.newest_left_out_ns = slot.newest_left_out_ns.max(Some(said_ns));
            }
        }
    }

    /// Deals the points that count into one array, source by source.
    fn deal(&mut self, points: &Points<'_>, at_ns: i64, rule: &Rule) {
        let weights = AgeWeights::new(rule.half_life_ns);
        let fades = AgeWeights::new(rule.half_life_ns.saturating_mul(OCTAVE));
        let mut next = 0;
        for slot in &mut self.slots {
            slot.first = next;
            next += slot.count;
            slot.count = 0;
        }
        self.rows.clear();
        self.rows.resize(next, Row::default());
        let prices = if points.rates.is_some() { &self.converted } else { points.prices };
        for (row, &slot_of) in self.slot_of.iter().enumerate() {
            let Some(slot) = self.slots.get_mut(slot_of as usize) else { continue };
            if self.judged[row].is_some() {
                continue;
            }
            let said_ns = points.timestamps_ns[row];
            let age_ns = at_ns.saturating_sub(said_ns);
            self.rows[slot.first + slot.count] = Row {
                at_ns: said_ns,
                price: prices[row],
                volume: points.volumes.map_or(0.0, |volumes| volumes[row]),
                weight: weights.of(age_ns),
                fade: fades.of(age_ns),
            };
            slot.count += 1;
        }
    }

    /// Lets every source that has points speak.
    pub(crate) fn voices(&mut self, points: &Points<'_>, at_ns: i64, rule: &Rule) -> Vec<Voice> {
        let mut voices = Vec::with_capacity(self.slots.len());
        for (slot, about) in self.slots.iter().enumerate() {
            let rows = self.rows.get_mut(about.first..about.first + about.count).unwrap_or_default();
            if let Some(voice) = speak::speak(slot, rows, at_ns, rule, &mut self.keys) {
                voices.push(voice);
            }
        }
        if let Learned::Scored { scores, .. } = points.learned {
            self.recall_scores(&mut voices, scores);
        }
        voices
    }

    /// Gives each voice the score that its first row tells. Voices are by ascending slot.
    fn recall_scores(&self, voices: &mut [Voice], scores: &[f64]) {
        for (slot_of, score) in self.slot_of.iter().zip(scores).rev() {
            if let Ok(place) = voices.binary_search_by_key(&(*slot_of as usize), |voice| voice.slot) {
                voices[place].told_score = *score;
            }
        }
    }

    /// The id of every source, ascending.
    pub(crate) fn ids(&self) -> impl Iterator<Item = i64> {
        self.slots.iter().map(|slot| slot.id)
    }

    /// Tells why no point counts.
    pub(crate) fn nothing_usable(&self) -> EstimateError {
        let count = |reason| self.judged.iter().filter(|judged| **judged == Some(reason)).count();
        let (stale, future) = (count(Reason::Stale), count(Reason::Future));
        EstimateError::NoUsablePoint { stale, future, other: self.judged.len() - stale - future }
    }

    /// Returns the record of every source, by ascending id.
    pub(crate) fn sources(&self, settled: &Settled, at_ns: i64) -> Vec<Source> {
        let mut sources: Vec<Source> = self.slots.iter().map(|slot| slot.silent(at_ns)).collect();
        for (place, (voice, opinion)) in settled.voices.iter().zip(&settled.opinions).enumerate() {
            let Some(source) = sources.get_mut(voice.slot) else { continue };
            source.estimate = Some(voice.estimate);
            source.flags = opinion.judged.flags;
            source.trust = opinion.judged.trust;
            source.score = opinion.score;
            source.features = opinion.features;
            let weight = settled.weight(place);
            source.weight = weight.unwrap_or(0.0);
            source.left_out = match weight {
                Some(_) => None,
                None if opinion.excluded => Some(opinion.judged.flags.reason()),
                None => Some(Reason::Outlier),
            };
        }
        sources
    }

    /// Returns the rows left out, ascending, with the reason of each.
    pub(crate) fn excluded(&self, sources: &[Source]) -> Vec<(usize, Reason)> {
        let dropped = sources.iter().any(|source| source.left_out >= Some(Reason::Outlier));
        if !dropped && self.judged.iter().all(Option::is_none) {
            return Vec::new();
        }
        let by_source = |row: usize| {
            let slot = self.slot_of.get(row).and_then(|&slot| sources.get(slot as usize));
            slot.and_then(|source| source.left_out)
        };
        let judged = self.judged.iter().enumerate();
        judged.filter_map(|(row, own)| own.or_else(|| by_source(row)).map(|reason| (row, reason))).collect()
    }
}

impl Slot {
    /// The record of a source before the vote; its reason stands when none of its points counts.
    fn silent(&self, at_ns: i64) -> Source {
        let newest_ns = self.newest_ns.or(self.newest_left_out_ns).unwrap_or(at_ns);
        Source {
            id: self.id,
            estimate: None,
            weight: 0.0,
            n_points: self.count,
            newest_age_ns: at_ns.saturating_sub(newest_ns),
            left_out: self.left_out,
            flags: Flags::NONE,
            trust: 1.0,
            score: None,
            features: None,
        }
    }
}

fn judge_one(age_ns: i64, price: f64, (youngest, oldest): (i64, i64)) -> Option<Reason> {
    if age_ns > oldest {
        Some(Reason::Stale)
    } else if age_ns < youngest {
        Some(Reason::Future)
    } else if !(price > 0.0 && price < f64::INFINITY) {
        Some(Reason::OutOfRange)
    } else {
        None
    }
}
