//! When the market reaches what orders wait for.

use rust_decimal::Decimal;
use tradepost_testkit::{Setup, World};

use crate::figures::{amount, exact};
use crate::market::{Market, balance, limit, order, placed_open, until};

crate::tests![
    a_fall_fills_what_waits_for_a_fall_and_nothing_else,
    a_rise_fills_what_waits_for_a_rise_and_nothing_else,
    an_order_is_filled_at_its_very_price,
    what_the_market_does_not_reach_stays_open,
    many_orders_are_filled_by_one_move,
    a_tick_that_fills_nothing_asks_the_store_for_nothing,
];

async fn a_fall_fills_what_waits_for_a_fall_and_nothing_else(world: World) {
    let market = Market::open(&world).await;
    let (user, fall) = (market.trader().await, market.fall().await);
    user.order("market_buy", &fall.asset, "4").await.expect(201);
    let (between, above) = (fall.between(), fall.before + Decimal::ONE);
    let buy = placed_open(&user, &limit("limit_buy", &fall.asset, "1", between)).await;
    let stop = placed_open(&user, &limit("stop_loss", &fall.asset, "1", between)).await;
    let sell = placed_open(&user, &limit("limit_sell", &fall.asset, "1", above)).await;
    let profit = placed_open(&user, &limit("take_profit", &fall.asset, "1", above)).await;
    market.make(&fall).await;
    for id in [&buy, &stop] {
        assert_eq!(amount(&until(&user, id, "completed").await["price"]), fall.after);
    }
    for id in [&sell, &profit] {
        assert_eq!(order(&user, id).await["status"], "open");
    }
    market.world.reconcile().await;
}

async fn a_rise_fills_what_waits_for_a_rise_and_nothing_else(world: World) {
    let market = Market::open(&world).await;
    let (user, rise) = (market.trader().await, market.rise().await);
    user.order("market_buy", &rise.asset, "4").await.expect(201);
    let (between, below) = (rise.between(), rise.before - Decimal::ONE / exact("10"));
    let sell = placed_open(&user, &limit("limit_sell", &rise.asset, "1", between)).await;
    let profit = placed_open(&user, &limit("take_profit", &rise.asset, "1", between)).await;
    let buy = placed_open(&user, &limit("limit_buy", &rise.asset, "1", below)).await;
    let stop = placed_open(&user, &limit("stop_loss", &rise.asset, "1", below)).await;
    market.make(&rise).await;
    for id in [&sell, &profit] {
        assert_eq!(amount(&until(&user, id, "completed").await["price"]), rise.after);
    }
    for id in [&buy, &stop] {
        assert_eq!(order(&user, id).await["status"], "open");
    }
    market.world.reconcile().await;
}

async fn an_order_is_filled_at_its_very_price(world: World) {
    let market = Market::open(&world).await;
    let (user, fall) = (market.trader().await, market.fall().await);
    let step = Decimal::new(1, 12);
    let exactly = placed_open(&user, &limit("limit_buy", &fall.asset, "1", fall.after)).await;
    let missed = placed_open(&user, &limit("limit_buy", &fall.asset, "1", fall.after - step)).await;
    market.make(&fall).await;
    until(&user, &exactly, "completed").await;
    assert_eq!(order(&user, &missed).await["status"], "open");
}

async fn what_the_market_does_not_reach_stays_open(world: World) {
    let market = Market::open(&world).await;
    let (user, fall) = (market.trader().await, market.fall().await);
    let far = placed_open(&user, &limit("limit_buy", &fall.asset, "1", exact("1"))).await;
    let near = placed_open(&user, &limit("limit_buy", &fall.asset, "1", fall.between())).await;
    market.make(&fall).await;
    until(&user, &near, "completed").await;
    assert_eq!(order(&user, &far).await["status"], "open");
    assert_eq!(balance(&user).await[1], "1.00");
}

async fn many_orders_are_filled_by_one_move(world: World) {
    let market = Market::open(&world).await;
    let (user, fall) = (market.trader().await, market.fall().await);
    let mut ids = Vec::new();
    // More than are read in one go.
    for _ in 0..60 {
        ids.push(placed_open(&user, &limit("limit_buy", &fall.asset, &fall.worth(20), fall.between())).await);
    }
    market.make(&fall).await;
    let mut paid = Decimal::ZERO;
    for id in &ids {
        paid += amount(&until(&user, id, "completed").await["total_amount"]);
    }
    assert_eq!(exact(user.cash().await), exact("10000.00") - paid);
    assert_eq!(balance(&user).await[1], "0.00");
    market.world.reconcile().await;
}

async fn a_tick_that_fills_nothing_asks_the_store_for_nothing(world: World) {
    let quiet = Setup::default()
        .set("order.sweep_interval_ms", "3600000")
        .set("order.recovery_interval_ms", "60000")
        .set("inventory.sync_interval_ms", "60000")
        .set("gateway.health_interval_ms", "60000");
    let market = Market::with(&world, quiet).await;
    let (user, fall) = (market.trader().await, market.fall().await);
    let id = placed_open(&user, &limit("limit_buy", &fall.asset, "1", exact("1"))).await;
    market.world.until_quiet().await;
    let moves = async {
        market.make(&fall).await;
        // Long enough for several ticks.
        market.world.until_quiet().await;
    };
    let (_, reads, writes) = market.world.storage_calls(moves).await;
    assert_eq!((reads, writes), (0, 0));
    assert_eq!(order(&user, &id).await["status"], "open");
}
