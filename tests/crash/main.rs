//! The real binary is killed while clients trade, again and again. Afterwards everything that it acknowledged is
//! there, nothing took place twice or unasked, and the books are right.
//!
//! `TRADEPOST_CRASH_ROUNDS` says how often, and `TRADEPOST_CRASH_SEED` repeats the choices of a run that failed; when
//! the processes answer no seed repeats.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod books;
mod choice;
mod claims;
mod crowd;
mod monolith;
mod operation;
mod split;
mod sums;
#[path = "../support/mod.rs"]
mod support;
mod trader;

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use serde_json::Value;
use support::{run, text};
use tokio::time::Instant;

/// Nothing is limited but by what a user has, and what can wait for a moment comes often.
const SETTINGS: &[&str] = &[
    "--set=user.daily_deposit_limit=1000000.00",
    "--set=user.daily_withdrawal_limit=1000000.00",
    "--set=rate_limits.per_address=0",
    "--set=rate_limits.per_user=0",
    "--set=rate_limits.money_per_user=0",
    "--set=rate_limits.reads_per_address=0",
    "--set=inventory.tick_ms=200",
    "--set=order.trigger_interval_ms=200",
    "--set=order.sweep_interval_ms=10000",
    "--set=order.recovery_interval_ms=500",
];

/// How often a single process is killed, unless it is said.
const ROUNDS: u32 = 4;
/// How often that is for once that each process of a split platform is killed.
const ROUNDS_OF_A_SPLIT: u32 = 5;

/// How long anything may take, on however slow a machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn rounds() -> u32 {
    variable("TRADEPOST_CRASH_ROUNDS").unwrap_or(ROUNDS)
}

/// Cargo shows what a test says when it fails.
fn seed() -> u64 {
    let seed = variable("TRADEPOST_CRASH_SEED").unwrap_or_else(rand::random);
    println!("TRADEPOST_CRASH_SEED={seed}");
    seed
}

#[expect(clippy::disallowed_methods, reason = "says how long to test, which is no setting of what is tested")]
fn variable<T: FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is {text}")))
}

/// Tries until there is nothing to complain about.
async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Result<T, String>) -> T {
    let (begun, mut pause) = (Instant::now(), Duration::from_millis(20));
    loop {
        match attempt().await {
            Ok(found) => return found,
            Err(complaint) if begun.elapsed() > PATIENCE => panic!("{what}: {complaint}"),
            Err(_) => tokio::time::sleep(pause).await,
        }
        // Whoever asks all the time slows down what it waits for.
        pause = (pause * 2).min(Duration::from_millis(500));
    }
}

/// The proof of the operator, on a copy of the file as it is at this moment.
fn reconcile(folder: &Path) {
    let proof = run(folder, &["reconcile", "--data-dir", "data", "--json"]);
    let said = text(&proof.stdout);
    assert!(proof.status.success(), "{said}{}", text(&proof.stderr));
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["problems"], Value::Array(Vec::new()));
    assert!(report["orders"].as_u64().unwrap() > 0 && report["ledger_entries"].as_u64().unwrap() > 0);
}
