//! Plain fuzzing at the speed of the estimators: arbitrary bits, rows and offsets, millions a minute.
//!
//! `CHRONO_CORE_FUZZ=100000000 cargo test --release -p chrono_core --test fuzz` for a long run. A
//! failure prints the seed of its case; `CHRONO_CORE_FUZZ_SEED` starts there.

use std::hint::black_box;

use chrono_core::{
    EstimateError, Learned, Method, MinSources, Points, Rule, consensus_many, mad, mean, median, outliers,
    std_dev, twap, vwap, weighted_median,
};

const AT: i64 = 1_800_000_000_000_000_000;
const EDGES: [f64; 12] = [
    0.0,
    -0.0,
    1.0,
    1.0000000000000002,
    5e-324,
    2.2250738585072014e-308,
    1e-300,
    1e308,
    f64::MAX,
    f64::INFINITY,
    f64::NAN,
    -1.0,
];

/// xorshift64*.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 16) % n
    }

    /// Mostly sound prices, so that the deep paths are reached; else any bits at all.
    fn number(&mut self, wild: bool) -> f64 {
        match self.below(if wild { 4 } else { 40 }) {
            0 => f64::from_bits(self.next()),
            1 => EDGES[self.below(12) as usize],
            2 => f64::from_bits(self.next() >> 1).min(1e308),
            _ => 1.0 + self.below(1000) as f64 / 100_000.0,
        }
    }

    fn time(&mut self) -> i64 {
        match self.below(12) {
            0 => self.next() as i64,
            1 => [i64::MIN, i64::MAX, 0, AT][self.below(4) as usize],
            _ => AT - self.below(200_000_000_000) as i64 + 6_000_000_000,
        }
    }

    fn id(&mut self) -> i64 {
        if self.below(20) == 0 { self.next() as i64 } else { self.below(7) as i64 }
    }

    fn column<T>(&mut self, n: usize, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..n).map(|_| one(self)).collect()
    }
}

fn settings(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn sound(result: Result<f64, EstimateError>) {
    match result {
        Ok(number) => assert!(number.is_finite(), "{number} came out"),
        Err(error) => assert!(!error.reason().is_empty()),
    }
}

fn single(draw: &mut Draw) {
    let n = draw.below(12) as usize;
    let wild = draw.below(2) == 0;
    let (a, b) = (draw.column(n, |it| it.number(wild)), draw.column(n, |it| it.number(wild)));
    let mut times = draw.column(n, Draw::time);
    if draw.below(4) > 0 {
        times.sort_unstable();
    }
    let end = (draw.below(2) == 0).then(|| draw.time());
    for result in [vwap(&a, &b), weighted_median(&a, &b), median(&a), mad(&a), mean(&a), std_dev(&a)] {
        sound(result);
    }
    sound(twap(&a, &times, end));
    let method = [Method::Mad, Method::Sigma, Method::Iqr][draw.below(3) as usize];
    let _ = black_box(outliers(&a, method, draw.number(true), draw.number(true)));
}

fn rule(draw: &mut Draw) -> Rule {
    if draw.below(3) > 0 {
        return Rule::default();
    }
    Rule {
        half_life_ns: draw.time().saturating_abs(),
        max_age_ns: draw.time().saturating_abs(),
        future_tolerance_ns: draw.time().saturating_abs(),
        k: draw.number(true).abs(),
        floor_bps: draw.number(true).abs(),
        min_sources: draw.below(8) as usize,
        max_weight: draw.number(false).abs().min(1.0),
        apart_bps: draw.number(true).abs(),
        trust_floor: draw.number(false).abs().min(1.0),
    }
}

fn round(draw: &mut Draw) {
    let n = draw.below(48) as usize;
    let wild = draw.below(8) == 0;
    let (prices, volumes) = (draw.column(n, |it| it.number(wild)), draw.column(n, |it| it.number(wild)));
    let (rates, absent) = (draw.column(n, |it| it.number(wild)), draw.column(n, |it| it.below(9) == 0));
    let absent: Vec<Option<&str>> = absent.iter().map(|absent| absent.then_some("prices")).collect();
    let (times, ids) = (draw.column(n, Draw::time), draw.column(n, Draw::id));
    let scores = draw.column(n, |it| it.number(wild));
    let points = Points {
        prices: &prices,
        volumes: (draw.below(4) > 0).then_some(&volumes),
        timestamps_ns: &times,
        source_ids: &ids,
        rates: (draw.below(4) == 0).then_some(&rates),
        absent: (draw.below(4) == 0).then_some(&absent),
        skip_absent: draw.below(4) > 0,
        learned: match draw.below(4) {
            0 => Learned::Watching,
            1 => Learned::Scored { scores: &scores, limit: 1.0 },
            _ => Learned::Absent,
        },
    };
    let mut offsets = draw.column(3, |it| it.below(n as u64 + 1) as i64);
    if draw.below(8) == 0 {
        offsets.push(draw.next() as i64);
    } else {
        offsets.extend([0, n as i64]);
        offsets.sort_unstable();
    }
    let at = (draw.below(3) > 0).then_some(AT);
    let least = draw.column(offsets.len().saturating_sub(1), |it| it.below(6) as i64 - 1);
    let least = if draw.below(2) == 0 { MinSources::OfRule } else { MinSources::PerFeed(&least) };
    let Ok(round) = consensus_many(&points, &offsets, at, &rule(draw), least) else { return };
    for found in round.feeds.iter().flatten() {
        assert!(found.price.is_finite() && found.price > 0.0, "{found:?}");
        assert!((0.0..=1.0).contains(&found.confidence), "{found:?}");
        assert!(found.vwap.is_none_or(f64::is_finite) && found.twap.is_finite(), "{found:?}");
        assert!(found.std_dev.is_finite() && found.spread_bps.is_finite(), "{found:?}");
    }
}

#[test]
fn arbitrary_bits_neither_panic_nor_leak() {
    let cases = settings("CHRONO_CORE_FUZZ", 20_000);
    let first = settings("CHRONO_CORE_FUZZ_SEED", 1);
    for seed in first..first + cases {
        let case = std::panic::catch_unwind(|| {
            let mut draw = Draw(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
            if seed % 2 == 0 { single(&mut draw) } else { round(&mut draw) }
        });
        assert!(case.is_ok(), "seed {seed}");
    }
}
