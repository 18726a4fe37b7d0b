//! `DELETE /orders/{id}`.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;
use tradepost_testkit::World;

use crate::figures::exact;
use crate::market::{Market, balance, cancel, limit, order, placed_open, until};

crate::tests![
    an_open_order_is_cancelled_and_gives_back_what_it_held,
    a_cancelled_order_is_never_filled,
    what_has_ended_cannot_be_cancelled,
    an_order_of_somebody_else_is_no_order,
    a_malformed_id_is_invalid,
    without_a_token_nothing_is_cancelled,
    of_a_cancellation_and_a_fill_exactly_one_takes_place,
    many_cancellations_of_one_order_give_back_once,
];

async fn an_open_order_is_cancelled_and_gives_back_what_it_held(world: World) {
    let market = Market::open(&world).await;
    let (user, rise) = (market.trader().await, market.rise().await);
    let buy = placed_open(&user, &limit("limit_buy", &rise.asset, "1", exact("1"))).await;
    assert_eq!(balance(&user).await, ["9999.00", "1.00", "10000.00"]);
    let answer = cancel(&user, &buy).await.expect(200);
    assert_eq!(answer.field("data.status"), "cancelled");
    assert_eq!(order(&user, &buy).await, answer.json()["data"]);
    assert_eq!(balance(&user).await, ["10000.00", "0.00", "10000.00"]);

    user.order("market_buy", &rise.asset, "1").await.expect(201);
    let sell = placed_open(&user, &limit("take_profit", &rise.asset, "1", exact("1000"))).await;
    user.order("market_sell", &rise.asset, "1").await.refused(422, "insufficient_holdings");
    cancel(&user, &sell).await.expect(200);
    user.order("market_sell", &rise.asset, "1").await.expect(201);
    market.world.reconcile().await;
}

async fn a_cancelled_order_is_never_filled(world: World) {
    let market = Market::open(&world).await;
    let (user, fall) = (market.trader().await, market.fall().await);
    let cancelled = placed_open(&user, &limit("limit_buy", &fall.asset, "1", fall.between())).await;
    let filled = placed_open(&user, &limit("limit_buy", &fall.asset, "1", fall.between())).await;
    cancel(&user, &cancelled).await.expect(200);
    market.make(&fall).await;
    until(&user, &filled, "completed").await;
    assert_eq!(order(&user, &cancelled).await["status"], "cancelled");
    market.world.reconcile().await;
}

async fn what_has_ended_cannot_be_cancelled(world: World) {
    let user = world.new_user().await;
    user.deposit("100.00").await;
    let completed = user.order("market_buy", "SOL", "0.1").await.expect(201).field("data.order_id");
    user.order("market_sell", "SOL", "10").await.refused(422, "insufficient_holdings");
    let list = user.get("/api/v1/orders?status=failed").await.expect(200).json();
    let failed = list["data"][0]["order_id"].as_str().unwrap().to_owned();
    let cancelled = placed_open(&user, &limit("limit_buy", "SOL", "1", exact("1"))).await;
    cancel(&user, &cancelled).await.expect(200);
    for (id, status) in [(completed, "completed"), (failed, "failed"), (cancelled, "cancelled")] {
        let answer = cancel(&user, &id).await.refused(409, "order_not_open");
        assert!(answer.field("detail").contains(status), "{answer:?}");
        assert_eq!(order(&user, &id).await["status"], status);
    }
}

async fn an_order_of_somebody_else_is_no_order(world: World) {
    let (user, other) = (world.new_user().await, world.new_user().await);
    user.deposit("100.00").await;
    let id = placed_open(&user, &limit("limit_buy", "SOL", "1", exact("1"))).await;
    cancel(&other, &id).await.refused(404, "order_not_found");
    cancel(&other, "019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a10").await.refused(404, "order_not_found");
    assert_eq!(order(&user, &id).await["status"], "open");
}

async fn a_malformed_id_is_invalid(world: World) {
    let user = world.new_user().await;
    for id in ["a".repeat(9), "a".repeat(51), "%20".repeat(3)] {
        cancel(&user, &id).await.invalid(&["order_id"]);
    }
}

async fn without_a_token_nothing_is_cancelled(world: World) {
    for path in ["/api/v1/orders/x", "/api/v1/orders/019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a10"] {
        world.send(world.request(Method::DELETE, path)).await.refused(401, "unauthenticated");
    }
    let preview = world.post("/api/v1/orders/preview", &json!({})).await;
    preview.refused(401, "unauthenticated");
}

async fn of_a_cancellation_and_a_fill_exactly_one_takes_place(world: World) {
    let market = Market::open(&world).await;
    let (user, fall) = (market.trader().await, market.fall().await);
    let mut ids = Vec::new();
    for _ in 0..30 {
        ids.push(placed_open(&user, &limit("limit_buy", &fall.asset, &fall.worth(20), fall.between())).await);
    }
    // The clock must not jump while calls between processes are on their way: their tokens would be too old. Once the
    // catalog shows the price, the triggers look at all assets anew; the cancellations are spread over that time.
    market.make(&fall).await;
    let mut cancellations = JoinSet::new();
    for (number, id) in (0..).zip(ids) {
        let user = user.clone();
        cancellations.spawn(async move {
            tokio::time::sleep(Duration::from_millis(30) * number).await;
            let answer = cancel(&user, &id).await;
            match answer.status.as_u16() {
                200 => until(&user, &id, "cancelled").await,
                409 => until(&user, &id, "completed").await,
                _ => panic!("{answer:?}"),
            }
        });
    }
    let ended = cancellations.join_all().await;
    assert_eq!(ended.len(), 30);
    assert_eq!(balance(&user).await[1], "0.00");
    market.world.reconcile().await;
}

async fn many_cancellations_of_one_order_give_back_once(world: World) {
    let user = world.new_user().await;
    user.deposit("100.00").await;
    let id = placed_open(&user, &limit("limit_buy", "SOL", "1", exact("1"))).await;
    let mut cancellations = JoinSet::new();
    for _ in 0..8 {
        let (user, id) = (user.clone(), id.clone());
        cancellations.spawn(async move { cancel(&user, &id).await.status.as_u16() });
    }
    let statuses = cancellations.join_all().await;
    assert!(
        statuses.contains(&200) && statuses.iter().all(|status| [200, 409].contains(status)),
        "{statuses:?}"
    );
    assert_eq!(order(&user, &id).await["status"], "cancelled");
    assert_eq!(balance(&user).await, ["100.00", "0.00", "100.00"]);
}
