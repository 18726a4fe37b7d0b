//! A user of the platform whose every answer, order and balance is compared with the model's.

use std::fmt::Debug;
use std::time::Duration;

use chrono::TimeDelta;
use proptest::test_runner::TestCaseError;
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tradepost_kernel::Timestamp;
use tradepost_testkit::{Answer, PASSWORD, User};

use crate::books::{Books, amount, order};
use crate::plain::Model;
use crate::platform::Platform;
use crate::step::{LATER, Step};
use crate::words::{Request, Told, Wanted};

type Checked = Result<(), TestCaseError>;

/// How often one looks, every 20 milliseconds, until the platform has done what a move of the prices makes it do.
const LOOKS: usize = 250;

pub struct Trader<'a> {
    platform: &'a Platform,
    user: User,
    /// When they logged in.
    since: Timestamp,
    model: Model,
    asked: Vec<(Request, Answer)>,
    /// The ids of the model's orders.
    ids: Vec<String>,
}

impl<'a> Trader<'a> {
    pub async fn sign_up(platform: &'a Platform) -> Self {
        let user = platform.world.new_user().await;
        let (now, later) = (platform.prices(TimeDelta::zero()).await, platform.prices(LATER).await);
        let model = Model::new(platform.now(), now, later);
        Self { platform, user, since: platform.now(), model, asked: Vec::new(), ids: Vec::new() }
    }

    /// Takes a step, and compares what became of it.
    pub async fn take(&mut self, step: &Step) -> Checked {
        match step {
            Step::Ask(wish, key) => self.ask(wish.request(*key, &self.model)).await?,
            Step::Again(index) if !self.asked.is_empty() => {
                self.ask(index.get(&self.asked).0.clone()).await?;
            }
            Step::Again(_) => {}
            Step::Wait(time) => self.wait(*time).await,
        }
        self.agree(step).await
    }

    /// Cancels what is open still. Then nothing is held, and the ledger says what the model says.
    pub async fn leave(mut self) -> Checked {
        for number in 0..self.ids.len() {
            if self.model.orders[number].status == "open" {
                self.ask(Request { wanted: Wanted::Cancel(Some(number)), key: None }).await?;
            }
        }
        self.agree(&"the end").await?;
        same(&self.model.purse("USD").held, &Decimal::ZERO, &"what is held in the end")?;
        let ledger = self.user.get("/api/v1/balance/transactions?limit=100").await.expect(200).json();
        let entries = ledger["transactions"].as_array().unwrap().iter();
        let mut amounts: Vec<_> = entries.map(|entry| amount(&entry["amount"])).collect();
        // What one move of the prices fills is filled in any order.
        amounts.sort();
        self.model.moved.sort();
        same(&amounts, &self.model.moved, &"the ledger")
    }

    async fn ask(&mut self, request: Request) -> Checked {
        let answer = self.send(&request).await;
        let told = self.model.ask(&request);
        self.compare(&told, &answer).map_err(|failure| {
            TestCaseError::fail(format!("{request:?} at {:?}: {failure}", self.model.prices))
        })?;
        self.asked.push((request, answer));
        Ok(())
    }

    async fn send(&self, request: &Request) -> Answer {
        let (method, path, body) = match &request.wanted {
            Wanted::Deposit(amount) => {
                (Method::POST, "balance/deposit".into(), json!({ "amount": amount.to_string() }))
            }
            Wanted::Withdraw(amount) => {
                (Method::POST, "balance/withdraw".into(), json!({ "amount": amount.to_string() }))
            }
            Wanted::Place { order_type, asset, quantity, limit, expires_at, name } => {
                let order = json!({
                    "order_type": order_type, "asset_id": asset, "quantity": quantity.to_string(),
                    "price": limit.map(|limit| limit.to_string()), "expires_at": expires_at,
                    "client_order_id": name.map(|name| name.to_string()),
                });
                (Method::POST, "orders".to_owned(), order)
            }
            Wanted::Cancel(number) => {
                let nobodys = "019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a10".to_owned();
                let id = number.map_or(nobodys, |number| self.ids[number].clone());
                (Method::DELETE, format!("orders/{id}"), Value::Null)
            }
        };
        let mut sent = self.user.request(method, &format!("/api/v1/{path}"));
        if let Some(key) = request.key {
            sent = sent.header("Idempotency-Key", format!("key-{key}"));
        }
        self.user.client.send(if body.is_null() { sent } else { sent.json(&body) }).await
    }

    fn compare(&self, told: &Told, answer: &Answer) -> Checked {
        let replayed = answer.header("idempotency-replayed") == "true";
        same(&replayed, &matches!(told, Told::AsBefore(_)), &answer)?;
        let (status, body) = (answer.status.as_u16(), answer.json());
        match told {
            Told::Receipt(balance) => {
                same(&status, &201, &answer)?;
                same(&amount(&body["balance_after"]), balance, &answer)
            }
            Told::Order(expected, number) => {
                same(&status, expected, &answer)?;
                same(&order(&body["data"]), &self.model.orders[*number], &answer)
            }
            Told::Refusal(expected, code) => {
                same(&(status, body["code"].as_str()), &(*expected, Some(*code)), &answer)
            }
            Told::AsBefore(first) => {
                let (_, first) = &self.asked[*first];
                same(&(status, &answer.text), &(first.status.as_u16(), &first.text), &"a repetition")
            }
        }
    }

    async fn wait(&mut self, by: TimeDelta) {
        self.platform.advance(by).await;
        let (now, later) = (self.platform.prices(TimeDelta::zero()).await, self.platform.prices(LATER).await);
        self.model.wait(self.platform.now(), now, later);
        // Before the token ends.
        if self.platform.now() - self.since > TimeDelta::hours(20) {
            self.user = self.platform.world.log_in(&self.user.username, PASSWORD).await;
            self.since = self.platform.now();
        }
    }

    /// Waits until the books are the model's, and learns the ids of new orders.
    async fn agree(&mut self, after: &dyn Debug) -> Checked {
        let expected = Books::of(&self.model);
        for _ in 0..LOOKS {
            if self.look().await == expected {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        same(&self.look().await, &expected, &after)
    }

    async fn look(&mut self) -> Books {
        let (books, ids) = Books::shown_to(&self.user).await;
        assert!(ids.starts_with(&self.ids), "orders are listed by age");
        self.ids = ids;
        books
    }
}

fn same<T: PartialEq + Debug>(shown: &T, expected: &T, of: &dyn Debug) -> Checked {
    if shown == expected {
        return Ok(());
    }
    Err(TestCaseError::fail(format!("{of:?}\nthe platform: {shown:?}\nthe model:    {expected:?}")))
}
