//! What an order is, what makes it acceptable, and how it ends. Pure: the time and the quote are given.

mod client_order_id;
mod direction;
mod kind;
mod lifecycle;
mod limits;
mod list;
mod preview;
mod trade;
mod valuation;
mod watch;

#[cfg(test)]
pub mod fixtures;
#[cfg(test)]
mod tests;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use tradepost_inventory_api::{Listing, Quote};
use tradepost_kernel::{AssetId, OrderId, Price, Quantity, Timestamp, Usd, UserId};
use tradepost_platform::idempotency::KeyedRequest;

pub use self::client_order_id::ClientOrderId;
pub use self::direction::Direction;
pub use self::kind::{OrderType, Status};
pub use self::lifecycle::{Intent, Request, Stage};
use self::limits::Limits;
pub use self::list::{Collector, OrderFilter, OrderPlace};
pub use self::preview::{Preview, Remaining};
pub use self::trade::Trade;
pub use self::valuation::{Holding, Portfolio, held_assets};
pub use self::watch::{Look, Watch};
use crate::{OrderError, Settings};

/// An order that has no outcome this long after it was accepted is given up: its price is no longer true.
const SETTLE_WITHIN: TimeDelta = TimeDelta::seconds(10);
/// How long an order waits for its price, unless its user says otherwise.
const DEFAULT_WAIT: TimeDelta = TimeDelta::days(30);
/// How long it may wait at most.
const LONGEST_WAIT: TimeDelta = TimeDelta::days(90);
/// What the price of an order is marked with while it is the one its user named.
const LIMIT: &str = "limit";

/// What a user asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    pub order_type: OrderType,
    pub asset: AssetId,
    pub quantity: Quantity,
    pub terms: Terms,
    pub client_order_id: Option<ClientOrderId>,
}

/// At which price, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terms {
    /// At the price of now, now or never.
    Market,
    /// At this price or a better one, or once the market has reached it.
    Limit { price: Price, expires_at: Option<Timestamp> },
}

/// An order with the price it was accepted at. Nobody prices it again, unless it waits for a price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub user: UserId,
    pub order_id: OrderId,
    pub order_type: OrderType,
    pub asset: AssetId,
    pub quantity: Quantity,
    /// The price it was or is to be executed at: the one its user named until it is filled at a better one.
    pub price: Price,
    pub price_source: String,
    /// Quantity times price.
    pub total: Usd,
    pub status: Status,
    /// The accounts refuse the order after this, unless they have settled it, or hold what it takes, before.
    pub settle_by: Timestamp,
    pub failure: Option<Refused>,
    /// The price its user named, of an order that waits for one.
    pub limit_price: Option<Price>,
    /// The moment from which it is not filled any more.
    pub expires_at: Option<Timestamp>,
    pub client_order_id: Option<ClientOrderId>,
    /// How it is to end, from the moment that is certain until it has ended.
    pub intent: Option<Intent>,
    /// The request that is to be answered once this is done, if it came under a key.
    pub asked_by: Option<KeyedRequest>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Why an order failed, as its user was or will be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub code: String,
    pub detail: String,
}

impl NewOrder {
    /// The order as it is accepted, pending.
    ///
    /// # Errors
    /// Refusals that leave no order behind, because there is no price or no value to write down, or no such time.
    pub fn accept(
        self,
        user: UserId,
        order_id: OrderId,
        listing: &Listing,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Order, OrderError> {
        let quote = usable_quote(listing, settings, now)?;
        let (price, price_source) = match self.terms {
            Terms::Limit { price, .. } => (price, LIMIT.to_owned()),
            Terms::Market => (quote.price, quote.source.clone()),
        };
        let (limit_price, expires_at) = match self.terms {
            Terms::Limit { price, expires_at } => (Some(price), Some(end(expires_at, now)?)),
            Terms::Market => (None, None),
        };
        let total = price.times(self.quantity, lifecycle::rounding(self.order_type.side()));
        let max = Limits::of(&listing.rules, settings).max_value;
        let too_large = OrderError::OrderValueTooLarge { max, value: None };
        Ok(Order {
            user,
            order_id,
            order_type: self.order_type,
            asset: self.asset,
            quantity: self.quantity,
            price,
            price_source,
            total: total.map_err(|_| too_large)?,
            status: Status::Pending,
            settle_by: now + SETTLE_WITHIN,
            failure: None,
            limit_price,
            expires_at,
            client_order_id: self.client_order_id,
            intent: None,
            asked_by: None,
            created_at: now,
            updated_at: now,
        })
    }

    /// All that its user said of the order, in one text: of two orders that say the same, it is the same.
    pub fn content(&self) -> String {
        let Self { order_type, asset, quantity, terms, .. } = self;
        let order_type = order_type.as_str();
        match terms {
            Terms::Market => format!("{order_type} {asset} {quantity}"),
            Terms::Limit { price, expires_at: None } => format!("{order_type} {asset} {quantity} {price}"),
            Terms::Limit { price, expires_at: Some(end) } => {
                format!("{order_type} {asset} {quantity} {price} {}", end.to_rfc3339())
            }
        }
    }
}

/// When the order ends that is to end at this time.
fn end(asked: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, OrderError> {
    let end = asked.unwrap_or(now + DEFAULT_WAIT);
    let is_allowed = end > now && end.signed_duration_since(now) <= LONGEST_WAIT;
    if is_allowed { Ok(end) } else { Err(OrderError::InvalidExpiry) }
}

/// An asset that cannot be traded needs no fresh price: the order is refused anyhow, and kept at the last one.
fn usable_quote<'a>(
    listing: &'a Listing,
    settings: &Settings,
    now: Timestamp,
) -> Result<&'a Quote, OrderError> {
    let asset = listing.asset;
    match &listing.quote {
        Some(quote) if !listing.tradable || is_fresh(quote, settings, now) => Ok(quote),
        _ if !listing.tradable => Err(OrderError::AssetNotTradable { asset }),
        _ => Err(OrderError::PriceUnavailable { asset }),
    }
}

/// Whether a price is new enough to trade at.
pub fn is_fresh(quote: &Quote, settings: &Settings, now: Timestamp) -> bool {
    now.signed_duration_since(quote.as_of) <= settings.max_quote_age()
}
