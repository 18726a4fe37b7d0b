//! One client: asks for one thing after the other and remembers what it was answered.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::choice::{self, Prices};
use crate::eventually;
use crate::operation::{Operation, Reply, Work};
use crate::support::Client;

/// Orders that were open when they were last heard of, for all clients of one user.
pub type OpenOrders = Arc<Mutex<Vec<String>>>;

/// What the clients and whoever kills their platform tell each other.
#[derive(Default)]
pub struct Signals {
    pub stop: AtomicBool,
    pub acknowledged: AtomicUsize,
}

/// One client.
pub struct Trader {
    pub name: String,
    pub user: usize,
    pub client: Client,
    pub random: StdRng,
    pub prices: Prices,
    pub open: OpenOrders,
    pub signals: Arc<Signals>,
}

impl Trader {
    /// Works until it is told to stop; answers what it asked for, and the prices it was told.
    pub async fn work(mut self) -> (Vec<Operation>, Prices) {
        let mut operations: Vec<Operation> = Vec::new();
        while !self.signals.stop.load(Ordering::SeqCst) {
            let turn = operations.len();
            let is_silent = operations.last().is_some_and(|last| !last.is_answered());
            let place = match turn.checked_sub(1) {
                Some(last) if is_silent && self.random.random_ratio(2, 3) => last,
                Some(last) if self.random.random_ratio(1, 10) => self.random.random_range(0..=last),
                _ => {
                    let open = self.open.lock().unwrap().clone();
                    let work = choice::next(&mut self.random, &self.prices, &open);
                    operations.push(Operation::new(self.user, format!("{}-{turn}", self.name), work));
                    turn
                }
            };
            self.ask(&mut operations[place]).await;
        }
        (operations, self.prices)
    }

    async fn ask(&mut self, operation: &mut Operation) {
        operation.send(&self.client).await;
        if let Work::Cancel { order_id } = &operation.work {
            self.open.lock().unwrap().retain(|open| open != order_id);
        }
        let Some(body) = operation.done().last().cloned() else {
            if !operation.is_answered() {
                // Asking a dead platform without a pause would keep the machine from starting it again.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            return;
        };
        self.signals.acknowledged.fetch_add(1, Ordering::SeqCst);
        self.learn(&operation.work, &body["data"]);
    }

    fn learn(&mut self, work: &Work, order: &Value) {
        let Work::Place(_) = work else { return };
        match order["status"].as_str() {
            Some("open") => self.open.lock().unwrap().push(text(&order["order_id"])),
            Some("completed") => {
                let price: Decimal = text(&order["price"]).parse().unwrap();
                self.prices.insert(text(&order["asset_id"]), price);
            }
            _ => {}
        }
    }
}

/// Asks until there is an answer, twice at the same time.
pub async fn ask_twice(operation: &Operation, client: &Client) -> Vec<Reply> {
    let mut replies = Vec::new();
    eventually("an answer", async || {
        let (one, other) = tokio::join!(operation.reply(client), operation.reply(client));
        replies.extend([one, other]);
        let is_silent = replies.iter().all(|reply| matches!(reply, Reply::Silent(_)));
        if is_silent { Err(format!("{operation}: {:?}", replies.last())) } else { Ok(()) }
    })
    .await;
    replies
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
