//! The catalog, which everybody may read.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tradepost_kernel::{Clock, Timestamp};
use tradepost_testkit::{Client, Setup, ShiftedClock, World};

use crate::figures::{exact, number, still};

crate::tests![
    a_listed_asset_has_every_key,
    an_asset_on_its_own_has_every_key,
    an_asset_is_the_same_in_a_list_and_on_its_own,
    numbers_are_written_with_their_exact_digits,
    no_token_is_needed_and_none_is_looked_at,
    the_limit_of_a_page_is_1_to_250,
    pages_at_an_offset_do_not_overlap,
    broken_parameters_are_listed_at_once_and_unknown_ones_ignored,
    the_counts_tell_all_assets_from_the_active_ones_of_a_page,
    assets_are_listed_by_rank,
    bitcoin_is_always_there_and_below_100000,
    an_inactive_asset_is_shown_as_unavailable,
    an_asset_may_be_named_in_lower_case,
    a_malformed_id_is_invalid_and_an_unknown_one_not_found,
    the_same_seed_at_the_same_time_makes_the_same_prices,
    prices_move_with_time,
];

async fn a_listed_asset_has_every_key(world: World) {
    for asset in assets(&world, "?active_only=false&limit=250").await {
        for (key, is_right) in LISTED {
            let value = asset.get(*key).unwrap_or_else(|| panic!("{key} is missing in {asset}"));
            assert!(is_right(value), "{key} of {asset}");
        }
        assert_eq!(asset["price_source"], "simulated");
    }
}

async fn an_asset_on_its_own_has_every_key(world: World) {
    for id in ["BTC", "SHIB", "USDT", "LUNC"] {
        let detail = detail(&world, id).await;
        for (key, is_right) in LISTED.iter().chain(DETAILED) {
            let value = detail.get(*key).unwrap_or_else(|| panic!("{key} is missing in {detail}"));
            assert!(is_right(value), "{key} of {detail}");
        }
    }
}

async fn an_asset_is_the_same_in_a_list_and_on_its_own(world: World) {
    let own = world.own(still()).await;
    for listed in assets(&own, "?active_only=false&limit=5&offset=88").await {
        let detail = detail(&own, listed["asset_id"].as_str().unwrap()).await;
        for (key, value) in listed.as_object().unwrap() {
            assert_eq!(detail[key], *value, "{key}");
        }
    }
}

async fn numbers_are_written_with_their_exact_digits(world: World) {
    for id in ["BTC", "SHIB", "BTT", "USDC"] {
        let answer = world.get(&format!("/api/v1/inventory/assets/{id}")).await.expect(200);
        for figure in
            ["price_usd", "high_24h", "low_24h", "market_cap", "circulating_supply", "price_change_24h"]
        {
            let text = number(&answer.text, &format!("data.{figure}"));
            assert_eq!(exact(&text).normalize().to_string(), text, "{figure} of {id}");
        }
        let [low, price, high] = ["low_24h", "price_usd", "high_24h"]
            .map(|name| exact(number(&answer.text, &format!("data.{name}"))));
        assert!(Decimal::ZERO < low && low <= price && price <= high, "{answer:?}");
    }
}

async fn no_token_is_needed_and_none_is_looked_at(world: World) {
    let user = world.new_user().await;
    for path in ["/api/v1/inventory/assets", "/api/v1/inventory/assets/BTC"] {
        world.get(path).await.expect(200);
        user.get(path).await.expect(200);
        for authorization in ["Bearer nonsense", "Basic dTpw", "Bearer", ""] {
            let request = world.request(Method::GET, path).header("authorization", authorization);
            world.send(request).await.expect(200);
        }
    }
}

async fn the_limit_of_a_page_is_1_to_250(world: World) {
    for (limit, count) in [("1", 1), ("50", 50), ("99", 99), ("250", 100)] {
        let query = format!("?active_only=false&limit={limit}");
        assert_eq!(assets(&world, &query).await.len(), count, "{limit}");
    }
    assert_eq!(assets(&world, "").await.len(), 50);
    for limit in ["0", "251", "-1", "1.5", "all", ""] {
        world.get(&format!("/api/v1/inventory/assets?limit={limit}")).await.invalid(&["limit"]);
    }
}

