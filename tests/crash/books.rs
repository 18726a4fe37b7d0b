//! What the platform says of one user: all of its orders, entries and balances, read over the public API.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::choice::ASSETS;
use crate::support::Client;
use crate::{PATIENCE, eventually};

#[derive(Debug, Deserialize)]
pub struct Balance {
    pub current_balance: Decimal,
    pub available_balance: Decimal,
    pub held_balance: Decimal,
}

#[derive(Debug, Deserialize)]
pub struct Transaction {
    pub transaction_id: String,
    pub transaction_type: String,
    pub amount: Decimal,
    pub description: Option<String>,
    pub balance_after: Decimal,
    pub order_id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Order {
    pub order_id: String,
    pub order_type: String,
    pub asset_id: String,
    pub quantity: Decimal,
    pub status: String,
    pub code: Option<String>,
    pub total_amount: Decimal,
    pub client_order_id: Option<String>,
}

impl Order {
    pub fn is_buy(&self) -> bool {
        self.order_type.ends_with("_buy")
    }
}

#[derive(Debug, Deserialize)]
pub struct Trade {
    pub order_id: String,
    pub transaction_type: String,
    pub quantity: Decimal,
    pub total_amount: Decimal,
}

/// What there is of one asset.
#[derive(Debug)]
pub struct Holding {
    pub trades: Vec<Trade>,
    pub quantity: Decimal,
    /// What would be left after the sale of a unit, if it may be sold.
    pub available_after_a_unit: Option<Decimal>,
}

/// Everything of one user that is written down once. The lists are newest first.
#[derive(Debug)]
pub struct Records {
    pub transactions: Vec<Transaction>,
    pub orders: Vec<Order>,
}

impl Records {
    pub async fn read(client: &Client) -> Self {
        let transactions = pages(client, "/balance/transactions", "transactions").await;
        Self { transactions, orders: pages(client, "/orders", "data").await }
    }

    pub fn order(&self, id: &str) -> Option<&Order> {
        self.orders.iter().find(|order| order.order_id == id)
    }
}

/// The same, and what it should add up to.
#[derive(Debug)]
pub struct Books {
    pub records: Records,
    pub balance: Balance,
    pub holdings: BTreeMap<&'static str, Holding>,
}

impl Books {
    pub async fn read(client: &Client) -> Self {
        let records = Records::read(client).await;
        let mut holdings = BTreeMap::new();
        for (asset, unit) in ASSETS {
            let trades = pages(client, &format!("/assets/{asset}/transactions"), "data").await;
            let position = ask(client, &format!("/balance/asset/{asset}"), None).await;
            let sale = json!({ "order_type": "market_sell", "asset_id": asset, "quantity": unit });
            let preview = ask(client, "/orders/preview", Some(sale)).await;
            let quantity = read(position["quantity"].clone());
            let available_after_a_unit = read(preview["data"]["available_after"].clone());
            holdings.insert(asset, Holding { trades, quantity, available_after_a_unit });
        }
        Self { records, balance: read(ask(client, "/balance", None).await), holdings }
    }
}

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error} in {value}"))
}

async fn pages<T: DeserializeOwned>(client: &Client, path: &str, list: &str) -> Vec<T> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let mut page = ask(client, &format!("{path}?limit=100{cursor}"), None).await;
        all.extend(read::<Vec<T>>(page[list].take()));
        let Some(next) = page["next_cursor"].as_str() else { return all };
        cursor = format!("&cursor={next}");
    }
}

/// Asks until there is an answer: a platform that was just killed may need a moment.
async fn ask(client: &Client, path: &str, body: Option<Value>) -> Value {
    let address = format!("{}/api/v1{path}", client.base);
    let request = match body {
        Some(body) => client.http.post(address).json(&body),
        None => client.http.get(address),
    };
    let request = request.bearer_auth(&client.token).timeout(PATIENCE);
    eventually(path, async || {
        let response =
            request.try_clone().unwrap().send().await.map_err(|error| format!("no answer: {error}"))?;
        let status = response.status().as_u16();
        let body: Value = response.json().await.map_err(|error| format!("half an answer: {error}"))?;
        match status {
            200 => Ok(body),
            502..=504 => Err(format!("{status} {body}")),
            _ => panic!("{path} was answered {status} {body}"),
        }
    })
    .await
}
