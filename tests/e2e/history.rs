//! `GET /balance/transactions`: the history of cash.

use chrono::DateTime;
use serde_json::{Value, json};
use tradepost_kernel::Timestamp;
use tradepost_testkit::{User, World};

use crate::cash::{WITHDRAW, deposit, is_time, withdraw};

crate::tests![
    the_history_of_a_new_user_is_empty,
    the_history_is_newest_first_with_signs_and_balances,
    the_history_names_the_order_behind_an_entry,
    the_history_is_filtered_by_type,
    from_is_inclusive_and_to_is_exclusive,
    broken_query_parameters_are_listed_at_once,
    a_limit_is_1_to_100,
    pages_walk_through_everything_exactly_once,
    filtered_pages_walk_through_everything_exactly_once,
    new_entries_do_not_disturb_a_walk,
    a_cursor_carries_its_filters,
    a_cursor_is_refused_when_altered_foreign_or_mixed,
    an_offset_passes_over_the_newest,
];

const HISTORY: &str = "/api/v1/balance/transactions";

async fn the_history_of_a_new_user_is_empty(world: World) {
    let user = world.new_user().await;
    let expected = json!({ "transactions": [], "total_count": 0, "has_more": false, "next_cursor": null });
    assert_eq!(history(&user, "").await, expected);
    for query in ["?transaction_type=deposit", "?offset=5", "?from=2020-01-01T00:00:00Z", "?limit=1"] {
        let list = history(&user, query).await;
        assert_eq!((&list["transactions"], &list["has_more"]), (&json!([]), &json!(false)), "{query}");
    }
}

async fn the_history_is_newest_first_with_signs_and_balances(world: World) {
    let user = world.new_user().await;
    user.deposit("100.50").await;
    user.post(WITHDRAW, &json!({ "amount": 50, "description": "Rent" })).await.expect(201);
    user.deposit("0.01").await;
    let list = history(&user, "").await;
    let shown: Vec<_> = entries(&list)
        .iter()
        .map(|entry| {
            ["transaction_type", "amount", "balance_after"].map(|field| entry[field].as_str().unwrap())
        })
        .collect();
    let expected =
        [["deposit", "0.01", "50.51"], ["withdraw", "-50.00", "50.50"], ["deposit", "100.50", "100.50"]];
    assert_eq!(shown, expected);
    assert_eq!((&list["total_count"], &list["has_more"]), (&json!(3), &json!(false)));
    assert_eq!(list["transactions"][1]["description"], "Rent");
    for entry in entries(&list) {
        assert_eq!((&entry["status"], &entry["order_id"]), (&json!("completed"), &Value::Null));
        assert!(entry["transaction_id"].is_string() && is_time(&entry["created_at"]), "{entry}");
    }
    let times: Vec<_> = entries(&list).iter().map(created_at).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
}

async fn the_history_names_the_order_behind_an_entry(world: World) {
    let user = world.new_user().await;
    user.deposit("1000").await;
    for (order_type, kind) in [("market_buy", "order_payment"), ("market_sell", "order_sale")] {
        let order = user.order(order_type, "BTC", "0.001").await.expect(201);
        let list = history(&user, &format!("?transaction_type={kind}")).await;
        let [entry] = entries(&list) else { panic!("{list}") };
        assert_eq!(entry["order_id"], json!(order.field("data.order_id")));
        let sign = if kind == "order_payment" { "-" } else { "" };
        assert_eq!(entry["amount"], json!(format!("{sign}{}", order.field("data.total_amount"))));
        assert_eq!(entry["balance_after"], json!(user.cash().await));
    }
}

async fn the_history_is_filtered_by_type(world: World) {
    let user = with_history(&world).await;
    for (kind, count) in [("deposit", 4), ("withdraw", 3), ("order_payment", 0), ("order_sale", 0)] {
        let list = history(&user, &format!("?transaction_type={kind}")).await;
        assert_eq!(entries(&list).len(), count, "{kind}");
        assert!(entries(&list).iter().all(|entry| entry["transaction_type"] == kind), "{list}");
        assert_eq!((&list["has_more"], &list["next_cursor"]), (&json!(false), &Value::Null));
    }
}

