//! `POST /orders/preview`.

use rust_decimal::Decimal;
use serde_json::{Value, json};
use tradepost_testkit::{User, World};

use crate::figures::{exact, price_of, still};
use crate::market::{balance, limit};

crate::tests![
    a_preview_says_what_an_order_will_cost_and_moves_nothing,
    a_preview_of_a_sale_says_what_is_left_of_the_asset,
    a_preview_says_why_an_order_would_be_refused,
    what_is_invalid_is_invalid_in_a_preview,
];

async fn preview(user: &User, order: &Value) -> Value {
    user.post("/api/v1/orders/preview", order).await.expect(200).json()["data"].clone()
}

async fn a_preview_says_what_an_order_will_cost_and_moves_nothing(world: World) {
    let own = world.own(still()).await;
    let user = own.new_user().await;
    user.deposit("1000.00").await;
    let buy = json!({ "order_type": "market_buy", "asset_id": "SOL", "quantity": "0.5" });
    let seen = preview(&user, &buy).await;
    assert_eq!(
        (&seen["accepted"], &seen["code"], &seen["detail"]),
        (&json!(true), &Value::Null, &Value::Null)
    );
    assert_eq!(exact(seen["price"].as_str().unwrap()), price_of(&own, "SOL").await);
    assert_eq!(balance(&user).await, ["1000.00", "0.00", "1000.00"]);
    assert!(user.get("/api/v1/orders").await.expect(200).json()["data"].as_array().unwrap().is_empty());

    let bought = user.order("market_buy", "SOL", "0.5").await.expect(201);
    assert_eq!(seen["total_amount"], bought.json()["data"]["total_amount"]);
    assert_eq!(seen["available_after"], user.cash().await);

    let waiting = preview(&user, &limit("limit_buy", "SOL", "1", exact("10.005"))).await;
    assert_eq!((&waiting["price"], &waiting["total_amount"]), (&json!("10.005"), &json!("10.01")));
    assert_eq!(
        exact(waiting["available_after"].as_str().unwrap()),
        exact(user.cash().await) - exact("10.01")
    );
}

async fn a_preview_of_a_sale_says_what_is_left_of_the_asset(world: World) {
    let user = world.new_user().await;
    user.deposit("1000.00").await;
    user.order("market_buy", "SOL", "2").await.expect(201);
    let sale = limit("take_profit", "SOL", "0.5", exact("1000"));
    let seen = preview(&user, &sale).await;
    assert_eq!((&seen["accepted"], &seen["available_after"]), (&json!(true), &json!("1.5")));
    assert_eq!(seen["total_amount"], "500.00");
}

async fn a_preview_says_why_an_order_would_be_refused(world: World) {
    let own = world.own(still()).await;
    let user = own.new_user().await;
    user.deposit("100.00").await;
    for (order_type, asset, quantity, code) in [
        ("market_buy", "BTC", "0.1", "insufficient_funds"),
        ("market_sell", "SOL", "1", "insufficient_holdings"),
        ("market_buy", "SOL", "0.0001", "order_value_too_small"),
        ("market_buy", "BTC", "10", "order_value_too_large"),
        ("market_buy", "FTT", "100", "asset_not_tradable"),
        ("market_buy", "NOPE", "1", "unknown_asset"),
    ] {
        let order = json!({ "order_type": order_type, "asset_id": asset, "quantity": quantity });
        let seen = preview(&user, &order).await;
        assert_eq!((&seen["accepted"], &seen["code"]), (&json!(false), &json!(code)), "{seen}");
        assert_eq!(seen["available_after"], Value::Null);
        let refusal = user.order(order_type, asset, quantity).await.refused(422, code);
        assert_eq!(seen["detail"], refusal.json()["detail"]);
    }
    let mut order = limit("limit_buy", "SOL", "1", exact("1"));
    order["client_order_id"] = json!("mine");
    user.post("/api/v1/orders", &order).await.expect(201);
    order["quantity"] = json!("2");
    assert_eq!(preview(&user, &order).await["code"], "client_order_id_taken");
    user.order("market_buy", "SOL", "0.00000002").await.refused(422, "order_value_too_small");
    user.order("market_buy", "SOL", "0.1").await.expect(201);
    let most = exact("0.1") - Decimal::new(1, 8);
    user.order("market_sell", "SOL", &most.to_string()).await.expect(201);
    let rest = json!({ "order_type": "market_sell", "asset_id": "SOL", "quantity": "0.00000001" });
    assert_eq!(preview(&user, &rest).await["accepted"], true, "a sale of all there is may be worth nothing");
}

async fn what_is_invalid_is_invalid_in_a_preview(world: World) {
    let user = world.new_user().await;
    let broken = json!({ "order_type": "limit_buy", "asset_id": "B-C", "quantity": 0 });
    user.post("/api/v1/orders/preview", &broken).await.invalid(&["asset_id", "quantity", "price"]);
    let mut late = limit("limit_buy", "BTC", "1", exact("10"));
    late["expires_at"] = json!("2020-01-01T00:00:00Z");
    user.post("/api/v1/orders/preview", &late).await.invalid(&["expires_at"]);
}
