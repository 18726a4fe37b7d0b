//! Orders and quotes for the tests.

use tradepost_inventory_api::{Listing, Quote, Rules};
use tradepost_kernel::{OrderId, Price, Quantity, Timestamp, UserId};
use tradepost_user_api::{AccountsError, Held, Settled};

use super::{Intent, NewOrder, Order, OrderType, Terms};
use crate::{OrderError, Settings};

pub fn now() -> Timestamp {
    Timestamp::from_timestamp_millis(1_767_225_600_000).unwrap()
}

pub fn settings() -> Settings {
    let json = r#"{"min_value":"1.00","max_value":"10000.00","max_quote_age_s":60,"recovery_interval_ms":1000,
            "recovery_max_attempts":20,"trigger_interval_ms":1000,"sweep_interval_ms":30000}"#;
    serde_json::from_str(json).unwrap()
}

pub fn listing(asset: &str, price: &str) -> Listing {
    let quote = Quote { price: Price::parse(price).unwrap(), as_of: now(), source: "simulated".to_owned() };
    Listing {
        asset: asset.parse().unwrap(),
        name: "Bitcoin".to_owned(),
        tradable: true,
        quote: Some(quote),
        rules: Rules::default(),
    }
}

pub fn wanted(order_type: OrderType, quantity: &str) -> NewOrder {
    let (asset, quantity) = ("BTC".parse().unwrap(), Quantity::parse(quantity).unwrap());
    NewOrder { order_type, asset, quantity, terms: Terms::Market, client_order_id: None }
}

pub fn at_market(wanted: NewOrder, listing: &Listing) -> Result<Order, OrderError> {
    wanted.accept(UserId::generate(), OrderId::generate(), listing, &settings(), now())
}

/// A pending buy of BTC at $1000.
pub fn order(quantity: &str) -> Order {
    at_market(wanted(OrderType::MarketBuy, quantity), &listing("BTC", "1000")).unwrap()
}

/// One that waits for a price.
pub fn limit(order_type: OrderType, quantity: &str, price: &str) -> NewOrder {
    let terms = Terms::Limit { price: Price::parse(price).unwrap(), expires_at: None };
    NewOrder { terms, ..wanted(order_type, quantity) }
}

/// A pending limit buy of one BTC at $900.
pub fn limit_order() -> Order {
    at_market(limit(OrderType::LimitBuy, "1", "900"), &listing("BTC", "1000")).unwrap()
}

/// A quote at this price, of now.
pub fn quote(price: &str) -> Quote {
    listing("BTC", price).quote.unwrap()
}

/// An order in every stage there is: pending (of either kind), waiting, with each intent, in each final state.
pub fn every_stage() -> Vec<Order> {
    let open = limit_order().opened(Held { at: now() });
    let fill = open.fill(&quote("890"), now()).unwrap();
    let ending = |intent: Intent| open.clone().ending(intent).unwrap();
    let (cancelling, expiring) = (Intent::Cancel { at: now() }, Intent::Expire { at: now() });
    let released = tradepost_user_api::HoldEnd::Released { at: now() };
    vec![
        order("1"),
        limit_order(),
        open.clone(),
        ending(cancelling.clone()),
        ending(expiring.clone()),
        ending(fill.clone()),
        ending(fill).completed(Settled { at: now() }),
        ending(cancelling).ended(released, None, now()),
        ending(expiring).ended(released, None, now()),
        limit_order().failed(&AccountsError::SettlementExpired, now()),
    ]
}
