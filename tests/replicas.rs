//! Two processes of the real binary on one engine: one of them asks the feed for both, and another goes on when it is
//! killed; what it kept survives all of them; what an administrator does is seen by each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use support::{Client, Server, text, tradepost};
use tempfile::TempDir;

const SECRET: &str = "only the services know";

/// An engine, and the settings of the processes on it.
struct Installation {
    folder: TempDir,
    engine: Server,
}

impl Installation {
    /// With a recording in which the price of BTC rises by a dollar a second, and then falls again.
    fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let mut recording = String::new();
        for second in 0..7_200 {
            let (minute, price) =
                (second / 60, 10_000 + if second < 3_600 { second } else { 7_200 - second });
            let at = format!("2026-01-01T{:02}:{:02}:{:02}Z", minute / 60, minute % 60, second % 60);
            writeln!(
                recording,
                r#"{{"at":"{at}","prices":{{"BTC":{price},"ETH":"2500.{:02}"}}}}"#,
                second % 100
            )
            .unwrap();
        }
        std::fs::write(folder.path().join("recording.jsonl"), recording).unwrap();
        let mut command = tradepost(folder.path(), &["engine", "--listen", "127.0.0.1:0", "--in-memory"]);
        command.env("TRADEPOST__ENGINE__SECRET", SECRET);
        let engine = Server::spawn(command);
        Self { folder, engine }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = tradepost(self.folder.path(), arguments);
        for (name, value) in [
            ("STORAGE__ENGINE", "dynamodb"),
            ("STORAGE__ENDPOINT", &self.engine.base),
            ("STORAGE__REGION", "local"),
            ("STORAGE__ACCESS_KEY_ID", "tradepost"),
            ("STORAGE__SECRET_ACCESS_KEY", SECRET),
            ("STORAGE__CREATE_TABLES", "true"),
            ("INVENTORY__FEED", "file"),
            ("INVENTORY__FILE__PATH", "recording.jsonl"),
            ("INVENTORY__FILE__INTERVAL_MS", "100"),
            ("INVENTORY__SYNC_INTERVAL_MS", "100"),
            ("INVENTORY__LEASE_S", "2"),
            ("CLOCK_FILE", "clock"),
        ] {
            command.env(format!("TRADEPOST__{name}"), value);
        }
        command.args(["--data-dir", "keys"]);
        command
    }

    fn serve(&self) -> Server {
        Server::spawn(self.command(&["serve", "--listen", "127.0.0.1:0"]))
    }

    /// Lets so many seconds pass for all processes.
    fn pass(&self, seconds: i64) {
        let file = self.folder.path().join("clock");
        let now: i64 = std::fs::read_to_string(&file).unwrap_or_default().trim().parse().unwrap_or(0);
        let next = self.folder.path().join("next");
        std::fs::write(&next, (now + seconds * 1_000).to_string()).unwrap();
        std::fs::rename(&next, &file).unwrap();
    }
}

async fn get(server: &Server, path: &str) -> Value {
    reqwest::get(format!("{}{path}", server.base)).await.unwrap().json().await.unwrap()
}

async fn bitcoin(server: &Server) -> Value {
    get(server, "/api/v1/inventory/assets/BTC").await["data"].take()
}

/// The price of BTC in whole dollars; 0 while there is none.
async fn price(server: &Server) -> u64 {
    bitcoin(server).await["price_usd"].as_u64().unwrap_or(0)
}

async fn is_feeding(server: &Server) -> bool {
    get(server, "/health/ready").await["prices"]["is_feeding"] == true
}

/// Asks until the answer is this.
async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    for _ in 0..1_200 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what} does not become true");
}

/// The one of two that asks the feed, and the other one.
async fn by_feeding(one: Server, other: Server) -> (Server, Server) {
    until("one of them asks", || async { is_feeding(&one).await != is_feeding(&other).await }).await;
    if is_feeding(&one).await { (one, other) } else { (other, one) }
}