async fn pages_at_an_offset_do_not_overlap(world: World) {
    let mut seen = Vec::new();
    for offset in (0..120).step_by(30) {
        let page = assets(&world, &format!("?active_only=false&limit=30&offset={offset}")).await;
        assert_eq!(page.len(), if offset < 90 { 30 } else { 10 });
        seen.extend(ids(&page));
    }
    assert_eq!(seen, ids(&assets(&world, "?active_only=false&limit=250").await));
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 100);
    let beyond = world.get("/api/v1/inventory/assets?offset=100000").await.expect(200).json();
    assert_eq!(beyond, json!({ "data": [], "total_count": 100, "active_count": 0 }));
}

async fn broken_parameters_are_listed_at_once_and_unknown_ones_ignored(world: World) {
    let broken = "/api/v1/inventory/assets?active_only=maybe&limit=x&offset=-1&q=&sort=x";
    world.get(broken).await.invalid(&["active_only", "limit", "offset", "q", "sort"]);
    world.get("/api/v1/inventory/assets?offset=100001").await.invalid(&["offset"]);
    world.get("/api/v1/inventory/assets?unheard_of=1&limit=5&also=%20").await.expect(200);
    world.get("/api/v1/inventory/assets/BTC?unheard_of=1").await.expect(200);
}

async fn the_counts_tell_all_assets_from_the_active_ones_of_a_page(world: World) {
    for (query, count, active_count) in [
        ("?limit=250", 97, 97),
        ("?limit=250&active_only=true", 97, 97),
        ("?limit=250&active_only=false", 100, 97),
        ("?limit=2&offset=90&active_only=false", 2, 0),
        ("?limit=2&offset=90", 2, 2),
    ] {
        let list = world.get(&format!("/api/v1/inventory/assets{query}")).await.expect(200).json();
        let active =
            list["data"].as_array().unwrap().iter().filter(|asset| asset["is_active"] == true).count();
        assert_eq!(list["total_count"], 100, "{query}");
        assert_eq!(list["active_count"], json!(active_count), "{query}");
        assert_eq!((list["data"].as_array().unwrap().len(), active), (count, active_count), "{query}");
    }
}

async fn assets_are_listed_by_rank(world: World) {
    let all = assets(&world, "?active_only=false&limit=250").await;
    let ranks: Vec<_> =
        all.iter().map(|asset| asset["market_cap_rank"].as_u64().unwrap_or(u64::MAX)).collect();
    assert!(ranks.is_sorted(), "{ranks:?}");
    assert_eq!(ids(&all)[..2], ["BTC", "ETH"]);
}

async fn bitcoin_is_always_there_and_below_100000(world: World) {
    let btc = detail(&world, "BTC").await;
    assert_eq!((&btc["is_active"], &btc["availability_status"]), (&json!(true), &json!("available")));
    let answer = world.get("/api/v1/inventory/assets/BTC").await.expect(200);
    let price = exact(number(&answer.text, "data.price_usd"));
    assert!((exact("54400")..=exact("73600")).contains(&price), "{price} is beyond 15 % of 64000");
}

async fn an_inactive_asset_is_shown_as_unavailable(world: World) {
    for id in ["LUNC", "FTT", "WAVES"] {
        let asset = detail(&world, id).await;
        assert_eq!(
            (&asset["is_active"], &asset["availability_status"]),
            (&json!(false), &json!("unavailable"))
        );
    }
}

async fn an_asset_may_be_named_in_lower_case(world: World) {
    for id in ["btc", "Btc", "BTC"] {
        assert_eq!(detail(&world, id).await["asset_id"], "BTC");
    }
}

async fn a_malformed_id_is_invalid_and_an_unknown_one_not_found(world: World) {
    for id in ["B-C", "ABCDEFGHIJK", "%20", "%20%20%20", "B%20C", "%C3%A9", "B%2FC", "BTC."] {
        world.get(&format!("/api/v1/inventory/assets/{id}")).await.invalid(&["asset_id"]);
    }
    for id in ["NOPE", "USD", "ABCDEFGHIJ", "0"] {
        world.get(&format!("/api/v1/inventory/assets/{id}")).await.refused(404, "asset_not_found");
    }
}

