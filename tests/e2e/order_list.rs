//! `GET /orders`: filters, pages, cursors and offsets.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tradepost_testkit::{User, World};

crate::tests![
    a_new_user_has_no_orders,
    filters_let_pass_what_they_say,
    from_is_inclusive_and_to_exclusive,
    broken_filters_are_listed_at_once,
    the_limit_of_a_page_is_1_to_100,
    a_page_has_50_orders_unless_told_otherwise,
    a_cursor_leads_to_every_order_exactly_once,
    a_cursor_carries_its_filters,
    a_cursor_that_was_altered_or_is_for_something_else_is_refused,
    an_offset_passes_over_the_newest_orders,
];

async fn a_new_user_has_no_orders(world: World) {
    let list = world.new_user().await.get("/api/v1/orders").await.expect(200).json();
    assert_eq!(list, json!({ "data": [], "has_more": false, "next_cursor": null }));
}

async fn filters_let_pass_what_they_say(world: World) {
    let user = with_seven_orders(&world).await;
    let all = orders(&user, "").await;
    for (query, places) in [
        ("?asset_id=SOL", &[1, 3, 5, 6][..]),
        ("?order_type=market_sell", &[1, 2, 3, 5]),
        ("?status=failed", &[0, 1, 2, 4]),
        ("?status=failed&order_type=market_sell", &[1, 2]),
        ("?status=completed&asset_id=sol", &[3, 5, 6]),
        ("?status=open", &[]),
        ("?asset_id=NOPE", &[]),
        ("?unheard_of=1", &[0, 1, 2, 3, 4, 5, 6]),
    ] {
        let expected: Vec<_> = places.iter().map(|place: &usize| all[*place].clone()).collect();
        assert_eq!(orders(&user, query).await, expected, "{query}");
    }
}

async fn from_is_inclusive_and_to_exclusive(world: World) {
    let user = with_seven_orders(&world).await;
    let all = orders(&user, "").await;
    let at = |order: &Value| order["created_at"].as_str().unwrap().to_owned();
    assert!(all.is_sorted_by(|newer, older| at(newer) >= at(older)), "newest first");
    let [from, to] = [at(&all[4]), at(&all[1])];
    for (query, is_from, is_to) in [
        (format!("?from={from}"), true, false),
        (format!("?to={to}"), false, true),
        (format!("?from={from}&to={to}"), true, true),
    ] {
        let passes = |order: &&Value| (!is_from || at(order) >= from) && (!is_to || at(order) < to);
        let expected: Vec<_> = all.iter().filter(passes).cloned().collect();
        assert_eq!(orders(&user, &query).await, expected, "{query}");
    }
    assert!(orders(&user, &format!("?from={to}&to={from}")).await.is_empty());
}

async fn broken_filters_are_listed_at_once(world: World) {
    let user = world.new_user().await;
    let query = "?asset_id=B-C&order_type=buy&status=done&from=today&to=2026-01-01&limit=0&offset=-1";
    let fields = ["asset_id", "order_type", "status", "from", "to", "limit", "offset"];
    user.get(&format!("/api/v1/orders{query}")).await.invalid(&fields);
}

async fn the_limit_of_a_page_is_1_to_100(world: World) {
    let user = with_seven_orders(&world).await;
    for limit in ["0", "101", "-1", "1.5", "ten", ""] {
        user.get(&format!("/api/v1/orders?limit={limit}")).await.invalid(&["limit"]);
    }
    for (limit, count, has_more) in [(1, 1, true), (6, 6, true), (7, 7, false), (100, 7, false)] {
        let page = user.get(&format!("/api/v1/orders?limit={limit}")).await.expect(200).json();
        assert_eq!((page["data"].as_array().unwrap().len(), &page["has_more"]), (count, &json!(has_more)));
        assert_eq!(page["next_cursor"].is_string(), has_more);
    }
}

