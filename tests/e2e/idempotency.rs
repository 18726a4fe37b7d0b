//! `Idempotency-Key` on deposits and withdrawals: under one key money moves once, and every answer is the first.

use std::sync::Arc;

use chrono::TimeDelta;
use reqwest::header::HeaderValue;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tradepost_testkit::{Answer, PASSWORD, Setup, ShiftedClock, User, World};

use crate::cash::{DEPOSIT, WITHDRAW, ten_minutes_before_midnight};
use crate::history::history;
use crate::money::{quiet, storage};

crate::tests![
    a_repetition_has_the_first_answer_byte_for_byte_and_moves_nothing,
    a_refusal_is_repeated_though_the_money_is_there_now,
    a_refusal_by_a_cap_is_repeated_on_the_next_day,
    where_the_operator_deposits_the_refusal_is_repeated,
    another_body_under_the_key_is_refused_and_changes_nothing,
    of_many_first_requests_at_once_one_moves_money,
    of_many_different_requests_at_once_one_moves_money,
    a_key_counts_for_24_hours_to_the_millisecond,
    a_key_has_1_to_255_visible_ascii_characters,
    several_keys_on_one_request_are_refused,
    a_key_belongs_to_its_user_and_its_route,
    broken_requests_are_not_kept,
    a_request_that_was_one_too_many_is_not_kept,
    without_a_token_a_key_says_nothing,
    a_key_costs_no_more_reads_or_writes,
];

pub const KEY: &str = "Idempotency-Key";

async fn a_repetition_has_the_first_answer_byte_for_byte_and_moves_nothing(world: World) {
    let own = world.own(Setup::default()).await;
    let user = own.new_user().await;
    for (path, amount, left) in [(DEPOSIT, "100.50", "100.50"), (WITHDRAW, "40.25", "60.25")] {
        let first = keyed(&user, path, "key-1", amount).await.expect(201);
        assert_eq!(first.header("idempotency-replayed"), "");
        for _ in 0..3 {
            is_replay(&first, &keyed(&user, path, "key-1", amount).await);
        }
        assert_eq!(user.cash().await, left);
    }
    assert_eq!(history(&user, "").await["total_count"], 2);
    own.reconcile().await;
}

async fn a_refusal_is_repeated_though_the_money_is_there_now(world: World) {
    let own = world.own(Setup::default()).await;
    let user = own.new_user().await;
    let refused = keyed(&user, WITHDRAW, "key-1", "50").await.refused(422, "insufficient_funds");
    assert_eq!(refused.header("idempotency-replayed"), "");
    user.deposit("80").await;
    for _ in 0..2 {
        is_replay(&refused, &keyed(&user, WITHDRAW, "key-1", "50").await);
    }
    assert_eq!(user.cash().await, "80.00");
    keyed(&user, WITHDRAW, "key-2", "50").await.expect(201);
    assert_eq!(user.cash().await, "30.00");
    own.reconcile().await;
}

async fn a_refusal_by_a_cap_is_repeated_on_the_next_day(world: World) {
    let (own, clock) = ten_minutes_before_midnight(&world, Setup::default()).await;
    let user = own.new_user().await;
    user.deposit("10000").await;
    let refused = keyed(&user, DEPOSIT, "key-1", "1").await.refused(422, "daily_limit_exceeded");
    clock.advance(TimeDelta::minutes(10));
    is_replay(&refused, &keyed(&user, DEPOSIT, "key-1", "1").await);
    keyed(&user, DEPOSIT, "key-2", "1").await.expect(201);
    assert_eq!(user.cash().await, "10001.00");
    own.reconcile().await;
}

async fn where_the_operator_deposits_the_refusal_is_repeated(world: World) {
    let own = world.own(Setup::default().set("user.deposits", "operator")).await;
    let user = own.new_user().await;
    let refused = keyed(&user, DEPOSIT, "key-1", "1").await.refused(403, "deposits_disabled");
    is_replay(&refused, &keyed(&user, DEPOSIT, "key-1", "1").await);
    own.reconcile().await;
}

