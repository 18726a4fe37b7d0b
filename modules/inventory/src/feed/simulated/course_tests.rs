use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
use tradepost_kernel::{Decimal, Price};

use super::{Course, places};
use crate::domain::{CatalogEntry, read_catalog};

const DAY_MS: i64 = 86_400_000;
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
        seed in any::<u64>(), id in "[A-Z0-9]{1,10}", reference in reference(), at in any::<i64>()
    ) {
        proptest::prop_assume!(id != "USD");
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
        seed in any::<u64>(), id in "[A-Z]{3,5}", at in -40_000 * DAY_MS..400_000 * DAY_MS
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