async fn a_page_has_50_orders_unless_told_otherwise(world: World) {
    let user = world.new_user().await;
    let mut placed = JoinSet::new();
    for _ in 0..101 {
        let user = user.clone();
        placed.spawn(async move {
            user.order("market_sell", "SOL", "1").await.refused(422, "insufficient_holdings")
        });
    }
    placed.join_all().await;
    let all = orders(&user, "?limit=100").await;
    let page = user.get("/api/v1/orders").await.expect(200);
    assert_eq!(page.json()["data"], json!(all[..50]));
    let next = orders(&user, &format!("?cursor={}", page.field("next_cursor"))).await;
    assert_eq!(next, all[50..]);
    let oldest = orders(&user, "?offset=100").await;
    assert_eq!(oldest.len(), 1);
    let ids: BTreeSet<_> =
        all.iter().chain(&oldest).map(|order| order["order_id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 101);
}

async fn a_cursor_leads_to_every_order_exactly_once(world: World) {
    let user = with_seven_orders(&world).await;
    for query in ["?", "?status=failed&", "?asset_id=SOL&order_type=market_sell&"] {
        let all = orders(&user, query).await;
        for limit in 1..=4 {
            let mut found = Vec::new();
            let mut page = user.get(&format!("/api/v1/orders{query}limit={limit}")).await.expect(200).json();
            found.extend(page["data"].as_array().unwrap().clone());
            while let Some(cursor) = page["next_cursor"].as_str() {
                assert_eq!(page["has_more"], true);
                let next = format!("/api/v1/orders?limit={limit}&cursor={cursor}");
                page = user.get(&next).await.expect(200).json();
                assert!(!page["data"].as_array().unwrap().is_empty(), "there was more");
                found.extend(page["data"].as_array().unwrap().clone());
            }
            assert_eq!(page["has_more"], false);
            assert_eq!(found, all, "{query}limit={limit}");
        }
    }
}

async fn a_cursor_carries_its_filters(world: World) {
    let user = with_seven_orders(&world).await;
    let sells = orders(&user, "?order_type=market_sell").await;
    let page = user.get("/api/v1/orders?order_type=market_sell&limit=1").await.expect(200);
    let cursor = page.field("next_cursor");
    for more in ["", "&order_type=market_sell", "&limit=100"] {
        assert_eq!(orders(&user, &format!("?cursor={cursor}{more}")).await, sells[1..], "{more}");
    }
    for other in ["order_type=market_buy", "asset_id=SOL", "status=failed", "from=2026-01-01T00:00:00Z"] {
        let mixed = format!("/api/v1/orders?cursor={cursor}&{other}");
        user.get(&mixed).await.refused(400, "malformed_request");
    }
}

async fn a_cursor_that_was_altered_or_is_for_something_else_is_refused(world: World) {
    let (user, other) = (with_seven_orders(&world).await, with_seven_orders(&world).await);
    let cursor = user.get("/api/v1/orders?limit=1").await.expect(200).field("next_cursor");
    let flipped = |at: usize| {
        let letter = if &cursor[at..=at] == "A" { "B" } else { "A" };
        format!("{}{letter}{}", &cursor[..at], &cursor[at + 1..])
    };
    let of_trades =
        user.get("/api/v1/assets/SOL/transactions?limit=1").await.expect(200).field("next_cursor");
    let of_other = other.get("/api/v1/orders?limit=1").await.expect(200).field("next_cursor");
    let (half, longer) = (cursor[..cursor.len() / 2].to_owned(), format!("{cursor}AAAA"));
    for bad in [flipped(0), flipped(cursor.len() / 2), half, longer, "x".into(), of_trades, of_other] {
        user.get(&format!("/api/v1/orders?cursor={bad}")).await.refused(400, "malformed_request");
    }
}

async fn an_offset_passes_over_the_newest_orders(world: World) {
    let user = with_seven_orders(&world).await;
    let (all, failed) = (orders(&user, "").await, orders(&user, "?status=failed").await);
    for offset in [0, 1, 5, 7, 100_000] {
        let rest = all.get(offset..).unwrap_or_default();
        assert_eq!(orders(&user, &format!("?offset={offset}")).await, rest, "{offset}");
    }
    assert_eq!(orders(&user, "?offset=1&status=failed").await, failed[1..]);
    let page = user.get("/api/v1/orders?offset=3&limit=2").await.expect(200);
    assert_eq!(page.json()["data"], json!(all[3..5]));
    assert_eq!(orders(&user, &format!("?cursor={}", page.field("next_cursor"))).await, all[5..]);
    user.get("/api/v1/orders?offset=100001").await.invalid(&["offset"]);
    let both = format!("/api/v1/orders?offset=1&cursor={}", page.field("next_cursor"));
    user.get(&both).await.invalid(&["offset"]);
}

/// Completed buys of two assets, completed sells, and refusals of either side.
async fn with_seven_orders(world: &World) -> User {
    let user = world.new_user().await;
    user.deposit("100.00").await;
    for (order_type, asset, quantity, status) in [
        ("market_buy", "SOL", "0.3", 201),
        ("market_sell", "SOL", "0.1", 201),
        ("market_buy", "BTC", "0.1", 422),
        ("market_sell", "SOL", "0.1", 201),
        ("market_sell", "ETH", "0.1", 422),
        ("market_sell", "SOL", "1", 422),
        ("market_buy", "BTC", "0.01", 422),
    ] {
        user.order(order_type, asset, quantity).await.expect(status);
    }
    user
}

/// The orders on a page.
pub async fn orders(user: &User, query: &str) -> Vec<Value> {
    let list = user.get(&format!("/api/v1/orders{query}")).await.expect(200).json();
    list["data"].as_array().unwrap().clone()
}
