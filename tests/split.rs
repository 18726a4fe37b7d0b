//! `tradepost split`: the whole platform of the real binary, a process for each module.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use support::{Client, reconcile, run, text, tradepost};
use tempfile::TempDir;

/// A split platform, killed when it is dropped.
struct Split {
    process: Child,
    base: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Split {
    fn start(folder: &Path) -> Self {
        let mut command = tradepost(folder, &["split", "--listen", "127.0.0.1:0", "--data-dir", "data"]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (lines, errors) = (Arc::clone(&log), process.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let api =
            said.find(|line| line.contains("API")).unwrap_or_else(|| panic!("{:#?}", log.lock().unwrap()));
        let base = api.trim().trim_start_matches("API").trim().trim_end_matches("/api/v1").to_owned();
        Self { process, base, log }
    }

    /// The id of a process, once the log has it.
    async fn id(&self, name: &str) -> String {
        let started = format!("name=\"{name}\" id=");
        for _ in 0..600 {
            let log = self.log.lock().unwrap().clone();
            let mut ids = log.iter().filter_map(|line| Some(line.split_once(&started)?.1.trim().to_owned()));
            if let Some(id) = ids.next_back() {
                return id;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{name} never started")
    }

    fn stop(mut self) {
        send("TERM", &self.process.id().to_string());
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Split {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn send(signal: &str, id: &str) {
    assert!(Command::new("sh").args(["-c", &format!("kill -{signal} {id}")]).status().unwrap().success());
}

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
    let split = Split::start(folder.path());
    let client = Client::register(&split.base, "splitter_1").await;
    assert_eq!(client.post("/balance/deposit", json!({ "amount": "9000.00" })).await.unwrap().0, 201);
    buy(&client).await;
    for name in ["order", "inventory", "user", "engine", "gateway"] {
        send("KILL", &split.id(name).await);
        buy(&client).await;
    }
    split.stop();
    reconcile(folder.path());

    let split = Split::start(folder.path());
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
