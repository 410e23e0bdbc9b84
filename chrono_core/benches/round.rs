//! One full round in plain Rust: 63 feeds, ten sources each, 1,000 points a feed; and one feed alone.
//!
//! `cargo bench -p chrono_core` prints the median of repeated calls. The table beside C, NumPy and
//! Polars, through Python, is `python -m tests.bench.core`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use chrono_core::{MinSources, Points, Rule, consensus, consensus_many};

const AT: i64 = 1_800_000_000_000_000_000;
const FEEDS: usize = 63;
const POINTS: usize = 1000;

fn noise(i: usize) -> f64 {
    let mixed = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66;
    ((mixed.wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 11) as f64) / (1u64 << 53) as f64
}

fn median(mut call: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..200)
        .map(|_| {
            let start = Instant::now();
            call();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn main() {
    let n = FEEDS * POINTS;
    let prices: Vec<f64> = (0..n).map(|i| 45_120.0 * (1.0 + 0.001 * noise(i))).collect();
    let volumes: Vec<f64> = (0..n).map(|i| noise(i + n)).collect();
    let times: Vec<i64> = (0..n).map(|i| AT - 170_000_000 * (POINTS - i % POINTS) as i64).collect();
    let ids: Vec<i64> = (0..n).map(|i| (i % 10) as i64).collect();
    let offsets: Vec<i64> = (0..=FEEDS).map(|feed| (feed * POINTS) as i64).collect();
    let rule = Rule::default();
    let points = |n: usize| Points {
        prices: &prices[..n],
        volumes: Some(&volumes[..n]),
        timestamps_ns: &times[..n],
        source_ids: &ids[..n],
        ..Points::default()
    };
    let one = median(|| {
        let _ = black_box(consensus(&points(POINTS), Some(AT), &rule));
    });
    let all = median(|| {
        let _ = black_box(consensus_many(&points(n), &offsets, Some(AT), &rule, MinSources::OfRule));
    });
    println!("consensus, 1,000 points: {one:?}\nconsensus_many, 63 x 1,000: {all:?}");
}
