//! `tradepost split`: the whole platform of the real binary, a process for each module.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use serde_json::json;
use support::split::{Split, send};
use support::{Client, reconcile, run, text};
use tempfile::TempDir;

/// Buys until the order is taken: a module that died takes a moment to come back.
async fn buy(client: &Client) {
    let order = json!({ "order_type": "market_buy", "asset_id": "BTC", "quantity": "0.001" });
    for _ in 0..600 {
        if let Some((201, _)) = client.post("/orders", order.clone()).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no order was taken");
}

#[tokio::test]
async fn it_trades_survives_the_death_of_each_process_and_keeps_its_data() {
    let folder = TempDir::new().unwrap();
    let split = Split::start(folder.path(), &[]);
    let client = Client::register(&split.base, "splitter_1").await;
    assert_eq!(client.post("/balance/deposit", json!({ "amount": "9000.00" })).await.unwrap().0, 201);
    buy(&client).await;
    for name in ["order", "inventory", "user", "engine", "gateway"] {
        send("KILL", &split.id(name).await);
        buy(&client).await;
    }
    split.stop();
    reconcile(folder.path());

    let split = Split::start(folder.path(), &[]);
    let client = Client::log_in(&split.base, "splitter_1", "TestPassword123!").await.unwrap();
    let portfolio = client.get("/portfolio").await;
    assert_eq!(portfolio["assets"][0]["asset_id"], "BTC", "{portfolio}");
    split.stop();
}

#[test]
fn a_public_address_in_use_is_said_before_anything_starts() {
    let folder = TempDir::new().unwrap();
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap();
    let refused = run(folder.path(), &["split", "--listen", &taken.to_string()]);
    assert!(!refused.status.success());
    assert!(text(&refused.stderr).contains("already listens on"), "{}", text(&refused.stderr));
    assert!(!folder.path().join("data").exists());
}

#[test]
fn what_the_split_decides_itself_cannot_be_set() {
    let folder = TempDir::new().unwrap();
    for setting in [
        "serve=user",
        "storage.engine=dynamodb",
        "peers.user=http://127.0.0.1:1",
        "gateway.user=http://127.0.0.1:1",
    ] {
        let refused = run(folder.path(), &["split", "--listen", "127.0.0.1:0", "--set", setting]);
        let (said, key) = (text(&refused.stderr), setting.split('=').next().unwrap());
        assert!(
            !refused.status.success() && said.contains(&format!("sets {key} itself")),
            "{setting}: {said}"
        );
    }
    assert!(!folder.path().join("data").exists());
}

#[test]
fn a_process_that_does_not_start_is_named() {
    let folder = TempDir::new().unwrap();
    let broken = ["split", "--listen", "127.0.0.1:0", "--set", "order.min_value=20000.00"];
    let refused = run(folder.path(), &broken);
    let said = text(&refused.stderr);
    assert!(!refused.status.success() && said.contains("The process `order` ended"), "{said}");
    assert!(said.contains("order.min_value"), "{said}");
}
