//! Cash: the balance, money in and out, and the daily caps.

use std::sync::Arc;

use chrono::{DateTime, Days, NaiveTime, TimeDelta};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tradepost_kernel::{Clock, SystemClock};
use tradepost_testkit::{Answer, Setup, ShiftedClock, User, World};

use crate::history::history;

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
];

const BALANCE: &str = "/api/v1/balance";
pub const DEPOSIT: &str = "/api/v1/balance/deposit";
pub const WITHDRAW: &str = "/api/v1/balance/withdraw";

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

pub async fn deposit(user: &User, amount: &str) -> Answer {
    user.post(DEPOSIT, &json!({ "amount": amount })).await
}

pub async fn withdraw(user: &User, amount: &str) -> Answer {
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
pub async fn ten_minutes_before_midnight(world: &World, setup: Setup) -> (World, Arc<ShiftedClock>) {
    let clock = Arc::new(ShiftedClock::default());
    let now = SystemClock.now();
    let midnight = (now + Days::new(2)).date_naive().and_time(NaiveTime::MIN).and_utc();
    clock.advance(midnight - TimeDelta::minutes(10) - now);
    (world.own(setup.clock(&clock)).await, clock)
}

pub fn is_time(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.ends_with('Z') && DateTime::parse_from_rfc3339(text).is_ok()
}
