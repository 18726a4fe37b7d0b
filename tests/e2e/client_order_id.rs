//! The id that clients give their orders.

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tradepost_testkit::World;

use crate::figures::exact;
use crate::market::{balance, limit, place};

crate::tests![
    an_order_is_placed_once_under_its_id,
    a_refused_order_keeps_its_id,
    the_same_id_with_other_content_is_refused,
    an_id_is_one_to_36_visible_characters,
    an_id_belongs_to_its_user,
    an_order_is_found_by_its_id,
    of_many_at_once_one_is_placed,
];

fn named(id: &str) -> Value {
    let mut order = limit("limit_buy", "BTC", "1", exact("10"));
    order["client_order_id"] = json!(id);
    order
}

async fn an_order_is_placed_once_under_its_id(world: World) {
    let user = world.new_user().await;
    user.deposit("1000.00").await;
    let market_buy =
        json!({ "order_type": "market_buy", "asset_id": "SOL", "quantity": "0.1", "client_order_id": "a" });
    for order in [named("b"), market_buy] {
        let first = place(&user, &order).await.expect(201);
        let again = place(&user, &order).await.expect(200);
        assert_eq!(first.json(), again.json());
        assert_eq!(again.json()["data"]["client_order_id"], order["client_order_id"]);
    }
    let mut same = named("b");
    same["quantity"] = json!(1.0);
    same["price"] = json!(10);
    same["asset_id"] = json!("btc");
    place(&user, &same).await.expect(200);
    assert_eq!(user.get("/api/v1/orders").await.expect(200).json()["data"].as_array().unwrap().len(), 2);
    assert_eq!(balance(&user).await[1], "10.00");
}

async fn a_refused_order_keeps_its_id(world: World) {
    let user = world.new_user().await;
    place(&user, &named("poor")).await.refused(422, "insufficient_funds");
    user.deposit("1000.00").await;
    let again = place(&user, &named("poor")).await.expect(200);
    assert_eq!(
        (again.field("data.status"), again.field("data.code")),
        ("failed".into(), "insufficient_funds".into())
    );
    let mut small = named("small");
    small["quantity"] = json!("0.0001");
    place(&user, &small).await.refused(422, "order_value_too_small");
    assert_eq!(place(&user, &small).await.expect(200).field("data.code"), "order_value_too_small");
}

async fn the_same_id_with_other_content_is_refused(world: World) {
    let user = world.new_user().await;
    user.deposit("1000.00").await;
    place(&user, &named("x")).await.expect(201);
    for (field, value) in [
        ("quantity", json!("1.1")),
        ("price", json!("10.1")),
        ("asset_id", json!("ETH")),
        ("order_type", json!("market_buy")),
        ("expires_at", json!("2999-01-01T00:00:00Z")),
    ] {
        let mut other = named("x");
        other[field] = value;
        place(&user, &other).await.refused(409, "client_order_id_taken");
    }
    assert_eq!(balance(&user).await[1], "10.00");
}

async fn an_id_is_one_to_36_visible_characters(world: World) {
    let user = world.new_user().await;
    user.deposit("1000.00").await;
    for id in ["", " ", "a b", "é", &"x".repeat(37)] {
        place(&user, &named(id)).await.invalid(&["client_order_id"]);
        let mut number = named("x");
        number["client_order_id"] = json!(5);
        place(&user, &number).await.invalid(&["client_order_id"]);
    }
    for id in ["x", "#/~!", &"x".repeat(36)] {
        place(&user, &named(id)).await.expect(201);
    }
}

async fn an_id_belongs_to_its_user(world: World) {
    for _ in 0..2 {
        let user = world.new_user().await;
        user.deposit("1000.00").await;
        place(&user, &named("mine")).await.expect(201);
    }
}

async fn an_order_is_found_by_its_id(world: World) {
    let (user, other) = (world.new_user().await, world.new_user().await);
    user.deposit("1000.00").await;
    let placed = place(&user, &named("a+b/c")).await.expect(201).json()["data"].clone();
    place(&user, &named("other")).await.expect(201);
    let found = |query: &str| {
        let path = format!("/api/v1/orders?{query}");
        let user = user.clone();
        async move { user.get(&path).await.expect(200).json() }
    };
    let page = json!({ "data": [placed], "has_more": false, "next_cursor": null });
    assert_eq!(found("client_order_id=a%2Bb%2Fc").await, page);
    assert_eq!(found("client_order_id=a%2Bb%2Fc&status=open&limit=1").await, page);
    for nothing in
        ["client_order_id=none", "client_order_id=a%2Bb%2Fc&status=failed", "client_order_id=other&offset=1"]
    {
        assert_eq!(found(nothing).await["data"], json!([]), "{nothing}");
    }
    let foreign = other.get("/api/v1/orders?client_order_id=other").await.expect(200).json();
    assert_eq!(foreign["data"], json!([]));
    user.get("/api/v1/orders?client_order_id=").await.invalid(&["client_order_id"]);
}

async fn of_many_at_once_one_is_placed(world: World) {
    let user = world.new_user().await;
    user.deposit("1000.00").await;
    let mut placed = JoinSet::new();
    for _ in 0..16 {
        let user = user.clone();
        placed.spawn(async move {
            let answer = place(&user, &named("race")).await;
            assert!([200, 201].contains(&answer.status.as_u16()), "{answer:?}");
            (answer.status.as_u16(), answer.field("data.order_id"))
        });
    }
    let answers = placed.join_all().await;
    assert_eq!(answers.iter().filter(|(status, _)| *status == 201).count(), 1);
    assert!(answers.iter().all(|(_, id)| *id == answers[0].1), "{answers:?}");
    assert_eq!(balance(&user).await[1], "10.00");
}
