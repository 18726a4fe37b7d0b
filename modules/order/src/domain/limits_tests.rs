use proptest::prelude::{prop_assert, prop_assert_eq, proptest};
use tradepost_inventory_api::{Listing, Rules};
use tradepost_kernel::{Amount, Decimal, Price, Quantity, Usd};
use tradepost_user_api::Position;

use super::super::OrderType;
use super::super::fixtures::{at_market, limit, listing, now, order, settings, wanted};
use super::is_multiple;
use crate::OrderError;

fn usd(text: &str) -> Usd {
    Usd::parse(text).unwrap()
}

fn quantity(text: &str) -> Quantity {
    Quantity::parse(text).unwrap()
}

/// BTC at $1000, with rules of its own.
fn ruled(rules: Rules) -> Listing {
    Listing { rules, ..listing("BTC", "1000") }
}

#[test]
fn both_limits_of_the_value_are_allowed_themselves() {
    let (min, max) = (settings().min_value, settings().max_value);
    let usd = |text| Usd::parse(text).unwrap();
    let check = |quantity| order(quantity).check(&listing("BTC", "1000"), &settings());
    assert_eq!(check("0.001"), Ok(()));
    assert_eq!(check("0.00099"), Err(OrderError::OrderValueTooSmall { min, value: usd("0.99") }));
    assert_eq!(check("10"), Ok(()));
    let value = Some(usd("10000.01"));
    assert_eq!(check("10.00001"), Err(OrderError::OrderValueTooLarge { max, value }));
}

#[test]
fn a_value_that_cannot_be_written_down_is_too_large() {
    let refused = at_market(wanted(OrderType::MarketBuy, "1000000000000"), &listing("BTC", "1000000000"));
    assert_eq!(refused, Err(OrderError::OrderValueTooLarge { max: settings().max_value, value: None }));
}

#[test]
fn the_limits_of_an_asset_narrow_those_of_the_platform() {
    let rules = Rules { min_value: Some(usd("5.00")), max_value: Some(usd("2500.00")), quantity_step: None };
    let check = |quantity| order(quantity).check(&ruled(rules), &settings());
    let (min, max) = (usd("5.00"), usd("2500.00"));
    assert_eq!(check("0.005"), Ok(()));
    assert_eq!(check("0.00499"), Err(OrderError::OrderValueTooSmall { min, value: usd("4.99") }));
    assert_eq!(check("2.5"), Ok(()));
    let value = Some(usd("2500.01"));
    assert_eq!(check("2.50001"), Err(OrderError::OrderValueTooLarge { max, value }));
    let refused = at_market(
        wanted(OrderType::MarketBuy, "1000000000000"),
        &Listing { rules, ..listing("BTC", "1000000000") },
    );
    assert_eq!(refused, Err(OrderError::OrderValueTooLarge { max, value: None }));
}

#[test]
fn the_limits_of_an_asset_never_widen_those_of_the_platform() {
    let rules = Rules { min_value: Some(usd("0.50")), max_value: Some(usd("99999.00")), quantity_step: None };
    let (min, max) = (settings().min_value, settings().max_value);
    let check = |quantity| order(quantity).check(&ruled(rules), &settings());
    assert_eq!(check("0.001"), Ok(()));
    assert_eq!(check("0.00099"), Err(OrderError::OrderValueTooSmall { min, value: usd("0.99") }));
    assert_eq!(check("10"), Ok(()));
    let value = Some(usd("10000.01"));
    assert_eq!(check("10.00001"), Err(OrderError::OrderValueTooLarge { max, value }));
}

#[test]
fn an_order_that_waits_is_limited_by_the_price_it_names() {
    let rules = Rules { min_value: Some(usd("5.00")), max_value: Some(usd("2500.00")), quantity_step: None };
    for order_type in [OrderType::LimitBuy, OrderType::LimitSell, OrderType::StopLoss, OrderType::TakeProfit]
    {
        let check = |price| {
            at_market(limit(order_type, "1", price), &ruled(rules)).unwrap().check(&ruled(rules), &settings())
        };
        assert_eq!(check("5"), Ok(()));
        let (min, max) = (usd("5.00"), usd("2500.00"));
        assert_eq!(check("4.99"), Err(OrderError::OrderValueTooSmall { min, value: usd("4.99") }));
        assert_eq!(check("2500"), Ok(()));
        let value = Some(usd("2500.01"));
        assert_eq!(check("2500.01"), Err(OrderError::OrderValueTooLarge { max, value }));
    }
}

