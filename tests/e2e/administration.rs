//! What administrators do with the catalog, and what follows for those who trade.

use std::sync::Arc;

use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tradepost_testkit::{Answer, Setup, ShiftedClock, User, World};

use crate::figures::price_of;
use crate::market::{Market, limit, order, place, placed_open, until};

crate::tests![
    only_administrators_may,
    a_suspended_asset_is_shown_and_not_traded_until_it_is_resumed,
    open_orders_on_a_suspended_asset_stay_and_do_not_fill,
    rules_are_shown_and_hold_on_both_sides,
    a_sell_that_empties_a_position_is_bound_by_no_step,
    words_are_set_and_taken_back,
    an_added_asset_trades_at_its_price,
    an_open_order_fills_when_an_administrator_moves_the_price,
    only_the_price_of_an_added_asset_is_set,
    where_no_feed_prices_an_asset_an_administrator_may,
    a_price_that_was_set_is_never_too_old_to_trade_at,
    a_symbol_is_taken_once,
    every_field_has_its_limits,
    unknown_and_malformed_assets_are_told_apart,
    every_change_is_recorded_with_who_made_it,
];

const ADMIN: &str = "/api/v1/inventory/admin";

/// A platform of its own, an administrator and somebody with $10000.
async fn platform(world: &World) -> (World, User, User) {
    let own = world.own(Setup::default().set("inventory.sync_interval_ms", "50")).await;
    let (admin, user) = (own.new_admin().await, own.new_user().await);
    user.deposit("10000.00").await;
    (own, admin, user)
}

async fn set(admin: &User, asset: &str, terms: Value) -> Answer {
    admin.put(&format!("{ADMIN}/assets/{asset}"), &terms).await
}

async fn add(admin: &User, asset: Value) -> Answer {
    admin.post(&format!("{ADMIN}/assets"), &asset).await
}

async fn suspend(admin: &User, asset: &str, reason: &str) -> Answer {
    admin.post(&format!("{ADMIN}/assets/{asset}/suspend"), &json!({ "reason": reason })).await
}

async fn resume(admin: &User, asset: &str) -> Answer {
    admin.post(&format!("{ADMIN}/assets/{asset}/resume"), &json!({})).await
}

async fn detail(world: &World, asset: &str) -> Value {
    world.get(&format!("/api/v1/inventory/assets/{asset}")).await.expect(200).json()["data"].take()
}

