//! What must hold for every input: nothing panics, nothing but finite numbers comes out, order does
//! not matter, and no liar gets far.

use chrono_core::{
    Consensus, EstimateError, Method, MinSources, Points, Rule, consensus, consensus_many, mad, mean, median,
    outliers, std_dev, twap, vwap, weighted_median,
};
use proptest::collection::vec;
use proptest::prelude::*;

const S: i64 = 1_000_000_000;
const AT: i64 = 1_800_000_000 * S;

/// Any 64 bits: every NaN, infinities, subnormals, both zeros.
fn any_bits() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        prop::sample::select(vec![0.0, -0.0, 1.0, 5e-324, 1e-300, 1e308, f64::MAX, f64::INFINITY]),
        0.5..2.0f64,
    ]
}

fn any_price() -> impl Strategy<Value = f64> {
    prop_oneof![0.9..1.1f64, (1u64..0x7FF0_0000_0000_0000).prop_map(f64::from_bits)]
}

fn any_time() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), AT - 200 * S..AT + 10 * S, Just(i64::MIN), Just(i64::MAX)]
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let times = (any_limit(), any_limit(), any_limit());
    let shares = (any_bits(), any_bits(), any_bits());
    (times, any_bits(), any_bits(), 0..9usize, shares).prop_map(
        |(
            (half_life_ns, max_age_ns, future_tolerance_ns),
            k,
            floor_bps,
            min_sources,
            (max_weight, apart_bps, trust_floor),
        )| Rule {
            half_life_ns,
            max_age_ns,
            future_tolerance_ns,
            k,
            floor_bps,
            min_sources,
            max_weight,
            apart_bps,
            trust_floor,
        },
    )
}

fn any_limit() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), 0..200 * S, Just(1), Just(i64::MAX)]
}

fn usual_rule() -> impl Strategy<Value = Rule> {
    (0.0..5.0f64, 0.0..100.0f64, 1..6usize, 0.01..1.0f64).prop_map(
        |(k, floor_bps, min_sources, max_weight)| Rule {
            k,
            floor_bps,
            min_sources,
            max_weight,
            ..Rule::default()
        },
    )
}

/// A row: price, volume, time, source.
type Row = (f64, f64, i64, i64);

struct Columns(Vec<f64>, Vec<f64>, Vec<i64>, Vec<i64>);

impl Columns {
    fn of(rows: &[Row]) -> Self {
        Self(
            rows.iter().map(|row| row.0).collect(),
            rows.iter().map(|row| row.1).collect(),
            rows.iter().map(|row| row.2).collect(),
            rows.iter().map(|row| row.3).collect(),
        )
    }

    fn points(&self) -> Points<'_> {
        Points {
            prices: &self.0,
            volumes: Some(&self.1),
            timestamps_ns: &self.2,
            source_ids: &self.3,
            ..Points::default()
        }
    }
}

fn agreed(rows: &[Row], rule: &Rule) -> Result<Consensus, EstimateError> {
    consensus(&Columns::of(rows).points(), Some(AT), rule)
}

fn is_sound(it: &Consensus) -> bool {
    let numbers = [it.price, it.twap, it.median, it.weighted_median, it.mean, it.std_dev, it.spread_bps];
    let weights: f64 = it.sources.iter().map(|source| source.weight).sum();
    numbers.iter().all(|number| number.is_finite() && *number >= 0.0)
        && it.price > 0.0
        && it.vwap.is_none_or(|vwap| vwap.is_finite() && vwap >= 0.0)
        && (0.0..=1.0).contains(&it.confidence)
        && (weights - 1.0).abs() < 1e-9
        && it.n_used > 0
        && it.n_points >= it.n_used
}

/// Whether a result is a number, or an error that names itself.
fn is_number(result: &Result<f64, EstimateError>) -> bool {
    match result {
        Ok(number) => number.is_finite(),
        Err(error) => !error.to_string().is_empty(),
    }
}

fn extremes(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, 0.0), |(low, high), value| (low.min(value), high.max(value)))
}

