//! Placing orders against the real engine.

use crate::support::{World, order};
use tradepost_kernel::{AssetId, OrderId, Price, UserId};
use tradepost_order::{NewOrder, OrderError, OrderType, Status, StoredOrder, order_records};
use tradepost_user_api::AccountsError;

#[tokio::test]
async fn a_market_order_costs_two_writes_and_no_read_here() {
    let world = World::new().await;
    let before = world.dynamo.calls().so_far();
    let placed = world.buy("0.5").await.unwrap();
    assert_eq!(world.calls_since(before), (0, 2));
    assert_eq!((placed.status, placed.total.to_string()), (Status::Completed, "500.00".to_owned()));
    assert_eq!(world.the_order().await, placed, "what is kept is what was answered");
    assert_eq!(world.recover_after(3600).await, 0, "nothing is left to do");
}

#[tokio::test]
async fn what_the_accounts_refuse_is_answered_as_they_say_it_and_kept() {
    let world = World::new().await;
    let refused = world.sell("1").await.unwrap_err();
    assert!(matches!(refused, OrderError::Accounts(AccountsError::InsufficientHoldings { .. })));
    let kept = world.the_order().await;
    let failure = kept.failure.unwrap();
    assert_eq!((kept.status, failure.code.as_str()), (Status::Failed, "insufficient_holdings"));
    assert_eq!(failure.detail, refused.to_string());
}

#[tokio::test]
async fn an_order_that_breaks_a_limit_is_kept_in_one_write_and_moves_nothing() {
    let world = World::new().await;
    let before = world.dynamo.calls().so_far();
    assert!(matches!(world.buy("0.0009").await, Err(OrderError::OrderValueTooSmall { .. })));
    assert!(matches!(world.buy("10.1").await, Err(OrderError::OrderValueTooLarge { .. })));
    assert_eq!(world.calls_since(before), (0, 2));
    world.catalog.0.lock().unwrap()[0].tradable = false;
    assert!(matches!(world.buy("1").await, Err(OrderError::AssetNotTradable { .. })));
    let kept: Vec<_> = world.orders().await.into_iter().map(|order| order.failure.unwrap().code).collect();
    assert_eq!(kept, ["asset_not_tradable", "order_value_too_large", "order_value_too_small"]);
    assert_eq!(world.books.calls(), 0);
    assert_eq!(world.recover_after(3600).await, 0);
}

#[tokio::test]
async fn without_an_asset_or_a_fresh_price_nothing_is_kept() {
    let world = World::new().await;
    let asset: AssetId = "NOPE".parse().unwrap();
    let unknown = NewOrder { asset, ..order(OrderType::MarketBuy, "1") };
    assert_eq!(world.place(unknown).await, Err(OrderError::UnknownAsset { asset }));
    world.clock.advance(61);
    assert!(matches!(world.buy("1").await, Err(OrderError::PriceUnavailable { .. })));
    assert!(world.orders().await.is_empty());
}

#[tokio::test]
async fn only_a_sell_of_everything_may_be_worth_less_than_the_minimum() {
    let world = World::new().await;
    world.buy("0.001").await.unwrap();
    assert!(matches!(world.sell("0.0009").await, Err(OrderError::OrderValueTooSmall { .. })));
    world.catalog.0.lock().unwrap()[0].quote.as_mut().unwrap().price = Price::parse("0.4").unwrap();
    assert_eq!(world.sell("0.001").await.unwrap().total.to_string(), "0.00");
}

#[tokio::test]
async fn an_order_of_somebody_else_is_no_order() {
    let world = World::new().await;
    let placed = world.buy("1").await.unwrap();
    let service = &world.service;
    assert_eq!(service.order(world.user, &placed.order_id).await.unwrap(), placed);
    let stranger = service.order(UserId::generate(), &placed.order_id).await;
    assert_eq!(stranger, Err(OrderError::OrderNotFound));
    assert_eq!(service.order(world.user, &OrderId::generate()).await, Err(OrderError::OrderNotFound));
}

#[tokio::test]
async fn a_scan_finds_every_order_of_everybody() {
    let mut world = World::new().await;
    for _ in 0..3 {
        world.user = UserId::generate();
        for _ in 0..50 {
            world.buy("0.01").await.unwrap();
        }
    }
    let (mut found, mut place) = (Vec::new(), None);
    loop {
        let page = order_records(&world.dynamo, place).await.unwrap();
        found.extend(page.items.into_iter().filter_map(|record| match record.stored {
            StoredOrder::Order { order, .. } => Some(order.order_id),
            _ => None,
        }));
        place = page.more_after;
        if place.is_none() {
            break;
        }
    }
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 150);
}
