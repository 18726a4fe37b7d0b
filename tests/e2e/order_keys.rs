//! `Idempotency-Key` on placing and cancelling orders: under one key it is done once, and every answer is the first.

use std::sync::Arc;

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tradepost_testkit::{Answer, PASSWORD, Setup, ShiftedClock, User, World};

use crate::figures::exact;
use crate::idempotency::{KEY, is_replay};
use crate::market::{Market, balance, limit, order, placed_open, until};
use crate::money::{quiet, storage};

crate::tests![
    a_repeated_order_has_the_first_answer_byte_for_byte_and_is_placed_once,
    the_answer_stays_when_the_order_goes_on,
    a_repeated_cancellation_has_the_first_answer,
    a_refused_order_is_repeated_though_it_would_be_accepted_now,
    a_refused_cancellation_is_repeated,
    another_order_under_the_key_is_refused,
    invalid_orders_are_not_kept,
    of_many_first_orders_at_once_one_is_placed,
    of_many_first_cancellations_at_once_one_takes_place,
    a_key_of_an_order_counts_for_24_hours,
    a_key_of_somebody_else_or_of_another_route_is_another_key,
    with_both_ids_the_key_comes_first,
    a_key_of_an_order_costs_one_read,
];

const ORDERS: &str = "/api/v1/orders";

fn market_buy(asset: &str, quantity: &str) -> Value {
    json!({ "order_type": "market_buy", "asset_id": asset, "quantity": quantity })
}

async fn keyed(user: &User, key: &str, order: &Value) -> Answer {
    user.client.send(user.request(Method::POST, ORDERS).header(KEY, key).json(order)).await
}

async fn cancel(user: &User, key: &str, id: &str) -> Answer {
    user.client.send(user.request(Method::DELETE, &format!("{ORDERS}/{id}")).header(KEY, key)).await
}

async fn count(user: &User) -> usize {
    user.get(ORDERS).await.expect(200).json()["data"].as_array().unwrap().len()
}

async fn a_repeated_order_has_the_first_answer_byte_for_byte_and_is_placed_once(world: World) {
    let own = world.own(Setup::default()).await;
    let user = own.new_user().await;
    user.deposit("1000").await;
    let orders = [
        (market_buy("SOL", "0.5"), "completed"),
        (limit("limit_buy", "SOL", "0.5", exact("1000")), "completed"),
        (limit("limit_buy", "SOL", "1", exact("1")), "open"),
        (limit("stop_loss", "SOL", "0.5", exact("10")), "open"),
        (limit("take_profit", "SOL", "0.5", exact("2000")), "open"),
    ];
    for (number, (order, status)) in orders.iter().enumerate() {
        let key = format!("key-{number}");
        let first = keyed(&user, &key, order).await.expect(201);
        assert_eq!(
            (first.field("data.status").as_str(), first.header("idempotency-replayed")),
            (*status, "")
        );
        let before = balance(&user).await;
        for _ in 0..2 {
            is_replay(&first, &keyed(&user, &key, order).await);
        }
        assert_eq!((balance(&user).await, count(&user).await), (before, number + 1));
    }
    own.reconcile().await;
}

async fn the_answer_stays_when_the_order_goes_on(world: World) {
    let market = Market::open(&world).await;
    let (user, fall) = (market.trader().await, market.fall().await);
    let order = limit("limit_buy", &fall.asset, &fall.worth(20), fall.between());
    let first = keyed(&user, "key-1", &order).await.expect(201);
    market.make(&fall).await;
    until(&user, &first.field("data.order_id"), "completed").await;
    is_replay(&first, &keyed(&user, "key-1", &order).await);
    assert_eq!((first.field("data.status").as_str(), count(&user).await), ("open", 1));
    market.world.reconcile().await;
}

async fn a_repeated_cancellation_has_the_first_answer(world: World) {
    let own = world.own(Setup::default()).await;
    let user = own.new_user().await;
    user.deposit("100").await;
    let id = placed_open(&user, &limit("limit_buy", "SOL", "1", exact("1"))).await;
    let first = cancel(&user, "key-1", &id).await.expect(200);
    assert_eq!(
        (first.field("data.status").as_str(), first.header("idempotency-replayed")),
        ("cancelled", "")
    );
    is_replay(&first, &cancel(&user, "key-1", &id).await);
    cancel(&user, "key-2", &id).await.refused(409, "order_not_open");
    assert_eq!(balance(&user).await, ["100.00", "0.00", "100.00"]);
    own.reconcile().await;
}

