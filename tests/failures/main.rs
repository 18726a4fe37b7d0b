//! What breaks between the processes of a split platform, and what may come of it: every answer is true, every
//! order ends, and the books are right.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod catalog;
mod health;
mod holds;
mod restart;
mod settling;
mod trust;
mod twice;

use std::time::Duration;

use chrono::TimeDelta;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;
use tradepost_kernel::{SessionId, UserId};
use tradepost_testkit::{Answer, Breakable, Mode, Setup, User};

/// How long the order process waits for another, in milliseconds.
const TIMEOUT_MS: u64 = 1600;
/// Longer than that.
const LATE: Duration = Duration::from_secs(2);
/// What no service says.
const GARBAGE: [Mode; 5] = [
    Mode::Garbled(200, "no JSON"),
    Mode::Garbled(200, ""),
    Mode::Garbled(200, r#"{"an":"answer to something else"}"#),
    Mode::Garbled(500, "<html><body>Something went wrong</body></html>"),
    Mode::Garbled(422, r#"{"code":"insufficient_funds","detail":"A refusal that nobody can rebuild."}"#),
];

fn setup() -> Setup {
    Setup::default()
        .set("peers.timeout_ms", &TIMEOUT_MS.to_string())
        .set("order.recovery_interval_ms", "50")
        .set("user.concurrent_hashes", "4")
}

/// Somebody with 1000 dollars less what one SOL costs, and that SOL. Talks to the order process.
async fn trader(platform: &Breakable) -> User {
    let user = platform.at("user").new_user().await;
    user.deposit("1000.00").await;
    let trader = User { client: platform.at("order"), ..user };
    eventually("a first order", async || {
        let answer = trader.order("market_buy", "SOL", "1").await;
        (answer.status == 201).then_some(())
    })
    .await;
    trader
}

/// The token of a user, read.
#[derive(Clone, Copy, Deserialize)]
struct Identity {
    uid: UserId,
    sid: SessionId,
}

impl Identity {
    fn of(user: &User) -> Self {
        jsonwebtoken::dangerous::insecure_decode_claims(&user.token).unwrap()
    }
}

/// Asks again and again until there is an answer.
async fn eventually<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never came: {what}");
}

/// What a client knows after placing an order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Done(String),
    Refused(String),
    Unknown,
}

impl Told {
    #[track_caller]
    fn by(answer: Answer) -> Self {
        match answer.status.as_u16() {
            201 => {
                assert_eq!(answer.field("data.status"), "completed");
                Self::Done(answer.field("data.order_id"))
            }
            422 => Self::Refused(answer.field("code")),
            _ => {
                let answer = answer.refused(503, "service_unavailable");
                assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
                Self::Unknown
            }
        }
    }
}

async fn orders(trader: &User) -> Vec<Value> {
    let list = trader.get("/api/v1/orders?limit=100").await.expect(200).json();
    list["data"].as_array().unwrap().clone()
}

/// Lets the time pass until no order is pending.
async fn all_ended(platform: &Breakable, trader: &User) -> Vec<Value> {
    eventually("the end of all orders", async || {
        let orders = orders(trader).await;
        if orders.iter().all(|order| order["status"] != "pending") {
            return Some(orders);
        }
        platform.clock().advance(TimeDelta::seconds(1));
        None
    })
    .await
}

fn exact(value: &Value) -> Decimal {
    Decimal::from_str_exact(value.as_str().unwrap()).unwrap()
}

fn of_status<'a>(orders: &'a [Value], status: &str) -> impl Iterator<Item = &'a Value> {
    orders.iter().filter(move |order| order["status"] == status)
}

/// Demands that exactly the completed orders moved cash and assets, and that the books are right.
async fn books_are_right(platform: &Breakable, trader: &User, orders: &[Value]) {
    platform.user.quiet().await;
    let mut cash = Decimal::from(1000);
    let mut sol = Decimal::ZERO;
    for order in of_status(orders, "completed") {
        let sign = if order["order_type"] == "market_buy" { Decimal::ONE } else { Decimal::NEGATIVE_ONE };
        cash -= sign * exact(&order["total_amount"]);
        sol += sign * exact(&order["quantity"]);
    }
    let account = User { client: platform.at("user"), ..trader.clone() };
    assert_eq!(account.cash().await, format!("{cash:.2}"));
    let held = trader.get("/api/v1/balance/asset/SOL").await.expect(200).json();
    assert_eq!(exact(&held["quantity"]), sol);
    platform.reconcile().await;
}