proptest! {
    #[test]
    fn single_estimators_give_numbers_or_reasons(
        a in vec(any_bits(), 0..20),
        b in vec(any_bits(), 0..20),
        times in vec(any_time(), 0..20),
        end in any::<Option<i64>>(),
    ) {
        let mut sorted = times.clone();
        sorted.sort_unstable();
        for result in [
            vwap(&a, &b), weighted_median(&a, &b), median(&a), mad(&a), mean(&a), std_dev(&a),
            twap(&a, &times, end), twap(&a, &sorted, end), twap(&a, &sorted, None),
        ] {
            prop_assert!(is_number(&result), "{result:?}");
        }
    }

    #[test]
    fn outliers_give_a_finite_band_or_a_reason(
        prices in vec(any_bits(), 0..20), threshold in any_bits(), floor in any_bits(), which in 0..3usize,
    ) {
        let method = [Method::Mad, Method::Sigma, Method::Iqr][which];
        if let Ok(found) = outliers(&prices, method, threshold, floor) {
            let numbers = [found.low, found.high, found.center, found.scale];
            prop_assert!(numbers.iter().all(|number| number.is_finite()), "{found:?}");
            prop_assert!(found.low <= found.high);
            prop_assert!(found.indices.iter().all(|&row| row < prices.len()));
        }
    }

    #[test]
    fn no_bits_make_the_consensus_panic(
        rows in vec((any_bits(), any_bits(), any_time(), any::<i64>()), 0..20),
        at in any::<Option<i64>>(),
        rule in any_rule(),
    ) {
        let columns = Columns::of(&rows);
        if let Ok(found) = consensus(&columns.points(), at, &rule) {
            prop_assert!(is_sound(&found), "{found:?}");
        }
    }

    #[test]
    fn whatever_sources_say_the_result_is_sound(
        rows in vec((any_price(), 0.0..f64::MAX, any_time(), -3..6i64), 1..40),
        rates in vec(any_price(), 40),
        rule in usual_rule(),
    ) {
        let columns = Columns::of(&rows);
        let points = Points { rates: Some(&rates[..rows.len()]), ..columns.points() };
        match consensus(&points, Some(AT), &rule) {
            Ok(found) => prop_assert!(is_sound(&found), "{found:?}"),
            Err(error) => prop_assert_eq!(error.reason(), "no_usable_point"),
        }
    }

    #[test]
    fn no_offsets_make_a_round_panic(
        rows in vec((any_bits(), any_bits(), any_time(), -2..3i64), 0..20),
        offsets in vec(prop_oneof![any::<i64>(), -1..22i64], 0..6),
        least in vec(any::<i64>(), 0..6),
        cuts in vec(0..21usize, 0..5),
    ) {
        let columns = Columns::of(&rows);
        let n = rows.len();
        let _ = consensus_many(&columns.points(), &offsets, None, &Rule::default(), MinSources::PerFeed(&least));
        let mut good: Vec<i64> = cuts.iter().map(|&cut| cut.min(n) as i64).chain([0, n as i64]).collect();
        good.sort_unstable();
        let round = consensus_many(&columns.points(), &good, Some(AT), &Rule::default(), MinSources::OfRule);
        for feed in round.map_err(|error| TestCaseError::fail(error.to_string()))?.feeds.iter().flatten() {
            prop_assert!(is_sound(feed), "{feed:?}");
        }
    }

    #[test]
    fn rows_may_come_in_any_order(
        rows in vec((any_price(), 0.0..1e9f64, AT - 200 * S..AT + 10 * S, 0..5i64), 1..40)
            .prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
        rule in usual_rule(),
    ) {
        let (one, other) = (agreed(&rows.0, &rule), agreed(&rows.1, &rule));
        if let (Ok(mut one), Ok(mut other)) = (one, other) {
            one.excluded.clear();
            other.excluded.clear();
            prop_assert_eq!(one, other);
        }
    }

    #[test]
    fn liars_below_a_third_stay_inside_the_honest_range(
        honest in vec((0.97..1.03f64, 0.0..100.0f64), 3..9),
        lies in vec((any_price(), 0.0..f64::MAX, AT - 10 * S..AT + 5 * S), 1..4),
        rule in usual_rule(),
    ) {
        let t = lies.len().min((honest.len() - 1) / 2);
        let mut rows: Vec<Row> = honest.iter().zip(0..).map(|(it, id)| (it.0, it.1, AT, id)).collect();
        rows.extend(lies.iter().zip(100..).take(t).map(|(it, id)| (it.0, it.1, it.2, id)));
        let found = agreed(&rows, &rule).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let (low, high) = extremes(honest.iter().map(|it| it.0));
        prop_assert!(low <= found.price && found.price <= high, "{} not in {low}..{high}", found.price);
    }

    #[test]
    fn one_liar_of_five_moves_the_price_by_no_more_than_the_honest_spread(
        honest in vec((0.97..1.03f64, 0.0..100.0f64), 4..9),
        lie in (any_price(), 0.0..f64::MAX),
        other in (any_price(), 0.0..f64::MAX),
        rule in usual_rule(),
    ) {
        let told = |lie: (f64, f64)| {
            let mut rows: Vec<Row> = honest.iter().zip(1..).map(|(it, id)| (it.0, it.1, AT, id)).collect();
            rows.push((lie.0, lie.1, AT, 0));
            agreed(&rows, &rule).map(|found| found.price)
        };
        let (one, other) = (told(lie), told(other));
        let (low, high) = extremes(honest.iter().map(|it| it.0));
        if let (Ok(one), Ok(other)) = (one, other) {
            prop_assert!((one - other).abs() <= high - low);
        } else {
            prop_assert!(false, "no price");
        }
    }

    #[test]
    fn equal_weights_make_the_weighted_median_the_median(values in vec(-1e9..1e9f64, 1..40), weight in 1e-3..1e3f64) {
        let weights = vec![weight; values.len()];
        prop_assert_eq!(weighted_median(&values, &weights), median(&values));
    }

    #[test]
    fn one_source_says_the_weighted_median_of_its_points(
        points in vec((0.5..2.0f64, 0..4i64), 1..300),
    ) {
        // Ages of whole half-lives have weights that are exact powers of two.
        // A floor this wide leaves the slow estimate alone.
        let rule = Rule { half_life_ns: S, floor_bps: 1e6, ..Rule::default() };
        let rows: Vec<Row> = points.iter().map(|&(price, age)| (price, 0.0, AT - age * S, 7)).collect();
        let prices: Vec<f64> = points.iter().map(|point| point.0).collect();
        let weights: Vec<f64> = points.iter().map(|point| 1.0 / f64::from(1u32 << point.1)).collect();
        let found = agreed(&rows, &rule).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(Ok(found.median), weighted_median(&prices, &weights));
    }
}
