//! Rules of one asset, for every sort of order and for its preview.

use crate::support::{World, limit, order};
use tradepost_inventory_api::Rules;
use tradepost_kernel::{Quantity, Usd};
use tradepost_order::{NewOrder, OrderError, OrderType, Status};
use tradepost_problem::Failure;
use tradepost_user_api::AccountsError;

const ALL: [OrderType; 6] = [
    OrderType::MarketBuy,
    OrderType::MarketSell,
    OrderType::LimitBuy,
    OrderType::LimitSell,
    OrderType::StopLoss,
    OrderType::TakeProfit,
];

/// Bitcoin at $1000 in steps of 0.005, an order from $5 to $2500.
async fn ruled() -> World {
    let world = World::new().await;
    rule(&world, "0.005");
    world
}

fn rule(world: &World, step: &str) {
    world.catalog.0.lock().unwrap()[0].rules = Rules {
        quantity_step: Some(Quantity::parse(step).unwrap()),
        min_value: Some(Usd::parse("5.00").unwrap()),
        max_value: Some(Usd::parse("2500.00").unwrap()),
    };
}

/// An order at the price of the market, whatever its sort.
fn wanted(order_type: OrderType, quantity: &str) -> NewOrder {
    match order_type {
        OrderType::MarketBuy | OrderType::MarketSell => order(order_type, quantity),
        _ => limit(order_type, quantity, "1000"),
    }
}

/// The code of the refusal with which an order is answered and kept, and which its preview foretold.
async fn refused(world: &World, new: NewOrder) -> (&'static str, String) {
    let preview = world.service.preview(world.user, new.clone()).await.unwrap();
    let (moved, kept) = (world.books.calls(), world.orders().await.len());
    let refusal = world.place(new).await.unwrap_err();
    assert_eq!(preview.refusal.as_ref(), Some(&refusal));
    let orders = world.orders().await;
    assert_eq!((world.books.calls(), orders.len()), (moved, kept + 1));
    let failure = orders[0].failure.clone().unwrap();
    assert_eq!((orders[0].status, failure.code.as_str()), (Status::Failed, refusal.about().code));
    assert_eq!(failure.detail, refusal.to_string());
    (refusal.about().code, failure.detail)
}

#[tokio::test]
async fn a_quantity_beside_the_step_is_refused_and_kept() {
    let world = ruled().await;
    world.buy("2.5").await.unwrap();
    for order_type in ALL {
        for broken in ["0.00500001", "0.0099", "1.001"] {
            let (code, detail) = refused(&world, wanted(order_type, broken)).await;
            assert_eq!(code, "invalid_quantity_step", "{order_type:?} {broken}");
            assert!(detail.contains("a whole multiple of 0.005"), "{detail}");
        }
    }
    assert_eq!(world.recover_after(3600).await, 0);
}

#[tokio::test]
async fn the_limits_of_the_value_are_those_of_the_asset_where_they_are_narrower() {
    let world = ruled().await;
    rule(&world, "0.00001");
    world.buy("2.5").await.unwrap();
    for order_type in ALL {
        let (code, detail) = refused(&world, wanted(order_type, "0.00499")).await;
        assert_eq!(code, "order_value_too_small", "{order_type:?}");
        assert!(detail.contains("at least $5.00"), "{detail}");
        let (code, detail) = refused(&world, wanted(order_type, "2.50001")).await;
        assert_eq!(code, "order_value_too_large", "{order_type:?}");
        assert!(detail.contains("at most $2500.00"), "{detail}");
    }
    for order_type in ALL {
        for allowed in ["0.005", "2.5"] {
            let preview = world.service.preview(world.user, wanted(order_type, allowed)).await.unwrap();
            assert_eq!(preview.refusal, None, "{order_type:?} {allowed}");
        }
    }
    world.buy("0.005").await.unwrap();
}

#[tokio::test]
async fn a_sell_of_everything_is_spared_the_step_and_the_minimum_but_not_the_maximum() {
    for order_type in
        [OrderType::MarketSell, OrderType::LimitSell, OrderType::StopLoss, OrderType::TakeProfit]
    {
        let world = World::new().await;
        world.buy("0.0017").await.unwrap();
        rule(&world, "0.005");
        let (code, _) = refused(&world, wanted(order_type, "0.0016")).await;
        assert_eq!(code, "invalid_quantity_step", "a part of it is not spared");
        let preview = world.service.preview(world.user, wanted(order_type, "0.0017")).await.unwrap();
        assert_eq!(preview.refusal, None);
        let sold = world.place(wanted(order_type, "0.0017")).await.unwrap();
        assert_eq!((sold.status, sold.total.to_string()), (Status::Completed, "1.70".to_owned()));
        assert_eq!(world.books.balances()[2..], ["0", "0"], "{order_type:?}");
    }
    let world = World::new().await;
    world.buy("2.5011").await.unwrap();
    rule(&world, "0.005");
    let (code, _) = refused(&world, order(OrderType::MarketSell, "2.5011")).await;
    assert_eq!(code, "order_value_too_large");
}

#[tokio::test]
async fn a_buy_is_never_spared_and_asks_for_no_position() {
    let world = World::new().await;
    world.buy("0.0017").await.unwrap();
    rule(&world, "0.005");
    let before = world.books.reads();
    assert!(matches!(world.buy("0.0017").await, Err(OrderError::InvalidQuantityStep { .. })));
    assert_eq!(world.books.reads(), before);
}

#[tokio::test]
async fn an_order_that_was_accepted_is_filled_whatever_the_rules_have_become() {
    let world = World::new().await;
    let open = world.place(limit(OrderType::LimitBuy, "0.0017", "900")).await.unwrap();
    rule(&world, "0.005");
    world.price("890");
    world.service.trigger(0).await.unwrap();
    let filled = world.service.order(world.user, &open.order_id).await.unwrap();
    assert_eq!(filled.status, Status::Completed);
}

#[tokio::test]
async fn what_is_not_held_is_refused_by_the_rules_first() {
    let world = ruled().await;
    assert_eq!(refused(&world, order(OrderType::MarketSell, "0.0017")).await.0, "invalid_quantity_step");
    let refusal = world.sell("0.005").await.unwrap_err();
    assert!(matches!(refusal, OrderError::Accounts(AccountsError::InsufficientHoldings { .. })));
}