async fn the_same_seed_at_the_same_time_makes_the_same_prices(world: World) {
    let clock = Arc::new(ShiftedClock::stopped());
    let into_minute = clock.now().timestamp_millis().rem_euclid(60_000);
    clock.advance(TimeDelta::milliseconds(60_000 - into_minute));
    let with_seed = |seed: &str| {
        world.own(
            Setup::default()
                .set("inventory.tick_ms", "60000")
                .set("inventory.simulation_seed", seed)
                .clock(&clock),
        )
    };
    let (one, two, other) = (with_seed("7").await, with_seed("7").await, with_seed("8").await);
    let path = "/api/v1/inventory/assets?active_only=false&limit=250";
    assert_eq!(one.get(path).await.expect(200).text, two.get(path).await.expect(200).text);
    assert_ne!(one.get(path).await.expect(200).text, other.get(path).await.expect(200).text);
    for id in ["BTC", "SHIB"] {
        assert_eq!(detail(&one, id).await, detail(&two, id).await);
    }
}

async fn prices_move_with_time(world: World) {
    let clock = Arc::new(ShiftedClock::default());
    let own = world.own(Setup::default().set("inventory.tick_ms", "100").clock(&clock)).await;
    let prices = async || {
        let page = assets(&own, "?limit=250").await;
        page.iter().map(|asset| asset["price_usd"].clone()).collect::<Vec<_>>()
    };
    let before = prices().await;
    clock.advance(TimeDelta::minutes(10));
    let later = clock.now();
    let shown =
        async || detail(&own, "BTC").await["last_updated"].as_str().unwrap().parse::<Timestamp>().unwrap();
    while shown().await < later {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_ne!(prices().await, before);
}

/// A key and what its value must be.
type Key = (&'static str, fn(&Value) -> bool);

const LISTED: &[Key] = &[
    ("asset_id", Value::is_string),
    ("name", Value::is_string),
    ("description", text_or_null),
    ("category", text_or_null),
    ("price_usd", zero_or_more),
    ("is_active", Value::is_boolean),
    ("symbol", Value::is_string),
    ("image", text_or_null),
    ("market_cap_rank", number_or_null),
    ("price_change_percentage_24h", number_or_null),
    ("market_cap", number_or_null),
    ("total_volume_24h", number_or_null),
];

const DETAILED: &[Key] = &[
    ("availability_status", Value::is_string),
    ("price_change_24h", number_or_null),
    ("price_change_percentage_7d", number_or_null),
    ("price_change_percentage_30d", number_or_null),
    ("high_24h", number_or_null),
    ("low_24h", number_or_null),
    ("circulating_supply", number_or_null),
    ("total_supply", number_or_null),
    ("max_supply", number_or_null),
    ("ath", number_or_null),
    ("ath_change_percentage", number_or_null),
    ("ath_date", text_or_null),
    ("atl", number_or_null),
    ("atl_change_percentage", number_or_null),
    ("atl_date", text_or_null),
    ("last_updated", Value::is_string),
    ("price_source", Value::is_string),
];

fn zero_or_more(value: &Value) -> bool {
    value.is_number() && !value.to_string().starts_with('-')
}

fn text_or_null(value: &Value) -> bool {
    value.is_string() || value.is_null()
}

fn number_or_null(value: &Value) -> bool {
    value.is_number() || value.is_null()
}

async fn assets(client: &Client, query: &str) -> Vec<Value> {
    let list = client.get(&format!("/api/v1/inventory/assets{query}")).await.expect(200).json();
    list["data"].as_array().unwrap().clone()
}

fn ids(assets: &[Value]) -> Vec<String> {
    assets.iter().map(|asset| asset["asset_id"].as_str().unwrap().to_owned()).collect()
}

async fn detail(client: &Client, id: &str) -> Value {
    client.get(&format!("/api/v1/inventory/assets/{id}")).await.expect(200).json()["data"].clone()
}