async fn a_refused_order_is_repeated_though_it_would_be_accepted_now(world: World) {
    let own = world.own(Setup::default()).await;
    let user = own.new_user().await;
    let refusals = [
        (market_buy("SOL", "0.1"), "insufficient_funds"),
        (limit("limit_buy", "SOL", "1", exact("2")), "insufficient_funds"),
        (market_buy("SOL", "0.00000001"), "order_value_too_small"),
        (market_buy("NOSUCH", "1"), "unknown_asset"),
    ];
    let mut first = Vec::new();
    for (number, (order, code)) in refusals.iter().enumerate() {
        first.push(keyed(&user, &format!("key-{number}"), order).await.refused(422, code));
    }
    user.deposit("1000").await;
    for (number, (order, _)) in refusals.iter().enumerate() {
        is_replay(&first[number], &keyed(&user, &format!("key-{number}"), order).await);
    }
    assert_eq!(balance(&user).await, ["1000.00", "0.00", "1000.00"]);
    assert_eq!(count(&user).await, 3, "of an unknown asset there is none");
    own.reconcile().await;
}

async fn a_refused_cancellation_is_repeated(world: World) {
    let (user, other) = (world.new_user().await, world.new_user().await);
    user.deposit("1000").await;
    let order = user.order("market_buy", "SOL", "0.1").await.expect(201).field("data.order_id");
    for (whose, code, status) in [(&user, "order_not_open", 409), (&other, "order_not_found", 404)] {
        let first = cancel(whose, "key-1", &order).await.refused(status, code);
        is_replay(&first, &cancel(whose, "key-1", &order).await);
    }
}

async fn another_order_under_the_key_is_refused(world: World) {
    let user = world.new_user().await;
    user.deposit("1000").await;
    let first = keyed(&user, "key-1", &limit("limit_buy", "SOL", "1", exact("1"))).await.expect(201);
    for other in [market_buy("SOL", "1"), limit("limit_buy", "SOL", "1", exact("2"))] {
        keyed(&user, "key-1", &other).await.refused(422, "idempotency_key_reused");
    }
    let (id, second) =
        (first.field("data.order_id"), placed_open(&user, &limit("limit_buy", "SOL", "1", exact("1"))).await);
    let cancelled = cancel(&user, "key-2", &id).await.expect(200);
    cancel(&user, "key-2", &second).await.refused(422, "idempotency_key_reused");
    let request = user.request(Method::DELETE, &format!("{ORDERS}/{id}")).header(KEY, "key-2");
    user.client.send(request.body("something")).await.refused(422, "idempotency_key_reused");
    is_replay(&cancelled, &cancel(&user, "key-2", &id).await);
    assert_eq!(order(&user, &second).await["status"], "open");
}

async fn invalid_orders_are_not_kept(world: World) {
    let user = world.new_user().await;
    user.deposit("1000").await;
    keyed(&user, "key-1", &market_buy("SOL", "0")).await.invalid(&["quantity"]);
    let mut late = limit("limit_buy", "SOL", "1", exact("1"));
    late["expires_at"] = json!("2020-01-01T00:00:00Z");
    keyed(&user, "key-1", &late).await.invalid(&["expires_at"]);
    let nowhere = "019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a10";
    cancel(&user, "two words", nowhere).await.refused(422, "invalid_idempotency_key");
    cancel(&user, "key-1", "x").await.invalid(&["order_id"]);
    keyed(&user, &"k".repeat(256), &market_buy("SOL", "0.1")).await.refused(422, "invalid_idempotency_key");
    assert_eq!(count(&user).await, 0);
    let first = keyed(&user, "key-1", &market_buy("SOL", "0.1")).await.expect(201);
    assert_eq!(first.header("idempotency-replayed"), "");
}

/// Demands that one did it, and that the others were told so or that it was being done.
fn one_did(answers: Vec<Answer>, status: u16) {
    let (done, waits): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == status);
    let first: Vec<_> =
        done.iter().filter(|answer| answer.header("idempotency-replayed").is_empty()).collect();
    assert_eq!(first.len(), 1, "{done:?}");
    assert!(done.iter().all(|answer| answer.text == first[0].text), "{done:?}");
    waits.into_iter().for_each(|answer| drop(answer.refused(409, "idempotency_in_flight")));
}

async fn of_many_first_orders_at_once_one_is_placed(world: World) {
    let own = world.own(Setup::default()).await;
    let user = own.new_user().await;
    user.deposit("1000").await;
    let orders = [market_buy("SOL", "0.1"), limit("limit_buy", "SOL", "1", exact("1"))];
    for (number, order) in orders.into_iter().enumerate() {
        let mut requests = JoinSet::new();
        for _ in 0..24 {
            let (user, order) = (user.clone(), order.clone());
            requests.spawn(async move { keyed(&user, &format!("key-{number}"), &order).await });
        }
        one_did(requests.join_all().await, 201);
        assert_eq!(count(&user).await, number + 1);
    }
    own.reconcile().await;
}

