//! All that a user has: as the platform shows it, and as the model says it is.

use rust_decimal::Decimal;
use serde_json::Value;
use tradepost_testkit::User;

use crate::plain::Model;
use crate::platform::{ASSETS, time};
use crate::words::Order;

/// Everything that a user has, as it is shown or as the model says.
#[derive(Debug, PartialEq)]
pub struct Books {
    /// Available, held and both together.
    cash: [Decimal; 3],
    assets: Vec<(String, Decimal)>,
    orders: Vec<Order>,
}

impl Books {
    /// What the model says.
    pub fn of(model: &Model) -> Self {
        let cash = model.purse("USD");
        let total = |asset: &str| model.purse(asset).available + model.purse(asset).held;
        let mut assets: Vec<_> = ASSETS.map(|asset| (asset.to_owned(), total(asset))).into();
        assets.retain(|(_, total)| !total.is_zero());
        assets.sort();
        let cash = [cash.available, cash.held, cash.available + cash.held];
        Self { cash, assets, orders: model.orders.clone() }
    }

    /// What the platform shows, and the ids of the orders.
    pub async fn shown_to(user: &User) -> (Self, Vec<String>) {
        let get = async |path: &str| user.get(&format!("/api/v1/{path}")).await.expect(200).json();
        let balance = get("balance").await;
        let names = ["available_balance", "held_balance", "current_balance"];
        let listed = get("assets/balances").await;
        let asset = |asset: &Value| (text(&asset["asset_id"]), amount(&asset["quantity"]));
        let placed = get("orders?limit=100").await;
        let orders: Vec<_> = placed["data"].as_array().unwrap().iter().rev().collect();
        let books = Self {
            cash: names.map(|name| amount(&balance[name])),
            assets: listed["data"].as_array().unwrap().iter().map(asset).collect(),
            orders: orders.iter().map(|shown| order(shown)).collect(),
        };
        (books, orders.iter().map(|order| text(&order["order_id"])).collect())
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The order that an answer shows.
pub fn order(order: &Value) -> Order {
    let known = |text: &Value, words: &[&'static str]| {
        let text = text.as_str()?;
        Some(words.iter().copied().find(|word| *word == text).unwrap_or("another word"))
    };
    let types = ["market_buy", "market_sell", "limit_buy", "limit_sell", "stop_loss", "take_profit"];
    let statuses = ["pending", "open", "completed", "cancelled", "expired", "failed"];
    let codes = [
        "asset_not_tradable",
        "order_value_too_small",
        "order_value_too_large",
        "insufficient_funds",
        "insufficient_holdings",
    ];
    Order {
        order_type: known(&order["order_type"], &types).unwrap(),
        asset: known(&order["asset_id"], &ASSETS).unwrap(),
        quantity: amount(&order["quantity"]),
        price: amount(&order["price"]),
        total: amount(&order["total_amount"]),
        limit: order["limit_price"].as_str().map(|_| amount(&order["limit_price"])),
        expires_at: order["expires_at"].as_str().map(|_| time(&order["expires_at"])),
        name: order["client_order_id"].as_str().map(|name| name.parse().unwrap()),
        status: known(&order["status"], &statuses).unwrap(),
        code: known(&order["code"], &codes),
    }
}

pub fn amount(value: &Value) -> Decimal {
    Decimal::from_str_exact(value.as_str().unwrap_or_else(|| panic!("{value} is no text"))).unwrap()
}
