use std::sync::Arc;

use tradepost_kernel::{Decimal, Price, Timestamp, Usd};

use super::super::Asset;
use super::{CatalogEntry, Figures, Observed, Point, Record, percentage};

fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

fn dec(text: &str) -> Decimal {
    tradepost_kernel::decimal::parse(text).unwrap()
}

fn noon() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn morning() -> Timestamp {
    "2026-02-28T18:00:00Z".parse().unwrap()
}

fn record(value: &str) -> Option<Record> {
    Some(Record { value: dec(value), date: "2020-01-01".parse().unwrap() })
}

fn asset() -> Asset {
    Asset {
        id: "ABC".parse().unwrap(),
        name: "Abc".to_owned(),
        description: None,
        category: "defi".to_owned(),
        image: None,
        rank: None,
        is_active: true,
        circulating_supply: Some(dec("3.333")),
        total_supply: None,
        max_supply: None,
    }
}

fn entry() -> CatalogEntry {
    CatalogEntry {
        asset: Arc::new(asset()),
        reference: price("100"),
        volume_24h: Some(Usd::parse("1000.01").unwrap()),
        ath: record("105"),
        atl: record("95"),
    }
}

fn seen(now: &str) -> Observed {
    Observed {
        now: Point { price: price(now), at: noon() },
        day_ago: price("102.12"),
        week_ago: price("64"),
        month_ago: price("99.5"),
        high: Point { price: price("103"), at: morning() },
        low: Point { price: price("97"), at: morning() },
    }
}

#[test]
fn figures_follow_exactly_from_the_prices() {
    let figures = Figures::derive(&entry(), &seen("99.11"));
    assert_eq!(figures.price_change_24h, Some(dec("-3.01")));
    assert_eq!(figures.price_change_percentage_24h, Some(dec("-2.95")));
    assert_eq!(figures.price_change_percentage_7d, Some(dec("54.86")));
    assert_eq!(figures.price_change_percentage_30d, Some(dec("-0.39")));
    assert_eq!((figures.high_24h, figures.low_24h), (Some(price("103")), Some(price("97"))));
    // 330.33363 and 991.109911.
    assert_eq!(figures.market_cap, Some(dec("330.33")));
    assert_eq!(figures.total_volume_24h, Some(dec("991.11")));
    let ath = figures.ath.unwrap();
    assert_eq!((ath.value, ath.change_percentage), (dec("105"), Some(dec("-5.61"))));
    let atl = figures.atl.unwrap();
    assert_eq!((atl.value, atl.change_percentage), (dec("95"), Some(dec("4.33"))));
}

#[test]
fn percentages_are_rounded_half_up_and_never_minus_zero() {
    assert_eq!(percentage(dec("0.005"), dec("100")), Some(dec("0.01")));
    assert_eq!(percentage(dec("-0.005"), dec("100")), Some(dec("-0.01")));
    assert_eq!(percentage(dec("-0.004"), dec("100")).map(|zero| zero.to_string()), Some("0".to_owned()));
    assert_eq!(percentage(dec("1"), Decimal::ZERO), None);
}

#[test]
fn the_range_of_the_day_contains_the_present_price() {
    assert_eq!(Figures::derive(&entry(), &seen("104")).high_24h, Some(price("104")));
    assert_eq!(Figures::derive(&entry(), &seen("96")).low_24h, Some(price("96")));
}

#[test]
fn no_price_is_beyond_the_all_time_extremes() {
    let ath = Figures::derive(&entry(), &seen("107")).ath.unwrap();
    assert_eq!((ath.value, ath.date), (dec("107"), noon().date_naive()));
    assert_eq!(ath.change_percentage, Some(Decimal::ZERO));
    let atl = Figures::derive(&entry(), &seen("90")).atl.unwrap();
    assert_eq!((atl.value, atl.date), (dec("90"), noon().date_naive()));

    let mut earlier = seen("99");
    earlier.high.price = price("106");
    let ath = Figures::derive(&entry(), &earlier).ath.unwrap();
    assert_eq!((ath.value, ath.date), (dec("106"), morning().date_naive()));
}

#[test]
fn what_is_not_known_stays_unknown() {
    let unsupplied = Arc::new(Asset { circulating_supply: None, ..asset() });
    let bare = CatalogEntry { asset: unsupplied, volume_24h: None, ath: None, atl: None, ..entry() };
    let figures = Figures::derive(&bare, &seen("99"));
    assert_eq!((figures.market_cap, figures.total_volume_24h), (None, None));
    assert_eq!((figures.ath, figures.atl), (None, None));
}
