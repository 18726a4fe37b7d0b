#![allow(clippy::unwrap_used)]

use proptest::prelude::{Strategy, prop_assert, prop_assert_eq, proptest};
use rust_decimal::Decimal;

use super::{Amount, MoneyError, Price, Quantity, Rounding, Usd};

fn dec(text: &str) -> Decimal {
    crate::decimal::parse(text).unwrap()
}

#[test]
fn dollars_stop_at_the_cent_and_at_ten_to_the_twentieth() {
    assert_eq!(Usd::parse("0.1").unwrap().to_string(), "0.10");
    assert_eq!(Usd::ZERO.get().to_string(), "0.00");
    assert_eq!(Usd::parse("100.000").unwrap().to_string(), "100.00");
    assert_eq!(Usd::parse("0.001"), Err(MoneyError::TooPrecise(2)));
    assert_eq!(Usd::parse("-0.01"), Err(MoneyError::Negative));
    assert!(Usd::parse("100000000000000000000").is_ok());
    assert!(matches!(Usd::parse("100000000000000000000.01"), Err(MoneyError::TooLarge(_))));
}

#[test]
fn quantities_and_prices_hold_both_sides_of_their_limits() {
    assert!(Quantity::parse("0.00000001").is_ok());
    assert_eq!(Quantity::parse("0.000000001"), Err(MoneyError::TooPrecise(8)));
    assert_eq!(Quantity::parse("0"), Err(MoneyError::NotPositive));
    assert!(Quantity::parse("1000000000000").is_ok());
    assert_eq!(Quantity::parse("1000000000000.00000001"), Err(MoneyError::TooLarge(dec("1000000000000"))));
    assert!(Price::parse("0.000000000001").is_ok());
    assert_eq!(Price::parse("0.0000000000001"), Err(MoneyError::TooPrecise(12)));
    assert!(Price::parse("1000000000").is_ok());
    assert_eq!(Price::parse("1000000000.01"), Err(MoneyError::TooLarge(dec("1000000000"))));
}

#[test]
fn a_product_is_rounded_once_and_against_the_client() {
    let price = Price::parse("0.333333333333").unwrap();
    let quantity = Quantity::parse("0.00000003").unwrap();
    assert_eq!(price.times(quantity, Rounding::Up).unwrap().to_string(), "0.01");
    assert_eq!(price.times(quantity, Rounding::Down).unwrap().to_string(), "0.00");
    let exact = Price::parse("50000").unwrap().times(Quantity::parse("0.1").unwrap(), Rounding::Up).unwrap();
    assert_eq!(exact.to_string(), "5000.00");
}

#[test]
fn a_product_too_large_to_be_exact_is_an_error() {
    let price = Price::parse("999999999.999999999999").unwrap();
    let quantity = Quantity::parse("999999999999.99999999").unwrap();
    assert!(price.times(quantity, Rounding::Up).is_err());
}

fn price() -> impl Strategy<Value = Price> {
    (1_i128..=1_000_000_000_000_000_000, 0_u32..=12)
        .prop_filter_map("in range", |(m, s)| Price::new(Decimal::from_i128_with_scale(m, s)).ok())
}

fn quantity() -> impl Strategy<Value = Quantity> {
    (1_i128..=1_000_000_000_000, 0_u32..=8)
        .prop_filter_map("in range", |(m, s)| Quantity::new(Decimal::from_i128_with_scale(m, s)).ok())
}

proptest! {
    #[test]
    fn up_and_down_enclose_the_exact_product_within_a_cent(price in price(), quantity in quantity()) {
        if let (Ok(up), Ok(down)) = (price.times(quantity, Rounding::Up), price.times(quantity, Rounding::Down)) {
            let gap = up.minus(down);
            prop_assert!(gap == Some(Usd::ZERO) || gap == Some(Usd::parse("0.01").unwrap()));
            // Compared without dividing: cents × 10^scale against the exact mantissa product.
            let scale = price.get().scale() + quantity.get().scale();
            let exact = price.get().mantissa().checked_mul(quantity.get().mantissa());
            let unit = 10_i128.pow(scale);
            if let (Some(exact), Some(low), Some(high)) = (
                exact.and_then(|e| e.checked_mul(100)),
                down.get().mantissa().checked_mul(unit),
                up.get().mantissa().checked_mul(unit),
            ) {
                prop_assert!(low <= exact && exact <= high);
            }
        }
    }

    #[test]
    fn only_what_is_no_whole_cent_is_rounded_and_by_less_than_one(price in price(), quantity in quantity()) {
        let unit = 10_i128.pow(price.get().scale() + quantity.get().scale());
        // At most 10^32 and so exact.
        let hundredfold = price.get().mantissa() * quantity.get().mantissa() * 100;
        for rounding in [Rounding::Up, Rounding::Down] {
            let Ok(total) = price.times(quantity, rounding) else {
                prop_assert!(hundredfold / unit >= 10_i128.pow(22), "it could be written down");
                continue;
            };
            let over = total.get().mantissa() * unit - hundredfold;
            let loss = if rounding == Rounding::Up { over } else { -over };
            prop_assert!((0..unit).contains(&loss));
            prop_assert_eq!(loss == 0, hundredfold % unit == 0);
        }
    }

    #[test]
    fn adding_and_taking_back_changes_nothing(a in 0_i64..=i64::MAX, b in 0_i64..=i64::MAX) {
        let a = Amount::new(Decimal::new(a, 8)).unwrap();
        let b = Amount::new(Decimal::new(b, 8)).unwrap();
        prop_assert_eq!(a.plus(b).unwrap().minus(b), Some(a));
        prop_assert_eq!(a.minus(b).is_some(), a >= b);
    }
}
