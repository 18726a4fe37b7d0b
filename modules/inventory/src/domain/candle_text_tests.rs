use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
use tradepost_kernel::{AssetId, Decimal, Price};

use super::{Candle, read, write};

const START_MS: i64 = 1_767_225_600_000;

fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

fn candle([open, high, low, close]: [&str; 4]) -> Candle {
    let [open, high, low, close] = [open, high, low, close].map(price);
    Candle { start_ms: START_MS, open, high, low, close }
}

fn any_price() -> impl Strategy<Value = Price> {
    let whole = (1_i128..=1_000_000_000, 0..=12_u32).prop_map(|(units, scale)| (units, scale));
    let full = (1..=1_000_000_000_000_000_000_000_i128).prop_map(|units| (units, 12));
    proptest::prop_oneof![whole, full]
        .prop_map(|(units, scale)| Price::new(Decimal::from_i128_with_scale(units, scale)).unwrap())
}

/// Any four prices, with the highest and the lowest of them where they belong; some are equal.
fn any_candle() -> impl Strategy<Value = Candle> {
    (proptest::collection::vec(any_price(), 1..=4), any::<proptest::sample::Index>()).prop_map(
        |(mut prices, close)| {
            let (open, close) = (prices[0], prices[close.index(prices.len())]);
            prices.sort_unstable();
            Candle { start_ms: START_MS, open, high: prices[prices.len() - 1], low: prices[0], close }
        },
    )
}

fn any_asset() -> impl Strategy<Value = AssetId> {
    "[A-Z0-9]{1,10}".prop_map(|id| id.parse().unwrap())
}

#[test]
fn what_is_equal_is_left_out() {
    for (prices, expected) in [
        (["64000.5", "64000.5", "64000.5", "64000.5"], "BTC 64000.5"),
        (["64000", "64000.12", "63999.7", "63999.77"], "BTC 64000.00+12-30=7"),
        (["2", "5", "2", "5"], "BTC 2+3=3"),
        (["2", "2", "1", "1"], "BTC 2-1"),
        (["2", "2", "1", "2"], "BTC 2-1=1"),
        (["2", "3", "2", "2"], "BTC 2+1"),
        (
            ["0.000000000001", "1000000000", "0.000000000001", "1000000000"],
            "BTC 0.000000000001+999999999999999999999=999999999999999999999",
        ),
    ] {
        let candles = [("BTC".parse().unwrap(), candle(prices))];
        assert_eq!(write(&candles), expected);
        assert_eq!(read(START_MS, expected).unwrap(), candles);
    }
}

#[test]
fn many_stand_side_by_side_and_none_is_an_empty_text() {
    assert_eq!((write(&[]), read(START_MS, "")), (String::new(), Ok(Vec::new())));
    let read = read(START_MS, "BTC 64000.5|ETH 3000+1=1").unwrap();
    assert_eq!(read[1], ("ETH".parse().unwrap(), candle(["3000", "3001", "3000", "3001"])));
    assert_eq!(write(&read), "BTC 64000.5|ETH 3000+1=1");
}

#[test]
fn garbage_is_refused_with_a_sentence() {
    for (text, expected) in [
        ("|", r#"the candle "" has no price"#),
        ("BTC 1|", r#"the candle "" has no price"#),
        ("BTC", r#"the candle "BTC" has no price"#),
        ("B-C 1", r#"the candle "B-C 1" has an asset that must be 1 to 10 letters or digits"#),
        ("BTC ", r#"the candle "BTC " has an open that must be a number"#),
        ("BTC 1.", r#"the candle "BTC 1." has an open that must be a number"#),
        ("BTC 1e3", r#"the candle "BTC 1e3" has an open that is no price"#),
        ("BTC 1.0000000000000", r#"the candle "BTC 1.0000000000000" has an open that is no price"#),
        ("BTC 0", r#"the candle "BTC 0" has a price that must be greater than 0"#),
        ("BTC 1000000001", r#"the candle "BTC 1000000001" has a price that must be at most 1000000000"#),
        ("BTC 1000000000+1", r#"the candle "BTC 1000000000+1" has a price that must be at most 1000000000"#),
        ("BTC 2-2", r#"the candle "BTC 2-2" has a price that must be greater than 0"#),
        ("BTC 2-3=3", r#"the candle "BTC 2-3=3" has a price that must be greater than 0"#),
        ("BTC 2+1=2", r#"the candle "BTC 2+1=2" closes above its high"#),
        ("BTC 2+", r#"the candle "BTC 2+" has no distance after its '+'"#),
        ("BTC 2+01", r#"the candle "BTC 2+01" has no distance after its '+'"#),
        ("BTC 2-x", r#"the candle "BTC 2-x" has no distance after its '-'"#),
        ("BTC 2-1+1", r#"the candle "BTC 2-1+1" has "+1" where it should end"#),
        ("BTC 2+1 3", r#"the candle "BTC 2+1 3" has " 3" where it should end"#),
    ] {
        assert_eq!(read(START_MS, text).unwrap_err(), expected);
    }
    let long = format!("BTC 2+{}", "9".repeat(23));
    assert!(read(START_MS, &long).unwrap_err().ends_with("has no distance after its '+'"));
    let large = format!("BTC {}.000000000000", "9".repeat(27));
    assert!(read(START_MS, &large).unwrap_err().ends_with("has an open that is too large"));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_to_the_last_digit(
        candles in proptest::collection::vec((any_asset(), any_candle()), 0..20)
    ) {
        prop_assert_eq!(read(START_MS, &write(&candles)), Ok(candles));
    }

    #[test]
    fn any_text_is_refused_or_a_true_candle(text in "([A-Z]{1,3} [0-9.]{1,12}([+=-][0-9]{1,3}){0,3}\\|?){0,3}") {
        for (_, candle) in read(START_MS, &text).unwrap_or_default() {
            prop_assert!(candle.low <= candle.open.min(candle.close));
            prop_assert!(candle.high >= candle.open.max(candle.close));
        }
    }
}
