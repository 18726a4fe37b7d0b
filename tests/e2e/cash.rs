//! Cash: the balance, money in and out, the daily caps, and the history.

use std::sync::Arc;

use chrono::{DateTime, Days, NaiveTime, TimeDelta};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tradepost_kernel::{Clock, SystemClock, Timestamp};
use tradepost_testkit::{Answer, Setup, ShiftedClock, User, World};

crate::tests![
    the_balance_of_a_new_user_is_zero,
    a_deposit_is_receipted_and_credited,
    a_withdrawal_is_receipted_and_debited,
    messages_show_cents,
    an_amount_is_an_exact_decimal_in_any_form,
    an_amount_is_above_zero_with_at_most_two_decimals,
    an_amount_is_at_most_a_million,
    a_description_has_at_most_200_characters,
    every_broken_field_is_listed_and_unknown_ones_are_ignored,
    more_than_there_is_cannot_be_withdrawn,
    the_deposit_cap_is_exact_and_ends_at_midnight,
    the_withdrawal_cap_is_exact_and_ends_at_midnight,
    the_caps_of_users_are_their_own,
    the_deposit_cap_is_exact_under_concurrency,
    the_withdrawal_cap_and_the_balance_are_exact_under_concurrency,
    users_cannot_credit_themselves_where_the_operator_does,
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

const BALANCE: &str = "/api/v1/balance";
const DEPOSIT: &str = "/api/v1/balance/deposit";
const WITHDRAW: &str = "/api/v1/balance/withdraw";
const HISTORY: &str = "/api/v1/balance/transactions";

async fn the_balance_of_a_new_user_is_zero(world: World) {
    let user = world.new_user().await;
    let balance = user.get(BALANCE).await.expect(200).json();
    for field in ["current_balance", "available_balance", "held_balance"] {
        assert_eq!(balance[field], "0.00", "{field}");
    }
    assert_eq!(balance["currency"], "USD");
    assert!(is_time(&balance["updated_at"]), "{balance}");
}

async fn a_deposit_is_receipted_and_credited(world: World) {
    let user = world.new_user().await;
    let receipt = deposit(&user, "100.50").await.expect(201).json();
    assert_eq!(receipt["success"], true);
    assert_eq!(receipt["message"], "Successfully deposited $100.50");
    assert_eq!(receipt["balance_after"], "100.50");
    assert!(receipt["transaction_id"].is_string() && is_time(&receipt["timestamp"]), "{receipt}");
    let balance = user.get(BALANCE).await.expect(200).json();
    assert_eq!((&balance["current_balance"], &balance["held_balance"]), (&json!("100.50"), &json!("0.00")));
    assert_eq!(balance["available_balance"], "100.50");
    let entry = &history(&user, "").await["transactions"][0];
    assert_eq!(entry["transaction_id"], receipt["transaction_id"]);
    assert_eq!(entry["created_at"], receipt["timestamp"]);
}

async fn a_withdrawal_is_receipted_and_debited(world: World) {
    let user = world.new_user().await;
    user.deposit("200").await;
    let receipt = withdraw(&user, "100.50").await.expect(201).json();
    assert_eq!(receipt["success"], true);
    assert_eq!(receipt["message"], "Successfully withdrew $100.50");
    assert_eq!(receipt["balance_after"], "99.50");
    assert!(receipt["transaction_id"].is_string() && is_time(&receipt["timestamp"]), "{receipt}");
    assert_eq!(user.cash().await, "99.50");
}

async fn messages_show_cents(world: World) {
    let user = world.new_user().await;
    for (amount, shown) in [("1000", "1000.00"), ("0.1", "0.10"), ("1e2", "100.00"), ("0.01", "0.01")] {
        let (put_in, taken_out) = (deposit(&user, amount).await, withdraw(&user, amount).await);
        assert_eq!(put_in.expect(201).field("message"), format!("Successfully deposited ${shown}"));
        assert_eq!(taken_out.expect(201).field("message"), format!("Successfully withdrew ${shown}"));
    }
    assert_eq!(user.cash().await, "0.00");
}

async fn an_amount_is_an_exact_decimal_in_any_form(world: World) {
    let user = world.new_user().await;
    let forms = ["0.01", r#""0.01""#, "100.5", r#""100.50""#, "1e2", r#""1e2""#, "1E+2", r#""1.5e-1""#, "7"];
    for form in forms {
        user.post_text(DEPOSIT, format!(r#"{{"amount":{form}}}"#)).await.expect(201);
    }
    assert_eq!(user.cash().await, "508.17");
    user.post_text(WITHDRAW, r#"{"amount":5.0817e2}"#).await.expect(201);
    assert_eq!(user.cash().await, "0.00");
}

async fn an_amount_is_above_zero_with_at_most_two_decimals(world: World) {
    let user = world.new_user().await;
    user.deposit("10").await;
    let numbers = ["0", "-0", "-1", "-0.01", "0.001", "1e-3", "5.005", "1.000000000000000000001", "1e-400"];
    for number in numbers {
        refuses_amount(&user, number).await;
        refuses_amount(&user, &format!("\"{number}\"")).await;
    }
    let texts = [
        "",
        " ",
        "five",
        "NaN",
        "Infinity",
        "-Infinity",
        "inf",
        "1_0",
        "1,0",
        "0x1",
        "1.",
        ".5",
        "1e",
        "+-1",
    ];
    for text in texts {
        refuses_amount(&user, &format!("\"{text}\"")).await;
    }
    for value in ["true", "false", "null", "[]", "[5]", "{}"] {
        refuses_amount(&user, value).await;
    }
    // These are no JSON at all.
    for text in ["NaN", "Infinity", "1_0", ".5"] {
        let answer = user.post_text(DEPOSIT, format!(r#"{{"amount":{text}}}"#)).await;
        answer.refused(400, "malformed_request");
    }
    assert_eq!(user.cash().await, "10.00");
}

async fn an_amount_is_at_most_a_million(world: World) {
    let setup = Setup::default().set("user.daily_deposit_limit", "3000000.00");
    let own = world.own(setup.set("user.daily_withdrawal_limit", "3000000.00")).await;
    let user = own.new_user().await;
    for amount in ["1000000", "1e6", "1000000.00"] {
        let message = deposit(&user, amount).await.expect(201).field("message");
        assert_eq!(message, "Successfully deposited $1000000.00");
    }
    for amount in
        ["1000000.01", "1000000.0000000000000001", "1e7", "1e400", "99999999999999999999999999999999"]
    {
        refuses_amount(&user, amount).await;
        refuses_amount(&user, &format!("\"{amount}\"")).await;
    }
    assert_eq!(withdraw(&user, "1000000").await.expect(201).field("balance_after"), "2000000.00");
}

async fn a_description_has_at_most_200_characters(world: World) {
    let user = world.new_user().await;
    let longest = "é".repeat(200);
    for description in [json!(longest), json!("Rent & <b>food</b>"), Value::Null] {
        let body = json!({ "amount": 1, "description": description });
        user.post(DEPOSIT, &body).await.expect(201);
        let entry = history(&user, "").await["transactions"][0].clone();
        assert_eq!(entry.get("description"), Some(&description));
    }
    for description in [json!("é".repeat(201)), json!(5), json!(["text"])] {
        let body = json!({ "amount": 1, "description": description });
        user.post(DEPOSIT, &body).await.invalid(&["description"]);
        user.post(WITHDRAW, &body).await.invalid(&["description"]);
    }
}

async fn every_broken_field_is_listed_and_unknown_ones_are_ignored(world: World) {
    let user = world.new_user().await;
    for path in [DEPOSIT, WITHDRAW] {
        let both = json!({ "amount": 0, "description": "x".repeat(201) });
        user.post(path, &both).await.invalid(&["amount", "description"]);
        user.post_text(path, "{}").await.invalid(&["amount"]);
        user.post_text(path, "").await.invalid(&["amount"]);
        user.post_text(path, r#"[{"amount":1}]"#).await.refused(422, "validation_failed");
        user.post_text(path, r#"{"amount":"#).await.refused(400, "malformed_request");
        user.post(path, &json!({ "amount": 1, "currency": "EUR", "username": "somebody" })).await.expect(201);
    }
    assert_eq!(user.cash().await, "0.00");
}

async fn more_than_there_is_cannot_be_withdrawn(world: World) {
    let user = world.new_user().await;
    withdraw(&user, "0.01").await.refused(422, "insufficient_funds");
    user.deposit("50").await;
    withdraw(&user, "50.01").await.refused(422, "insufficient_funds");
    assert_eq!(user.cash().await, "50.00");
    withdraw(&user, "50").await.expect(201);
    assert_eq!(user.cash().await, "0.00");
    assert_eq!(history(&user, "").await["total_count"], 2);
}

async fn the_deposit_cap_is_exact_and_ends_at_midnight(world: World) {
    let (own, clock) = ten_minutes_before_midnight(&world, Setup::default()).await;
    let user = own.new_user().await;
    user.deposit("9999.99").await;
    deposit(&user, "0.02").await.refused(422, "daily_limit_exceeded");
    user.deposit("0.01").await;
    clock.advance(TimeDelta::minutes(5));
    deposit(&user, "0.01").await.refused(422, "daily_limit_exceeded");
    clock.advance(TimeDelta::minutes(5));
    deposit(&user, "10000.01").await.refused(422, "daily_limit_exceeded");
    assert_eq!(deposit(&user, "10000").await.expect(201).field("balance_after"), "20000.00");
    deposit(&user, "0.01").await.refused(422, "daily_limit_exceeded");
    own.reconcile().await;
}

async fn the_withdrawal_cap_is_exact_and_ends_at_midnight(world: World) {
    let (own, clock) = ten_minutes_before_midnight(&world, Setup::default()).await;
    let user = own.new_user().await;
    user.deposit("10000").await;
    withdraw(&user, "4999.99").await.expect(201);
    withdraw(&user, "0.02").await.refused(422, "daily_limit_exceeded");
    withdraw(&user, "0.01").await.expect(201);
    clock.advance(TimeDelta::minutes(5));
    withdraw(&user, "0.01").await.refused(422, "daily_limit_exceeded");
    clock.advance(TimeDelta::minutes(5));
    assert_eq!(withdraw(&user, "5000").await.expect(201).field("balance_after"), "0.00");
    own.reconcile().await;
}

async fn the_caps_of_users_are_their_own(world: World) {
    let (first, second) = (world.new_user().await, world.new_user().await);
    first.deposit("10000").await;
    second.deposit("10000").await;
    withdraw(&first, "5000").await.expect(201);
    withdraw(&second, "5000").await.expect(201);
}

async fn the_deposit_cap_is_exact_under_concurrency(world: World) {
    let (own, _) = ten_minutes_before_midnight(&world, Setup::default()).await;
    let user = own.new_user().await;
    let refused = at_once(&user, DEPOSIT, 40, "500.00").await;
    assert_eq!(refused, ["daily_limit_exceeded"; 20]);
    assert_eq!(user.cash().await, "10000.00");
    assert_eq!(history(&user, "").await["total_count"], 20);
    own.reconcile().await;
}

async fn the_withdrawal_cap_and_the_balance_are_exact_under_concurrency(world: World) {
    let (own, _) = ten_minutes_before_midnight(&world, Setup::default()).await;
    let (rich, poor) = (own.new_user().await, own.new_user().await);
    rich.deposit("10000").await;
    poor.deposit("1000").await;
    assert_eq!(at_once(&rich, WITHDRAW, 20, "500.00").await, ["daily_limit_exceeded"; 10]);
    assert_eq!(at_once(&poor, WITHDRAW, 20, "100.00").await, ["insufficient_funds"; 10]);
    assert_eq!((rich.cash().await, poor.cash().await), ("5000.00".to_owned(), "0.00".to_owned()));
    own.reconcile().await;
}

async fn users_cannot_credit_themselves_where_the_operator_does(world: World) {
    let own = world.own(Setup::default().set("user.deposits", "operator")).await;
    let user = own.new_user().await;
    deposit(&user, "1").await.refused(403, "deposits_disabled");
    deposit(&user, "-1").await.invalid(&["amount"]);
    withdraw(&user, "1").await.refused(422, "insufficient_funds");
    assert_eq!(user.cash().await, "0.00");
}

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

async fn deposit(user: &User, amount: &str) -> Answer {
    user.post(DEPOSIT, &json!({ "amount": amount })).await
}

async fn withdraw(user: &User, amount: &str) -> Answer {
    user.post(WITHDRAW, &json!({ "amount": amount })).await
}

/// Demands that this JSON value is no amount, neither to put in nor to take out.
async fn refuses_amount(user: &User, json: &str) {
    for path in [DEPOSIT, WITHDRAW] {
        user.post_text(path, format!(r#"{{"amount":{json}}}"#)).await.invalid(&["amount"]);
    }
}

/// Sends the same request so many times at once, and gives the codes of those that were refused.
async fn at_once(user: &User, path: &'static str, times: usize, amount: &'static str) -> Vec<String> {
    let mut attempts = JoinSet::new();
    for _ in 0..times {
        let user = user.clone();
        attempts.spawn(async move { user.post(path, &json!({ "amount": amount })).await });
    }
    let answers = attempts.join_all().await;
    let refused = answers.into_iter().filter(|answer| answer.status != 201);
    refused.map(|answer| answer.expect(422).field("code")).collect()
}

/// A platform whose day is not over before its clock is moved, whenever the test runs.
async fn ten_minutes_before_midnight(world: &World, setup: Setup) -> (World, Arc<ShiftedClock>) {
    let clock = Arc::new(ShiftedClock::default());
    let now = SystemClock.now();
    let midnight = (now + Days::new(2)).date_naive().and_time(NaiveTime::MIN).and_utc();
    clock.advance(midnight - TimeDelta::minutes(10) - now);
    (world.own(setup.clock(&clock)).await, clock)
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

async fn history(user: &User, query: &str) -> Value {
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

fn is_time(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.ends_with('Z') && DateTime::parse_from_rfc3339(text).is_ok()
}
