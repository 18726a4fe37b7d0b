//! What a user holds, what it is worth, and how it was traded.

use std::collections::BTreeSet;

use chrono::DateTime;
use reqwest::Method;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};
use tradepost_testkit::{User, World};

use crate::figures::{amount, exact, number, price_of, still};

crate::tests![
    a_new_user_has_an_empty_portfolio,
    a_portfolio_lists_assets_by_id_with_every_field,
    a_portfolio_adds_up_what_it_shows,
    what_is_sold_out_is_left_out,
    the_average_cost_is_what_was_paid_per_unit,
    the_unrealized_gain_is_the_value_less_what_was_paid,
    an_asset_balance_has_every_field_and_exact_numbers,
    an_asset_never_held_is_not_found_and_one_sold_out_is,
    asset_balances_agree_with_single_ones,
    a_trade_is_listed_with_every_field,
    an_asset_not_traded_has_no_trades_and_an_unknown_one_is_not_found,
    malformed_assets_are_invalid_on_every_route,
    a_cursor_leads_to_every_trade_exactly_once,
    trades_are_filtered_by_time_and_passed_over_by_offset,
    a_cursor_of_trades_is_good_for_its_list_alone,
    two_users_never_see_each_others_holdings,
];

async fn a_new_user_has_an_empty_portfolio(world: World) {
    let user = world.new_user().await;
    for cash in ["0.00", "70.00"] {
        let portfolio = portfolio(&user).await;
        assert_eq!(portfolio["assets"], json!([]));
        assert_eq!(portfolio["asset_count"], 0);
        assert_eq!(portfolio["total_asset_value"], "0.00");
        for field in ["usd_balance", "total_portfolio_value"] {
            assert_eq!(portfolio[field], cash, "{field}");
        }
        is_moment(&portfolio["last_updated"]);
        if cash == "0.00" {
            user.deposit("70.00").await;
        }
    }
}