#[test]
fn a_quantity_must_be_a_whole_multiple_of_the_step() {
    let (asset, step) = ("BTC".parse().unwrap(), quantity("0.005"));
    let listing = ruled(Rules { quantity_step: Some(step), ..Rules::default() });
    let check = |text| order(text).check(&listing, &settings());
    for whole in ["0.005", "0.0050", "0.01", "1", "9.995"] {
        assert_eq!(check(whole), Ok(()), "{whole}");
    }
    for broken in ["0.00499999", "0.00500001", "0.0075", "0.001", "9.99500001"] {
        let refused = OrderError::InvalidQuantityStep { asset, step, quantity: quantity(broken) };
        assert_eq!(check(broken), Err(refused), "{broken}");
    }
}

#[test]
fn steps_are_exact_at_the_ends_of_what_can_be_written() {
    assert!(is_multiple(quantity("1000000000000"), quantity("0.00000001")));
    assert!(is_multiple(quantity("999999999999.99999999"), quantity("0.00000003")));
    assert!(!is_multiple(quantity("999999999999.99999998"), quantity("0.00000003")));
    assert!(is_multiple(quantity("1000000000000"), quantity("1000000000000")));
    assert!(!is_multiple(quantity("0.00000001"), quantity("1000000000000")));
}

#[test]
fn what_emptying_spares_is_refused_last() {
    let (min_value, max_value) = (Some(usd("5.00")), Some(usd("2500.00")));
    let rules = Rules { quantity_step: Some(quantity("0.1")), min_value, max_value };
    let mut listing = ruled(rules);
    let too_large = order("2.55").check(&listing, &settings()).unwrap_err();
    assert!(matches!(too_large, OrderError::OrderValueTooLarge { .. }) && !too_large.spares_emptying());
    let step = order("0.001").check(&listing, &settings()).unwrap_err();
    assert!(matches!(step, OrderError::InvalidQuantityStep { .. }) && step.spares_emptying());
    listing.quote.as_mut().unwrap().price = Price::parse("10").unwrap();
    let small = at_market(wanted(OrderType::MarketBuy, "0.4"), &listing).unwrap();
    let small = small.check(&listing, &settings()).unwrap_err();
    assert!(matches!(small, OrderError::OrderValueTooSmall { .. }) && small.spares_emptying());
    listing.tradable = false;
    let inactive = order("0.001").check(&listing, &settings()).unwrap_err();
    assert!(matches!(inactive, OrderError::AssetNotTradable { .. }) && !inactive.spares_emptying());
}

#[test]
fn only_a_sell_of_everything_with_nothing_held_empties_a_position() {
    let amount = |text: &str| Amount::from(Quantity::parse(text).unwrap());
    let position = |available, held| Position {
        asset: "BTC".parse().unwrap(),
        available,
        held,
        average_cost: Decimal::ONE,
        created_at: now(),
        updated_at: now(),
    };
    let sell = at_market(wanted(OrderType::MarketSell, "0.0001"), &listing("BTC", "1000")).unwrap();
    assert!(sell.empties(&position(amount("0.0001"), Amount::ZERO)));
    assert!(!sell.empties(&position(amount("0.0002"), Amount::ZERO)));
    assert!(!sell.empties(&position(amount("0.0001"), amount("0.0001"))));
    assert!(!order("0.0001").empties(&position(amount("0.0001"), Amount::ZERO)), "a buy empties nothing");
}

proptest! {
    #[test]
    fn a_multiple_is_accepted_and_nothing_beside_it(
        step in 1_u64..=1_000_000_000_000,
        times in 1_u64..=100_000_000,
        beside in 1_u64..=1_000_000_000_000,
    ) {
        let of = |units: u128| Quantity::new(Decimal::from_i128_with_scale(units.try_into().unwrap(), 8)).unwrap();
        let (whole, beside) = (u128::from(step) * u128::from(times), u128::from(beside % step));
        prop_assert!(is_multiple(of(whole), of(step.into())));
        prop_assert_eq!(is_multiple(of(whole + beside), of(step.into())), beside == 0);
    }
}