async fn of_many_first_cancellations_at_once_one_takes_place(world: World) {
    let own = world.own(Setup::default()).await;
    let user = own.new_user().await;
    user.deposit("100").await;
    let id = placed_open(&user, &limit("limit_buy", "SOL", "1", exact("1"))).await;
    let mut requests = JoinSet::new();
    for _ in 0..24 {
        let (user, id) = (user.clone(), id.clone());
        requests.spawn(async move { cancel(&user, "key-1", &id).await });
    }
    one_did(requests.join_all().await, 200);
    assert_eq!(balance(&user).await, ["100.00", "0.00", "100.00"]);
    own.reconcile().await;
}

async fn a_key_of_an_order_counts_for_24_hours(world: World) {
    let clock = Arc::new(ShiftedClock::stopped());
    let own = world.own(Setup::default().clock(&clock)).await;
    let user = own.new_user().await;
    user.deposit("100").await;
    let order = limit("limit_buy", "SOL", "1", exact("1"));
    let first = keyed(&user, "key-1", &order).await.expect(201);
    clock.advance(TimeDelta::hours(24) - TimeDelta::milliseconds(1));
    let user = own.log_in(&user.username, PASSWORD).await;
    is_replay(&first, &keyed(&user, "key-1", &order).await);
    // The price of that moment comes with the next tick, and without it there is no order.
    while own.get("/api/v1/inventory/assets/SOL").await.expect(200).json()["data"]["price_age_s"] != 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    clock.advance(TimeDelta::milliseconds(1));
    let second = keyed(&user, "key-1", &order).await.expect(201);
    assert_ne!(second.field("data.order_id"), first.field("data.order_id"));
    is_replay(&second, &keyed(&user, "key-1", &order).await);
    own.reconcile().await;
}

async fn a_key_of_somebody_else_or_of_another_route_is_another_key(world: World) {
    let (first, second) = (world.new_user().await, world.new_user().await);
    for user in [&first, &second] {
        let deposit = user.request(Method::POST, "/api/v1/balance/deposit").header(KEY, "key-1");
        user.client.send(deposit.json(&json!({ "amount": "100" }))).await.expect(201);
        let placed = keyed(user, "key-1", &limit("limit_buy", "SOL", "1", exact("1"))).await.expect(201);
        cancel(user, "key-1", &placed.field("data.order_id")).await.expect(200);
        assert_eq!(count(user).await, 1);
    }
}

async fn with_both_ids_the_key_comes_first(world: World) {
    let user = world.new_user().await;
    user.deposit("100").await;
    let mut order = limit("limit_buy", "SOL", "1", exact("1"));
    order["client_order_id"] = json!("mine");
    let first = keyed(&user, "key-1", &order).await.expect(201);
    is_replay(&first, &keyed(&user, "key-1", &order).await);
    // Under another key it is the order of before, which was placed then.
    let again = keyed(&user, "key-2", &order).await.expect(200);
    assert_eq!(again.field("data.order_id"), first.field("data.order_id"));
    is_replay(&again, &keyed(&user, "key-2", &order).await);
    order["quantity"] = json!("2");
    let taken = keyed(&user, "key-3", &order).await.refused(409, "client_order_id_taken");
    is_replay(&taken, &keyed(&user, "key-3", &order).await);
    assert_eq!(count(&user).await, 1);
}

async fn a_key_of_an_order_costs_one_read(world: World) {
    let (own, user) = quiet(&world).await;
    user.deposit("1000").await;
    // The first call of a session asks whether it lives.
    assert_eq!(count(&user).await, 0);
    let waits = limit("limit_buy", "SOL", "1", exact("1"));
    for (number, (order, writes)) in [(market_buy("SOL", "0.1"), 3), (waits, 3)].iter().enumerate() {
        let key = format!("key-{number}");
        let plain = storage(&own, user.post(ORDERS, order), 201).await;
        let first = storage(&own, keyed(&user, &key, order), 201).await;
        assert_eq!((first.reads, first.writes), (plain.reads + 1, plain.writes), "{plain:?} {first:?}");
        assert!(first.writes <= *writes, "{first:?}");
        let again = storage(&own, keyed(&user, &key, order), 201).await;
        assert_eq!((again.reads, again.writes), (1, 0), "{again:?}");
    }
    own.reconcile().await;
}
