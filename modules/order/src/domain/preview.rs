//! What would become of an order.

use tradepost_kernel::{Amount, AssetId, Price, Usd};
use tradepost_user_api::{AccountsError, Position, Side};

use super::Order;
use crate::OrderError;

/// Whether an order would be accepted, and what it would cost or bring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// Why it would be refused.
    pub refusal: Option<OrderError>,
    pub price: Option<Price>,
    pub total: Option<Usd>,
    /// What would still be available of the dollars to buy with, or of the asset to sell.
    pub available_after: Option<Remaining>,
}

/// What is left of what is paid with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remaining {
    Cash(Usd),
    Asset(Amount),
}

impl Preview {
    /// Of an order that could not even be written down.
    pub const fn refused(refusal: OrderError) -> Self {
        Self { refusal: Some(refusal), price: None, total: None, available_after: None }
    }

    /// Of an order with what its rules say of it, and what its user has.
    pub fn of(order: &Order, verdict: Result<(), OrderError>, positions: &[Position]) -> Self {
        let outcome = verdict.and_then(|()| remaining(order, positions));
        Self {
            price: Some(order.price),
            total: Some(order.total),
            available_after: outcome.as_ref().ok().copied(),
            refusal: outcome.err(),
        }
    }
}

fn remaining(order: &Order, positions: &[Position]) -> Result<Remaining, OrderError> {
    let (asset, needed) = order.needs();
    let available = available(asset, positions);
    match (available.minus(needed), order.order_type.side()) {
        (Some(rest), Side::Sell) => Ok(Remaining::Asset(rest)),
        (Some(rest), Side::Buy) => Ok(Remaining::Cash(rest.to_usd().unwrap_or(Usd::ZERO))),
        (None, Side::Sell) => Err(AccountsError::InsufficientHoldings { asset, needed, available }.into()),
        (None, Side::Buy) => {
            let (needed, available) = (order.total, available.to_usd().unwrap_or(Usd::ZERO));
            Err(AccountsError::InsufficientFunds { needed, available }.into())
        }
    }
}

fn available(asset: AssetId, positions: &[Position]) -> Amount {
    let position = positions.iter().find(|position| position.asset == asset);
    position.map_or(Amount::ZERO, |position| position.available)
}
