//! Orders that wait for a price: what they hold, and what they are filled at.

use chrono::TimeDelta;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tradepost_testkit::World;

use crate::figures::{amount, exact};
use crate::market::{Market, balance, limit, order, place, placed_open, until};

crate::tests![
    an_open_order_answers_with_every_field,
    a_limit_buy_holds_its_cash_from_the_moment_it_is_accepted,
    a_limit_sell_holds_its_asset_from_the_moment_it_is_accepted,
    nothing_spends_what_is_held,
    an_order_that_the_market_has_reached_is_filled_at_once_at_the_price_of_the_market,
    an_order_that_waits_needs_a_price,
    a_price_is_limited_on_both_sides_and_in_its_places,
    the_value_at_the_limit_is_limited_on_both_sides,
    a_sale_of_all_there_is_may_be_worth_next_to_nothing,
    an_order_beyond_the_means_is_refused_and_kept,
    an_inactive_asset_takes_no_order_that_waits,
    an_expiry_is_in_the_future_and_at_most_90_days_away,
    an_order_waits_for_30_days_unless_told_otherwise,
    an_order_expires_at_its_moment_and_not_before,
];

async fn an_open_order_answers_with_every_field(world: World) {
    let market = Market::open(&world).await;
    let (user, fall) = (market.trader().await, market.fall().await);
    let answer = place(&user, &limit("limit_buy", &fall.asset, &fall.worth(500), fall.between())).await;
    let placed = answer.expect(201).json()["data"].clone();
    assert_eq!((&placed["status"], &placed["order_type"]), (&json!("open"), &json!("limit_buy")));
    assert_eq!(amount(&placed["price"]), fall.between());
    assert_eq!(placed["limit_price"], placed["price"]);
    assert_eq!(placed["price_source"], "limit");
    assert!(placed["expires_at"].is_string() && placed["client_order_id"].is_null());
    let id = placed["order_id"].as_str().unwrap();
    assert_eq!(order(&user, id).await, placed);
    let list = user.get("/api/v1/orders?status=open").await.expect(200).json();
    assert_eq!(list["data"], json!([placed]));
}

async fn a_limit_buy_holds_its_cash_from_the_moment_it_is_accepted(world: World) {
    let market = Market::open(&world).await;
    let (user, fall) = (market.trader().await, market.fall().await);
    let answer = place(&user, &limit("limit_buy", &fall.asset, "1.2345", fall.between())).await.expect(201);
    let total = exact(answer.field("data.total_amount"));
    let value = fall.between() * exact("1.2345");
    assert!(total >= value && total < value + exact("0.01") && total.scale() == 2, "rounded up");
    let rest = exact("10000.00") - total;
    assert_eq!(balance(&user).await, [rest.to_string(), total.to_string(), "10000.00".into()]);
    let portfolio = user.get("/api/v1/portfolio").await.expect(200);
    assert_eq!(portfolio.field("usd_balance"), "10000.00");
    assert_eq!(portfolio.field("usd_held"), total.to_string());

    market.make(&fall).await;
    let filled = until(&user, &answer.field("data.order_id"), "completed").await;
    assert_eq!(amount(&filled["price"]), fall.after, "the price of the market and not the limit");
    assert_eq!(amount(&filled["limit_price"]), fall.between());
    assert_eq!(filled["price_source"], "simulated");
    let paid = amount(&filled["total_amount"]);
    assert!(paid < total);
    let left = (exact("10000.00") - paid).to_string();
    assert_eq!(balance(&user).await, [left.clone(), "0.00".into(), left], "the surplus is available again");
    market.world.reconcile().await;
}

async fn a_limit_sell_holds_its_asset_from_the_moment_it_is_accepted(world: World) {
    let market = Market::open(&world).await;
    let (user, rise) = (market.trader().await, market.rise().await);
    user.order("market_buy", &rise.asset, "2").await.expect(201);
    let cash = exact(user.cash().await);
    let id = placed_open(&user, &limit("limit_sell", &rise.asset, "1.5", rise.between())).await;
    user.order("market_sell", &rise.asset, "0.50000001").await.refused(422, "insufficient_holdings");
    let path = format!("/api/v1/balance/asset/{}", rise.asset);
    let position = user.get(&path).await.expect(200);
    assert_eq!(position.field("quantity"), "2", "held or not, it is still theirs");
    let portfolio = user.get("/api/v1/portfolio").await.expect(200).json();
    for shown in [&position.json(), &portfolio["assets"][0]] {
        assert_eq!((&shown["available_quantity"], &shown["held_quantity"]), (&json!("0.5"), &json!("1.5")));
    }

    market.make(&rise).await;
    let filled = until(&user, &id, "completed").await;
    assert_eq!(amount(&filled["price"]), rise.after);
    assert_eq!(exact(user.cash().await), cash + amount(&filled["total_amount"]));
    assert_eq!(user.get(&path).await.expect(200).field("quantity"), "0.5");
    let trades = user.get(&format!("/api/v1/assets/{}/transactions", rise.asset)).await.expect(200).json();
    assert_eq!((&trades["data"][0]["order_id"], &trades["data"][0]["price"]), (&json!(id), &filled["price"]));
    market.world.reconcile().await;
}

