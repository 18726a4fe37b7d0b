//! What clients ask for under a key, and what it must have changed once it is done.

use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tradepost_testkit::{Answer, User};

/// Something to ask for, as often as it takes.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    pub path: String,
    pub body: Value,
}

impl Request {
    pub fn cash(kind: &str, amount: &str) -> Self {
        let path = format!("/api/v1/balance/{kind}");
        Self { method: Method::POST, path, body: json!({ "amount": amount }) }
    }

    pub fn order(order_type: &str, quantity: &str, price: &str) -> Self {
        let body =
            json!({ "order_type": order_type, "asset_id": "SOL", "quantity": quantity, "price": price });
        Self { method: Method::POST, path: "/api/v1/orders".to_owned(), body }
    }

    pub fn cancel(order: &str) -> Self {
        Self { method: Method::DELETE, path: format!("/api/v1/orders/{order}"), body: json!({}) }
    }

    pub async fn send(&self, user: &User, key: &str) -> Answer {
        let request = user.request(self.method.clone(), &self.path).header("Idempotency-Key", key);
        user.client.send(request.json(&self.body)).await
    }
}

/// How a user stands; or, of two moments, what changed between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub entries: u64,
    pub orders: usize,
    pub held: Decimal,
    pub sol: Decimal,
}

impl Standing {
    pub async fn of(user: &User) -> Self {
        let entries = user.get("/api/v1/balance/transactions?limit=1").await.expect(200).json();
        let orders = user.get("/api/v1/orders?limit=100").await.expect(200).json();
        assert_eq!(orders["has_more"], false, "all of them are needed");
        let balance = user.get("/api/v1/balance").await.expect(200);
        let sol = user.get("/api/v1/balance/asset/SOL").await.expect(200);
        Self {
            entries: entries["total_count"].as_u64().unwrap(),
            orders: orders["data"].as_array().unwrap().len(),
            held: balance.field("held_balance").parse().unwrap(),
            sol: sol.field("quantity").parse().unwrap(),
        }
    }

    pub fn since(self, before: Self) -> Self {
        Self {
            entries: self.entries - before.entries,
            orders: self.orders - before.orders,
            held: self.held - before.held,
            sol: self.sol - before.sol,
        }
    }
}

/// Everything that moves money.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    Deposit,
    Withdraw,
    WithdrawTooMuch,
    Buy,
    Sell,
    SellTooMuch,
    BuyTooLittle,
    Open,
    OpenStop,
    FillAtOnce,
    Cancel,
}

impl Operation {
    pub const ALL: [Self; 11] = [
        Self::Deposit,
        Self::Withdraw,
        Self::WithdrawTooMuch,
        Self::Buy,
        Self::Sell,
        Self::SellTooMuch,
        Self::BuyTooLittle,
        Self::Open,
        Self::OpenStop,
        Self::FillAtOnce,
        Self::Cancel,
    ];

    /// The request, after whatever must be there before it.
    pub async fn prepare(self, user: &User, key: &str) -> Request {
        match self {
            Self::Deposit => Request::cash("deposit", "1.00"),
            Self::Withdraw => Request::cash("withdraw", "1.00"),
            Self::WithdrawTooMuch => Request::cash("withdraw", "99999"),
            Self::Buy => Request::order("market_buy", "0.01", "1"),
            Self::Sell => Request::order("market_sell", "0.01", "1"),
            Self::SellTooMuch => Request::order("market_sell", "50", "1"),
            Self::BuyTooLittle => Request::order("market_buy", "0.00000001", "1"),
            Self::Open => Request::order("limit_buy", "1", "2.5"),
            Self::OpenStop => Request::order("stop_loss", "0.1", "11"),
            Self::FillAtOnce => Request::order("limit_buy", "0.01", "1000"),
            Self::Cancel => {
                let open = Request::order("limit_buy", "1", "2.5").send(user, &format!("open-{key}")).await;
                Request::cancel(&open.expect(201).field("data.order_id"))
            }
        }
    }

    /// The status of its answer, and what it changes.
    pub fn outcome(self) -> (u16, Standing) {
        let (status, entries, orders, held, sol) = match self {
            Self::Deposit | Self::Withdraw => (201, 1, 0, "0", "0"),
            Self::WithdrawTooMuch => (422, 0, 0, "0", "0"),
            Self::Buy | Self::FillAtOnce => (201, 1, 1, "0", "0.01"),
            Self::Sell => (201, 1, 1, "0", "-0.01"),
            Self::SellTooMuch | Self::BuyTooLittle => (422, 0, 1, "0", "0"),
            Self::Open => (201, 0, 1, "2.5", "0"),
            Self::OpenStop => (201, 0, 1, "0", "0"),
            Self::Cancel => (200, 0, 0, "-2.5", "0"),
        };
        (status, Standing { entries, orders, held: held.parse().unwrap(), sol: sol.parse().unwrap() })
    }
}
