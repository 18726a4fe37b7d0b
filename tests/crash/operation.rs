//! One thing that a client asked for, and all that it was answered.

use std::collections::BTreeMap;
use std::fmt;

use reqwest::{Method, RequestBuilder};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Value, json};

use crate::PATIENCE;
use crate::support::Client;

/// What was asked for.
#[derive(Clone, Debug)]
pub enum Work {
    Deposit(Decimal),
    Withdraw(Decimal),
    Place(NewOrder),
    Cancel { order_id: String },
}

/// What an order says besides its id.
#[derive(Clone, Debug, Serialize)]
pub struct NewOrder {
    pub order_type: &'static str,
    pub asset_id: &'static str,
    pub quantity: Decimal,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Done(Value),
    /// With this code.
    Refused(String),
    /// The outcome is unknown, for this reason.
    Silent(String),
}

/// One thing that a client asked for, and all that it was answered.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Whose money it moves: a number among the users.
    pub user: usize,
    /// Its `Idempotency-Key`, the `client_order_id` of the order, and the description of the cash.
    pub key: String,
    pub work: Work,
    pub replies: Vec<Reply>,
}

impl Operation {
    pub fn new(user: usize, key: String, work: Work) -> Self {
        Self { user, key, work, replies: Vec::new() }
    }

    /// The name of the work, the same for all of its kind.
    pub fn name(&self) -> &'static str {
        match &self.work {
            Work::Deposit(_) => "deposit",
            Work::Withdraw(_) => "withdraw",
            Work::Place(order) => order.order_type,
            Work::Cancel { .. } => "cancel",
        }
    }

    pub fn is_answered(&self) -> bool {
        self.replies.iter().any(|reply| !matches!(reply, Reply::Silent(_)))
    }

    /// The successes.
    pub fn done(&self) -> impl Iterator<Item = &Value> {
        self.replies.iter().filter_map(|reply| match reply {
            Reply::Done(body) => Some(body),
            _ => None,
        })
    }

    pub fn refusals(&self) -> impl Iterator<Item = &String> {
        self.replies.iter().filter_map(|reply| match reply {
            Reply::Refused(code) => Some(code),
            _ => None,
        })
    }

    pub async fn send(&mut self, client: &Client) {
        self.replies.push(self.reply(client).await);
    }

    /// What it is answered if it is sent now.
    pub async fn reply(&self, client: &Client) -> Reply {
        let Ok(response) = self.request(client).send().await else {
            return Reply::Silent("no answer".to_owned());
        };
        let status = response.status().as_u16();
        match response.json::<Value>().await {
            Ok(body) => self.read(status, body),
            // An edge that answers without a body still says that it has no answer.
            Err(_) if status < 500 => Reply::Silent("half an answer".to_owned()),
            Err(_) => self.read(status, Value::Null),
        }
    }

    fn request(&self, client: &Client) -> RequestBuilder {
        let cash = |amount: &Decimal| json!({ "amount": amount, "description": self.key });
        let (method, path, body) = match &self.work {
            Work::Deposit(amount) => (Method::POST, "/balance/deposit".to_owned(), Some(cash(amount))),
            Work::Withdraw(amount) => (Method::POST, "/balance/withdraw".to_owned(), Some(cash(amount))),
            Work::Place(order) => {
                let mut body = json!(order);
                body["client_order_id"] = json!(self.key);
                (Method::POST, "/orders".to_owned(), Some(body))
            }
            Work::Cancel { order_id } => (Method::DELETE, format!("/orders/{order_id}"), None),
        };
        let address = format!("{}/api/v1{path}", client.base);
        let request = client.http.request(method, address).bearer_auth(&client.token).timeout(PATIENCE);
        let request = request.header("Idempotency-Key", &self.key);
        match body {
            Some(body) => request.json(&body),
            None => request,
        }
    }

    /// Whatever else is answered is wrong, however badly things stand.
    fn read(&self, status: u16, body: Value) -> Reply {
        let code = body["code"].as_str().unwrap_or_default().to_owned();
        match status {
            200 | 201 => Reply::Done(body),
            502..=504 => Reply::Silent(format!("{status} {code}")),
            409 if code == "idempotency_in_flight" => Reply::Silent(format!("{status} {code}")),
            400..=499 if self.may_be_refused(&code) => Reply::Refused(code),
            _ => panic!("{self} was answered {status} {body}, after {:?}", self.replies),
        }
    }

    fn may_be_refused(&self, code: &str) -> bool {
        match &self.work {
            Work::Deposit(_) => false,
            Work::Withdraw(_) => code == "insufficient_funds",
            Work::Place(order) => match code {
                "insufficient_funds" | "insufficient_holdings" | "settlement_expired" => true,
                // It was sent once more when its time was over, and had not been placed.
                "validation_failed" => order.expires_at.is_some(),
                _ => false,
            },
            Work::Cancel { .. } => code == "order_not_open",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of user {}: {:?}", self.key, self.user, self.work)
    }
}

/// How often which work was answered how.
pub fn tally(operations: &[Operation]) -> BTreeMap<String, usize> {
    let mut tally = BTreeMap::new();
    for operation in operations {
        for reply in &operation.replies {
            let answer = match reply {
                Reply::Done(_) => "done",
                Reply::Refused(code) => code,
                Reply::Silent(reason) => reason,
            };
            *tally.entry(format!("{}: {answer}", operation.name())).or_default() += 1;
        }
    }
    tally
}
