//! The same input gives the same bytes, on every platform: recorded once, compared for ever.
//!
//! When a number here has to change, the rule has changed, and so must the name of the algorithm
//! under which results are stored.

use chrono_core::{Consensus, EstimateError, Points, Rule, consensus};

const AT: i64 = 1_800_000_000_000_000_000;

/// A small generator (xorshift64*), so that the input is written down by its seed.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn drawn() -> Result<Consensus, EstimateError> {
    let mut draw = Draw(42);
    let n = 1000;
    let prices: Vec<f64> = (0..n).map(|_| 45_120.0 * (1.0 + 0.002 * (draw.share() - 0.5))).collect();
    let volumes: Vec<f64> = (0..n).map(|_| draw.share()).collect();
    let times: Vec<i64> = (0..n).map(|_| AT - (draw.next() % 190_000_000_000) as i64).collect();
    let ids: Vec<i64> = (0..n).map(|i| i % 10).collect();
    let points = Points {
        prices: &prices,
        volumes: Some(&volumes),
        timestamps_ns: &times,
        source_ids: &ids,
        ..Points::default()
    };
    consensus(&points, Some(AT), &Rule::default())
}

#[test]
fn a_recorded_consensus_has_the_same_bytes() -> Result<(), EstimateError> {
    let found = drawn()?;
    let bits: Vec<String> = [
        found.price,
        found.vwap.unwrap_or(0.0),
        found.twap,
        found.median,
        found.weighted_median,
        found.mean,
        found.std_dev,
        found.spread_bps,
        found.confidence,
    ]
    .iter()
    .map(|number| format!("{:016x}", number.to_bits()))
    .collect();
    let recorded = [
        "40e608b507695b0e",
        "40e607c970ff1a24",
        "40e607453b06a5b2",
        "40e6087171c0e323",
        "40e609038ee21b5c",
        "40e60892cd3277a3",
        "40301c13bc942b0e",
        "402a0ccf8edff2d6",
        "3fef4dfd4e8aa8cd",
    ];
    assert_eq!(bits, recorded);
    assert_eq!((found.n_used, found.n_points, found.excluded.len()), (10, 940, 60));
    Ok(())
}