async fn nothing_spends_what_is_held(world: World) {
    let market = Market::open(&world).await;
    let (user, fall) = (market.world.new_user().await, market.fall().await);
    user.deposit("1000.00").await;
    let order = limit("limit_buy", &fall.asset, &fall.worth(900), fall.between());
    let held = exact(place(&user, &order).await.expect(201).field("data.total_amount"));
    let rest = exact("1000.00") - held;
    let withdraw = |amount: Decimal| {
        let body = json!({ "amount": amount.to_string() });
        let user = user.clone();
        async move { user.post("/api/v1/balance/withdraw", &body).await }
    };
    withdraw(rest + exact("0.01")).await.refused(422, "insufficient_funds");
    user.order("market_buy", &fall.asset, &fall.worth(900)).await.refused(422, "insufficient_funds");
    place(&user, &order).await.refused(422, "insufficient_funds");
    withdraw(rest).await.expect(201);
    assert_eq!(balance(&user).await, ["0.00".into(), held.to_string(), held.to_string()]);
    market.make(&fall).await;
    let list = user.get("/api/v1/orders?status=open").await.expect(200).json();
    let open = list["data"][0]["order_id"].as_str().map(str::to_owned);
    if let Some(id) = open {
        until(&user, &id, "completed").await;
    }
    market.world.reconcile().await;
}

async fn an_order_that_the_market_has_reached_is_filled_at_once_at_the_price_of_the_market(world: World) {
    let market = Market::open(&world).await;
    let (user, fall) = (market.trader().await, market.fall().await);
    let (price, step) = (market.price(&fall.asset).await, Decimal::new(1, 12));
    let worse_to_buy = price + step;
    for (order_type, limit_price) in [
        ("limit_buy", price),
        ("limit_buy", worse_to_buy),
        ("limit_sell", price),
        ("limit_sell", price - step),
        ("stop_loss", price),
        ("stop_loss", worse_to_buy),
        ("take_profit", price),
        ("take_profit", price - step),
    ] {
        if order_type != "limit_buy" {
            user.order("market_buy", &fall.asset, "1").await.expect(201);
        }
        let answer = place(&user, &limit(order_type, &fall.asset, "1", limit_price)).await.expect(201);
        assert_eq!(answer.field("data.status"), "completed", "{order_type} at {limit_price}");
        assert_eq!(exact(answer.field("data.price")), price);
        assert_eq!(exact(answer.field("data.limit_price")), limit_price);
    }
    assert_eq!(balance(&user).await[1], "0.00");
    for (order_type, limit_price) in [("limit_buy", price - step), ("limit_sell", worse_to_buy)] {
        placed_open(&user, &limit(order_type, &fall.asset, "1", limit_price)).await;
    }
    market.world.reconcile().await;
}

