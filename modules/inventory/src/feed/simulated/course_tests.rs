use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use tradepost_kernel::{Decimal, Price};

use super::{Course, places};
use crate::domain::candle::derive;
use crate::domain::{Candle, CatalogEntry, Interval, read_catalog};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// 2026-01-01.
const NEW_YEAR_MS: i64 = 1_767_225_600_000;

fn asset(id: &str, category: &str, reference: Decimal) -> CatalogEntry {
    let text = format!(
        r#"{{"assets":[{{"asset_id":"{id}","name":"x","category":"{category}","is_active":true,
        "reference_price":"{reference}"}}]}}"#
    );
    read_catalog(&text).unwrap().remove(0)
}

fn dec(text: &str) -> Decimal {
    tradepost_kernel::decimal::parse(text).unwrap()
}

/// Whether the price is less than `percent` away from the reference.
fn is_within(price: Price, reference: Decimal, percent: u32) -> bool {
    (price.get() - reference).abs() * Decimal::ONE_HUNDRED < reference * Decimal::from(percent)
}

fn reference() -> impl Strategy<Value = Decimal> {
    (1_i64..=800_000_000, 0_u32..=12).prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale).normalize())
}

/// Any symbol that a catalog may list.
fn id() -> impl Strategy<Value = String> {
    "[A-Z0-9]{1,10}".prop_filter("USD is cash", |id| id != "USD")
}

/// Courses of coarse and of fine prices, and one that never moves.
fn course() -> impl Strategy<Value = Course> {
    let kinds = proptest::sample::select(vec![
        ("defi", "64000"),
        ("defi", "0.0000178"),
        ("stablecoin", "1"),
        ("meme", "0.00000000094"),
        ("meme", "0.000000000001"),
    ]);
    (any::<u64>(), id(), kinds).prop_map(|(seed, id, (category, reference))| {
        Course::new(seed, &asset(&id, category, dec(reference)))
    })
}

/// From, to and step: hours at a second, or minutes at a tenth of one.
fn stretch() -> impl Strategy<Value = (i64, i64, i64)> {
    let lengths = prop_oneof![(0..3 * HOUR_MS, 1_000..1_001_i64), (0..HOUR_MS / 4, 100..101_i64)];
    (-10_000 * DAY_MS..30_000 * DAY_MS, lengths)
        .prop_map(|(from, (length, step))| (from, from + length, step))
}

fn interval() -> impl Strategy<Value = Interval> {
    proptest::sample::select(Interval::ALL.to_vec())
}

fn steps(from_ms: i64, to_ms: i64, step_ms: i64) -> impl Iterator<Item = i64> {
    (from_ms.div_euclid(step_ms)..=to_ms.div_euclid(step_ms))
        .map(move |step| step * step_ms)
        .filter(move |at_ms| (from_ms..to_ms).contains(at_ms))
}

/// The definition: the price of every step, by bucket.
fn candles_by_hand(
    course: &Course,
    interval: Interval,
    from_ms: i64,
    to_ms: i64,
    step_ms: i64,
) -> Vec<Candle> {
    let tick = |start_ms| {
        let price = course.price(start_ms);
        Candle { start_ms, open: price, high: price, low: price, close: price }
    };
    let is_whole = |at_ms: &i64| interval.start_of(*at_ms) >= from_ms;
    derive(steps(from_ms, to_ms, step_ms).filter(is_whole).map(tick), interval)
}

#[test]
fn prices_have_six_digits_and_two_to_twelve_decimals() {
    for (reference, expected) in [
        ("800000000", 2),
        ("64000", 2),
        ("1000", 2),
        ("999", 3),
        ("11", 4),
        ("1", 5),
        ("0.545", 6),
        ("0.0000178", 10),
        ("0.00000094", 12),
        ("0.000000000001", 12),
    ] {
        assert_eq!(places(dec(reference)), expected, "{reference}");
    }
}

#[test]
fn a_stablecoin_stays_within_a_fifth_of_a_percent() {
    let course = Course::new(1, &asset("USDT", "stablecoin", dec("1")));
    let prices: Vec<_> = (0..5_000).map(|hour| course.price(hour * 3_600_000).get()).collect();
    assert!(prices.iter().all(|price| (*price - Decimal::ONE).abs() < dec("0.002")));
    assert!(
        prices.iter().any(|price| *price > dec("1.0005"))
            && prices.iter().any(|price| *price < dec("0.9995"))
    );
}

#[test]
fn the_smallest_reference_still_has_a_price() {
    let course = Course::new(1, &asset("TINY", "meme", dec("0.000000000001")));
    assert!((0..1_000).all(|hour| course.price(hour * 3_600_000).to_string() == "0.000000000001"));
}

