//! `/orders`: placing market orders, and what their user sees of them afterwards.

use std::sync::Arc;

use chrono::TimeDelta;
use reqwest::Method;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value;
use tradepost_testkit::{Answer, Setup, ShiftedClock, User, World};

use crate::figures::{amount, exact, number, price_of, still};
use crate::order_list::orders;

crate::tests![
    a_market_order_answers_with_every_field,
    an_asset_may_be_named_in_lower_case,
    a_quantity_may_be_a_number_a_text_or_have_an_exponent,
    the_price_sent_with_a_market_order_is_checked_and_ignored,
    every_broken_field_is_listed_at_once,
    a_quantity_is_limited_on_both_sides_and_in_its_places,
    an_order_of_an_unknown_or_malformed_asset_leaves_nothing_behind,
    an_inactive_asset_can_be_neither_bought_nor_sold,
    the_value_of_a_buy_is_limited_to_the_cent,
    the_value_of_a_sell_is_limited_to_the_cent,
    a_sell_that_empties_the_position_may_be_worth_next_to_nothing,
    an_order_beyond_the_means_moves_nothing,
    without_a_fresh_price_an_order_is_refused_and_not_kept,
    refused_orders_are_kept_as_failed_with_their_code,
    a_buy_is_rounded_up_and_a_sell_down_to_the_cent,
    an_order_executes_at_the_price_the_catalog_shows,
    every_view_of_a_trade_agrees_to_the_cent,
    an_order_is_shown_to_its_user_alone,
    a_malformed_order_id_is_invalid_and_not_unknown,
    without_a_token_every_route_answers_401_whatever_else_is_wrong,
];

async fn a_market_order_answers_with_every_field(world: World) {
    let user = world.new_user().await;
    user.deposit("1000.00").await;
    for order_type in ["market_buy", "market_sell"] {
        let answer = user.order(order_type, "ETH", "0.1").await.expect(201);
        let order = &answer.json()["data"];
        assert_eq!(order["order_type"], order_type);
        assert_eq!(order["asset_id"], "ETH");
        assert_eq!(order["quantity"], "0.1");
        assert_eq!(order["status"], "completed");
        assert!((10..=50).contains(&order["order_id"].as_str().unwrap().len()));
        assert!(amount(&order["price"]) > Decimal::ZERO);
        assert_eq!(amount(&order["total_amount"]).scale(), 2);
        for moment in ["created_at", "updated_at"] {
            let text = order[moment].as_str().unwrap();
            assert!(chrono::DateTime::parse_from_rfc3339(text).is_ok() && text.ends_with('Z'), "{text}");
        }
        for absent in ["client_order_id", "limit_price", "code"] {
            assert_eq!(order.get(absent), Some(&Value::Null), "{absent}");
        }
        let path = format!("/api/v1/orders/{}", answer.field("data.order_id"));
        assert_eq!(user.get(&path).await.expect(200).json()["data"], *order);
    }
}

async fn an_asset_may_be_named_in_lower_case(world: World) {
    let user = world.new_user().await;
    user.deposit("100.00").await;
    let answer = user.order("market_buy", "sol", "0.1").await.expect(201);
    assert_eq!(answer.field("data.asset_id"), "SOL");
    assert_eq!(orders(&user, "?asset_id=sOl").await.len(), 1);
}