async fn an_order_that_waits_needs_a_price(world: World) {
    let user = world.new_user().await;
    for order_type in ["limit_buy", "limit_sell", "stop_loss", "take_profit"] {
        for price in ["", r#","price":null"#] {
            let body = format!(r#"{{"order_type":"{order_type}","asset_id":"BTC","quantity":"1"{price}}}"#);
            user.post_text("/api/v1/orders", body).await.invalid(&["price"]);
        }
    }
}

async fn a_price_is_limited_on_both_sides_and_in_its_places(world: World) {
    let user = world.new_user().await;
    let sell = |price: &str| {
        let order = r#""order_type":"take_profit","asset_id":"BTC","quantity":"1000000""#;
        user.post_text("/api/v1/orders", format!(r#"{{{order},"price":{price}}}"#))
    };
    for price in ["0", "-1", "1000000000.000000000001", "0.0000000000001", "true", "\"1_0\"", "\"\"", "{}"] {
        sell(price).await.invalid(&["price"]);
    }
    sell("1000000000").await.refused(422, "order_value_too_large");
    sell("1e-12").await.refused(422, "order_value_too_small");
}

async fn the_value_at_the_limit_is_limited_on_both_sides(world: World) {
    let user = world.new_user().await;
    user.deposit("10000.00").await;
    let buy = |quantity: &str, price: &str| {
        let body = limit("limit_buy", "BTC", quantity, exact(price));
        let user = user.clone();
        async move { place(&user, &body).await }
    };
    buy("0.0099", "100").await.refused(422, "order_value_too_small");
    buy("100.0001", "100").await.refused(422, "order_value_too_large");
    for (quantity, total) in [("0.01", "1.00"), ("99.99", "9999.00")] {
        let answer = buy(quantity, "100").await.expect(201);
        assert_eq!(
            (answer.field("data.total_amount").as_str(), answer.field("data.status").as_str()),
            (total, "open")
        );
    }
    assert_eq!(balance(&user).await, ["0.00", "10000.00", "10000.00"]);
    let other = world.new_user().await;
    other.deposit("10000.00").await;
    let most = place(&other, &limit("limit_buy", "BTC", "100", exact("100"))).await.expect(201);
    assert_eq!(most.field("data.total_amount"), "10000.00");
}

async fn a_sale_of_all_there_is_may_be_worth_next_to_nothing(world: World) {
    let market = Market::open(&world).await;
    let (user, rise) = (market.trader().await, market.rise().await);
    let all = (exact("5") / rise.before).trunc_with_scale(8);
    user.order("market_buy", &rise.asset, &all.to_string()).await.expect(201);
    let stop =
        |quantity: Decimal| limit("stop_loss", &rise.asset, &quantity.to_string(), rise.before / exact("10"));
    let part = (all / Decimal::TWO).trunc_with_scale(8);
    place(&user, &round(stop(part))).await.refused(422, "order_value_too_small");
    placed_open(&user, &round(stop(all))).await;
}

/// An order with a price of no more places than a price has.
fn round(mut order: Value) -> Value {
    let price = exact(order["price"].as_str().unwrap()).trunc_with_scale(12);
    order["price"] = json!(price.to_string());
    order
}

async fn an_order_beyond_the_means_is_refused_and_kept(world: World) {
    let user = world.new_user().await;
    user.deposit("100.00").await;
    let order = limit("limit_buy", "BTC", "1", exact("100.01"));
    place(&user, &order).await.refused(422, "insufficient_funds");
    for order_type in ["limit_sell", "stop_loss", "take_profit"] {
        place(&user, &limit(order_type, "BTC", "1", exact("100")))
            .await
            .refused(422, "insufficient_holdings");
    }
    let list = user.get("/api/v1/orders?status=failed").await.expect(200).json();
    let codes: Vec<_> = list["data"].as_array().unwrap().iter().map(|order| order["code"].clone()).collect();
    assert_eq!(codes, [vec!["insufficient_holdings"; 3], vec!["insufficient_funds"]].concat());
    assert_eq!(balance(&user).await, ["100.00", "0.00", "100.00"]);
}

async fn an_inactive_asset_takes_no_order_that_waits(world: World) {
    let user = world.new_user().await;
    user.deposit("100.00").await;
    place(&user, &limit("limit_buy", "FTT", "10", exact("1"))).await.refused(422, "asset_not_tradable");
    place(&user, &limit("limit_buy", "NOPE", "10", exact("1"))).await.refused(422, "unknown_asset");
    assert_eq!(balance(&user).await, ["100.00", "0.00", "100.00"]);
}

async fn an_expiry_is_in_the_future_and_at_most_90_days_away(world: World) {
    let market = Market::open(&world).await;
    let user = market.trader().await;
    let now = market.now();
    let ms = TimeDelta::milliseconds(1);
    let longest = now + TimeDelta::days(90);
    for (expires_at, is_allowed) in [(now, false), (now + ms, true), (longest, true), (longest + ms, false)] {
        let mut order = limit("limit_buy", "BTC", "1", exact("10"));
        order["expires_at"] = json!(expires_at);
        let answer = place(&user, &order).await;
        if is_allowed {
            assert_eq!(answer.expect(201).json()["data"]["expires_at"], order["expires_at"]);
        } else {
            answer.invalid(&["expires_at"]);
        }
    }
    for broken in [json!("tomorrow"), json!("2026-01-01"), json!(5), json!("")] {
        let mut order = limit("limit_buy", "BTC", "1", exact("10"));
        order["expires_at"] = broken;
        place(&user, &order).await.invalid(&["expires_at"]);
    }
}

async fn an_order_waits_for_30_days_unless_told_otherwise(world: World) {
    let market = Market::open(&world).await;
    let user = market.trader().await;
    let answer = place(&user, &limit("limit_buy", "BTC", "1", exact("10"))).await.expect(201);
    assert_eq!(answer.json()["data"]["expires_at"], json!(market.now() + TimeDelta::days(30)));
}

async fn an_order_expires_at_its_moment_and_not_before(world: World) {
    let market = Market::open(&world).await;
    let user = market.trader().await;
    let mut body = limit("limit_buy", "BTC", "1", exact("10"));
    body["expires_at"] = json!(market.now() + TimeDelta::minutes(5));
    let id = placed_open(&user, &body).await;
    market.advance(TimeDelta::minutes(5));
    assert_eq!(order(&user, &id).await["status"], "open");
    assert_eq!(balance(&user).await[1], "10.00");
    market.advance(TimeDelta::milliseconds(1));
    let expired = until(&user, &id, "expired").await;
    assert_eq!(expired["code"], Value::Null);
    assert_eq!(balance(&user).await, ["10000.00", "0.00", "10000.00"]);
    market.world.reconcile().await;
}
