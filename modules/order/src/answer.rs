//! How orders are answered: in the same way by whoever carried the request out and by whoever finished it later.

use serde::Serialize;
use tradepost_kernel::{AssetId, OrderId, Price, Quantity, Timestamp, Usd};
use tradepost_platform::idempotency::Answer;
use utoipa::ToSchema;

use crate::domain::{ClientOrderId, Order};

/// One order.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderAnswer {
    pub data: OrderBody,
}

/// An order.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderBody {
    #[schema(value_type = String, example = "019a0c1e-5b7a-7c3e-9d55-0f5f3c1b2a10")]
    order_id: OrderId,
    #[schema(example = "market_buy")]
    order_type: &'static str,
    #[schema(value_type = String, example = "BTC")]
    asset_id: AssetId,
    #[schema(value_type = String, example = "0.1")]
    quantity: Quantity,
    /// Dollars per unit: the price to wait for until the order is filled, then the one it was filled at; of a market
    /// order, as quoted when it was accepted.
    #[schema(value_type = String, example = "50000")]
    price: Price,
    /// Where the price is from; `limit` while it is the one to wait for.
    #[schema(example = "simulated")]
    price_source: String,
    /// The price to wait for; null for a market order.
    #[schema(value_type = Option<String>, example = "45000")]
    limit_price: Option<Price>,
    /// `pending`, `open`, `completed`, `cancelled`, `expired` or `failed`; the last four are final.
    #[schema(example = "completed")]
    status: &'static str,
    /// Why the order failed; null unless it did.
    #[schema(value_type = Option<String>)]
    code: Option<String>,
    /// The same for a person.
    #[schema(value_type = Option<String>)]
    detail: Option<String>,
    /// Quantity times price in dollars, rounded to the cent: a buy up, a sell down.
    #[schema(value_type = String, example = "5000.00")]
    total_amount: Usd,
    /// The client's own id, if it gave one.
    #[schema(value_type = Option<String>, example = "my-order-1")]
    client_order_id: Option<ClientOrderId>,
    /// When the order is given up; null for a market order.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-03-01T00:00:00Z")]
    expires_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime, example = "2026-01-31T12:00:00Z")]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime, example = "2026-01-31T12:00:00.020Z")]
    updated_at: Timestamp,
}

impl From<Order> for OrderBody {
    fn from(order: Order) -> Self {
        let (code, detail) = order.failure.map(|refused| (refused.code, refused.detail)).unzip();
        Self {
            order_id: order.order_id,
            order_type: order.order_type.as_str(),
            asset_id: order.asset,
            quantity: order.quantity,
            price: order.price,
            price_source: order.price_source,
            limit_price: order.limit_price,
            status: order.status.as_str(),
            code,
            detail,
            total_amount: order.total,
            client_order_id: order.client_order_id,
            expires_at: order.expires_at,
            created_at: order.created_at,
            updated_at: order.updated_at,
        }
    }
}

impl From<Order> for OrderAnswer {
    fn from(order: Order) -> Self {
        Self { data: order.into() }
    }
}

/// An order that was placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub order: Order,
    /// Whether it was placed before, under the same id of the client and with the same content.
    pub is_repeated: bool,
}

/// The answer to a request to place an order.
pub fn placed(placed: &Placed) -> Answer {
    let status = if placed.is_repeated { 200 } else { 201 };
    Answer::json(status, &OrderAnswer::from(placed.order.clone()))
}

/// The answer to a request to cancel an order.
pub fn cancelled(order: &Order) -> Answer {
    Answer::json(200, &OrderAnswer::from(order.clone()))
}