async fn minutes(server: &Server) -> Vec<Value> {
    get(server, "/api/v1/inventory/assets/BTC/prices?interval=1m").await["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn another_process_goes_on_when_the_one_that_asks_the_feed_is_killed() {
    let installation = Installation::start();
    let (asks, follows) = by_feeding(installation.serve(), installation.serve()).await;
    until("both show prices", || async { price(&asks).await > 0 && price(&follows).await > 0 }).await;
    let shown = bitcoin(&follows).await;
    assert_eq!((&shown["price_source"], &shown["is_active"]), (&json!("file"), &json!(true)));

    installation.pass(600);
    until("the other one shows what was asked", || async { price(&follows).await >= 10_600 }).await;
    // The lease ran out meanwhile, so they may have changed places.
    let (asks, follows) = by_feeding(asks, follows).await;
    asks.kill();
    // Nobody renews the lease any more, so it runs out.
    until("the other one asks", || async { is_feeding(&follows).await }).await;
    let before = price(&follows).await;
    assert!(before >= 10_600, "it began anew, at {before}");
    installation.pass(300);
    until("it goes on", || async { price(&follows).await >= before + 300 }).await;

    let back = installation.serve();
    until("it is back", || async { price(&back).await >= before + 300 }).await;
    // Whoever stops lets another go on at once.
    let (asks, follows) = by_feeding(follows, back).await;
    assert!(asks.stop());
    until("it takes over", || async { is_feeding(&follows).await }).await;
}

#[tokio::test]
async fn candles_are_the_same_everywhere_and_survive_every_process() {
    let installation = Installation::start();
    let (one, other) = (installation.serve(), installation.serve());
    for passed in 1..=4 {
        let least = 10_000 + passed * 60;
        installation.pass(60);
        until("both show the minute", || async {
            price(&one).await >= least && price(&other).await >= least
        })
        .await;
    }
    until("four minutes are over", || async { minutes(&one).await.len() >= 4 }).await;
    let closed: Vec<_> = minutes(&one).await.into_iter().take(3).collect();
    until("the other one has the same", || async { minutes(&other).await.starts_with(&closed) }).await;
    for candle in &closed {
        let [open, high, low, close] =
            ["open", "high", "low", "close"].map(|name| candle[name].as_u64().unwrap());
        assert!(low <= open && open <= high && low <= close && close <= high, "{candle}");
    }
    // Nothing is kept twice, and the longer ones follow.
    let all = minutes(&other).await;
    let starts: BTreeSet<_> = all.iter().map(|candle| candle["timestamp"].as_str().unwrap()).collect();
    assert_eq!(starts.len(), all.len());

    one.kill();
    other.kill();
    let later = installation.serve();
    until("it remembers", || async { minutes(&later).await.starts_with(&closed) }).await;
    let hours = get(&later, "/api/v1/inventory/assets/BTC/prices?interval=1d").await;
    assert!(hours["data"][0]["low"].as_u64().unwrap() <= closed[0]["low"].as_u64().unwrap(), "{hours}");
    // What the feed does not say follows from the candles.
    until("the day has a range", || async {
        bitcoin(&later).await["high_24h"]
            .as_u64()
            .is_some_and(|high| high >= closed[2]["high"].as_u64().unwrap())
    })
    .await;
    assert!(later.stop());
}

#[tokio::test]
async fn what_an_administrator_does_is_seen_by_every_process() {
    let installation = Installation::start();
    let (one, other) = (installation.serve(), installation.serve());
    let trader = Client::register(&other.base, "trader_1").await;
    assert_eq!(trader.post("/balance/deposit", json!({ "amount": "1000" })).await.unwrap().0, 201);
    Client::register(&one.base, "admin_1").await;
    let granted = installation.command(&["grant-admin", "admin_1"]).output().unwrap();
    assert!(granted.status.success(), "{}", text(&granted.stderr));
    let admin = Client::log_in(&one.base, "admin_1", "TestPassword123!").await.unwrap();
    let buy = json!({ "order_type": "market_buy", "asset_id": "ETH", "quantity": "0.01" });
    until("it trades", || async { trader.post("/orders", buy.clone()).await.unwrap().0 == 201 }).await;

    let path = "/inventory/admin/assets/ETH/suspend";
    assert_eq!(admin.post(path, json!({ "reason": "Halted" })).await.unwrap().0, 200);
    let shown = |server: &Server| get_reason(server.base.clone());
    assert_eq!(shown(&one).await, "Halted", "at once where it was done");
    until("the other one shows it", || async { shown(&other).await == "Halted" }).await;
    let (status, refused) = trader.post("/orders", buy.clone()).await.unwrap();
    assert_eq!((status, &refused["code"]), (422, &json!("asset_not_tradable")));
    // A process that starts knows it before it takes the first order.
    let third = installation.serve();
    let elsewhere = Client { base: third.base.clone(), ..trader.clone() };
    assert_eq!(elsewhere.post("/orders", buy).await.unwrap().1["code"], "asset_not_tradable");
    let proof = installation.command(&["reconcile"]).output().unwrap();
    assert!(text(&proof.stdout).contains("The books are right."), "{}", text(&proof.stderr));
}

async fn get_reason(base: String) -> String {
    let answer = reqwest::get(format!("{base}/api/v1/inventory/assets/ETH")).await.unwrap();
    let detail: Value = answer.json().await.unwrap();
    detail["data"]["suspension_reason"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_broken_recording_is_named_at_the_start() {
    let folder = TempDir::new().unwrap();
    let settings = ["--set", "inventory.feed=file", "--set", "inventory.file.path=nowhere.jsonl"];
    let refused = support::run(folder.path(), &[&["check-config"][..], &settings].concat());
    assert!(!refused.status.success());
    assert!(text(&refused.stderr).contains("inventory.file.path"), "{}", text(&refused.stderr));
}