async fn a_quantity_may_be_a_number_a_text_or_have_an_exponent(world: World) {
    let user = world.new_user().await;
    user.deposit("500.00").await;
    for quantity in ["0.1", "\"0.1\"", "1e-1", "\"1E-1\"", "0.100000000000", "\"0.10\"", "0.01e+1"] {
        let body = format!(r#"{{"order_type":"market_buy","asset_id":"SOL","quantity":{quantity}}}"#);
        let answer = user.post_text("/api/v1/orders", body).await.expect(201);
        assert_eq!(answer.field("data.quantity"), "0.1", "{quantity}");
    }
}

async fn the_price_sent_with_a_market_order_is_checked_and_ignored(world: World) {
    let user = world.new_user().await;
    user.deposit("500.00").await;
    let with_price = |price: &str| {
        let order = r#""order_type":"market_buy","asset_id":"USDC","quantity":2"#;
        user.post_text("/api/v1/orders", format!(r#"{{{order},"price":{price}}}"#))
    };
    for price in ["1000", "\"5000.25\"", "1000000000", "0.000000000001", "1e-12", "null"] {
        let answer = with_price(price).await.expect(201);
        assert!(exact(answer.field("data.total_amount")) < Decimal::TEN, "{price} is not the price");
    }
    for price in ["0", "-1", "\"cheap\"", "true", "1000000000.1", "0.0000000000001", "[1]", "\"\"", "\"1_0\""]
    {
        with_price(price).await.invalid(&["price"]);
    }
}

async fn every_broken_field_is_listed_at_once(world: World) {
    let user = world.new_user().await;
    let all = ["order_type", "asset_id", "quantity"];
    let with_price = ["order_type", "asset_id", "quantity", "price"];
    for (body, fields) in [
        (r#"{"order_type":"buy","asset_id":"B-C","quantity":0,"price":-1}"#, &with_price[..]),
        (r#"{"order_type":7,"asset_id":7,"quantity":true,"price":{}}"#, &with_price[..]),
        (r#"{"order_type":null,"asset_id":null,"quantity":null,"price":null}"#, &all[..]),
        (r#"{"order_type":"MARKET_BUY","asset_id":"BTC","quantity":"1"}"#, &["order_type"]),
        ("{}", &all[..]),
        ("", &all[..]),
    ] {
        user.post_text("/api/v1/orders", body).await.invalid(fields);
    }
    user.post_text("/api/v1/orders", "[]").await.refused(422, "validation_failed");
    user.post_text("/api/v1/orders", r#"{"quantity":0"#).await.refused(400, "malformed_request");
    assert!(orders(&user, "").await.is_empty(), "what is invalid is not kept");
}

async fn a_quantity_is_limited_on_both_sides_and_in_its_places(world: World) {
    let user = world.new_user().await;
    let buy = |quantity: &str| {
        let order = r#""order_type":"market_buy","asset_id":"BTC""#;
        user.post_text("/api/v1/orders", format!(r#"{{{order},"quantity":{quantity}}}"#))
    };
    for quantity in [
        "0",
        "0.0",
        "-1",
        "0.000000001",
        "1e-9",
        "0.123456789",
        "1000000000000.00000001",
        "1000000000001",
        "1e13",
        "\"1_000\"",
        "\"NaN\"",
        "\"Infinity\"",
        "\" 1\"",
        "\"\"",
        "false",
        "null",
    ] {
        buy(quantity).await.invalid(&["quantity"]);
    }
    for (quantity, code) in [
        ("0.00000001", "order_value_too_small"),
        ("1e-8", "order_value_too_small"),
        ("\"1000000000000\"", "order_value_too_large"),
        ("1e12", "order_value_too_large"),
    ] {
        buy(quantity).await.refused(422, code);
    }
}

async fn an_order_of_an_unknown_or_malformed_asset_leaves_nothing_behind(world: World) {
    let user = world.new_user().await;
    user.deposit("100.00").await;
    for asset in ["NOPE", "ABCDEFGHIJ", "USD", "1"] {
        user.order("market_buy", asset, "1").await.refused(422, "unknown_asset");
    }
    for asset in ["", " ", "BTC ", "B-C", "ABCDEFGHIJK", "BİT", "BTC/USD"] {
        user.order("market_buy", asset, "1").await.invalid(&["asset_id"]);
    }
    assert!(orders(&user, "").await.is_empty());
    assert_eq!(user.cash().await, "100.00");
}

async fn an_inactive_asset_can_be_neither_bought_nor_sold(world: World) {
    let user = world.new_user().await;
    user.deposit("100.00").await;
    for asset in ["LUNC", "FTT", "WAVES"] {
        for order_type in ["market_buy", "market_sell"] {
            user.order(order_type, asset, "1").await.refused(422, "asset_not_tradable");
        }
    }
    assert_eq!(user.cash().await, "100.00");
    assert_eq!(orders(&user, "?status=failed").await.len(), 6);
}

async fn the_value_of_a_buy_is_limited_to_the_cent(world: World) {
    let (own, user) = between_ten_and_a_hundred(&world).await;
    let (price, step) = (price_of(&own, "DOGE").await, Decimal::new(1, 8));
    // The most that costs no more; a step more is rounded up to the next cent.
    let most = |dollars: &str| (exact(dollars) / price).trunc_with_scale(8);
    for (quantity, expected) in [
        (most("9.99"), Err("order_value_too_small")),
        (most("9.99") + step, Ok("10.00")),
        (most("100.00"), Ok("100.00")),
        (most("100.00") + step, Err("order_value_too_large")),
    ] {
        worth(&user.order("market_buy", "DOGE", &quantity.to_string()).await, expected);
    }
}

async fn the_value_of_a_sell_is_limited_to_the_cent(world: World) {
    let (own, user) = between_ten_and_a_hundred(&world).await;
    let (price, step) = (price_of(&own, "DOGE").await, Decimal::new(1, 8));
    let bought = (exact("99") / price).trunc_with_scale(8).to_string();
    for _ in 0..3 {
        user.order("market_buy", "DOGE", &bought).await.expect(201);
    }
    // The least that is worth as much; a step less is rounded down to the cent before.
    let least = |dollars: &str| (exact(dollars) / price).round_dp_with_strategy(8, UP);
    for (quantity, expected) in [
        (least("10.00") - step, Err("order_value_too_small")),
        (least("10.00"), Ok("10.00")),
        (least("100.01") - step, Ok("100.00")),
        (least("100.01"), Err("order_value_too_large")),
    ] {
        worth(&user.order("market_sell", "DOGE", &quantity.to_string()).await, expected);
    }
}

async fn a_sell_that_empties_the_position_may_be_worth_next_to_nothing(world: World) {
    let user = world.new_user().await;
    user.deposit("100.00").await;
    for (rest, half) in [("0.001", "0.0005"), ("0.00000002", "0.00000001")] {
        user.order("market_buy", "SOL", "0.1").await.expect(201);
        let most = exact("0.1") - exact(rest);
        user.order("market_sell", "SOL", &most.to_string()).await.expect(201);
        user.order("market_sell", "SOL", half).await.refused(422, "order_value_too_small");
        user.order("market_buy", "SOL", rest).await.refused(422, "order_value_too_small");
        let before = exact(user.cash().await);
        let sold = user.order("market_sell", "SOL", rest).await.expect(201);
        let total = exact(sold.field("data.total_amount"));
        assert!(total < Decimal::ONE, "{total}");
        assert_eq!(exact(user.cash().await), before + total);
        assert_eq!(user.get("/api/v1/balance/asset/SOL").await.expect(200).field("quantity"), "0");
    }
}

async fn an_order_beyond_the_means_moves_nothing(world: World) {
    let user = world.new_user().await;
    user.order("market_buy", "BTC", "0.001").await.refused(422, "insufficient_funds");
    user.order("market_sell", "SOL", "1").await.refused(422, "insufficient_holdings");
    user.deposit("50.00").await;
    user.order("market_buy", "SOL", "0.1").await.expect(201);
    let (balance, portfolio) = (user.cash().await, holdings(&user).await);
    user.order("market_buy", "BTC", "0.01").await.refused(422, "insufficient_funds");
    user.order("market_sell", "SOL", "0.10000001").await.refused(422, "insufficient_holdings");
    user.order("market_sell", "ETH", "0.1").await.refused(422, "insufficient_holdings");
    assert_eq!((user.cash().await, holdings(&user).await), (balance, portfolio));
}

async fn without_a_fresh_price_an_order_is_refused_and_not_kept(world: World) {
    let clock = Arc::new(ShiftedClock::default());
    let setup = Setup::default().set("inventory.tick_ms", "60000").set("order.max_quote_age_s", "60");
    let own = world.own(setup.clock(&clock)).await;
    let user = own.new_user().await;
    user.deposit("100.00").await;
    // Less than the lifetime of the token.
    clock.advance(TimeDelta::minutes(50));
    for order_type in ["market_buy", "market_sell"] {
        let answer = user.order(order_type, "SOL", "0.1").await.refused(503, "price_unavailable");
        assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
    }
    let waiting = crate::market::limit("limit_buy", "SOL", "0.1", Decimal::TEN);
    crate::market::place(&user, &waiting).await.refused(503, "price_unavailable");
    user.order("market_buy", "LUNC", "1").await.refused(422, "asset_not_tradable");
    assert_eq!(orders(&user, "").await.len(), 1, "only what had a price to write down");
    assert_eq!(user.cash().await, "100.00");
}

async fn refused_orders_are_kept_as_failed_with_their_code(world: World) {
    let user = world.new_user().await;
    user.deposit("20.00").await;
    let mut expected = Vec::new();
    for (order_type, asset, quantity, code) in [
        ("market_buy", "SOL", "1", "insufficient_funds"),
        ("market_sell", "SOL", "1", "insufficient_holdings"),
        ("market_buy", "SOL", "0.0001", "order_value_too_small"),
        ("market_buy", "BTC", "1", "order_value_too_large"),
        ("market_buy", "LUNC", "100000", "asset_not_tradable"),
    ] {
        let refusal = user.order(order_type, asset, quantity).await.refused(422, code);
        expected.insert(
            0,
            (order_type.to_owned(), quantity.to_owned(), code.to_owned(), refusal.field("detail")),
        );
    }
    let kept = orders(&user, "").await;
    let text = |order: &Value, name: &str| order[name].as_str().unwrap_or_default().to_owned();
    let told = |order: &Value| {
        assert_eq!(order["status"], "failed");
        (text(order, "order_type"), text(order, "quantity"), text(order, "code"), text(order, "detail"))
    };
    assert_eq!(kept.iter().map(told).collect::<Vec<_>>(), expected);
    let first = format!("/api/v1/orders/{}", text(&kept[0], "order_id"));
    assert_eq!(user.get(&first).await.expect(200).json()["data"], kept[0]);
}

async fn a_buy_is_rounded_up_and_a_sell_down_to_the_cent(world: World) {
    let user = world.new_user().await;
    user.deposit("2000.00").await;
    for (asset, quantity) in [
        ("BTC", "0.00123457"),
        ("ETH", "0.01000001"),
        ("DOGE", "33.33333333"),
        ("SHIB", "123456.789"),
        ("BTT", "98765432.1"),
        ("SOL", "1"),
    ] {
        for (order_type, rounding) in [("market_buy", UP), ("market_sell", DOWN)] {
            let order = user.order(order_type, asset, quantity).await.expect(201).json()["data"].clone();
            let value = amount(&order["price"]) * exact(quantity);
            assert_eq!(amount(&order["total_amount"]), value.round_dp_with_strategy(2, rounding), "{order}");
        }
    }
}

async fn an_order_executes_at_the_price_the_catalog_shows(world: World) {
    let own = world.own(still()).await;
    let user = own.new_user().await;
    user.deposit("500.00").await;
    for asset in ["BTC", "SHIB"] {
        let shown = own.get(&format!("/api/v1/inventory/assets/{asset}")).await.expect(200);
        let quantity = (exact("50") / price_of(&own, asset).await).trunc_with_scale(8).to_string();
        let order = user.order("market_buy", asset, &quantity).await.expect(201);
        assert_eq!(order.field("data.price"), number(&shown.text, "data.price_usd"), "digit for digit");
        assert_eq!(order.field("data.price_source"), shown.field("data.price_source"));
    }
}

async fn every_view_of_a_trade_agrees_to_the_cent(world: World) {
    let user = world.new_user().await;
    user.deposit("500.00").await;
    let bought = user.order("market_buy", "ETH", "0.07").await.expect(201).json()["data"].clone();
    let sold = user.order("market_sell", "ETH", "0.03").await.expect(201).json()["data"].clone();
    let (paid, earned) = (amount(&bought["total_amount"]), amount(&sold["total_amount"]));
    let cash = exact("500.00") - paid + earned;
    assert_eq!(exact(user.cash().await), cash);

    let ledger = user.get("/api/v1/balance/transactions").await.expect(200).json();
    let entries: Vec<_> = ledger["transactions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let kind = entry["transaction_type"].as_str().unwrap();
            (kind, amount(&entry["amount"]), amount(&entry["balance_after"]), entry["order_id"].clone())
        })
        .collect();
    assert_eq!(
        entries,
        [
            ("order_sale", earned, cash, sold["order_id"].clone()),
            ("order_payment", -paid, exact("500.00") - paid, bought["order_id"].clone()),
            ("deposit", exact("500.00"), exact("500.00"), Value::Null),
        ]
    );

    let trades = user.get("/api/v1/assets/ETH/transactions").await.expect(200).json();
    for (trade, (kind, order)) in
        trades["data"].as_array().unwrap().iter().zip([("SELL", &sold), ("BUY", &bought)])
    {
        assert_eq!(trade["transaction_type"], kind);
        for field in ["asset_id", "order_id", "quantity", "price", "total_amount"] {
            assert_eq!(trade[field], order[field], "{field}");
        }
    }
    let portfolio = user.get("/api/v1/portfolio").await.expect(200).json();
    assert_eq!(amount(&portfolio["usd_balance"]), cash);
    assert_eq!(portfolio["assets"][0]["quantity"], "0.04");
}

async fn an_order_is_shown_to_its_user_alone(world: World) {
    let (user, other) = (world.new_user().await, world.new_user().await);
    user.deposit("100.00").await;
    let order = user.order("market_buy", "SOL", "0.1").await.expect(201).field("data.order_id");
    user.get(&format!("/api/v1/orders/{order}")).await.expect(200);
    let foreign = other.get(&format!("/api/v1/orders/{order}")).await.refused(404, "order_not_found");
    let unknown = other.get("/api/v1/orders/019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a10").await;
    assert_eq!(same_for_all(&foreign), same_for_all(&unknown.refused(404, "order_not_found")));
    assert!(orders(&other, "").await.is_empty());
}

async fn a_malformed_order_id_is_invalid_and_not_unknown(world: World) {
    let user = world.new_user().await;
    for id in ["a".repeat(9), "a".repeat(51), "%20".repeat(3), "%20".repeat(12), "abcdef.ghij".into()] {
        user.get(&format!("/api/v1/orders/{id}")).await.invalid(&["order_id"]);
    }
    for id in ["a".repeat(10), "a".repeat(50), "A_9-".repeat(5)] {
        user.get(&format!("/api/v1/orders/{id}")).await.refused(404, "order_not_found");
    }
}

async fn without_a_token_every_route_answers_401_whatever_else_is_wrong(world: World) {
    for (method, path, body) in [
        (Method::POST, "/orders", "{}"),
        (Method::POST, "/orders", "not json"),
        (Method::GET, "/orders", ""),
        (Method::GET, "/orders?limit=0&cursor=x", ""),
        (Method::GET, "/orders/x", ""),
        (Method::GET, "/orders/%20%20%20", ""),
        (Method::GET, "/portfolio", ""),
        (Method::GET, "/balance/asset/%20", ""),
        (Method::GET, "/balance/asset/BTC", ""),
        (Method::GET, "/assets/balances", ""),
        (Method::GET, "/assets/B-C/transactions?limit=0", ""),
    ] {
        for authorization in [None, Some("Bearer nonsense"), Some("Basic dTpw"), Some("Bearer")] {
            let request = world.request(method.clone(), &format!("/api/v1{path}")).body(body);
            let request = match authorization {
                Some(text) => request.header("authorization", text),
                None => request,
            };
            world.send(request).await.refused(401, "unauthenticated");
        }
    }
}

const UP: RoundingStrategy = RoundingStrategy::ToPositiveInfinity;
const DOWN: RoundingStrategy = RoundingStrategy::ToNegativeInfinity;

async fn between_ten_and_a_hundred(world: &World) -> (World, User) {
    let own = world.own(still().set("order.min_value", "10.00").set("order.max_value", "100.00")).await;
    let user = own.new_user().await;
    user.deposit("1000.00").await;
    (own, user)
}

/// Demands that an order was executed for so many dollars, or refused for this reason.
#[track_caller]
fn worth(answer: &Answer, expected: Result<&str, &str>) {
    let json = answer.json();
    let actual = match answer.status.as_u16() {
        201 => Ok(json["data"]["total_amount"].as_str().unwrap()),
        422 => Err(json["code"].as_str().unwrap()),
        _ => panic!("{answer:?}"),
    };
    assert_eq!(actual, expected, "{answer:?}");
}

/// What a user holds of which asset.
async fn holdings(user: &User) -> Vec<(Value, Value)> {
    let portfolio = user.get("/api/v1/portfolio").await.expect(200).json();
    let assets = portfolio["assets"].as_array().unwrap().iter();
    assets.map(|asset| (asset["asset_id"].clone(), asset["quantity"].clone())).collect()
}

/// A problem document without what names the request.
fn same_for_all(answer: &Answer) -> Value {
    let mut json = answer.json();
    for name in ["instance", "request_id"] {
        json.as_object_mut().unwrap().remove(name);
    }
    json
}
