//! What a user can ask for and be told, and what an order is.

use rust_decimal::{Decimal, RoundingStrategy};
use tradepost_kernel::Timestamp;

/// What a user asks for, in the same words if it is asked again.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub wanted: Wanted,
    pub key: Option<u8>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    Deposit(Decimal),
    Withdraw(Decimal),
    Place {
        order_type: &'static str,
        asset: &'static str,
        quantity: Decimal,
        limit: Option<Decimal>,
        expires_at: Option<Timestamp>,
        /// Its `client_order_id`.
        name: Option<u8>,
    },
    /// The order of this number, or one that there never was.
    Cancel(Option<usize>),
}

/// How a request is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// 201, with the balance after.
    Receipt(Decimal),
    /// With this status, and the order of this number as it is now.
    Order(u16, usize),
    Refusal(u16, &'static str),
    /// Exactly as the request of this number.
    AsBefore(usize),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub order_type: &'static str,
    pub asset: &'static str,
    pub quantity: Decimal,
    pub price: Decimal,
    pub total: Decimal,
    pub limit: Option<Decimal>,
    pub expires_at: Option<Timestamp>,
    pub name: Option<u8>,
    pub status: &'static str,
    pub code: Option<&'static str>,
}

impl Order {
    pub fn is_buy(&self) -> bool {
        self.order_type.ends_with("_buy")
    }

    /// What is held for it, and how much.
    pub fn needs(&self) -> (&'static str, Decimal) {
        if self.is_buy() {
            ("USD", value(self.order_type, self.limit.unwrap_or(self.price), self.quantity))
        } else {
            (self.asset, self.quantity)
        }
    }
}

/// Quantity times price, to the cent against the user.
pub fn value(order_type: &str, price: Decimal, quantity: Decimal) -> Decimal {
    let up = RoundingStrategy::ToPositiveInfinity;
    let strategy = if order_type.ends_with("_buy") { up } else { RoundingStrategy::ToZero };
    (price * quantity).round_dp_with_strategy(2, strategy)
}

pub fn route(wanted: &Wanted) -> &'static str {
    match wanted {
        Wanted::Deposit(_) => "deposit",
        Wanted::Withdraw(_) => "withdraw",
        Wanted::Place { .. } => "place",
        Wanted::Cancel(_) => "cancel",
    }
}