async fn from_is_inclusive_and_to_is_exclusive(world: World) {
    let user = with_history(&world).await;
    let all = history(&user, "").await;
    let (from, to) = (&entries(&all)[4]["created_at"], &entries(&all)[1]["created_at"]);
    let (first, last) = (moment(from), moment(to));
    let queries = [
        (format!("?from={}", text(from)), first, Timestamp::MAX_UTC),
        (format!("?to={}", text(to)), Timestamp::MIN_UTC, last),
        (format!("?from={}&to={}", text(from), text(to)), first, last),
        (format!("?from={}&to={}", text(to), text(from)), last, first),
        // The same moment, said in another zone.
        (format!("?from={}", in_india(first)), first, Timestamp::MAX_UTC),
    ];
    for (query, from, to) in queries {
        let wanted = |entry: &&Value| (from..to).contains(&created_at(entry));
        let expected: Vec<_> = entries(&all).iter().filter(wanted).cloned().collect();
        assert_eq!(history(&user, &query).await["transactions"], json!(expected), "{query}");
    }
}

async fn broken_query_parameters_are_listed_at_once(world: World) {
    let user = world.new_user().await;
    let broken = "?transaction_type=gift&from=yesterday&to=2026-01-31&limit=ten&offset=100001";
    let fields = ["transaction_type", "from", "to", "limit", "offset"];
    user.get(&format!("{HISTORY}{broken}")).await.invalid(&fields);
    for offset in ["-1", "1.5", "many", "100001"] {
        user.get(&format!("{HISTORY}?offset={offset}")).await.invalid(&["offset"]);
    }
    user.get(&format!("{HISTORY}?unheard_of=1")).await.expect(200);
}

async fn a_limit_is_1_to_100(world: World) {
    let user = with_history(&world).await;
    for limit in ["0", "101", "-1", "1.5", "1e1", "all", ""] {
        user.get(&format!("{HISTORY}?limit={limit}")).await.invalid(&["limit"]);
    }
    assert_eq!(entries(&history(&user, "?limit=1").await).len(), 1);
    assert_eq!(entries(&history(&user, "?limit=100").await).len(), 7);
}

async fn pages_walk_through_everything_exactly_once(world: World) {
    let user = with_history(&world).await;
    let all = history(&user, "").await;
    assert_eq!(all["total_count"], 7);
    for limit in [1, 2, 3, 6, 7, 8] {
        assert_eq!(walk(&user, "", limit).await, entries(&all), "{limit}");
    }
}

async fn filtered_pages_walk_through_everything_exactly_once(world: World) {
    let user = with_history(&world).await;
    let from = text(&entries(&history(&user, "").await)[5]["created_at"]).to_owned();
    for filter in ["&transaction_type=deposit".to_owned(), format!("&from={from}"), format!("&to={from}")] {
        let all = history(&user, &format!("?limit=100{filter}")).await;
        for limit in [1, 2, 3, 4, 5] {
            assert_eq!(walk(&user, &filter, limit).await, entries(&all), "{filter} {limit}");
        }
    }
}

async fn new_entries_do_not_disturb_a_walk(world: World) {
    let user = with_history(&world).await;
    let all = history(&user, "").await;
    let first = history(&user, "?limit=3").await;
    user.deposit("1").await;
    let rest = history(&user, &format!("?cursor={}", text(&first["next_cursor"]))).await;
    assert_eq!([entries(&first), entries(&rest)].concat(), entries(&all));
}

async fn a_cursor_carries_its_filters(world: World) {
    let user = with_history(&world).await;
    let deposits = history(&user, "?transaction_type=deposit").await;
    let first = history(&user, "?transaction_type=deposit&limit=1").await;
    let cursor = text(&first["next_cursor"]);
    for again in ["", "&transaction_type=deposit", "&limit=3"] {
        let rest = history(&user, &format!("?cursor={cursor}{again}")).await;
        assert_eq!(entries(&rest), &entries(&deposits)[1..], "{again}");
    }
    let second = history(&user, &format!("?cursor={cursor}&limit=2")).await;
    assert_eq!(entries(&second), &entries(&deposits)[1..3]);
    assert_eq!(second["has_more"], true);
}

