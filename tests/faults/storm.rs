//! Clients that do everything at once, on a store that fails at random, and on a market that moves.

use chrono::TimeDelta;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rust_decimal::Decimal;
use tokio::task::JoinSet;
use tradepost_testkit::{Shape, User, block_on};

use crate::Platform;
use crate::faults::Fault;
use crate::operation::Request;

const FAULTS: [Fault; 6] = [
    Fault::Contention("TransactionConflict"),
    Fault::Refusal("ProvisionedThroughputExceededException"),
    Fault::ServerError,
    Fault::Unreachable,
    Fault::ConnectionBroken,
    Fault::AnswerLost,
];

/// A request and the key it was sent under.
struct Asked {
    request: Request,
    key: String,
}

#[test]
fn in_one_process() {
    block_on(async {
        for seed in 1..=3 {
            nothing_is_lost(Shape::Monolith, seed).await;
        }
    });
}

#[test]
fn in_a_process_per_module() {
    block_on(nothing_is_lost(Shape::Split, 4));
}

async fn nothing_is_lost(shape: Shape, seed: u64) {
    let platform = Platform::start(shape).await;
    let users = [platform.trader().await, platform.trader().await];
    let mut faults = StdRng::seed_from_u64(seed);
    for index in 0..400 {
        if faults.random_ratio(1, 4) {
            platform.line.fail_at(index, *FAULTS.choose(&mut faults).unwrap());
        }
    }
    let mut clients = JoinSet::new();
    for (number, user) in users.iter().cycle().take(8).enumerate() {
        let random = StdRng::seed_from_u64(seed * 100 + number as u64);
        clients.spawn(ask(user.clone(), number, random));
    }
    let mut moves = tokio::time::interval(std::time::Duration::from_millis(100));
    let mut asked = Vec::new();
    while !clients.is_empty() {
        tokio::select! {
            Some(done) = clients.join_next() => asked.push(done.unwrap()),
            _ = moves.tick() => platform.clock.advance(TimeDelta::seconds(30)),
        }
    }
    platform.line.heal();
    for (user, asked) in asked.iter().flat_map(|(user, asked)| asked.iter().map(move |asked| (user, asked))) {
        let answer = platform.settle(user, &asked.request, &asked.key).await;
        assert!([200, 201, 404, 409, 422].contains(&answer.status.as_u16()), "seed {seed}: {answer:?}");
    }
    for user in &users {
        all_ends(&platform, user).await;
        adds_up(user, seed).await;
    }
    platform.world.reconcile().await;
}

/// A client's requests, whose answers it does not rely on.
async fn ask(user: User, number: usize, mut random: StdRng) -> (User, Vec<Asked>) {
    let (mut asked, mut open) = (Vec::new(), Vec::<String>::new());
    for index in 0..20 {
        let request = match random.random_range(0..8) {
            0 => Request::cash("deposit", "3.21"),
            1 => Request::cash("withdraw", "2.10"),
            2 => Request::order("market_buy", "0.02", "1"),
            3 => Request::order("market_sell", "0.01", "1"),
            4 => Request::order("limit_buy", "0.1", &random.random_range(100..200).to_string()),
            5 => Request::order("take_profit", "0.1", &random.random_range(100..200).to_string()),
            _ => match open.pop() {
                Some(order) => Request::cancel(&order),
                None => Request::order("limit_sell", "0.1", "9000"),
            },
        };
        let key = format!("{number}-{index}");
        let answer = request.send(&user, &key).await;
        let status = answer.status.as_u16();
        assert!([200, 201, 404, 409, 422, 503].contains(&status), "{request:?}: {answer:?}");
        if status == 201 && answer.json()["data"]["status"] == "open" {
            open.push(answer.field("data.order_id"));
        }
        asked.push(Asked { request, key });
    }
    (user, asked)
}

/// Waits until recovery and the triggers have left nothing half done.
async fn all_ends(platform: &Platform, user: &User) {
    for turn in 0..1200 {
        let orders = user.get("/api/v1/orders?limit=100&status=pending").await.expect(200).json();
        if orders["data"].as_array().unwrap().is_empty() {
            return;
        }
        platform.wait(turn).await;
    }
    panic!("orders stay pending");
}

/// The cash is what the history says, and what is held is what open orders hold.
async fn adds_up(user: &User, seed: u64) {
    let decimal = |value: &serde_json::Value| value.as_str().unwrap().parse::<Decimal>().unwrap();
    let (mut sum, mut cursor) = (Decimal::ZERO, String::new());
    loop {
        let page =
            user.get(&format!("/api/v1/balance/transactions?limit=100{cursor}")).await.expect(200).json();
        sum += page["transactions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| decimal(&entry["amount"]))
            .sum::<Decimal>();
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let balance = user.get("/api/v1/balance").await.expect(200).json();
    assert_eq!(decimal(&balance["current_balance"]), sum, "seed {seed}");
    assert!(decimal(&balance["available_balance"]) >= Decimal::ZERO, "seed {seed}");
}