#[test]
fn every_asset_of_the_demo_moves_visibly_and_on_its_own() {
    let assets = read_catalog(include_str!("../../../../../config/catalog.json")).unwrap();
    let mut deviations = std::collections::HashSet::new();
    for entry in assets {
        let (course, asset) = (Course::new(42, &entry), &entry.asset);
        // A stablecoin's last digit is a long way for it to go.
        let (step_ms, expected) = if asset.is_stable() { (60_000, 1) } else { (1_000, 60) };
        let prices: Vec<_> = (0..120).map(|step| course.price(NEW_YEAR_MS + step * step_ms)).collect();
        let changes = prices.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(changes >= expected, "{} changed {changes} times in 120 steps", asset.id);
        let days: Vec<_> = (0..60).map(|day| course.deviation(NEW_YEAR_MS + day * DAY_MS)).collect();
        let (high, low) = (days.iter().max().unwrap(), days.iter().min().unwrap());
        assert!((high - low) * course.divisor > 50_000_000, "{} stays within {low}..{high}", asset.id);
        assert!(deviations.insert(course.deviation(NEW_YEAR_MS) * course.divisor), "{}", asset.id);
    }
}

proptest! {
    #[test]
    fn every_price_is_strictly_within_fifteen_percent(
        seed in any::<u64>(), id in id(), reference in reference(), at in any::<i64>()
    ) {
        let price = Course::new(seed, &asset(&id, "defi", reference)).price(at);
        prop_assert!(is_within(price, reference, 15), "{price} for {reference}");
        let stable = Course::new(seed, &asset(&id, "stablecoin", reference)).price(at);
        prop_assert!(is_within(stable, reference, 1), "{stable} for {reference}");
    }

    #[test]
    fn two_replicas_agree_to_the_last_digit(
        seed in any::<u64>(), reference in reference(), at in any::<i64>()
    ) {
        let [one, other] = [0, 1].map(|_| Course::new(seed, &asset("BTC", "currency", reference)));
        prop_assert_eq!(one.price(at).to_string(), other.price(at).to_string());
    }

    #[test]
    fn a_second_changes_a_price_by_less_than_an_eightieth_of_a_percent(
        seed in any::<u64>(), id in id(), at in -40_000 * DAY_MS..400_000 * DAY_MS
    ) {
        let course = Course::new(seed, &asset(&id, "defi", dec("64000")));
        let change = (course.price(at + 1_000).get() - course.price(at).get()).abs();
        prop_assert!(change < dec("8"), "{change}");
    }

    #[test]
    fn a_larger_deviation_is_never_a_lower_price(
        reference in reference(), deviation in -150_000_000_i64..150_000_000, more in 0_i64..100_000_000
    ) {
        let course = Course::new(1, &asset("BTC", "currency", reference));
        prop_assert!(course.price_of(deviation) <= course.price_of(deviation + more));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_range_is_that_of_all_steps(course in course(), (from, to, step) in stretch()) {
        let prices: Vec<_> = steps(from, to, step).map(|at| (course.price(at), at)).collect();
        let low = prices.iter().min().copied();
        // Of equal prices the earliest step.
        let high = prices.iter().max_by_key(|(price, at)| (*price, -at)).copied();
        prop_assert_eq!(course.range(from, to, step), low.zip(high).map(|(low, high)| (low.0, high.0)));
        let found = course.extremes(from, to, step).map(|(low, high)| {
            [low, high].map(|point| (point.price, point.at.timestamp_millis()))
        });
        prop_assert_eq!(found, low.zip(high).map(|(low, high)| [low, high]));
    }

    #[test]
    fn candles_are_those_of_all_steps(
        course in course(), (from, to, step) in stretch(), interval in interval()
    ) {
        let expected = candles_by_hand(&course, interval, from, to, step);
        prop_assert_eq!(course.candles(interval, from, to, step), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn coarser_candles_are_those_of_the_minutes(
        course in course(), bucket in -4_000..30_000_i64, days in 1..3_i64, interval in interval()
    ) {
        let (from, to) = (bucket * DAY_MS, (bucket + days) * DAY_MS);
        let minutes = course.candles(Interval::Minute, from, to, 1_000);
        prop_assert_eq!(minutes.len(), usize::try_from(days * 1_440).unwrap());
        prop_assert_eq!(course.candles(interval, from, to, 1_000), derive(minutes, interval));
    }
}

#[test]
fn candles_begin_within_the_span_and_end_with_it() {
    let course = Course::new(1, &asset("BTC", "currency", dec("64000")));
    let starts = |from, to, step| -> Vec<_> {
        let candles = course.candles(Interval::Minute, from, to, step);
        candles.iter().map(|candle| candle.start_ms / 60_000).collect()
    };
    assert_eq!(starts(0, 120_000, 1_000), [0, 1]);
    assert_eq!(starts(1, 120_001, 1_000), [1, 2]);
    assert_eq!(starts(-60_000, 1, 1_000), [-1, 0]);
    // A step of seven minutes leaves most minutes without a price.
    assert_eq!(starts(60_000, 15 * 60_000, 7 * 60_000), [7, 14]);
    for (from, to) in [(60_000, 60_000), (60_000, 0), (61_000, 120_000)] {
        assert_eq!(starts(from, to, 1), [0_i64; 0], "{from}..{to}");
    }
    let cut = course.candles(Interval::Hour, 0, 1_800_000, 1_000)[0];
    assert_eq!(cut.close, course.price(1_799_000));
    let whole = course.candles(Interval::Hour, 0, HOUR_MS, 1_000)[0];
    assert_eq!((whole.open, whole.close), (cut.open, course.price(3_599_000)));
}