async fn a_cursor_is_refused_when_altered_foreign_or_mixed(world: World) {
    let (user, other) = (with_history(&world).await, with_history(&world).await);
    let cursor_of = async |query: &str| text(&history(&user, query).await["next_cursor"]).to_owned();
    let plain = cursor_of("?limit=1").await;
    let filtered = cursor_of("?limit=1&transaction_type=deposit").await;
    let with = |query: String| format!("{HISTORY}?cursor={query}");
    for at in [0, plain.len() / 2, plain.len() - 2] {
        let mut altered = plain.clone().into_bytes();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).unwrap();
        user.get(&with(altered)).await.refused(400, "malformed_request");
    }
    let mixed = [
        String::new(),
        "garbage".to_owned(),
        plain[..plain.len() - 4].to_owned(),
        format!("{plain}&transaction_type=deposit"),
        format!("{plain}&from=2020-01-01T00:00:00Z"),
        format!("{filtered}&transaction_type=withdraw"),
        format!("{filtered}&to=2999-01-01T00:00:00Z"),
    ];
    for query in mixed {
        user.get(&with(query)).await.refused(400, "malformed_request");
    }
    other.get(&with(plain.clone())).await.refused(400, "malformed_request");
    user.get(&with(plain)).await.expect(200);
}

async fn an_offset_passes_over_the_newest(world: World) {
    let user = with_history(&world).await;
    for filter in ["", "&transaction_type=withdraw"] {
        let all = history(&user, &format!("?limit=100{filter}")).await;
        let all = entries(&all);
        for offset in [0, 1, all.len() - 1, all.len(), all.len() + 1, 100_000] {
            let page = history(&user, &format!("?limit=2&offset={offset}{filter}")).await;
            let expected: Vec<_> = all.iter().skip(offset).take(2).collect();
            assert_eq!(page["transactions"], json!(expected), "{offset} {filter}");
            assert_eq!(page["has_more"], json!(offset + 2 < all.len()), "{offset} {filter}");
            assert_eq!(page["next_cursor"].is_string(), offset + 2 < all.len());
        }
    }
    let cursor = history(&user, "?limit=1&offset=1").await["next_cursor"].clone();
    let rest = history(&user, &format!("?cursor={}", text(&cursor))).await;
    assert_eq!(entries(&rest).len(), 5);
    let both = format!("{HISTORY}?cursor={}&offset=1", text(&cursor));
    user.get(&both).await.invalid(&["offset"]);
}

/// Somebody with four deposits and three withdrawals, one after the other in turn.
async fn with_history(world: &World) -> User {
    let user = world.new_user().await;
    for n in 1..=7 {
        let amount = format!("{}", 10 - n);
        let done = if n % 2 == 1 { deposit(&user, &amount).await } else { withdraw(&user, &amount).await };
        done.expect(201);
    }
    user
}

pub async fn history(user: &User, query: &str) -> Value {
    user.get(&format!("{HISTORY}{query}")).await.expect(200).json()
}

/// Follows the cursors from the first page to the last. All pages but the last are full and say there is more.
async fn walk(user: &User, filter: &str, limit: usize) -> Vec<Value> {
    let mut page = history(user, &format!("?limit={limit}{filter}")).await;
    let mut found = entries(&page).to_vec();
    while page["has_more"] == true {
        assert_eq!(entries(&page).len(), limit);
        page = history(user, &format!("?limit={limit}&cursor={}", text(&page["next_cursor"]))).await;
        assert!(!entries(&page).is_empty(), "there was no more");
        found.extend_from_slice(entries(&page));
    }
    assert_eq!((&page["has_more"], &page["next_cursor"]), (&json!(false), &Value::Null));
    found
}

fn entries(list: &Value) -> &[Value] {
    list["transactions"].as_array().unwrap()
}

#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn moment(value: &Value) -> Timestamp {
    DateTime::parse_from_rfc3339(text(value)).unwrap().to_utc()
}

fn created_at(entry: &Value) -> Timestamp {
    moment(&entry["created_at"])
}

/// The moment as they write it at +05:30, percent-encoded.
fn in_india(moment: Timestamp) -> String {
    let zone = chrono::FixedOffset::east_opt(19_800).unwrap();
    moment.with_timezone(&zone).to_rfc3339().replace('+', "%2B")
}
