use chrono::TimeDelta;
use proptest::prelude::{prop_assert, prop_assert_eq, proptest};
use tradepost_kernel::Decimal;
use tradepost_user_api::{AccountsError, Settled, Side};

use super::fixtures::{at_market, listing, now, order, settings, wanted};
use super::{OrderType, Request, Status};
use crate::OrderError;

#[test]
fn the_value_is_rounded_against_the_client() {
    let listing = listing("BTC", "0.333");
    let total = |order_type| at_market(wanted(order_type, "10.1"), &listing).unwrap().total.to_string();
    assert_eq!(total(OrderType::MarketBuy), "3.37");
    assert_eq!(total(OrderType::MarketSell), "3.36");
}

#[test]
fn a_quote_is_good_until_its_last_second() {
    let mut listing = listing("BTC", "1000");
    let asset = listing.asset;
    let mut placed_after = |age: TimeDelta| {
        listing.quote.as_mut().unwrap().as_of = now() - age;
        at_market(wanted(OrderType::MarketBuy, "1"), &listing).map(|order| order.status)
    };
    assert_eq!(placed_after(TimeDelta::seconds(60)), Ok(Status::Pending));
    assert_eq!(placed_after(TimeDelta::seconds(-5)), Ok(Status::Pending), "another machine's clock is ahead");
    assert_eq!(placed_after(TimeDelta::milliseconds(60_001)), Err(OrderError::PriceUnavailable { asset }));
    listing.quote = None;
    let refused = at_market(wanted(OrderType::MarketBuy, "1"), &listing);
    assert_eq!(refused, Err(OrderError::PriceUnavailable { asset }));
}

#[test]
fn an_inactive_asset_is_refused_as_such_however_old_its_price() {
    let mut listing = listing("BTC", "1000");
    let asset = listing.asset;
    listing.tradable = false;
    listing.quote.as_mut().unwrap().as_of = now() - TimeDelta::days(9);
    let order = at_market(wanted(OrderType::MarketBuy, "1"), &listing).unwrap();
    assert_eq!(order.check(&listing, &settings()), Err(OrderError::AssetNotTradable { asset }));
    listing.quote = None;
    let refused = at_market(wanted(OrderType::MarketBuy, "1"), &listing);
    assert_eq!(refused, Err(OrderError::AssetNotTradable { asset }));
}

#[test]
fn a_refusal_is_kept_with_its_code_and_its_words() {
    let failed = order("1").failed(&AccountsError::SettlementExpired, now());
    let failure = failed.failure.clone().unwrap();
    assert_eq!((failed.status, failure.code.as_str()), (Status::Failed, "settlement_expired"));
    assert_eq!(failure.detail, AccountsError::SettlementExpired.to_string());
}

#[test]
fn final_states_never_change() {
    let completed = order("1").completed(Settled { at: now() + TimeDelta::seconds(1) });
    assert_eq!(completed.status, Status::Completed);
    assert_eq!(completed.clone().failed(&AccountsError::SettlementExpired, now()), completed);
    let failed = order("1").failed(&AccountsError::SettlementExpired, now());
    assert_eq!(failed.clone().completed(Settled { at: now() }), failed);
    assert!(!Status::Pending.is_final() && !Status::Open.is_final());
}

#[test]
fn an_order_is_never_updated_before_it_was_created() {
    let completed = order("1").completed(Settled { at: now() - TimeDelta::seconds(1) });
    assert_eq!(completed.updated_at, completed.created_at);
}

#[test]
fn words_are_read_back_as_they_are_written() {
    for order_type in OrderType::ALL {
        assert_eq!(order_type.as_str().parse(), Ok(order_type));
        assert_eq!(serde_json::to_value(order_type).unwrap(), order_type.as_str());
    }
    for status in Status::ALL {
        assert_eq!(status.as_str().parse(), Ok(status));
        assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
    }
    assert!("MARKET_BUY".parse::<OrderType>().is_err() && "done".parse::<Status>().is_err());
}

proptest! {
    #[test]
    fn a_settlement_says_what_the_order_says_every_time(units in 1_i64..1_000_000_000, sell: bool) {
        let order_type = if sell { OrderType::MarketSell } else { OrderType::MarketBuy };
        let quantity = Decimal::new(units, 8).to_string();
        let order = at_market(wanted(order_type, &quantity), &listing("BTC", "1234.5678")).unwrap();
        let Some(Request::Settle(settlement)) = order.request() else { panic!("it is to be settled") };
        prop_assert_eq!(Some(Request::Settle(settlement.clone())), order.request());
        prop_assert_eq!(settlement.side == Side::Sell, sell);
        prop_assert_eq!((settlement.quantity, settlement.total), (order.quantity, order.total));
        let exact = order.price.get() * order.quantity.get();
        let gap = if sell { exact - order.total.get() } else { order.total.get() - exact };
        prop_assert!(gap >= Decimal::ZERO && gap < Decimal::new(1, 2));
    }
}