async fn another_body_under_the_key_is_refused_and_changes_nothing(world: World) {
    let user = world.new_user().await;
    let send = async |body: &str| {
        let request = user.request(Method::POST, DEPOSIT).header("content-type", "application/json");
        user.client.send(request.header(KEY, "key-1").body(body.to_owned())).await
    };
    let first = send(r#"{"amount":"10"}"#).await.expect(201);
    // The body counts as it was sent, not as it was read.
    for other in [r#"{"amount":"20"}"#, r#"{"amount": "10"}"#, r#"{"amount":10}"#, r#"{"amount":"10","x":1}"#]
    {
        let refused = send(other).await.refused(422, "idempotency_key_reused");
        assert_eq!(refused.header("idempotency-replayed"), "");
        assert_eq!(refused.json()["validation_errors"], json!([]));
    }
    is_replay(&first, &send(r#"{"amount":"10"}"#).await);
    assert_eq!(user.cash().await, "10.00");
}

async fn of_many_first_requests_at_once_one_moves_money(world: World) {
    let own = world.own(Setup::default()).await;
    let user = own.new_user().await;
    user.deposit("1000").await;
    for (path, left) in [(DEPOSIT, "1010.00"), (WITHDRAW, "1000.00")] {
        let answers = at_once(&user, path, |_| "10".to_owned()).await;
        let (again, first): (Vec<_>, Vec<_>) =
            answers.iter().partition(|answer| answer.header("idempotency-replayed") == "true");
        let [first] = first[..] else { panic!("{} were the first", first.len()) };
        assert_eq!(first.status, 201, "{first:?}");
        again.iter().for_each(|answer| is_replay(first, answer));
        assert_eq!(user.cash().await, left);
    }
    assert_eq!(history(&user, "").await["total_count"], 3);
    own.reconcile().await;
}

async fn of_many_different_requests_at_once_one_moves_money(world: World) {
    let own = world.own(Setup::default()).await;
    let user = own.new_user().await;
    let answers = at_once(&user, DEPOSIT, |number| format!("{}.00", number + 1)).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((done.len(), refused.len()), (1, 31));
    refused.into_iter().for_each(|answer| drop(answer.refused(422, "idempotency_key_reused")));
    assert_eq!(user.cash().await, done[0].field("balance_after"));
    assert_eq!(history(&user, "").await["total_count"], 1);
    own.reconcile().await;
}

async fn a_key_counts_for_24_hours_to_the_millisecond(world: World) {
    let clock = Arc::new(ShiftedClock::stopped());
    let own = world.own(Setup::default().clock(&clock)).await;
    let user = own.new_user().await;
    let first = keyed(&user, DEPOSIT, "key-1", "10").await.expect(201);
    let refused = keyed(&user, WITHDRAW, "key-2", "20").await.refused(422, "insufficient_funds");
    clock.advance(TimeDelta::hours(24) - TimeDelta::milliseconds(1));
    let user = own.log_in(&user.username, PASSWORD).await;
    is_replay(&first, &keyed(&user, DEPOSIT, "key-1", "10").await);
    is_replay(&refused, &keyed(&user, WITHDRAW, "key-2", "20").await);
    keyed(&user, DEPOSIT, "key-1", "15").await.refused(422, "idempotency_key_reused");
    clock.advance(TimeDelta::milliseconds(1));
    // Even for something else.
    let second = keyed(&user, DEPOSIT, "key-1", "15").await.expect(201);
    assert_eq!(
        (second.header("idempotency-replayed"), second.field("balance_after").as_str()),
        ("", "25.00")
    );
    assert_eq!(keyed(&user, WITHDRAW, "key-2", "20").await.expect(201).field("balance_after"), "5.00");
    is_replay(&second, &keyed(&user, DEPOSIT, "key-1", "15").await);
    own.reconcile().await;
}

async fn a_key_has_1_to_255_visible_ascii_characters(world: World) {
    let user = world.new_user().await;
    let all: String = ('!'..='~').collect();
    for key in ["k", "~", "#", &all, &"k".repeat(255)] {
        let first = keyed(&user, DEPOSIT, key, "1").await.expect(201);
        is_replay(&first, &keyed(&user, DEPOSIT, key, "1").await);
    }
    let cash = user.cash().await;
    let long = "k".repeat(256);
    for key in [&b""[..], b" ", long.as_bytes(), b"two words", b"a\tb", b"caf\xc3\xa9", b"\xe9", b"\xff"] {
        for path in [DEPOSIT, WITHDRAW] {
            let value = HeaderValue::from_bytes(key).unwrap();
            let answer = user.client.send(request(&user, path, "1").header(KEY, value)).await;
            let answer = answer.refused(422, "invalid_idempotency_key");
            assert_eq!(answer.json()["validation_errors"], json!([]), "{key:?}");
        }
    }
    assert_eq!(user.cash().await, cash);
}

async fn several_keys_on_one_request_are_refused(world: World) {
    let user = world.new_user().await;
    for keys in [["a", "b"], ["a", "a"], ["", "a"]] {
        let request = request(&user, DEPOSIT, "1").header(KEY, keys[0]).header(KEY, keys[1]);
        user.client.send(request).await.refused(422, "invalid_idempotency_key");
    }
    assert_eq!(user.cash().await, "0.00");
}

async fn a_key_belongs_to_its_user_and_its_route(world: World) {
    let (first, second) = (world.new_user().await, world.new_user().await);
    let mut receipts = Vec::new();
    for user in [&first, &second] {
        for path in [DEPOSIT, WITHDRAW] {
            let answer = keyed(user, path, "one-key-for-all", "10").await.expect(201);
            assert_eq!(answer.header("idempotency-replayed"), "");
            receipts.push(answer.field("transaction_id"));
        }
        assert_eq!(history(user, "").await["total_count"], 2);
    }
    receipts.sort();
    receipts.dedup();
    assert_eq!(receipts.len(), 4);
}

async fn broken_requests_are_not_kept(world: World) {
    let user = world.new_user().await;
    let post = |body: &'static str| user.request(Method::POST, DEPOSIT).header(KEY, "key-1").body(body);
    let json = |body| user.client.send(post(body).header("content-type", "application/json"));
    for _ in 0..2 {
        json(r#"{"amount":-1}"#).await.invalid(&["amount"]);
        json(r#"{"amount":1.001}"#).await.invalid(&["amount"]);
        json(r#"{"amount":"#).await.refused(400, "malformed_request");
        json("[]").await.invalid(&["body"]);
        let text = post(r#"{"amount":1}"#).header("content-type", "text/plain");
        user.client.send(text).await.refused(415, "unsupported_media_type");
    }
    let first = json(r#"{"amount":1}"#).await.expect(201);
    assert_eq!(first.header("idempotency-replayed"), "");
    // Nor do they hide what was kept.
    json(r#"{"amount":-1}"#).await.invalid(&["amount"]);
    is_replay(&first, &json(r#"{"amount":1}"#).await);
    assert_eq!(user.cash().await, "1.00");
}

async fn a_request_that_was_one_too_many_is_not_kept(world: World) {
    let clock = Arc::new(ShiftedClock::stopped());
    let setup = Setup::default().set("rate_limits.money_per_user", "1");
    let own = world.own(setup.clock(&clock)).await;
    let user = own.new_user().await;
    user.deposit("1").await;
    keyed(&user, DEPOSIT, "key-1", "10").await.refused(429, "rate_limited");
    clock.advance(TimeDelta::minutes(1));
    let first = keyed(&user, DEPOSIT, "key-1", "10").await.expect(201);
    assert_eq!((first.header("idempotency-replayed"), first.field("balance_after").as_str()), ("", "11.00"));
}

async fn without_a_token_a_key_says_nothing(world: World) {
    let user = world.new_user().await;
    keyed(&user, DEPOSIT, "key-1", "10").await.expect(201);
    for key in ["key-1", "not a key"] {
        let request = world.request(Method::POST, DEPOSIT).header(KEY, key);
        world.send(request.json(&amount("10"))).await.refused(401, "unauthenticated");
    }
}

async fn a_key_costs_no_more_reads_or_writes(world: World) {
    let (own, user) = quiet(&world).await;
    for (path, amount, status) in [(DEPOSIT, "10", 201), (WITHDRAW, "5", 201), (WITHDRAW, "50", 422)] {
        let key = format!("key-{amount}");
        let first = storage(&own, keyed(&user, path, &key, amount), status).await;
        assert!(first.reads <= 1 && first.writes <= 1, "{path} {amount}: {first:?}");
        let again = storage(&own, keyed(&user, path, &key, amount), status).await;
        assert!(again.reads <= 1 && again.writes == 0, "{path} {amount} again: {again:?}");
    }
    own.reconcile().await;
}

fn amount(amount: &str) -> Value {
    json!({ "amount": amount })
}

fn request(user: &User, path: &str, dollars: &str) -> RequestBuilder {
    user.request(Method::POST, path).json(&amount(dollars))
}

async fn keyed(user: &User, path: &str, key: &str, dollars: &str) -> Answer {
    user.client.send(request(user, path, dollars).header(KEY, key)).await
}

/// Demands that an answer is the first one again: its status, its type and its bytes, under a request id of its own.
#[track_caller]
pub fn is_replay(first: &Answer, again: &Answer) {
    assert_eq!(again.header("idempotency-replayed"), "true", "{again:?}");
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.header("content-type"), first.header("content-type"));
    assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
}

/// Thirty-two requests under one key at once.
async fn at_once(user: &User, path: &'static str, dollars: fn(usize) -> String) -> Vec<Answer> {
    let mut requests = JoinSet::new();
    for number in 0..32 {
        let user = user.clone();
        requests.spawn(async move { keyed(&user, path, "key-of-all", &dollars(number)).await });
    }
    requests.join_all().await
}