async fn a_portfolio_lists_assets_by_id_with_every_field(world: World) {
    let user = with_three_assets(&world).await;
    let portfolio = portfolio(&user).await;
    let assets = portfolio["assets"].as_array().unwrap();
    let ids: Vec<_> = assets.iter().map(|asset| asset["asset_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["1INCH", "BTC", "SOL"]);
    assert_eq!(portfolio["asset_count"], 3);
    for asset in assets {
        for field in ["quantity", "current_price", "market_value", "percentage", "average_cost"] {
            assert!(amount(&asset[field]) > Decimal::ZERO, "{field} of {asset}");
        }
        assert_eq!(amount(&asset["unrealized_pnl"]).scale(), 2, "{asset}");
    }
}

async fn a_portfolio_adds_up_what_it_shows(world: World) {
    let user = with_three_assets(&world).await;
    let portfolio = portfolio(&user).await;
    let (cash, all) = (amount(&portfolio["usd_balance"]), amount(&portfolio["total_portfolio_value"]));
    assert_eq!(exact(user.cash().await), cash);
    let mut sum = Decimal::ZERO;
    for asset in portfolio["assets"].as_array().unwrap() {
        let value = amount(&asset["quantity"]) * amount(&asset["current_price"]);
        let shown = amount(&asset["market_value"]);
        assert_eq!(shown, value.trunc_with_scale(2), "{asset}");
        let percentage = (shown * Decimal::ONE_HUNDRED / all).round_dp_with_strategy(2, HALF_UP);
        assert_eq!(amount(&asset["percentage"]), percentage, "{asset} of {all}");
        sum += shown;
    }
    assert_eq!(amount(&portfolio["total_asset_value"]), sum);
    assert_eq!(all, cash + sum);
}

async fn what_is_sold_out_is_left_out(world: World) {
    let user = with_three_assets(&world).await;
    user.order("market_sell", "BTC", "0.001").await.expect(201);
    let portfolio = portfolio(&user).await;
    let ids: Vec<_> =
        portfolio["assets"].as_array().unwrap().iter().map(|asset| &asset["asset_id"]).collect();
    assert_eq!(ids, ["1INCH", "SOL"]);
    let balances = user.get("/api/v1/assets/balances").await.expect(200).json();
    assert_eq!((&portfolio["asset_count"], &balances["total_count"]), (&json!(2), &json!(2)));
}

async fn the_average_cost_is_what_was_paid_per_unit(world: World) {
    let user = world.new_user().await;
    user.deposit("2000.00").await;
    let buy = async |quantity| {
        let bought = user.order("market_buy", "SOL", quantity).await.expect(201);
        exact(bought.field("data.total_amount"))
    };
    let cost = async || amount(&portfolio(&user).await["assets"][0]["average_cost"]);
    let first = buy("1").await;
    assert_eq!(cost().await, first);
    let average = (first + buy("3").await) / exact("4");
    assert_eq!(cost().await, average);
    user.order("market_sell", "SOL", "1.5").await.expect(201);
    assert_eq!(cost().await, average, "selling changes nothing");
    user.order("market_sell", "SOL", "2.5").await.expect(201);
    assert_eq!(buy("2").await / Decimal::TWO, cost().await, "whoever sold out starts anew");
}

async fn the_unrealized_gain_is_the_value_less_what_was_paid(world: World) {
    let user = with_three_assets(&world).await;
    for asset in portfolio(&user).await["assets"].as_array().unwrap() {
        let paid = amount(&asset["quantity"]) * amount(&asset["average_cost"]);
        let gain = amount(&asset["market_value"]) - paid.round_dp_with_strategy(2, HALF_UP);
        assert_eq!(amount(&asset["unrealized_pnl"]), gain, "{asset}");
    }
}

async fn an_asset_balance_has_every_field_and_exact_numbers(world: World) {
    let own = world.own(still()).await;
    let user = own.new_user().await;
    user.deposit("100.00").await;
    user.order("market_buy", "SHIB", "1234567.00000001").await.expect(201);
    let price = price_of(&own, "SHIB").await;
    for id in ["SHIB", "shib"] {
        let answer = user.get(&format!("/api/v1/balance/asset/{id}")).await.expect(200);
        let balance = answer.json();
        assert_eq!(balance["asset_id"], "SHIB");
        assert_eq!(balance["asset_name"], "Shiba Inu");
        assert_eq!(balance["quantity"], "1234567.00000001");
        assert_eq!(exact(number(&answer.text, "current_price")), price);
        let value = (price * exact("1234567.00000001")).trunc_with_scale(2);
        assert_eq!(exact(number(&answer.text, "total_value")), value);
        is_moment(&balance["created_at"]);
        is_moment(&balance["updated_at"]);
    }
}

async fn an_asset_never_held_is_not_found_and_one_sold_out_is(world: World) {
    let user = world.new_user().await;
    user.deposit("100.00").await;
    user.get("/api/v1/balance/asset/SOL").await.refused(404, "position_not_found");
    user.order("market_buy", "SOL", "0.1").await.expect(201);
    user.order("market_sell", "SOL", "0.1").await.expect(201);
    let answer = user.get("/api/v1/balance/asset/SOL").await.expect(200);
    assert_eq!(answer.field("quantity"), "0");
    assert_eq!(exact(number(&answer.text, "total_value")), Decimal::ZERO);
    for id in ["NOPE", "USD", "ABCDEFGHIJ"] {
        user.get(&format!("/api/v1/balance/asset/{id}")).await.refused(404, "asset_not_found");
    }
}

async fn asset_balances_agree_with_single_ones(world: World) {
    let own = world.own(still()).await;
    let empty = own.new_user().await.get("/api/v1/assets/balances").await.expect(200).json();
    assert_eq!(empty, json!({ "data": [], "total_count": 0, "total_market_value": "0.00" }));
    let user = with_three_assets(&own).await;
    let balances = user.get("/api/v1/assets/balances").await.expect(200).json();
    let ids: Vec<_> = balances["data"].as_array().unwrap().iter().map(|asset| &asset["asset_id"]).collect();
    assert_eq!(ids, ["1INCH", "BTC", "SOL"]);
    assert_eq!(balances["total_count"], 3);
    let mut sum = Decimal::ZERO;
    for balance in balances["data"].as_array().unwrap() {
        let path = format!("/api/v1/balance/asset/{}", balance["asset_id"].as_str().unwrap());
        let single = user.get(&path).await.expect(200);
        assert_eq!(single.json(), *balance);
        sum += exact(number(&single.text, "total_value"));
    }
    assert_eq!(amount(&balances["total_market_value"]), sum);
    assert_eq!(portfolio(&user).await["total_asset_value"], balances["total_market_value"]);
}

async fn a_trade_is_listed_with_every_field(world: World) {
    let user = world.new_user().await;
    user.deposit("100.00").await;
    let bought = user.order("market_buy", "SOL", "0.3").await.expect(201).json()["data"].clone();
    let sold = user.order("market_sell", "SOL", "0.1").await.expect(201).json()["data"].clone();
    user.order("market_sell", "SOL", "1").await.refused(422, "insufficient_holdings");
    let trades = trades(&user, "SOL", "").await;
    assert_eq!(trades.len(), 2, "what was refused is no trade");
    for (trade, (kind, order)) in trades.iter().zip([("SELL", sold), ("BUY", bought)]) {
        assert_eq!((&trade["transaction_type"], &trade["status"]), (&json!(kind), &json!("COMPLETED")));
        for field in ["asset_id", "quantity", "price", "total_amount", "order_id"] {
            assert!(trade[field].is_string(), "{field}");
            assert_eq!(trade[field], order[field], "{field}");
        }
        is_moment(&trade["timestamp"]);
    }
    assert_eq!(self::trades(&user, "sol", "").await, trades);
}

async fn an_asset_not_traded_has_no_trades_and_an_unknown_one_is_not_found(world: World) {
    let user = world.new_user().await;
    let list = user.get("/api/v1/assets/BTC/transactions").await.expect(200).json();
    assert_eq!(list, json!({ "data": [], "has_more": false, "next_cursor": null }));
    for id in ["NOPE", "USD"] {
        user.get(&format!("/api/v1/assets/{id}/transactions")).await.refused(404, "asset_not_found");
    }
}

async fn malformed_assets_are_invalid_on_every_route(world: World) {
    let user = world.new_user().await;
    for id in ["B-C", "ABCDEFGHIJK", "%20", "%20%20%20", "BTC%20", "%C3%A9"] {
        user.get(&format!("/api/v1/balance/asset/{id}")).await.invalid(&["asset_id"]);
        user.get(&format!("/api/v1/assets/{id}/transactions")).await.invalid(&["asset_id"]);
    }
}

async fn a_cursor_leads_to_every_trade_exactly_once(world: World) {
    let user = with_five_trades(&world).await;
    let all = trades(&user, "SOL", "").await;
    for limit in 1..=5 {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/assets/SOL/transactions?limit={limit}{cursor}");
            let page = user.get(&path).await.expect(200).json();
            found.extend(page["data"].as_array().unwrap().clone());
            assert_eq!(page["has_more"], json!(found.len() < all.len()));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(found, all, "pages of {limit}");
    }
    let orders: BTreeSet<_> = all.iter().map(|trade| trade["order_id"].as_str().unwrap()).collect();
    assert_eq!(orders.len(), 5);
    for limit in ["0", "101", "x"] {
        user.get(&format!("/api/v1/assets/SOL/transactions?limit={limit}")).await.invalid(&["limit"]);
    }
}

async fn trades_are_filtered_by_time_and_passed_over_by_offset(world: World) {
    let user = with_five_trades(&world).await;
    let all = trades(&user, "SOL", "").await;
    let at = |trade: &Value| trade["timestamp"].as_str().unwrap().to_owned();
    assert!(all.is_sorted_by(|newer, older| at(newer) >= at(older)), "newest first");
    let [from, to] = [at(&all[3]), at(&all[1])];
    for query in [format!("?from={from}"), format!("?to={to}"), format!("?from={from}&to={to}")] {
        let passes = |trade: &&Value| {
            (!query.contains("from") || at(trade) >= from) && (!query.contains("to=") || at(trade) < to)
        };
        let expected: Vec<_> = all.iter().filter(passes).cloned().collect();
        assert_eq!(trades(&user, "SOL", &query).await, expected, "{query}");
    }
    for offset in [0, 2, 5, 100_000] {
        let rest = all.get(offset..).unwrap_or_default();
        assert_eq!(trades(&user, "SOL", &format!("?offset={offset}")).await, rest, "{offset}");
    }
    let broken = "/api/v1/assets/SOL/transactions?from=now&to=then&offset=100001";
    user.get(broken).await.invalid(&["from", "to", "offset"]);
}

async fn a_cursor_of_trades_is_good_for_its_list_alone(world: World) {
    let (user, other) = (with_five_trades(&world).await, world.new_user().await);
    let cursor = user.get("/api/v1/assets/SOL/transactions?limit=2").await.expect(200).field("next_cursor");
    let foreign = format!("cursor={cursor}");
    other.get(&format!("/api/v1/assets/SOL/transactions?{foreign}")).await.refused(400, "malformed_request");
    for query in [
        format!("/api/v1/assets/BTC/transactions?{foreign}"),
        format!("/api/v1/orders?{foreign}"),
        format!("/api/v1/balance/transactions?{foreign}"),
        format!("/api/v1/assets/SOL/transactions?{foreign}&from=2026-01-01T00:00:00Z"),
        format!("/api/v1/assets/SOL/transactions?{foreign}x"),
        "/api/v1/assets/SOL/transactions?cursor=".to_owned(),
    ] {
        user.get(&query).await.refused(400, "malformed_request");
    }
    let both = format!("/api/v1/assets/SOL/transactions?{foreign}&offset=1");
    user.get(&both).await.invalid(&["offset"]);
}

async fn two_users_never_see_each_others_holdings(world: World) {
    let (rich, poor) = (with_three_assets(&world).await, world.new_user().await);
    poor.deposit("5.00").await;
    assert_eq!(portfolio(&poor).await["assets"], json!([]));
    assert_eq!(portfolio(&poor).await["total_portfolio_value"], "5.00");
    poor.get("/api/v1/balance/asset/SOL").await.refused(404, "position_not_found");
    assert!(trades(&poor, "SOL", "").await.is_empty());
    poor.order("market_sell", "SOL", "0.1").await.refused(422, "insufficient_holdings");
    assert_eq!(portfolio(&rich).await["asset_count"], 3);
    // Whatever a request says besides, the token decides.
    let path = format!("/api/v1/assets/balances?username={}", rich.username);
    let request = poor.request(Method::GET, &path).header("x-user", &rich.username);
    assert_eq!(poor.client.send(request).await.expect(200).json()["total_count"], 0);
}

const HALF_UP: RoundingStrategy = RoundingStrategy::MidpointAwayFromZero;

/// Bought out of their order, one of them twice.
async fn with_three_assets(world: &World) -> User {
    let user = world.new_user().await;
    user.deposit("1000.00").await;
    for (asset, quantity) in [("SOL", "0.3"), ("BTC", "0.001"), ("1INCH", "77.7"), ("SOL", "0.12345678")] {
        user.order("market_buy", asset, quantity).await.expect(201);
    }
    user
}

async fn with_five_trades(world: &World) -> User {
    let user = world.new_user().await;
    user.deposit("100.00").await;
    user.order("market_buy", "SOL", "0.4").await.expect(201);
    for quantity in ["0.1", "0.02", "0.03", "0.25"] {
        user.order("market_sell", "SOL", quantity).await.expect(201);
    }
    user
}

async fn portfolio(user: &User) -> Value {
    user.get("/api/v1/portfolio").await.expect(200).json()
}

async fn trades(user: &User, asset: &str, query: &str) -> Vec<Value> {
    let list = user.get(&format!("/api/v1/assets/{asset}/transactions{query}")).await.expect(200).json();
    list["data"].as_array().unwrap().clone()
}

#[track_caller]
fn is_moment(value: &Value) {
    let text = value.as_str().unwrap();
    assert!(DateTime::parse_from_rfc3339(text).is_ok() && text.ends_with('Z'), "{text}");
}