/// Asks until the process that takes orders knows of a change too.
async fn until_refused(user: &User, body: &Value, code: &str) {
    loop {
        let answer = place(user, body).await;
        if answer.status == 422 && answer.field("code") == code {
            return;
        }
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}

fn market_buy(asset: &str, quantity: &str) -> Value {
    json!({ "order_type": "market_buy", "asset_id": asset, "quantity": quantity })
}

async fn only_administrators_may(world: World) {
    let user = world.new_user().await;
    let routes = [
        (Method::POST, "/assets"),
        (Method::PUT, "/assets/BTC"),
        (Method::POST, "/assets/BTC/suspend"),
        (Method::POST, "/assets/BTC/resume"),
        (Method::GET, "/audit"),
    ];
    for (method, path) in routes {
        let path = format!("{ADMIN}{path}");
        // Whatever else is wrong with the request.
        let request = world.request(method.clone(), &path).header("content-type", "text/plain").body("{");
        assert_eq!(world.send(request).await.expect(401).field("code"), "unauthenticated");
        let request = user.request(method, &path).header("content-type", "text/plain").body("{");
        assert_eq!(world.send(request).await.expect(403).field("code"), "forbidden");
    }
    assert_eq!(detail(&world, "BTC").await["availability_status"], "available");
}

async fn a_suspended_asset_is_shown_and_not_traded_until_it_is_resumed(world: World) {
    let (own, admin, user) = platform(&world).await;
    let answer = suspend(&admin, "sol", "The network has halted.").await.expect(200).json();
    assert_eq!(answer["data"]["asset_id"], "SOL");
    let shown = detail(&own, "SOL").await;
    assert_eq!((&shown["availability_status"], &shown["is_active"]), (&json!("unavailable"), &json!(false)));
    assert_eq!(shown["suspension_reason"], "The network has halted.");
    let listed = own.get("/api/v1/inventory/assets?limit=250").await.expect(200);
    assert!(!listed.text.contains(r#""asset_id":"SOL""#) && listed.json()["total_count"] == 100);
    let refused = place(&user, &market_buy("SOL", "1")).await.expect(422);
    assert_eq!(refused.field("code"), "asset_not_tradable");
    let waiting = limit("limit_buy", "SOL", "1", Decimal::TWO);
    assert_eq!(place(&user, &waiting).await.expect(422).field("code"), "asset_not_tradable");

    // Again changes nothing, not even the reason.
    let again = suspend(&admin, "SOL", "Another reason.").await.expect(200).json();
    assert_eq!(again["data"]["suspension_reason"], "The network has halted.");
    let resumed = resume(&admin, "SOL").await.expect(200).json();
    assert_eq!(resumed["data"]["availability_status"], "available");
    assert_eq!(resumed["data"]["suspension_reason"], Value::Null);
    resume(&admin, "SOL").await.expect(200);
    place(&user, &market_buy("SOL", "1")).await.expect(201);
    // What its source has as inactive stays so.
    assert_eq!(resume(&admin, "LUNC").await.expect(200).json()["data"]["is_active"], false);
    own.reconcile().await;
}

async fn open_orders_on_a_suspended_asset_stay_and_do_not_fill(world: World) {
    let market = Market::with(&world, Setup::default().set("inventory.sync_interval_ms", "50")).await;
    let (admin, user) = (market.world.new_admin().await, market.trader().await);
    let fall = market.fall().await;
    let waiting =
        placed_open(&user, &limit("limit_buy", &fall.asset, &fall.worth(100), fall.between())).await;
    suspend(&admin, &fall.asset, "").await.expect(200);
    market.make(&fall).await;
    // Long enough for the looks that would fill it: another order on another asset is filled by them meanwhile.
    let other = limit("limit_buy", "USDT", "20", Decimal::TWO);
    let filled = place(&user, &other).await.expect(201).field("data.order_id");
    until(&user, &filled, "completed").await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(order(&user, &waiting).await["status"], "open");

    resume(&admin, &fall.asset).await.expect(200);
    let filled = until(&user, &waiting, "completed").await;
    assert_eq!(filled["price"], fall.after.normalize().to_string());
    market.world.reconcile().await;
}

async fn rules_are_shown_and_hold_on_both_sides(world: World) {
    let (own, admin, user) = platform(&world).await;
    let rules = json!({ "quantity_step": "0.05", "min_order_value": 20, "max_order_value": "50.00" });
    add(&admin, json!({ "asset_id": "GOLD", "name": "Gold", "price": "100" })).await.expect(201);
    set(&admin, "GOLD", rules).await.expect(200);
    let shown = own.get("/api/v1/inventory/assets/GOLD").await.expect(200).text;
    for rule in [r#""quantity_step":0.05,"#, r#""min_order_value":20,"#, r#""max_order_value":50,"#] {
        assert!(shown.contains(rule), "{shown}");
    }
    until_refused(&user, &market_buy("GOLD", "0.21"), "invalid_quantity_step").await;
    for (quantity, code) in [
        ("0.15", Some("order_value_too_small")),
        ("0.2", None),
        ("0.21", Some("invalid_quantity_step")),
        ("0.5", None),
        ("0.55", Some("order_value_too_large")),
    ] {
        for body in [market_buy("GOLD", quantity), limit("limit_buy", "GOLD", quantity, Decimal::ONE_HUNDRED)]
        {
            let answer = place(&user, &body).await;
            match code {
                Some(code) => assert_eq!(answer.expect(422).field("code"), code, "{quantity}"),
                None => drop(answer.expect(201)),
            }
        }
    }
    set(&admin, "GOLD", json!({ "quantity_step": 0, "min_order_value": "0", "max_order_value": 0.0 }))
        .await
        .expect(200);
    let shown = detail(&own, "GOLD").await;
    for rule in ["quantity_step", "min_order_value", "max_order_value"] {
        assert_eq!(shown[rule], Value::Null, "{rule}");
    }
    let crossed = json!({ "min_order_value": "5", "max_order_value": "4.99" });
    assert_eq!(set(&admin, "GOLD", crossed).await.expect(422).field("code"), "limits_crossed");
    set(&admin, "GOLD", json!({ "min_order_value": "5", "max_order_value": "5" })).await.expect(200);
    own.reconcile().await;
}

async fn a_sell_that_empties_a_position_is_bound_by_no_step(world: World) {
    let (own, admin, user) = platform(&world).await;
    add(&admin, json!({ "asset_id": "GOLD", "name": "Gold", "price": "100" })).await.expect(201);
    place(&user, &market_buy("GOLD", "1.2345")).await.expect(201);
    set(&admin, "GOLD", json!({ "quantity_step": "1", "min_order_value": "500" })).await.expect(200);
    until_refused(&user, &market_buy("GOLD", "0.5"), "invalid_quantity_step").await;
    let held = user.get("/api/v1/balance/asset/GOLD").await.expect(200).field("quantity");
    assert_eq!(
        user.order("market_sell", "GOLD", "0.2").await.expect(422).field("code"),
        "invalid_quantity_step"
    );
    user.order("market_sell", "GOLD", &held).await.expect(201);
    own.reconcile().await;
}

async fn words_are_set_and_taken_back(world: World) {
    let (own, admin, _) = platform(&world).await;
    let before = detail(&own, "ETH").await;
    set(&admin, "ETH", json!({ "category": "settlement-layer", "description": " Grüße. " }))
        .await
        .expect(200);
    let changed = detail(&own, "ETH").await;
    assert_eq!(
        (&changed["category"], &changed["description"]),
        (&json!("settlement-layer"), &json!("Grüße."))
    );
    set(&admin, "ETH", json!({ "category": null })).await.expect(200);
    assert_eq!(detail(&own, "ETH").await["category"], "settlement-layer", "null changes nothing");
    set(&admin, "ETH", json!({ "category": "", "description": "" })).await.expect(200);
    let after = detail(&own, "ETH").await;
    assert_eq!((&after["category"], &after["description"]), (&before["category"], &before["description"]));
}

async fn an_added_asset_trades_at_its_price(world: World) {
    let (own, admin, user) = platform(&world).await;
    let gold = json!({
        "asset_id": "gold", "name": "Gold, troy ounce", "price": 2412.55, "category": "commodity",
        "description": "A yellow metal.", "quantity_step": "0.001"
    });
    let added = add(&admin, gold).await.expect(201).json();
    let shown = detail(&own, "GOLD").await;
    assert_eq!(added["data"]["asset_id"], shown["asset_id"]);
    for (field, value) in [
        ("name", json!("Gold, troy ounce")),
        ("category", json!("commodity")),
        ("price_source", json!("manual")),
        ("availability_status", json!("available")),
        ("market_cap_rank", Value::Null),
        ("price_change_percentage_24h", Value::Null),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    assert_eq!(price_of(&own, "GOLD").await.to_string(), "2412.55");
    let list = own.get("/api/v1/inventory/assets?limit=250").await.expect(200).json();
    assert_eq!((&list["total_count"], &list["data"][97]["asset_id"]), (&json!(101), &json!("GOLD")));

    let bought = user.order("market_buy", "GOLD", "2").await.expect(201);
    assert_eq!(
        (bought.field("data.price"), bought.field("data.total_amount")),
        ("2412.55".into(), "4825.10".into())
    );
    set(&admin, "GOLD", json!({ "price": "2500" })).await.expect(200);
    while user.get("/api/v1/portfolio").await.expect(200).field("total_asset_value") != "5000.00" {}
    user.order("market_sell", "GOLD", "2").await.expect(201);
    assert_eq!(user.cash().await, "10174.90");
    own.reconcile().await;
}

async fn an_open_order_fills_when_an_administrator_moves_the_price(world: World) {
    let clock = Arc::new(ShiftedClock::default());
    let setup = Setup::default().set("order.trigger_interval_ms", "50").clock(&clock);
    let own = world.own(setup.set("inventory.sync_interval_ms", "50")).await;
    let (admin, user) = (own.new_admin().await, own.new_user().await);
    user.deposit("1000.00").await;
    add(&admin, json!({ "asset_id": "GOLD", "name": "Gold", "price": "100" })).await.expect(201);
    let waiting = placed_open(&user, &limit("limit_buy", "GOLD", "1", Decimal::from(90))).await;
    // The price is true until it is changed: it does not grow too old to trade at.
    for _ in 0..4 {
        clock.advance(chrono::TimeDelta::seconds(30));
        loop {
            let answer = user.order("market_buy", "GOLD", "0.01").await;
            if answer.status == 201 {
                break;
            }
            assert_eq!(answer.field("code"), "price_unavailable", "{answer:?}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
    set(&admin, "GOLD", json!({ "price": "89.5" })).await.expect(200);
    assert_eq!(until(&user, &waiting, "completed").await["price"], "89.5");
    own.reconcile().await;
}

async fn only_the_price_of_an_added_asset_is_set(world: World) {
    let (own, admin, _) = platform(&world).await;
    let before = detail(&own, "USDC").await["price_source"].clone();
    let answer = set(&admin, "USDC", json!({ "price": "1" })).await.expect(422);
    assert_eq!(answer.field("code"), "price_of_feed");
    assert_eq!(detail(&own, "USDC").await["price_source"], before);
}

async fn where_no_feed_prices_an_asset_an_administrator_may(world: World) {
    let setup = Setup::default().set("inventory.feed", "none").set("inventory.sync_interval_ms", "50");
    let own = world.own(setup).await;
    let (admin, user) = (own.new_admin().await, own.new_user().await);
    user.deposit("1000.00").await;
    let unpriced = detail(&own, "BTC").await;
    for (field, value) in [
        ("price_usd", json!(0)),
        ("price_source", Value::Null),
        ("price_age_s", Value::Null),
        ("last_updated", Value::Null),
        ("is_active", json!(false)),
        ("availability_status", json!("unavailable")),
    ] {
        assert_eq!(unpriced[field], value, "{field}");
    }
    let refused = user.order("market_buy", "BTC", "0.01").await.expect(422);
    assert_eq!(refused.field("code"), "asset_not_tradable");
    set(&admin, "BTC", json!({ "price": "50000" })).await.expect(200);
    let priced = detail(&own, "BTC").await;
    assert_eq!((&priced["price_source"], &priced["name"]), (&json!("manual"), &unpriced["name"]));
    assert_eq!((&priced["market_cap_rank"], &priced["description"]), (&json!(1), &unpriced["description"]));
    let bought = user.order("market_buy", "BTC", "0.01").await.expect(201);
    assert_eq!(bought.field("data.total_amount"), "500.00");
    own.reconcile().await;
}

async fn a_price_that_was_set_is_never_too_old_to_trade_at(world: World) {
    let clock = Arc::new(ShiftedClock::stopped());
    let setup = Setup::default().set("order.max_quote_age_s", "1").set("inventory.sync_interval_ms", "50");
    let own = world.own(setup.clock(&clock)).await;
    let (admin, user) = (own.new_admin().await, own.new_user().await);
    user.deposit("1000.00").await;
    add(&admin, json!({ "asset_id": "GOLD", "name": "Gold", "price": "100" })).await.expect(201);
    let set_at = detail(&own, "GOLD").await["last_updated"].clone();
    for age_s in [0, 7, 14, 21] {
        let shown = detail(&own, "GOLD").await;
        assert_eq!((&shown["price_age_s"], &shown["last_updated"]), (&json!(age_s), &set_at));
        user.order("market_buy", "GOLD", "0.01").await.expect(201);
        place(&user, &limit("limit_buy", "GOLD", "1", Decimal::from(90))).await.expect(201);
        clock.advance(chrono::TimeDelta::seconds(7));
    }
    own.reconcile().await;
}

async fn a_symbol_is_taken_once(world: World) {
    let (own, admin, _) = platform(&world).await;
    let new = |asset: &str| json!({ "asset_id": asset, "name": "New", "price": "1" });
    assert_eq!(add(&admin, new("btc")).await.expect(409).field("code"), "asset_exists");
    let both = tokio::join!(add(&admin, new("NEW1")), add(&admin, new("NEW1")));
    let mut statuses = [both.0.status.as_u16(), both.1.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    add(&admin, new("USD")).await.invalid(&["asset_id"]);
    assert_eq!(detail(&own, "NEW1").await["name"], "New");
}

async fn every_field_has_its_limits(world: World) {
    let (_own, admin, _) = platform(&world).await;
    add(&admin, json!({})).await.invalid(&["asset_id", "name", "price"]);
    add(&admin, json!({ "asset_id": "TEN0000000", "name": "n".repeat(100), "price": "1000000000" }))
        .await
        .expect(201);
    let cases = [
        ("asset_id", json!("ELEVEN"), json!("ELEVEN00000")),
        ("name", json!("n"), json!(" ")),
        ("name", json!("ñ".repeat(100)), json!("n".repeat(101))),
        ("name", json!("<b>"), json!("a\u{7}b")),
        ("price", json!("0.000000000001"), json!("0")),
        ("price", json!("1"), json!("1000000000.01")),
        ("price", json!("1"), json!("0.0000000000001")),
        ("price", json!("1"), json!(true)),
        ("category", json!("c".repeat(40)), json!("c".repeat(41))),
        ("category", json!("a-1"), json!("A b")),
        ("description", json!("d".repeat(500)), json!("d".repeat(501))),
        ("quantity_step", json!("0.00000001"), json!("0.000000001")),
        ("quantity_step", json!("1000000000000"), json!("1000000000001")),
        ("min_order_value", json!("0.01"), json!("0.001")),
        ("max_order_value", json!("0.01"), json!("-1")),
    ];
    for (number, (field, good, bad)) in cases.into_iter().enumerate() {
        let asset = |value: &Value, id: &str| {
            let mut asset = json!({ "asset_id": id, "name": "New", "price": "1" });
            asset[field] = value.clone();
            asset
        };
        add(&admin, asset(&bad, "BAD")).await.invalid(&[field]);
        let id = format!("N{number}");
        add(&admin, asset(&good, &id)).await.expect(201);
    }
    let reason = |length| json!({ "reason": "r".repeat(length) });
    admin.post(&format!("{ADMIN}/assets/BTC/suspend"), &reason(201)).await.invalid(&["reason"]);
    admin.post(&format!("{ADMIN}/assets/BTC/suspend"), &reason(200)).await.expect(200);
}

async fn unknown_and_malformed_assets_are_told_apart(world: World) {
    let (_own, admin, _) = platform(&world).await;
    for (asset, status) in [("NOPE", 404), ("N-O", 422)] {
        assert_eq!(set(&admin, asset, json!({})).await.status.as_u16(), status);
        assert_eq!(suspend(&admin, asset, "").await.status.as_u16(), status);
        assert_eq!(resume(&admin, asset).await.status.as_u16(), status);
    }
}

async fn every_change_is_recorded_with_who_made_it(world: World) {
    let (_own, admin, _) = platform(&world).await;
    let audit = async |query: &str| admin.get(&format!("{ADMIN}/audit{query}")).await;
    assert_eq!(
        audit("").await.expect(200).json(),
        json!({ "data": [], "has_more": false, "next_cursor": null })
    );
    add(&admin, json!({ "asset_id": "GOLD", "name": "Gold", "price": "100" })).await.expect(201);
    suspend(&admin, "BTC", "Maintenance").await.expect(200);
    suspend(&admin, "BTC", "Maintenance").await.expect(200);
    set(&admin, "BTC", json!({ "category": "metal", "max_order_value": "7.50" })).await.expect(200);
    set(&admin, "BTC", json!({ "min_order_value": "8" })).await.expect(422);
    resume(&admin, "BTC").await.expect(200);

    let all = audit("").await.expect(200).json()["data"].take();
    let seen: Vec<_> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["action"].as_str().unwrap(), event["asset_id"].as_str().unwrap()))
        .collect();
    assert_eq!(seen, [("resume", "BTC"), ("set", "BTC"), ("suspend", "BTC"), ("add", "GOLD")]);
    assert!(all.as_array().unwrap().iter().all(|event| event["by"] == admin.username.as_str()));
    assert_eq!(
        (&all[2]["before"], &all[2]["after"]["suspension"]["reason"]),
        (&Value::Null, &json!("Maintenance"))
    );
    assert_eq!(all[1]["after"]["rules"]["max_value"], "7.50");
    assert_eq!(all[1]["before"], all[2]["after"]);

    let (mut paged, mut query) = (Vec::new(), "?limit=3".to_owned());
    loop {
        let mut page = audit(&query).await.expect(200).json();
        paged.append(page["data"].as_array_mut().unwrap());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("?limit=3&cursor={cursor}");
    }
    assert_eq!(json!(paged), all);
    audit("?cursor=bm9uZQ").await.expect(400);
    for limit in ["0", "101"] {
        audit(&format!("?limit={limit}")).await.invalid(&["limit"]);
    }
}
